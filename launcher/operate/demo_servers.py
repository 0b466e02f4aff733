"""The servers of the demo: targets that fail on a script, and a receiver that verifies each notice."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ...domain.time.moment import Moment

SLOW_FROM_S, SLOW_UNTIL_S = 3.0, 8.0
SLOW_ANSWER_S = 0.2
DOWN_FROM_S, DOWN_UNTIL_S = 2.0, 7.0


class Server:
    """One HTTP server on a free loopback port, on its own thread."""

    def __init__(self, respond: Callable[[BaseHTTPRequestHandler], tuple[int, dict[str, Any]]]) -> None:
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

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def healthy() -> Server:
    """Returns a server that always answers at once."""
    return Server(lambda _: (200, {"status": "ok"}))


def slow(elapsed_s: Callable[[], float], pause: Callable[[float], object]) -> Server:
    """Returns a server whose answers are slow between SLOW_FROM_S and SLOW_UNTIL_S."""

    def respond(_: BaseHTTPRequestHandler) -> tuple[int, dict[str, Any]]:
        if SLOW_FROM_S <= elapsed_s() < SLOW_UNTIL_S:
            pause(SLOW_ANSWER_S)
        return 200, {"status": "ok"}

    return Server(respond)


def shop(elapsed_s: Callable[[], float]) -> Server:
    """Returns a server that fails for five seconds and recovers."""

    def respond(_: BaseHTTPRequestHandler) -> tuple[int, dict[str, Any]]:
        if DOWN_FROM_S <= elapsed_s() < DOWN_UNTIL_S:
            return 503, {"status": "on fire"}
        return 200, {"status": "ok"}

    return Server(respond)


class Receiver:
    """A receiver of notices, as documented for webhooks: verifies the signature and applies each id once."""

    def __init__(self, secret: str, said: Callable[[str], None]) -> None:
        self._secret = secret
        self._said = said
        self.applied: dict[str, dict[str, Any]] = {}
        self.repeated = 0
        self.refused = 0
        self.server = Server(self._respond)

    def _respond(self, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, Any]]:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        key, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        if not self._genuine(request.headers.get("webhook-signature", ""), f"{key}.{stamp}.".encode() + body):
            self.refused += 1
            return 401, {"error": "bad signature"}
        if key in self.applied:
            self.repeated += 1
            return 200, {"applied": False}
        notice = self.applied[key] = json.loads(body)
        incident = notice["incident"]
        self._said(
            f"receiver    got {notice['type']} for {incident['target']} ({incident['rule']}), webhook-id {key}"
        )
        return 200, {"applied": True}

    def _genuine(self, signature: str, signed: bytes) -> bool:
        digest = hmac.new(self._secret.encode(), signed, hashlib.sha256).digest()
        return hmac.compare_digest(signature, "v1," + base64.b64encode(digest).decode())


def seconds_between(earlier: Moment, later: Moment) -> float:
    return later.since(earlier) / 1e9
