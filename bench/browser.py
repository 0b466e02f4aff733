"""The pages of many targets in a browser: first paint, layout, a keystroke of the filter, a change of status.

    python bench/browser.py [--targets 5000] [--rounds 8] [--changes 20] [--quick]

Prints one JSON object; all figures are milliseconds. The runtime is a process of its own with the synthetic store of
`pages.py`, the browser is Debian's Chromium without a window. 200 clients read the event stream while changes are painted.
"""

import argparse
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pages
import watchkeeper
from machine import describe
from watchkeeper import Channel, Log, Runtime, Web

CLIENTS = 200
WITHIN_MS = 60_000
CHROMIUM = "/usr/bin/chromium"
INSTALL = "needs playwright and Chromium: pip install '.[test]'; apt-get install chromium"
BARS = {
    "overview_first_paint_ms": 300.0,
    "all_rows_first_paint_ms": 700.0,
    "overview_layout_ms": 100.0,
    "all_rows_layout_ms": 100.0,
    "keystroke_ms": 50.0,
    "change_painted_p95_ms": 250.0,
}
"""For 5,000 targets and 30 days."""
CHANGED = "service-0100"
FIRST_PAINT = """
() => new Promise(done => new PerformanceObserver(list =>
    list.getEntriesByName("first-contentful-paint").forEach(each => done(each.startTime))
).observe({type: "paint", buffered: true}))
"""
FIRST_BYTE = "() => performance.getEntriesByType('navigation')[0].responseStart"
KEYSTROKE = """
text => {
    const find = document.getElementById("q"), began = performance.now();
    find.value = text;
    find.dispatchEvent(new Event("input", {bubbles: true}));
    document.body.getBoundingClientRect();
    return performance.now() - began;
}
"""
PAINTED = """
([id, state]) => {
    window.painted = new Promise(done => {
        const look = () => document.querySelector(`tr[data-t="${id}"]`)?.className === state
            ? requestAnimationFrame(() => setTimeout(() => done(performance.timeOrigin + performance.now())))
            : requestAnimationFrame(look);
        look();
    });
}
"""
"""The moment behind the first frame that shows a row in its new state."""


def serve(store: str, size: int) -> None:
    """Runs the runtime until its standard input ends; prints its address."""
    targets = [*pages.many(size)]
    pages.fill(store, [target.id for target in targets], 30, time.time_ns())
    web, channels = Web(listen="127.0.0.1:0"), [Channel(id="oncall", log=Log())]
    with Runtime(targets=targets, channels=channels, store=store, web=web) as runtime:
        for target in targets:
            runtime.heartbeat(target.id, ok=target.id != "service-0007")
        print(runtime.login_link().partition("/login/")[0], flush=True)
        sys.stdin.read()


