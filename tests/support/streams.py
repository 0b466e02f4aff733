"""A client of the event stream."""

import json
import socket

from asking import TOKENS


class Listening:
    """One client of the stream over a raw socket."""

    def __init__(self, url, query="", last=None, token=TOKENS["viewer"], cookie=None):
        host, _, port = url.removeprefix("http://").rpartition(":")
        self._socket = socket.create_connection((host, int(port)), 30)
        # The end of the stream ends the connection: it is not kept open for another request.
        lines = [f"GET /api/v1/events{query} HTTP/1.1", "Host: localhost", "Connection: close"]
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        if cookie is not None:
            lines.append(f"Cookie: {cookie}")
        if last is not None:
            lines.append(f"Last-Event-ID: {last}")
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._file = self._socket.makefile("rb")
        self.head = self._until_blank()

    def _until_blank(self):
        lines = []
        while line := self._file.readline().strip():
            lines.append(line.decode())
        return lines

    def events(self):
        """Every event as (id, kind, data); chunk sizes of HTTP are not one."""
        event = {}
        for line in self._file:
            name, _, value = line.decode().strip().partition(": ")
            if name in {"id", "event", "data", "retry"}:
                event[name] = value
            if {"id", "event", "data"} <= event.keys():
                yield int(event["id"]), event["event"], json.loads(event["data"])
                event = {}

    def first(self, kind):
        return next((number, data) for number, found, data in self.events() if found == kind)

    def close(self):
        self._file.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
