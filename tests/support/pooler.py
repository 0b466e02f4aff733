"""A pooler of PostgreSQL connections: it lends one for each client, or one for all by turns, and names no process of the server."""

import socket
import struct
import threading
from contextlib import closing, suppress

# Requests for encryption, which precede the parameters of a session: there is none here.
_ENCRYPTION = frozenset({80877103, 80877104})
_IDLE = b"I"


class Pooler:
    """Listens until its block ends. `is_shared` lends the one connection that there is to each client for a transaction."""

    def __init__(self, path, *, is_shared):
        self._path, self._is_shared = path, is_shared
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._turn, self._making = threading.Lock(), threading.Lock()
        self._lent = None
        self._open = [self._listener]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for each in self._open.copy():
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with closing(client), suppress(OSError, EOFError):
            begin = _startup(client)
            if self._is_shared:
                with self._making:
                    if self._lent is None:
                        self._lent = self._begun(begin)
                server, answer = self._lent
            else:
                server, answer = self._begun(begin)
            client.sendall(answer)
            self._pass_on(client, server)

    def _begun(self, begin):
        """A session of the server, and its answer to the parameters with another process in it."""
        server = socket.socket(socket.AF_UNIX)
        self._open.append(server)
        server.connect(self._path)
        server.sendall(begin)
        answer = b""
        while not answer.endswith(_message(b"Z", _IDLE)):
            kind, body = _read(server)
            answer += _message(kind, struct.pack("!I", 1) + body[4:] if kind == b"K" else body)
        return server, answer

    def _pass_on(self, client, server):
        while True:
            kind, body = _read(client)
            if kind == b"X":
                return
            with self._turn if self._is_shared else threading.Lock():
                status = b""
                while status != _IDLE:
                    server.sendall(_message(kind, body))
                    if kind in b"QS":
                        status = _answered(server, client)
                    if status != _IDLE:
                        kind, body = _read(client)


def _answered(server, client):
    """Passes the answer to a query on, and returns whether a transaction is open after it."""
    while True:
        kind, body = _read(server)
        client.sendall(_message(kind, body))
        if kind == b"Z":
            return body


def _startup(client):
    while True:
        length, code = struct.unpack("!II", _exactly(client, 8))
        rest = _exactly(client, length - 8)
        if code not in _ENCRYPTION:
            return struct.pack("!II", length, code) + rest
        client.sendall(b"N")


def _read(peer):
    kind = _exactly(peer, 1)
    (length,) = struct.unpack("!I", _exactly(peer, 4))
    return kind, _exactly(peer, length - 4)


def _message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


def _exactly(peer, size):
    found = b""
    while len(found) < size:
        if not (piece := peer.recv(size - len(found))):
            raise EOFError
        found += piece
    return found
