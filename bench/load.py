"""A whole instance under a load of your choice, to size a machine: progress while it runs, a chart at the end.

    python bench/load.py [--targets 1000] [--every 1s] [--failing 0.02] [--hanging 0.01] [--channels 2] [--seconds 60]
                         [--core N] [--chart load.svg]

Prints one JSON object. Healthy targets are served by nginx; failing and hanging ones by a server that misbehaves, which also
takes the webhooks. Without --core the runtime may use every core, as it would in production.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nginx
from chart import Line, Panel, draw
from machine import describe
from misbehaving import Misbehaving
from running import Running
from watchkeeper.domain.specification.channel import Channel, Webhook
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.duration import parse_duration

SERVER_CORE = 1
STEP_S = 1.0
RULES = (Consecutive(id="down", after=3, recover=2),)


def plan(
    options: argparse.Namespace, server: nginx.Nginx, world: Misbehaving
) -> tuple[list[Target], list[Channel]]:
    channels = [
        Channel(id=f"ops-{number}", webhook=Webhook(url=world.hook)) for number in range(options.channels)
    ]
    notify = tuple(channel.id for channel in channels)
    failing, hanging = (int(options.targets * share) for share in (options.failing, options.hanging))
    modes = ["fail"] * failing + ["hang"] * hanging
    targets = []
    for number in range(options.targets):
        mode = modes[number] if number < len(modes) else "ok"
        name = f"{mode}-{number}"
        if mode != "ok":
            world.set(name, mode)
        url = server.url(number) if mode == "ok" else world.url(name)
        targets.append(
            Target(id=name, every=options.every, timeout=options.timeout, rules=RULES, default_rules=False, notify=notify,
                   http=Http(url=url))
        )  # fmt: skip
    return targets, channels


def drive(running: Running, seconds: float) -> list[dict[str, float]]:
    """One row a second: finished work, lateness, and the size of the process."""
    rows: list[dict[str, float]] = []
    began_s = time.monotonic()
    before = running.ask("figures")
    while (spent_s := time.monotonic() - began_s) < seconds:
        time.sleep(STEP_S)
        after = running.ask("figures")
        rows.append(_row(spent_s + STEP_S, before, after))
        print(_progress(rows[-1], seconds), file=sys.stderr)
        before = after
    return rows


def _row(at_s: float, before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    spent_s = (after["at_ns"] - before["at_ns"]) / 1e9
    return {
        "at_s": at_s,
        "checks_per_s": (after["samples"] - before["samples"]) / spent_s,
        "core_share": (after["cpu_us"] - before["cpu_us"]) / spent_s / 1e6,
        "resident_mb": after["resident_bytes"] / 1e6,
        "lateness_p50_ms": after["recent_lateness_ms"][0],
        "lateness_p99_ms": after["recent_lateness_ms"][1],
        "descriptors": after["descriptors"],
    }


def _progress(row: dict[str, float], seconds: float) -> str:
    done = min(row["at_s"] / seconds, 1.0)
    bar = "#" * int(done * 20)
    return (
        f"[{bar:<20}] {row['checks_per_s']:7.0f} checks/s  late p50 {row['lateness_p50_ms']:6.2f}"
        f" p99 {row['lateness_p99_ms']:7.1f} ms  {row['core_share']:5.2f} cores  {row['resident_mb']:6.1f} MB"
    )


def chart(rows: list[dict[str, float]], title: str) -> str:
    def line(name: str, key: str) -> Line:
        return Line(name, [(row["at_s"], row[key]) for row in rows])

    panels = [
        Panel("lateness, ms", [line("p50", "lateness_p50_ms"), line("p99", "lateness_p99_ms")]),
        Panel("checks per second", [line("checks", "checks_per_s")]),
        Panel("cores used", [line("cores", "core_share")]),
        Panel("resident memory, MB", [line("memory", "resident_mb")]),
    ]
    return draw(title, "seconds", panels)


def arguments_of(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--targets", type=int, default=1_000)
    parser.add_argument("--every", default="1s")
    parser.add_argument("--timeout", default="1s")
    parser.add_argument("--failing", type=float, default=0.02, help="share of targets that answer 503")
    parser.add_argument("--hanging", type=float, default=0.01, help="share of targets that never answer")
    parser.add_argument("--channels", type=int, default=2, help="webhooks, each told of every incident")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--core", type=int, default=-1, help="the one core that the runtime may use")
    parser.add_argument("--chart", type=Path, help="where to write the SVG")
    parser.add_argument("--quick", action="store_true", help="ten seconds")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Drive it and print."""
    options = arguments_of(words)
    if not nginx.installed():
        print(nginx.INSTALL, file=sys.stderr)
        return 2
    seconds = 10.0 if options.quick else options.seconds
    with (
        tempfile.TemporaryDirectory() as name,
        nginx.Nginx(Path(name), SERVER_CORE) as server,
        Misbehaving(SERVER_CORE) as world,
    ):
        targets, channels = plan(options, server, world)
        print(f"starting {len(targets)} targets ...", file=sys.stderr)
        with Running(targets, core=options.core, store=Path(name) / "watch.db", channels=channels) as running:
            rows = drive(running, seconds)
            states = running.ask("states")
            notices = world.ask("count")["hooks"]
    asked_per_s = options.targets * 1e9 / parse_duration(options.every)
    if options.chart:
        options.chart.write_text(chart(rows, f"{options.targets} targets every {options.every}"))
    load = {name: getattr(options, name) for name in ("targets", "every", "failing", "hanging", "channels")}
    print(json.dumps({"asked_checks_per_s": asked_per_s, "load": load, "seconds": rows, **states,
                      "notices_received": notices, "machine": describe()}, indent=2))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
