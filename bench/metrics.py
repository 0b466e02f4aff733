"""The cost of the metrics of 5,000 targets, and how late checks start beside a scrape every five seconds.

    python bench/metrics.py [--runs 3] [--quick]

Prints one JSON object. 5,000 HTTP targets in forty groups, each checked every ten seconds, on one core that the API's own
thread shares. The client scrapes by the control socket, from a process on the other core, as Prometheus does: OpenMetrics,
compressed. The cost of a scrape is the CPU time of the API's thread, all included.
"""

import statistics
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
TARGETS, GROUPS, EVERY_S = 5_000, 40, 10
SCRAPE_EVERY_S = 5.0
WARM_S, WINDOW_S, QUICK_WINDOW_S = 12.0, 30.0, 15.0
P99_MS, CPU_MS = 25.0, 300.0
"""The bars: of the lateness beside scrapes, and of the CPU time of one."""
SCRAPE = (
    "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: gzip\r\n"
    "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n\r\n"
)
API_THREAD = "watchkeeper-web"


class Scraper:
    """Scrapes at an even pace from a thread."""

    def __init__(self, store: Path) -> None:
        self._store = str(store)
        self._over = threading.Event()
        self.bytes_read: list[int] = []
        self.took_ms: list[float] = []
        self._thread = threading.Thread(target=self._scrape)
        self._thread.start()

    def _scrape(self) -> None:
        while not self._over.wait(SCRAPE_EVERY_S):
            began_s = time.monotonic()
            with connect_control_socket(self._store) as client:
                client.sendall(SCRAPE.encode())
                answer = b"".join(iter(lambda: client.recv(65_536), b""))
            self.took_ms.append((time.monotonic() - began_s) * 1e3)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"the scrape was refused: {answer[:200]!r}")
            self.bytes_read.append(len(answer))

    def close(self) -> None:
        self._over.set()
        self._thread.join()


def late(running: Running, window_s: float) -> dict[str, Any]:
    """Returns the lateness of all attempts that were due in a window from now on."""
    window = running.window(window_s)
    since_ns, until_ns = int(window["since_ns"]), int(window["until_ns"])
    return {**window, **running.ask(f"attempts {since_ns} {until_ns}")}


def targets_of(server: nginx.Nginx) -> list[Target]:
    """Returns 5,000 targets in groups, each checked every ten seconds."""
    rules = (Consecutive(id="down", after=3),)
    return [
        Target(
            id=f"target-{number}",
            group=f"group-{number % GROUPS}",
            every=f"{EVERY_S}s",
            timeout="2s",
            rules=rules,
            http=Http(url=server.url(number)),
        )
        for number in range(TARGETS)
    ]


def run(server: nginx.Nginx, folder: Path, window_s: float) -> dict[str, Any]:
    """One run: a window alone, then one beside scrapes."""
    store = folder / f"{time.monotonic_ns()}.db"
    with Running(targets_of(server), core=OURS_CORE, store=store) as running:
        time.sleep(WARM_S)
        alone = late(running, window_s)
        scraper = Scraper(store)
        try:
            time.sleep(SCRAPE_EVERY_S + 1)  # the first contact loads the web libraries
            before, done = running.ask("threads")[API_THREAD], len(scraper.took_ms)
            beside = late(running, window_s)
            spent_s, scrapes = running.ask("threads")[API_THREAD] - before, len(scraper.took_ms) - done
        finally:
            scraper.close()
    found = {
        "cpu_ms_per_scrape": spent_s * 1e3 / scrapes,
        "scrape_took_ms": statistics.median(scraper.took_ms[done:]),
        "scrape_bytes": scraper.bytes_read[-1],
        "alone_p99_ms": alone["lateness_p99_ms"],
        "beside_p99_ms": beside["lateness_p99_ms"],
        "beside_max_ms": beside["lateness_max_ms"],
        "missed": beside["missed"],
        "alone_waited_for_core_ms_per_s": alone["waited_for_core_ms_per_s"],
        "beside_waited_for_core_ms_per_s": beside["waited_for_core_ms_per_s"],
        "checks_per_s": beside["attempts"] / window_s,
        "scrapes": scrapes,
    }
    print(
        f"{found['cpu_ms_per_scrape']:.0f} ms a scrape, p99 alone {found['alone_p99_ms']:.1f} ms,"
        f" beside {found['beside_p99_ms']:.1f} ms",
        file=sys.stderr,
    )
    return found


def judged(figures: dict[str, Any]) -> tuple[dict[str, bool], dict[str, Any]]:
    met = {"cpu": figures["cpu_ms_per_scrape"] <= CPU_MS, "lateness": figures["beside_p99_ms"] < P99_MS}
    return met, {"targets": TARGETS, "groups": GROUPS, "every_s": EVERY_S, "scrape_every_s": SCRAPE_EVERY_S}


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 when a bar is missed."""
    return compare(arguments, __doc__, run, judged, SERVER_CORE, (WINDOW_S, QUICK_WINDOW_S))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