@contextmanager
def served(store: Path, size: int) -> Iterator[str]:
    """Starts that process, and yields its address."""
    command = [sys.executable, __file__, "--serve", str(store), "--targets", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        url = cast("IO[str]", process.stdout).readline().strip()
        if not url:
            raise RuntimeError("the runtime under test ended; what it said is above")
        yield url
        process.communicate()


class Readers:
    """Clients of the event stream, whose events a thread reads and forgets."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._over = threading.Event()
        self.bytes_read = 0
        self._clients = [socket.create_connection((host, int(port))) for _ in range(CLIENTS)]
        for client in self._clients:
            client.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        self._thread = threading.Thread(target=self._drain)
        self._thread.start()

    def _drain(self) -> None:
        with selectors.DefaultSelector() as ready:
            for client in self._clients:
                ready.register(client, selectors.EVENT_READ)
            while not self._over.is_set():
                for key, _ in ready.select(0.2):
                    self.bytes_read += len(key.fileobj.recv(65_536))  # type: ignore[union-attr]  # a socket

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        for client in self._clients:
            client.close()


def loading(browser: Any, url: str, path: str, rounds: int) -> dict[str, float]:
    """Returns the first paint and the layout of a page: the least of the rounds, and the median."""
    paints, layouts, styles, bytes_ = [], [], [], []
    for _ in range(rounds):
        time.sleep(1.2)  # the server keeps a page for a second: each round is made anew
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        figures = context.new_cdp_session(page)
        figures.send("Performance.enable")
        page.goto(url + path, timeout=WITHIN_MS)
        paints.append(page.evaluate(FIRST_PAINT))
        bytes_.append(page.evaluate(FIRST_BYTE))
        found = {each["name"]: each["value"] for each in figures.send("Performance.getMetrics")["metrics"]}
        layouts.append(found["LayoutDuration"] * 1e3)
        styles.append(found["RecalcStyleDuration"] * 1e3)
        context.close()
    print(f"{path}: first paint {min(paints):.0f} ms, layout {min(layouts):.0f} ms", file=sys.stderr)
    return {
        "first_paint_ms": min(paints),
        "first_paint_median_ms": statistics.median(paints),
        "layout_ms": min(layouts),
        "layout_median_ms": statistics.median(layouts),
        "style_ms": min(styles),
        "first_byte_ms": min(bytes_),
    }


def typing(page: Any, rounds: int) -> dict[str, float]:
    """Returns what a keystroke of the filter costs: of each round the longest, and of those the least and the median."""
    word = "service-41"
    longest = []
    for _ in range(rounds):
        texts = [word[:length] for length in range(1, len(word) + 1)]
        longest.append(max(page.evaluate(KEYSTROKE, text) for text in texts))
        page.evaluate(KEYSTROKE, "")
    print(f"a keystroke: {min(longest):.0f} ms", file=sys.stderr)
    return {"keystroke_ms": min(longest), "keystroke_median_ms": statistics.median(longest)}


def changing(page: Any, store: Path, changes: int) -> dict[str, float]:
    """Returns how long after a heartbeat its row is painted in the new state."""
    took = []
    with ThreadPoolExecutor(1) as pool, watchkeeper.connect(store) as there:
        for number in range(changes):
            is_up = bool(number % 2)
            page.evaluate(PAINTED, [CHANGED, "up" if is_up else "down"])
            began_ms = time.time() * 1e3
            pool.submit(there.heartbeat, CHANGED, ok=is_up).result()
            took.append(page.evaluate("() => window.painted") - began_ms)
            time.sleep(0.5)
    took.sort()
    found = {
        "change_painted_p50_ms": statistics.median(took),
        "change_painted_p95_ms": took[int(0.95 * (len(took) - 1))],
        "change_painted_max_ms": took[-1],
    }
    print(f"a change: {found['change_painted_p95_ms']:.0f} ms at the 95th percentile", file=sys.stderr)
    return found


def measured(browser: Any, url: str, store: Path, rounds: int, changes: int) -> dict[str, float]:
    """Returns all figures."""
    figures: dict[str, float] = {}
    for name, path in (("overview", "/"), ("all_rows", "/?view=all")):
        loading(browser, url, path, 1)
        figures |= {f"{name}_{key}": value for key, value in loading(browser, url, path, rounds).items()}
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{url}/?view=all", timeout=WITHIN_MS)
    figures |= typing(page, rounds)
    readers = Readers(url)
    try:
        page.locator("#live.on").wait_for(timeout=WITHIN_MS)
        figures |= changing(page, store, changes)
    finally:
        readers.close()
    return {name: round(value, 1) for name, value in figures.items()} | {"read_bytes": readers.bytes_read}


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="a short run: a look, not figures to quote")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        serve(options.serve, options.targets)
        return 0
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print(INSTALL, file=sys.stderr)
        return 2
    if not Path(CHROMIUM).exists():
        print(INSTALL, file=sys.stderr)
        return 2
    rounds, changes = (2, 4) if options.quick else (options.rounds, options.changes)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Path(folder) / "watch.db"
        options_of_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options_of_root)
        with served(store, options.targets) as url:
            figures = measured(browser, url, store, rounds, changes)
        browser.close()
    met = {name: figures[name] <= bar for name, bar in BARS.items()}
    setting = {"targets": options.targets, "clients": CLIENTS, "rounds": rounds, "changes": changes}
    document = {**figures, "met": met, "setting": setting, "quick": options.quick, "machine": describe()}
    print(json.dumps(document, indent=2))
    return int(not all(met.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
