"""The HTTP side of the demo: servers on loopback ports, and a receiver that verifies each notice."""

import base64
import hashlib
import hmac
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DemoAnswer = tuple[int, dict[str, Any]]
"""A status and a JSON document."""
Respond = Callable[[BaseHTTPRequestHandler], DemoAnswer]


class _Server(ThreadingHTTPServer):
    """Its end waits for its requests: a thread that says something while the program ends would end it badly."""

    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints nothing of a client that has left, as a check does at its deadline on a busy machine."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(respond: Respond) -> Iterator[int]:
    """Serves on a free loopback port, which it yields, and on threads of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = respond(self)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815  # the name that the base class calls

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            """Prints nothing: the demo prints its own lines."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Receiver:
    """A receiver of notices, as documented for webhooks: verifies the signature and applies each id once."""

    def __init__(self, secret: str, said: Callable[[str], None]) -> None:
        self.secret = secret
        self._said = said
        self.applied: dict[str, dict[str, Any]] = {}
        self.repeated = 0
        self.refused = 0

    def knows(self, target: str, kind: str) -> bool:
        """Whether it has applied a notice of this type about a target."""
        return any(
            notice["type"] == kind and notice["incident"]["target"] == target
            for notice in tuple(self.applied.values())
        )

    def respond(self, request: BaseHTTPRequestHandler) -> DemoAnswer:
        """Answers one notice."""
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        key, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        signed = hmac.new(self.secret.encode(), f"{key}.{stamp}.".encode() + body, hashlib.sha256).digest()
        signature = "v1," + base64.b64encode(signed).decode()
        if not hmac.compare_digest(request.headers.get("webhook-signature", ""), signature):
            self.refused += 1
            return 401, {"error": "bad signature"}
        if key in self.applied:
            self.repeated += 1
            return 200, {"applied": False}
        notice = self.applied[key] = json.loads(body)
        incident = notice["incident"]
        self._said(
            f"got {notice['type']} of {incident['target']}/{incident['rule']}, rightly signed; webhook-id {key}"
        )
        return 200, {"applied": True}
