"""The stage of the demonstration: small real servers on loopback that misbehave on a script, and a webhook receiver."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from threading import Event, Thread
from typing import Any

from ..adapters.clock import SystemClock
from ..domain.moment import NS_PER_S

FAILS_S = (3.0, 8.0)
"""From when to when, counted from the start, the flaky server answers 503."""
SLOW_S = (5.0, 9.0)
SLOWNESS_S = 0.3

Answer = tuple[int, bytes]


class Stage(ExitStack):
    """Three servers and a receiver; entered, they answer, and `environment` says where."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = SystemClock()
        self._start = self._clock.read()
        self._over = Event()
        self.received: list[dict[str, Any]] = []

    def open(self, store: str) -> dict[str, str]:
        """Start to answer; the environment in which the demonstration's configuration is read."""
        self.callback(self._over.set)
        return {
            "DEMO_STORE": store,
            "DEMO_SECRET": token_hex(16),
            "DEMO_HEALTHY": self._serve(lambda _: (200, b'{"status": "ok"}')),
            "DEMO_SLOW": self._serve(self._slow),
            "DEMO_FLAKY": self._serve(self._flaky),
            "DEMO_RECEIVER": self._serve(self._receive),
        }

    def _slow(self, _: bytes) -> Answer:
        if self._is_within(SLOW_S):
            self._over.wait(SLOWNESS_S)
        return 200, b"done"

    def _flaky(self, _: bytes) -> Answer:
        return (503, b"out of order") if self._is_within(FAILS_S) else (200, b"well")

    def _receive(self, body: bytes) -> Answer:
        self.received.append(json.loads(body))
        return 204, b""

    def _is_within(self, span_s: tuple[float, float]) -> bool:
        elapsed_s = self._clock.read().since(self._start) / NS_PER_S
        return span_s[0] <= elapsed_s < span_s[1]

    def _serve(self, answer: Callable[[bytes], Answer]) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.05,), name="watchkeeper-demo", daemon=True)
        thread.start()
        self.callback(thread.join, 2.0)
        self.callback(server.server_close)
        self.callback(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/"


def _handler(answer: Callable[[bytes], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            status, body = answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _reply  # noqa: N815  # the names are those of http.server

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as above
            """Say nothing: the demonstration prints what matters."""

    return Handler
