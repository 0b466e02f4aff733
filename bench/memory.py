"""The resident memory of an idle target, everything included, against a bare pykka.ThreadingActor.

    python bench/memory.py [--pairs 5] [--targets 100000] [--quick]

Prints one JSON object. Every figure is the resident memory of a fresh process less that of one with few: a whole
Runtime, started, with a store, whose clock stands still so that nothing is due; and actors on threads of their own.
"""

import argparse
import contextlib
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pykka
from machine import describe, resident_bytes
from watchkeeper import runtime as runtime_module
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import Moment

FEW = 1_000
THREADS = (100, 1_100)
BAR_BYTES = 4 * 1024
EXPECT = ("[STATUS] == 200", "[RESPONSE_TIME] < 2000")
RULES = (Consecutive(id="down", after=3),)
SETTLED_S = 0.5
QUESTIONS_MAX = 6
"""Questions until the read model answers; each waits for some seconds while 100,000 targets are being scheduled."""


class StandingClock(SystemClock):
    """Reads the time once: nothing is ever due."""

    def __init__(self) -> None:
        self._moment = SystemClock().read()

    def read(self) -> Moment:
        return self._moment

    def monotonic_ns(self) -> int:
        return self._moment.monotonic_ns


def target(number: int) -> Target:
    """One of many: its name and its address are its own, what it expects and its rules are everybody's."""
    url = f"https://host-{number}.example/health"
    return Target(
        id=f"target-{number}",
        http=Http(url=url),
        expect=EXPECT,
        rules=RULES,
        default_rules=False,
        notify=("ops",),
    )


def whole_runtime(count: int) -> int:
    """Start a runtime with so many targets; its resident memory once everything is in its place."""
    runtime_module.SystemClock = StandingClock
    with tempfile.TemporaryDirectory() as folder:
        watched = runtime_module.Runtime(
            targets=[target(number) for number in range(count)],
            channels=[Channel(id="ops", log=Log())],
            store=Path(folder) / "store.db",
        )
        with watched:
            wait_until_everything_is_in_place(watched)
            return settled()


def wait_until_everything_is_in_place(watched: runtime_module.Runtime) -> None:
    """Waits for an answer of the read model, which comes after the supervisor has handled everything before."""
    for _ in range(QUESTIONS_MAX):
        with contextlib.suppress(pykka.Timeout):
            watched.incidents()
            return
    raise RuntimeError("the runtime did not answer")


def settled() -> int:
    gc.collect()
    time.sleep(SETTLED_S)
    return resident_bytes(os.getpid())


class Alone(pykka.ThreadingActor):
    """Does nothing."""


def threads(count: int) -> int:
    """Start so many actors of pykka's own; the resident memory then."""
    references = [Alone.start() for _ in range(count)]
    for reference in references:
        reference.ask("anything")
    found = settled()
    for reference in references:
        reference.stop(block=False)
    return found


def in_a_process(what: str, count: int) -> int:
    command = [sys.executable, __file__, "--child", what, "--targets", str(count)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)


def per_one(what: str, few: int, many: int) -> float:
    """Bytes of each one more."""
    return (in_a_process(what, many) - in_a_process(what, few)) / (many - few)


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--targets", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="one pair: a look, not a figure to quote")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        print(CHILDREN[options.child](options.targets))
        return 0
    pairs = 1 if options.quick else options.pairs
    seen = []
    for number in range(pairs):
        seen.append((per_one("runtime", FEW, options.targets), per_one("threads", *THREADS)))
        print(f"{number + 1}/{pairs}: {seen[-1][0]:.0f} against {seen[-1][1]:.0f} bytes", file=sys.stderr)
    ours = statistics.median(mine for mine, _ in seen)
    figures = {
        "idle_target_bytes": round(ours),
        "threading_actor_bytes": round(statistics.median(theirs for _, theirs in seen)),
        "times_smaller": round(statistics.median(theirs / mine for mine, theirs in seen), 1),
        "targets": options.targets,
    }
    met = {"idle_target": ours <= BAR_BYTES}
    bars = {"idle_target_bytes_max": BAR_BYTES}
    print(json.dumps({**figures, "bars": bars, "met": met, "pairs": pairs, "machine": describe()}, indent=2))
    return 0 if met["idle_target"] else 1


CHILDREN = {"runtime": whole_runtime, "threads": threads}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
