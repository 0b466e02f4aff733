"""How long after its last good answer a target's webhook arrives, beyond what the configuration makes it wait.

    python bench/detection.py [--rounds 6] [--quick]

Prints one JSON object. Targets are checked every second and told after three bad samples in a row. The arithmetic bound is
three intervals after the start of the last good check, plus the timeout of the last check where that hangs.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import describe, percentile, stay_on
from misbehaving import Misbehaving
from running import Running
from watchkeeper.domain.specification.channel import Channel, Webhook
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target

OURS_CORE, SERVER_CORE = 0, 1
TARGETS = 60
EVERY_S, TIMEOUT_S, AFTER = 1.0, 0.5, 3
BAR_MS = 300.0
WARM_S = 4.0
SPREAD_S, TOLD_WITHIN_S, RECOVERED_WITHIN_S = 1.0, 5.0, 4.0
BOUND_S = {"fail": AFTER * EVERY_S, "hang": AFTER * EVERY_S + TIMEOUT_S}


def plan(world: Misbehaving) -> tuple[list[Target], list[Channel]]:
    rules = (Consecutive(id="down", after=AFTER, recover=1),)
    targets = [
        Target(id=f"t{number}", every="1s", timeout="500ms", rules=rules, default_rules=False, notify=("ops",),
               http=Http(url=world.url(f"t{number}")))
        for number in range(TARGETS)
    ]  # fmt: skip
    return targets, [Channel(id="ops", webhook=Webhook(url=world.hook), in_flight_max=64)]


def one_round(world: Misbehaving, mode: str, seed: int) -> list[float]:
    """Breaks every target at its own moment, waits for all notices, mends the targets. Returns the delays past the bound in ms."""
    before = world.ask("count")["hooks"]
    dice = random.Random(seed)
    began_s = time.monotonic()
    for at_s, name in sorted((dice.random() * SPREAD_S, f"t{number}") for number in range(TARGETS)):
        time.sleep(max(0.0, began_s + at_s - time.monotonic()))
        world.set(name, mode)
    time.sleep(TOLD_WITHIN_S)
    report = world.ask("report")
    for number in range(TARGETS):
        world.set(f"t{number}", "ok")
    time.sleep(RECOVERED_WITHIN_S)
    return _delays(report["hooks"][before:], report["last_good_ns"], BOUND_S[mode])


def _delays(hooks: list[Any], last_good_ns: dict[str, int], bound_s: float) -> list[float]:
    return [
        (at_ns - last_good_ns[body["incident"]["target"]]) / 1e6 - bound_s * 1e3
        for _, at_ns, body in hooks
        if body["type"] == "incident.opened"
    ]


def measure(rounds: int) -> dict[str, dict[str, Any]]:
    delays: dict[str, list[float]] = {"fail": [], "hang": []}
    with tempfile.TemporaryDirectory() as name, Misbehaving(SERVER_CORE) as world:
        targets, channels = plan(world)
        with Running(targets, core=OURS_CORE, store=Path(name) / "watch.db", channels=channels) as running:
            time.sleep(WARM_S)
            for number in range(rounds):
                for mode, found in delays.items():
                    found.extend(one_round(world, mode, number))
                    print(f"{mode} {number + 1}/{rounds}: {len(found)} told", file=sys.stderr)
            problems = running.ask("states")["problems"]
    if problems:
        raise RuntimeError(f"the runtime had problems: {problems}")
    return {mode: _figures(found, rounds) for mode, found in delays.items()}


def _figures(delays_ms: list[float], rounds: int) -> dict[str, Any]:
    delays_ms.sort()
    p99_ms = percentile(delays_ms, 0.99)
    expected = rounds * TARGETS
    return {
        "failures": expected,
        "told": len(delays_ms),
        "past_bound_p50_ms": round(percentile(delays_ms, 0.5), 1),
        "past_bound_p99_ms": round(p99_ms, 1),
        "past_bound_max_ms": round(delays_ms[-1], 1),
        "bar_ms": BAR_MS,
        "met": p99_ms <= BAR_MS and len(delays_ms) == expected,
    }


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help=f"{TARGETS} failures of each kind a round")
    parser.add_argument("--quick", action="store_true", help="one round: a look, not a figure to quote")
    options = parser.parse_args(arguments)
    stay_on(SERVER_CORE)
    rounds = 1 if options.quick else options.rounds
    modes = measure(rounds)
    setting = {"targets": TARGETS, "rounds": rounds, "every_s": EVERY_S, "timeout_s": TIMEOUT_S, "after": AFTER,
               "quick": options.quick}  # fmt: skip
    print(json.dumps({"detection": modes, "setting": setting, "machine": describe()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
