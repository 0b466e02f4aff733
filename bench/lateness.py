"""How late checks start on one core, and what one that misbehaves does to everybody else's lateness.

    python bench/lateness.py [--runs 5] [--only plain] [--quick]

Prints one JSON object. 10,000 HTTP targets on one core; lateness is from due on the grid to started, of the attempts of
the healthy targets that were due in the window, as the runtime itself records it.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nginx
from machine import describe, stay_on
from misbehaving import Misbehaving
from running import Running
from watchkeeper.domain.specification.channel import CallChannel, Channel
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target

OURS_CORE, SERVER_CORE = 0, 1
TARGETS = 10_000
WARM_S, WINDOW_S = 2.0, 10.0
"""The warm-up is one interval and so much more: the first check of each target is not measured."""
QUICK_WINDOW_S = 6.0
RULES = (Consecutive(id="down", after=3),)
GOOD = "good-"


class Row(NamedTuple):
    """One situation."""

    every_s: int = 5
    odd: int = 0
    """How many of the targets misbehave."""
    mode: str = "ok"
    channel: bool = False
    slow_disk_ms: int = 0
    hog: bool = False
    bar_p50_ms: float | None = None
    bar_p99_ms: float | None = None


ROWS = {
    "thousand": Row(every_s=10, bar_p99_ms=250.0),
    "plain": Row(bar_p50_ms=2.0, bar_p99_ms=25.0),
    "hanging_tenth": Row(odd=TARGETS // 10, mode="hang", bar_p50_ms=2.0, bar_p99_ms=25.0),
    "slow_target": Row(odd=1, mode="slow"),
    "slow_tenth": Row(odd=TARGETS // 10, mode="slow"),
    "slow_disk": Row(slow_disk_ms=100),
    "slow_channel": Row(odd=50, mode="fail", channel=True),
    "lock_hog": Row(hog=True),
}


def targets(row: Row, server: nginx.Nginx, world: Misbehaving) -> list[Target]:
    """The healthy ones on the light server, the odd ones on the one that misbehaves."""
    made = [
        Target(id=f"{GOOD}{number}", every=f"{row.every_s}s", timeout="2s", rules=RULES, default_rules=False, expect=("[STATUS] == 200",),
               http=Http(url=server.url(number)))
        for number in range(TARGETS - row.odd)
    ]  # fmt: skip
    notify = ("slow",) if row.channel else ()
    for number in range(row.odd):
        name = f"odd-{number}"
        world.set(name, row.mode)
        made.append(
            Target(
                id=name,
                every=f"{row.every_s}s",
                timeout="2s",
                rules=RULES,
                default_rules=False,
                notify=notify,
                http=Http(url=world.url(name)),
            )
        )
    return made


def run(row: Row, server: nginx.Nginx, world: Misbehaving, folder: Path, window_s: float) -> dict[str, Any]:
    """One run of one row."""
    channels = [Channel(id="slow", call=CallChannel(name="slow"))] if row.channel else []
    store = folder / f"{time.monotonic_ns()}.db"
    arguments = {"core": OURS_CORE, "store": store, "channels": channels, "slow_disk_ms": row.slow_disk_ms}
    with Running(targets(row, server, world), **arguments) as running:
        time.sleep(row.every_s + WARM_S)
        if row.hog:
            running.ask(f"hog {window_s + 5}")
        figures = running.window(window_s)
        found = running.ask(f"attempts {figures['since_ns']} {figures['until_ns']} {GOOD}")
        found["core_share"] = figures["core_share"]
        found["checks_per_s"] = figures["checks_per_s"]
        found["waited_for_core_ms_per_s"] = figures["waited_for_core_ms_per_s"]
    return found


def summary(row: Row, runs: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(key: str) -> float:
        return round(statistics.median(each[key] for each in runs), 3)

    figures: dict[str, Any] = {
        key: middle(key)
        for key in ("lateness_p50_ms", "lateness_p90_ms", "lateness_p99_ms", "lateness_max_ms", "checks_per_s",
                    "core_share", "waited_for_core_ms_per_s")
    }  # fmt: skip
    figures["missed"] = [each["missed"] for each in runs]
    figures["outcomes"] = runs[-1]["outcomes"]
    if row.bar_p99_ms is not None:
        figures["bar_p50_ms"], figures["bar_p99_ms"] = row.bar_p50_ms, row.bar_p99_ms
        in_time = row.bar_p50_ms is None or figures["lateness_p50_ms"] < row.bar_p50_ms
        figures["met"] = (
            in_time and figures["lateness_p99_ms"] < row.bar_p99_ms and not any(figures["missed"])
        )
    return figures


def measure(
    rows: dict[str, Row], runs: int, once: Callable[[Row], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Every row once, then again, so that a bad minute of the machine does not fall on one row alone."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in rows}
    for number in range(runs):
        for name, row in rows.items():
            found[name].append(once(row))
            last = found[name][-1]
            print(
                f"{name} {number + 1}/{runs}: p50 {last['lateness_p50_ms']:.2f} p99 {last['lateness_p99_ms']:.1f} ms,"
                f" missed {last['missed']}, core {last['core_share']:.0%}",
                file=sys.stderr,
            )
    return found


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--only", choices=ROWS, nargs="+")
    parser.add_argument(
        "--quick", action="store_true", help="one short run each: a look, not a figure to quote"
    )
    options = parser.parse_args(arguments)
    if not nginx.installed():
        print(nginx.INSTALL, file=sys.stderr)
        return 2
    stay_on(SERVER_CORE)
    runs, window_s = (1, QUICK_WINDOW_S) if options.quick else (options.runs, WINDOW_S)
    rows = {name: ROWS[name] for name in options.only or ROWS}
    with (
        tempfile.TemporaryDirectory() as name,
        nginx.Nginx(Path(name), SERVER_CORE) as server,
        Misbehaving(SERVER_CORE) as world,
    ):
        found = measure(rows, runs, lambda row: run(row, server, world, Path(name), window_s))
    figures = {name: summary(rows[name], each) for name, each in found.items()}
    setting = {"targets": TARGETS, "runs": runs, "window_s": window_s, "quick": options.quick}
    print(json.dumps({"rows": figures, "setting": setting, "machine": describe()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
