"""The cost of a timer to arm, to cancel and to fire while 100,000 others are pending.

    python bench/timers.py [--pairs 5] [--quick]

Prints one JSON object. Ours is what the supervisor does: `domain/time/timers.py` under the one alarm of
`actors/supervisor/timer_driver.py` on the loop dispatcher. Theirs are asyncio's `call_later` and a date job of APScheduler 3.
"""

import argparse
import asyncio
import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from machine import describe
from sidebyside import InProcess, answer_lines, by_turns, cpu_ns, median_of, ratio_of
from watchkeeper.actors.dispatch.run.loop import LoopDispatcher
from watchkeeper.actors.supervisor.timer_driver import TimerDriver

INSTALL = "APScheduler 3 is not installed: pip install 'apscheduler>=3,<4' (or the extra `bench`)"
PENDING = 100_000
OURS_AT_ONCE = 20_000
APSCHEDULER_AT_ONCE = 1_000
FAR_S = 600.0
"""Pending timers stay pending: they are due within a half minute that begins after the run."""
SPREAD_S = 30.0
TIMEOUT_S = 100.0
SOON_S = 0.3
WITHIN_S = 60.0
BARS = {"asyncio_min": 2.0, "apscheduler_min": 20.0}
PHASES = ("arm", "cancel", "fire")


def delays_s(count: int, least_s: float, spread_s: float) -> Iterator[float]:
    """Delays in no order, as those of targets are."""
    chance = random.Random(count)
    return iter([least_s + chance.random() * spread_s for _ in range(count)])


class Ours:
    """The supervisor's timers, on a loop of their own and woken by its one alarm."""

    def __init__(self) -> None:
        self.dispatcher = LoopDispatcher(monotonic_ns=time.monotonic_ns)
        self.dispatcher.start()
        self.fired = 0
        self.awaited = 0
        self.done = threading.Event()
        self.timer_driver = TimerDriver(self.dispatcher.call_at, self.wake)
        # The supervisor's keys are the very objects that wait: a target's schedule, an attempt.
        self.waiting = [object() for _ in range(PENDING)]
        self.keys = [object() for _ in range(OURS_AT_ONCE)]
        # The supervisor always has a timer within seconds: cancelled ones wait behind it, as asyncio's do in its heap.
        self.timer_driver.timers.arm(("pulse",), time.monotonic_ns() + int(WITHIN_S * 1e9))
        for number, delay_s in enumerate(delays_s(PENDING, FAR_S, SPREAD_S)):
            self.timer_driver.timers.arm(self.waiting[number], time.monotonic_ns() + int(delay_s * 1e9))

    def wake(self, _planned_ns: int) -> None:
        for key, _due_ns in self.timer_driver.due(time.monotonic_ns()):
            self.fire(key)
        self.timer_driver.rearm()
        if self.fired >= self.awaited:
            self.done.set()

    def fire(self, _key: object) -> None:
        self.fired += 1

    def arm(self, count: int, least_s: float, spread_s: float) -> Callable[[], object]:
        delays_ns = [int(delay_s * 1e9) for delay_s in delays_s(count, least_s, spread_s)]

        def work() -> None:
            # The supervisor reads the clock once per message, however many timers it arms.
            timers, keys, now_ns = self.timer_driver.timers, self.keys, time.monotonic_ns()
            for number, delay_ns in enumerate(delays_ns):
                timers.arm(keys[number], now_ns + delay_ns)
            self.timer_driver.rearm()

        return work

    def cancel(self, count: int) -> Callable[[], object]:
        def work() -> None:
            timers, keys = self.timer_driver.timers, self.keys
            for number in range(count):
                timers.cancel(keys[number])
            self.timer_driver.rearm()

        return work

    def on_loop(self, work: Callable[[], object]) -> Callable[[], object]:
        """Timers belong to the loop's thread, as the supervisor's do."""
        return lambda: self.dispatcher.perform(work, WITHIN_S)

    def run(self, count: int) -> tuple[float, ...]:
        arming = cpu_ns(self.on_loop(self.arm(count, TIMEOUT_S, SPREAD_S)), count)
        cancelling = cpu_ns(self.on_loop(self.cancel(count)), count)
        self.fired, self.awaited = 0, count
        self.done.clear()
        self.dispatcher.loop.call_soon_threadsafe(self.arm(count, SOON_S, SOON_S))
        time.sleep(SOON_S / 2)
        firing = cpu_ns(lambda: self.done.wait(WITHIN_S), count)
        return arming, cancelling, firing


