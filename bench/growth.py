"""How cost grows from 10 to 100,000 targets at the same thousand HTTP checks a second.

    python bench/growth.py [--chart bench/growth.svg] [--quick]

Prints one JSON object. Every size runs in a process of its own on one core; what changes is only how many targets share
the thousand checks.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nginx
from chart import Line, Panel, draw
from machine import describe, stay_on
from running import Running
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target

OURS_CORE, SERVER_CORE = 0, 1
SIZES = (10, 100, 1_000, 10_000, 100_000)
QUICK_SIZES = (10, 1_000, 10_000)
RATE = 1_000
RUNS = 1
WARM_S, WINDOW_S = 6.0, 10.0
WARM_TARGETS_PER_S = 1_500
"""So many first looks are over in a second of the warm-up: they come faster than the cadence."""
RULES = (Consecutive(id="down", after=3),)


def run(count: int, server: nginx.Nginx, folder: Path) -> dict[str, Any]:
    """One size, once."""
    every = f"{count * 1_000 // RATE}ms"
    timeout = f"{min(2_000, count * 1_000 // RATE)}ms"
    targets = [
        Target(
            id=f"t{number}",
            every=every,
            timeout=timeout,
            rules=RULES,
            default_rules=False,
            http=Http(url=server.url(number)),
        )
        for number in range(count)
    ]
    store = folder / f"{time.monotonic_ns()}.db"
    began_s = time.monotonic()
    with Running(targets, core=OURS_CORE, store=store) as running:
        start_s = time.monotonic() - began_s
        time.sleep(WARM_S + count / WARM_TARGETS_PER_S)
        figures = running.window(WINDOW_S)
        found = running.ask("figures")
    return {
        "targets": count,
        "start_s": start_s,
        "start_of_runtime_s": running.started_in_ms / 1e3,
        "resident_mb": found["resident_bytes"] / 1e6,
        "lateness_p50_ms": figures["lateness_p50_ms"],
        "lateness_p99_ms": figures["lateness_p99_ms"],
        "missed_ticks": found["counters"].get("missed_ticks", 0),
        "cpu_us_per_check": figures["cpu_us_per_check"],
        "checks_per_s": figures["checks_per_s"],
    }


def middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: round(statistics.median(each[key] for each in runs), 3) for key in runs[0]}


def chart(sizes: list[dict[str, Any]]) -> str:
    def line(name: str, key: str) -> Line:
        return Line(name, [(size["targets"], size[key]) for size in sizes])

    panels = [
        Panel("CPU microseconds per check", [line("CPU", "cpu_us_per_check")]),
        Panel(
            "lateness, ms", [line("p50", "lateness_p50_ms"), line("p99", "lateness_p99_ms")], logarithmic=True
        ),
        Panel("resident memory, MB", [line("memory", "resident_mb")], logarithmic=True),
        Panel("start, s", [line("start", "start_s")], logarithmic=True),
    ]
    title = f"{RATE} HTTP checks a second, from {sizes[0]['targets']} to {sizes[-1]['targets']} targets"
    return draw(title, "targets", panels, logarithmic=True)


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chart", type=Path, help="where to write the SVG")
    parser.add_argument("--quick", action="store_true", help="three sizes, once each")
    options = parser.parse_args(arguments)
    if not nginx.installed():
        print(nginx.INSTALL, file=sys.stderr)
        return 2
    stay_on(SERVER_CORE)
    sizes: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name, nginx.Nginx(Path(name), SERVER_CORE) as server:
        for count in QUICK_SIZES if options.quick else SIZES:
            runs = [run(count, server, Path(name)) for _ in range(1 if options.quick else RUNS)]
            sizes.append(middle(runs))
            print(sizes[-1], file=sys.stderr)
    if options.chart:
        options.chart.write_text(chart(sizes))
    print(json.dumps({"sizes": sizes, "quick": options.quick, "machine": describe()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
