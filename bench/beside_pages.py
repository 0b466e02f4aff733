"""How late checks start beside readers of the pages: 200 event streams, and five pages a second with a row for each target.

    python bench/beside_pages.py [--runs 3] [--quick]

Prints one JSON object. 5,000 HTTP targets, each checked every ten seconds, on one core that the thread of the pages shares.
The readers come in by the control socket, from a process on the other core; twenty more ask for a page and never read.
"""

import sys
import time
from pathlib import Path
from typing import Any

import nginx
from beside import compare
from metrics import API_THREAD, OURS_CORE, QUICK_WINDOW_S, SERVER_CORE, WARM_S, WINDOW_S, late, targets_of
from running import Running
from streams import ADDED_MS, P99_MS, SILENT, STREAMS, Readers

PAGES_PER_S = 5
PAGE = (
    b"GET /?view=all HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: text/html\r\n"
    b"Accept-Encoding: gzip\r\nSec-Fetch-Site: none\r\n\r\n"
)


def run(server: nginx.Nginx, folder: Path, window_s: float) -> dict[str, Any]:
    """One run: a window alone, then one beside the readers."""
    store = folder / f"{time.monotonic_ns()}.db"
    targets = targets_of(server)
    with Running(targets, core=OURS_CORE, store=store) as running:
        time.sleep(WARM_S)
        alone = late(running, window_s)
        readers = Readers(store, PAGE, PAGES_PER_S)
        try:
            time.sleep(WARM_S / 2)  # the first contact loads the web libraries
            before, done = running.ask("threads")[API_THREAD], readers.lists_read
            beside = late(running, window_s)
            spent_s, pages = running.ask("threads")[API_THREAD] - before, readers.lists_read - done
        finally:
            readers.close()
    found = {
        "alone_p99_ms": alone["lateness_p99_ms"],
        "beside_p99_ms": beside["lateness_p99_ms"],
        "beside_max_ms": beside["lateness_max_ms"],
        "missed": beside["missed"],
        "alone_waited_for_core_ms_per_s": alone["waited_for_core_ms_per_s"],
        "beside_waited_for_core_ms_per_s": beside["waited_for_core_ms_per_s"],
        "checks_per_s": beside["attempts"] / window_s,
        "pages_per_s": pages / window_s,
        "web_thread_core_share": spent_s / window_s,
    }
    print(
        f"p99 alone {found['alone_p99_ms']:.1f} ms, beside {found['beside_p99_ms']:.1f} ms,"
        f" {found['pages_per_s']:.1f} pages/s",
        file=sys.stderr,
    )
    return found


def judged(figures: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    met = figures["beside_p99_ms"] < P99_MS and figures["beside_p99_ms"] - figures["alone_p99_ms"] < ADDED_MS
    return met, {"streams": STREAMS, "silent": SILENT, "pages_per_s": PAGES_PER_S}


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 when the bar is missed."""
    return compare(arguments, __doc__, run, judged, SERVER_CORE, (WINDOW_S, QUICK_WINDOW_S))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
