"""How late checks start beside readers of the API: 200 event streams, lists of all targets, and clients that never read.

    python bench/streams.py [--runs 3] [--quick]

Prints one JSON object. 500 HTTP targets, each checked every second, on one core that the API's own thread shares. The
clients come in by the control socket, from a process on the other core.
"""

import selectors
import sys
import threading
import time
from pathlib import Path
from typing import Any

import nginx
from beside import compare
from running import Running
from watchkeeper.adapters.net.listening import connect_control_socket
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target

OURS_CORE, SERVER_CORE = 0, 1
TARGETS, STREAMS, SILENT, LISTS_PER_S = 500, 200, 20, 4
WARM_S, WINDOW_S, QUICK_WINDOW_S = 4.0, 10.0, 5.0
P99_MS, ADDED_MS = 25.0, 10.0
"""The bars: of the lateness itself, and of what the readers add to it."""
STREAM = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
LIST = b"GET /api/v1/targets?limit=1000 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Readers:
    """The clients of one run: streams, clients that never read, and one that asks for the same again and again."""

    def __init__(self, store: Path, request: bytes = LIST, per_s: int = LISTS_PER_S) -> None:
        self._store = str(store)
        self._request, self._per_s = request, per_s
        self._over = threading.Event()
        self.bytes_read = 0
        self.lists_read = 0
        self._streams = [self._asked(STREAM) for _ in range(STREAMS)]
        self._silent = [self._asked(LIST.replace(b"close", b"keep-alive")) for _ in range(SILENT)]
        self._threads = [threading.Thread(target=work) for work in (self._drain, self._list)]
        for thread in self._threads:
            thread.start()

    def _asked(self, request: bytes) -> Any:
        client = connect_control_socket(self._store)
        client.sendall(request)
        return client

    def _drain(self) -> None:
        with selectors.DefaultSelector() as ready:
            for client in self._streams:
                ready.register(client, selectors.EVENT_READ)
            while not self._over.is_set():
                for key, _ in ready.select(0.2):
                    self.bytes_read += len(key.fileobj.recv(65_536))  # type: ignore[union-attr]  # a socket

    def _list(self) -> None:
        due_s = time.monotonic()
        # By a grid: a pause after each answer would ask for fewer than it says.
        while not self._over.wait(max(0.0, due_s - time.monotonic())):
            due_s += 1 / self._per_s
            with self._asked(self._request) as client:
                answer = client.recv(65_536)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(f"the server refuses: {answer[:200]!r}")
                while client.recv(65_536):
                    pass
            self.lists_read += 1

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for client in (*self._streams, *self._silent):
            client.close()


def run(server: nginx.Nginx, folder: Path, window_s: float) -> dict[str, Any]:
    """One run: a window alone, then one beside the readers."""
    rules = (Consecutive(id="down", after=3),)
    targets = [
        Target(id=f"t{number}", every="1s", timeout="900ms", rules=rules, http=Http(url=server.url(number)))
        for number in range(TARGETS)
    ]
    store = folder / f"{time.monotonic_ns()}.db"
    with Running(targets, core=OURS_CORE, store=store) as running:
        time.sleep(WARM_S)
        alone = running.window(window_s)
        readers = Readers(store)
        try:
            time.sleep(WARM_S)
            beside = running.window(window_s)
        finally:
            readers.close()
    found = {
        "alone_p99_ms": alone["lateness_p99_ms"],
        "beside_p99_ms": beside["lateness_p99_ms"],
        "alone_core_share": alone["core_share"],
        "beside_core_share": beside["core_share"],
        "checks_per_s": beside["checks_per_s"],
        "lists_read": readers.lists_read,
        "stream_bytes_read": readers.bytes_read,
    }
    print(
        f"p99 alone {found['alone_p99_ms']:.1f} ms, beside {found['beside_p99_ms']:.1f} ms", file=sys.stderr
    )
    return found


def judged(figures: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    met = figures["beside_p99_ms"] < P99_MS and figures["beside_p99_ms"] - figures["alone_p99_ms"] < ADDED_MS
    return met, {"targets": TARGETS, "streams": STREAMS, "silent": SILENT, "lists_per_s": LISTS_PER_S}


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 when the bar is missed."""
    return compare(arguments, __doc__, run, judged, SERVER_CORE, (WINDOW_S, QUICK_WINDOW_S))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
