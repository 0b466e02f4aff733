"""Kills `watchkeeper run` at random moments and at named points, restarts it, and counts losses and duplicates.

    python -m tests.system.kill [--kills 200] [--points 0] [--seed 0]

Two runs at a time, each with a store, targets that fail and recover, and a receiver that keeps ids, answers late,
refuses and closes connections. Every second kill waits for a post to arrive and strikes before or after it is answered. Then the
targets recover, no process is killed, and the record, the receiver and every printed line are compared.
A raw duplicate is a post whose id had been answered with 200 before: the necessary cost of a kill between the answer and
its record, at most one for each notice in flight; nothing else may cause one. Prints the figures as JSON and in one line; the exit
status is 0 only when nothing was lost, applied twice, repeated without a kill, or out of order.
"""

import argparse
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random

from tests.system.audit import MUST_BE_NONE, audit
from tests.system.crashing import CRASHED, POINTS
from tests.system.outside import Receiver, Site
from tests.system.processes import COMMAND, Watch, write_configuration
from tests.system.settling import LOOK_EVERY_S, settle

CRASHING = (str(Path(__file__).with_name("crashing.py")),)
LANES = 2
"""One for each core of the machines that the limits in run.py are for."""
TARGETS = 4
LIFE_S_MAX = 1.8
"""The longest life of a process that is killed. A start takes about half of it, so that kills strike starts, too."""
POINT_PASSED_MAX = 40
"""More than a process passes any point with two targets: a leg that reaches it has not counted to the end."""


class Lane:
    """One store with its targets and its receiver, and the processes that run it one after the other."""

    def __init__(self, folder: Path, dice: Random, *, targets: int = TARGETS) -> None:
        self.dice = dice
        self.site = Site()
        self.receiver = Receiver()
        self.said: list[str] = []
        self.kills = 0
        self.starts = 0
        self.store = folder / "watch.db"
        self.path = folder / "watch.yaml"
        self._targets = targets
        self._pause = threading.Event()
        try:
            self.configure("critical")
        except BaseException:
            self.close()
            raise

    def configure(self, severity: str) -> None:
        write_configuration(
            self.path,
            site=self.site.url,
            receiver=self.receiver.url,
            targets=self._targets,
            severity=severity,
        )

    def pause(self, seconds: float) -> None:
        self._pause.wait(seconds)

    def names(self) -> set[str]:
        return {f"t{number}" for number in range(self._targets)}

    def start(self, crash_at: str = "") -> Watch:
        self.starts += 1
        environment = {"LIFE": str(self.starts), "CRASH_AT": crash_at}
        return Watch(self.path, command=CRASHING if crash_at else COMMAND, environment=environment)

    def listen(self, watch: Watch) -> None:
        """Keeps the lines of a process that has ended."""
        self.said += watch.lines.close()

    def settle(self) -> bool:
        """Lets all targets recover and one process run until nothing is open or pending. Returns False where it never came."""
        self.site.down = set()
        self.receiver.mood = lambda: 200
        return settle(self.store, self.site, self.start, self.listen)

    def audit(self) -> Counter[str]:
        figures = audit(self.store, self.receiver, self.said)
        figures.update(kills=self.kills, starts=self.starts)
        return figures

    def close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self.receiver.close)
            stack.callback(self.site.close)


def moody(lane: Lane) -> Callable[[], int | None]:
    """Returns the mood of a receiver that now and then is slow, refuses, or closes the connection; nine of ten answers are 200."""
    dice = Random(lane.dice.random())

    def mood() -> int | None:
        lane.pause(dice.choice((0.0, 0.0, 0.005, 0.05)))
        return dice.choices((200, 503, 429, None), (90, 4, 2, 4))[0]

    return mood


def kill_at_random(folder: Path, seed: int, kills: int) -> Counter[str]:
    """Kills a lane's process so many times, lets it settle, and returns its audit."""
    lane = Lane(folder, Random(seed))
    try:
        lane.receiver.mood = moody(lane)
        for _ in range(kills):
            _live_and_die(lane)
        settled = lane.settle()
        return lane.audit() + Counter(unsettled=not settled)
    finally:
        lane.close()