class Asyncio:
    """`call_later` on asyncio's own loop."""

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.fired = 0
        self.awaited = 0
        self.handles: list[asyncio.TimerHandle] = []
        self.kept = [
            self.loop.call_later(delay_s, self.fire, "target")
            for delay_s in delays_s(PENDING, FAR_S, SPREAD_S)
        ]

    def fire(self, _key: object) -> None:
        self.fired += 1
        if self.fired == self.awaited:
            self.loop.stop()

    def arm(self, delays: Iterator[float]) -> None:
        later, fire = self.loop.call_later, self.fire
        self.handles = [later(delay_s, fire, "target") for delay_s in delays]

    def cancel(self) -> None:
        for handle in self.handles:
            handle.cancel()

    def run(self, count: int) -> tuple[float, ...]:
        delays = delays_s(count, TIMEOUT_S, SPREAD_S)
        arming = cpu_ns(lambda: self.arm(delays), count)
        cancelling = cpu_ns(self.cancel, count)
        self.fired, self.awaited = 0, count
        self.arm(delays_s(count, SOON_S, SOON_S))
        firing = cpu_ns(self.loop.run_forever, count)
        return arming, cancelling, firing


class Scheduler:
    """Date jobs of APScheduler 3 in memory, run in the scheduler's own thread: its cheapest way."""

    def __init__(self) -> None:
        from apscheduler.executors.debug import DebugExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        # Coalescing and a grace time keep it from dropping what is late.
        defaults = {"misfire_grace_time": None}
        self.scheduler = BackgroundScheduler(
            executors={"default": DebugExecutor()}, job_defaults=defaults, timezone=UTC
        )
        self.fired = 0
        self.awaited = 0
        self.done = threading.Event()
        self.arm(PENDING, FAR_S, SPREAD_S, "pending")
        self.scheduler.start()

    def fire(self) -> None:
        self.fired += 1
        if self.fired == self.awaited:
            self.done.set()

    def arm(self, count: int, least_s: float, spread_s: float, name: str = "deadline") -> None:
        add, now = self.scheduler.add_job, datetime.now(UTC)
        for number, delay_s in enumerate(delays_s(count, least_s, spread_s)):
            add(self.fire, "date", run_date=now + timedelta(seconds=delay_s), id=f"{name}-{number}")

    def cancel(self, count: int) -> None:
        for number in range(count):
            self.scheduler.remove_job(f"deadline-{number}")

    def run(self, count: int) -> tuple[float, ...]:
        arming = cpu_ns(lambda: self.arm(count, TIMEOUT_S, SPREAD_S), count)
        cancelling = cpu_ns(lambda: self.cancel(count), count)
        self.fired, self.awaited = 0, count
        self.done.clear()
        self.scheduler.pause()
        self.arm(count, 0.0, SOON_S)
        time.sleep(SOON_S)
        firing = cpu_ns(self.resume, count)
        return arming, cancelling, firing

    def resume(self) -> None:
        self.scheduler.resume()
        self.done.wait(WITHIN_S)


SUBJECTS = {
    "ours": (Ours, OURS_AT_ONCE),
    "asyncio": (Asyncio, OURS_AT_ONCE),
    "apscheduler": (Scheduler, APSCHEDULER_AT_ONCE),
}


def answer_as(name: str) -> None:
    """Be one subject."""
    kind, count = SUBJECTS[name]
    subject = kind()
    answer_lines(lambda _line: dict(zip(PHASES, subject.run(count), strict=True)))


def measure(pairs: int) -> dict[str, dict[str, object]]:
    """A figure of every subject and phase, in nanoseconds of CPU time a timer."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in SUBJECTS}
    with ExitStack() as stack:
        processes = {name: stack.enter_context(InProcess(__file__, "--subject", name)) for name in SUBJECTS}

        def one(name: str) -> Callable[[], float]:
            def run() -> float:
                runs[name].append(processes[name].ask("run"))
                return sum(runs[name][-1].values())

            return run

        for process in processes.values():
            process.ask("warm up")
        totals = by_turns([one(name) for name in SUBJECTS], pairs)
    found: dict[str, dict[str, object]] = {}
    for phase in PHASES:
        seen = [tuple(runs[name][turn][phase] for name in SUBJECTS) for turn in range(pairs)]
        found[phase] = figures(seen)
    found["all"] = figures(totals)
    return found


def figures(seen: list[tuple[float, ...]]) -> dict[str, object]:
    costs = {f"{name}_ns": round(median_of(seen, place)) for place, name in enumerate(SUBJECTS)}
    ratios = {name: round(ratio_of(seen, place), 1) for place, name in enumerate(SUBJECTS) if place}
    return {**costs, "times_cheaper_than": ratios}


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when a bar is missed, 2 without the peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two pairs: a look, not a figure to quote")
    parser.add_argument("--subject", choices=SUBJECTS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        import apscheduler  # noqa: F401
    except ImportError:
        print(INSTALL, file=sys.stderr)
        return 2
    if options.subject:
        answer_as(options.subject)
        return 0
    pairs = 2 if options.quick else options.pairs
    found = measure(pairs)
    ratios = found["all"]["times_cheaper_than"]
    met = {
        "asyncio": ratios["asyncio"] >= BARS["asyncio_min"],
        "apscheduler": ratios["apscheduler"] >= BARS["apscheduler_min"],
    }
    setting = {"pairs": pairs, "pending": PENDING, "apscheduler": version("apscheduler")}
    print(
        json.dumps({**found, "bars": BARS, "met": met, "setting": setting, "machine": describe()}, indent=2)
    )
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
