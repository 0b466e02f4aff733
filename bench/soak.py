"""A runtime at rated load for a while: does it stay on time, keep its size, and tell each thing exactly once?

    python bench/soak.py [--targets 2000] [--seconds 180] [--quick]

Prints one JSON object. A twentieth of the targets fails and recovers on a script. Every notice that a receiver got is
compared, by key, with what the incidents in the runtime's own record call for: one opened and one resolved each.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import apsw
import nginx
from machine import describe, stay_on
from misbehaving import Misbehaving
from running import Running
from watchkeeper.domain.specification.channel import Channel, Webhook
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target

OURS_CORE, SERVER_CORE = 0, 1
EVERY = "2s"
FAILING_SHARE = 0.05
FAILS_S, RECOVERS_S = (8.0, 14.0), (10.0, 20.0)
WARM_S, SETTLE_S = 75.0, 10.0
QUICK_S, QUICK_WARM_S = 30.0, 20.0
GROWTH_BAR = 0.01
REPORT_EVERY_S = 10.0
SPAN_NS, COLLECTING_NS = 8_000_000_000, 1_000_000_000
"""Lateness is of the last eight seconds before the end: what the runtime itself keeps of each target."""
RULES = (Consecutive(id="down", after=2, recover=1),)


class Script:
    """Lets some targets fail and recover again and again, on a thread of its own."""

    def __init__(self, world: Misbehaving, names: list[str]) -> None:
        self._world = world
        self._dice = random.Random(7)
        self._names = names
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def _play(self) -> None:
        turns = {name: (self._dice.uniform(2.0, 12.0), "fail") for name in self._names}
        began_s = time.monotonic()
        while not self._ended.wait(0.05):
            spent_s = time.monotonic() - began_s
            for name, (at_s, mode) in turns.items():
                if at_s <= spent_s:
                    self._world.set(name, mode)
                    length = self._dice.uniform(*(FAILS_S if mode == "fail" else RECOVERS_S))
                    turns[name] = (spent_s + length, "ok" if mode == "fail" else "fail")

    def end(self) -> None:
        """All recover."""
        self._ended.set()
        self._thread.join()
        for name in self._names:
            self._world.set(name, "ok")


def plan(count: int, server: nginx.Nginx, world: Misbehaving) -> tuple[list[Target], list[str]]:
    odd = [f"odd-{number}" for number in range(max(1, int(count * FAILING_SHARE)))]
    urls = {name: world.url(name) for name in odd}
    urls |= {f"good-{number}": server.url(number) for number in range(count - len(odd))}
    targets = [
        Target(
            id=name,
            every=EVERY,
            timeout="1500ms",
            rules=RULES,
            default_rules=False,
            notify=("ops",),
            http=Http(url=url),
        )
        for name, url in urls.items()
    ]
    return targets, odd


def recorded(store: Path) -> list[tuple[str, bool]]:
    """Every incident of the run, with whether it is open: the record forgets none, the read model all but the newest."""
    connection = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [
            (name, bool(is_open)) for name, is_open in connection.execute("SELECT id, is_open FROM incident")
        ]
    finally:
        connection.close()


def notices(hooks: list[Any], incidents: list[tuple[str, bool]]) -> dict[str, int]:
    """Counts the notices that arrived against those that the incidents require."""
    keys = [key for key, _, _ in hooks]
    told = [(body["incident"]["id"], body["type"]) for _, _, body in hooks]
    due = {(name, "incident.opened") for name, _ in incidents}
    due |= {(name, "incident.resolved") for name, is_open in incidents if not is_open}
    return {
        "incidents": len(incidents),
        "told": len(told),
        "lost": len(due - set(told)),
        "repeated": len(told) - len(set(told)),
        "repeated_keys": len(keys) - len(set(keys)),
        "unasked_for": len(set(told) - due),
    }


def watch(running: Running, seconds: float) -> list[dict[str, Any]]:
    """Figures taken now and then, the first and the last included."""
    ends_s = time.monotonic() + seconds
    taken = [running.ask("figures")]
    while (left_s := ends_s - time.monotonic()) > 0:
        time.sleep(min(REPORT_EVERY_S, left_s))
        taken.append(running.ask("figures"))
        resident = taken[-1]["resident_bytes"] / 1e6
        print(f"{left_s:5.0f} s left: {resident:.1f} MB, {taken[-1]['samples']} samples", file=sys.stderr)
    return taken


def soak(count: int, seconds: float, warm_s: float) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as name,
        nginx.Nginx(Path(name), SERVER_CORE) as server,
        Misbehaving(SERVER_CORE) as world,
    ):
        targets, odd = plan(count, server, world)
        channels = [Channel(id="ops", webhook=Webhook(url=world.hook))]
        store = Path(name) / "watch.db"
        with Running(targets, core=OURS_CORE, store=store, channels=channels) as running:
            script = Script(world, odd)
            try:
                time.sleep(warm_s)
                taken = watch(running, seconds)
                until_ns = taken[-1]["at_ns"] - COLLECTING_NS
                late = running.ask(f"attempts {until_ns - SPAN_NS} {until_ns} good-")
            finally:
                script.end()
            time.sleep(SETTLE_S)
            hooks = world.ask("report")["hooks"]
            problems = running.ask("states")["problems"]
        return {
            **figures(taken),
            **late,
            "notices": notices(hooks, recorded(store)),
            "problems": problems,
            "abandoned": running.abandoned,
        }


def figures(taken: list[dict[str, Any]]) -> dict[str, Any]:
    first, last = taken[0], taken[-1]
    checks = last["samples"] - first["samples"]
    spent_s = (last["at_ns"] - first["at_ns"]) / 1e9
    return {
        "checks_per_s": round(checks / spent_s, 1),
        "cpu_us_per_check": round((last["cpu_us"] - first["cpu_us"]) / checks, 1),
        "resident_bytes_first": first["resident_bytes"],
        "resident_bytes_last": last["resident_bytes"],
        "resident_growth": round(last["resident_bytes"] / first["resident_bytes"] - 1, 5),
        "resident_mb_over_time": [round(each["resident_bytes"] / 1e6, 2) for each in taken],
        "descriptors_first": first["descriptors"],
        "descriptors_last": last["descriptors"],
        "threads": last["threads"],
        "missed_in_all": last["counters"].get("missed_ticks", 0),
    }


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=2_000, help="each is checked every two seconds")
    parser.add_argument(
        "--seconds", type=float, default=180.0, help="after the warm-up; 1800 for half an hour"
    )
    parser.add_argument("--quick", action="store_true", help="half a minute: too short to judge growth by")
    options = parser.parse_args(arguments)
    if not nginx.installed():
        print(nginx.INSTALL, file=sys.stderr)
        return 2
    stay_on(SERVER_CORE)
    seconds, warm_s = (QUICK_S, QUICK_WARM_S) if options.quick else (options.seconds, WARM_S)
    found = soak(options.targets, seconds, warm_s)
    told = found["notices"]
    wrong = told["lost"] + told["repeated"] + told["repeated_keys"] + told["unasked_for"]
    verdict = {"growth_bar": GROWTH_BAR, "met": found["resident_growth"] < GROWTH_BAR and not wrong}
    setting = {"targets": options.targets, "seconds": seconds, "warm_s": warm_s, "quick": options.quick}
    print(json.dumps({"soak": found, **verdict, "setting": setting, "machine": describe()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