def _live_and_die(lane: Lane) -> None:
    dice = lane.dice
    lane.site.down = {name for name in lane.names() if dice.random() < 0.5}
    if not lane.kills:
        lane.site.down = lane.names()
    with lane.start() as watch:
        if not lane.kills:
            # On a slow machine none of the others may come so far that it has something to lose.
            assert watch.lines.wait_for(" opened: "), watch.errors.all()
        elif dice.random() < 0.5:
            lane.pause(dice.uniform(0.05, LIFE_S_MAX))
        else:
            _strike_at_a_post(lane, watch)
        watch.kill()
        lane.kills += 1
        lane.listen(watch)


def _strike_at_a_post(lane: Lane, watch: Watch) -> None:
    """Changes targets and reloads the configuration of a running process, then waits for a post, near which it is killed."""
    dice = lane.dice
    if watch.errors.wait_for("watching: ", LIFE_S_MAX):
        lane.site.down ^= {dice.choice(sorted(lane.names()))}
        lane.configure(dice.choice(("critical", "warning")))
        watch.signal(1)
    lane.receiver.wait_for_arrivals(dice.randint(1, 4), LIFE_S_MAX / 2)
    lane.pause(dice.choice((0.0, 0.002, 0.01, 0.06)))


def kill_at_point(folder: Path, point: str, targets: int, passings_max: int) -> Counter[str]:
    """Crashes at the first passing of a point, the second ..., each in its own process, until a process does not crash."""
    figures: Counter[str] = Counter()
    for passing in range(1, passings_max + 1):
        place = folder / f"{point}.{passing}"
        place.mkdir()
        lane = Lane(place, Random(passing), targets=targets)
        try:
            crashed = _live_until(lane, f"{point}:{passing}")
            settled = lane.settle()
            figures += lane.audit() + Counter(unsettled=not settled, point_crashes=crashed)
        finally:
            lane.close()
        if not crashed:
            return figures + Counter(points_enumerated_to_the_end=1)
    return figures


def _live_until(lane: Lane, crash_at: str) -> bool:
    """Lets all targets fail and recover in one process. Returns True where it crashed at the point."""
    lane.site.down = lane.names()
    count = len(lane.names())
    with lane.start(crash_at) as watch:
        if _both_delivered(lane, watch, count):
            watch.signal(15)
        crashed = watch.wait() == CRASHED
        lane.kills += crashed
        lane.listen(watch)
    return crashed


def _both_delivered(lane: Lane, watch: Watch, count: int) -> bool:
    """Waits until the start and the end of every target's incident were delivered. Returns False where the process ended."""
    for change in ("opened", "resolved"):
        while not lane.receiver.wait_until_applied(change, count, LOOK_EVERY_S):
            if not watch.is_alive:
                return False
        lane.site.down = set()
    return True


def run(folder: Path, *, kills: int, targets_at_points: int, passings_max: int, seed: int) -> Counter[str]:
    """Runs everything, two lanes at a time. Returns the sum of the figures."""
    with ThreadPoolExecutor(LANES) as lanes:
        jobs = []
        for lane in range(LANES if kills else 0):
            place = folder / f"random.{lane}"
            place.mkdir()
            share = kills // LANES + (lane < kills % LANES)
            jobs.append(lanes.submit(kill_at_random, place, seed + lane, share))
        if targets_at_points:
            jobs += [
                lanes.submit(kill_at_point, folder, point, targets_at_points, passings_max)
                for point in POINTS
            ]
        total = Counter(dict.fromkeys((*MUST_BE_NONE, "unsettled"), 0))
        for job in jobs:
            total.update(job.result())
    return total


def faults_of(figures: Counter[str]) -> dict[str, int]:
    """Returns the figures that should be 0 and are not."""
    return {name: figures[name] for name in (*MUST_BE_NONE, "unsettled") if figures[name]}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200, help="at random moments")
    parser.add_argument(
        "--points", type=int, default=2, help="targets of the processes that crash at every point; 0: none"
    )
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        figures = run(
            Path(folder),
            kills=asked.kills,
            targets_at_points=asked.points,
            passings_max=POINT_PASSED_MAX,
            seed=asked.seed,
        )
    sys.stdout.write(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    told = ("kills", "incidents", "acknowledged_writes", "notices_applied", "raw_duplicates", *MUST_BE_NONE)
    sys.stdout.write(", ".join(f"{figures[name]} {name}" for name in told) + "\n")
    return 1 if faults_of(figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
