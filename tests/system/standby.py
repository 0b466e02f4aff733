"""Kills and freezes the active one of two processes with one store, and counts losses, repeats and takeover times.

    python -m tests.system.standby [--kills 40] [--freezes 40] [--seed 0]

Two pairs at a time, each with a store, targets that fail and recover, and a receiver that keeps ids, answers late, refuses and
closes connections. After a kill another process is started; a frozen one is thawed some time after the other has taken over,
and stands by again. One that was frozen in the middle of a write has the database locked, and is thawed without a takeover. The next fault comes once the owner has the lock of the file, which a frozen process keeps: an owner that dies
before is followed after a whole lease only. A takeover lasts from the signal to the other process being active. Prints the figures as JSON and in one
line; the exit status is 0 only when nothing was lost or told twice, and every takeover was in time.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import NamedTuple

import apsw
from watchkeeper import StoreError
from watchkeeper.adapters.stores.ownership.tenure_table import tenure_of

from tests.system.audit import MUST_BE_NONE, audit, is_quiet
from tests.system.kill import moody
from tests.system.outside import WITHIN_S, Receiver, Site
from tests.system.processes import Lines, Watch, write_configuration
from tests.system.settling import LOOK_EVERY_S, settle, until_quiet

CHILD = Path(__file__).with_name("standing_by.py")
LANES = 2
TARGETS = 4
LEASE_S = 3.0
KILL_S_MAX, FREEZE_S_MAX = 2.5, LEASE_S + 2.5
"""The longest takeovers; the second begins with the lease of the frozen process."""


class Member:
    """One process of a pair."""

    def __init__(self, path: Path, life: str = "1", environment: Mapping[str, str] = os.environ) -> None:
        """`life` is its name at the receiver; `environment` may lead to another tree."""
        self.life = life
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=path.parent,
            env={**environment, "LIFE": life},
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.roles, self.errors = Lines(self._process.stdout), Lines(self._process.stderr)

    @property
    def role(self) -> str:
        """The role that it has said last."""
        return (self.roles.all() or [""])[-1]

    def until(self, role: str, within_s: float = WITHIN_S) -> bool:
        """Waits until it says that it has a role. Returns False where it does not in time."""
        return self.roles.wait_until(lambda said: said[-1:] == [role], within_s)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def freeze(self, store: Path | None = None) -> None:
        """Stops every thread; with a store between two writes to it, as in the middle of one nobody else can write."""
        while True:
            self.signal(signal.SIGSTOP)
            # The signal goes to one thread, and on a busy machine the others go on until that one has run.
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)
            if store is None or not is_locked(store):
                return
            self.thaw()

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ends the process in good order. Returns its status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._end()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._end()

    def _end(self) -> int:
        try:
            return self._process.wait(WITHIN_S)
        finally:
            self.roles.close()
            self.errors.close()


def is_locked(store: Path) -> bool:
    """Whether another process is in the middle of a write."""
    connection = apsw.Connection(str(store))
    try:
        connection.execute("BEGIN IMMEDIATE; ROLLBACK")
    except apsw.BusyError:
        return True
    finally:
        connection.close()
    return False


class Times(NamedTuple):
    """The takeovers of one pair, in seconds."""

    kills: list[float]
    freezes: list[float]


class Pair:
    """Two processes on one store, with their targets and their receiver."""

    def __init__(self, folder: Path, dice: Random, environment: Mapping[str, str] = os.environ) -> None:
        """With an `environment` of another tree each process has a name of its own at the receiver."""
        self.dice, self._environment = dice, environment
        self._members: list[Member] = []
        self.site, self.receiver = Site(), Receiver()
        self.store, self.path = folder / "watch.db", folder / "watch.yaml"
        self.times = Times([], [])
        self.frozen_in_a_write = 0
        self._pause = threading.Event()
        write_configuration(self.path, site=self.site.url, receiver=self.receiver.url, targets=TARGETS)
        try:
            self.active = self._started()
            assert self.active.until("active"), self.active.errors.all()
            self.other = self._started()
            self.until_whole()
        except BaseException:
            self.close()
            raise

    def pause(self, seconds: float) -> None:
        self._pause.wait(seconds)

    def _started(self) -> Member:
        # The name is in the URL of the channel: two names were two configurations on one store.
        life = "1" if self._environment is os.environ else str(len(self._members) + 1)
        self._members.append(Member(self.path, life, self._environment))
        return self._members[-1]

    def until_whole(self) -> None:
        """Waits until one is active, with the lock of the file, and the other stands by, and notes which is which.

        That may change by itself where a busy machine lets the active one stand still for a lease.
        """
        found = self.active, self.other
        for _ in range(int(WITHIN_S / LOOK_EVERY_S)):
            if sorted(each.role for each in found) == ["active", "standby"]:
                self.active, self.other = sorted(found, key=lambda each: each.role)
                # The owner takes the lock with its next commit.
                if self._has_lock():
                    return
            self.pause(LOOK_EVERY_S)
        said = [(each.role, each.errors.all()) for each in found]
        raise AssertionError(f"no one is active with the lock, and another one stands by: {said}")

    def _has_lock(self) -> bool:
        try:
            tenure = tenure_of(str(self.store))
        except StoreError:
            return False
        return tenure is not None and tenure.has_lock

    def live(self) -> None:
        """Lets some targets fail and others recover."""
        names = {f"t{number}" for number in range(TARGETS)}
        self.site.down = {name for name in sorted(names) if self.dice.random() < 0.5}
        self.pause(self.dice.uniform(0.1, 1.0))

    def kill(self) -> None:
        self.live()
        at = time.monotonic()
        self.active.kill()
        assert self.other.until("active"), self.other.errors.all()
        self.times.kills.append(time.monotonic() - at)
        self.active, self.other = self.other, self._started()
        self.until_whole()

    def freeze(self) -> None:
        self.live()
        at = time.monotonic()
        self.active.freeze()
        try:
            if self._is_taken_over():
                self.times.freezes.append(time.monotonic() - at)
                self.live()
            else:
                self.frozen_in_a_write += 1
        finally:
            self.active.thaw()
        self.until_whole()

    def _is_taken_over(self) -> bool:
        """Waits until the other one is active. Returns False where the frozen one keeps the database locked: it still is the owner then."""
        locked_s = 0.0
        for _ in range(int(WITHIN_S / LOOK_EVERY_S)):
            if self.other.until("active", LOOK_EVERY_S):
                return True
            # The other one locks it, too, for a moment.
            locked_s = locked_s + LOOK_EVERY_S if is_locked(self.store) else 0.0
            if locked_s > LEASE_S + 2.0:
                return False
        raise AssertionError(f"nobody has taken over: {self.other.errors.all()}")

    def settle(self) -> bool:
        """Lets all targets recover until nothing is open or pending. Returns False where it never came."""
        self.site.down = set()
        self.receiver.mood = lambda: 200
        # The stand-by first: the last one closes the store in good order.
        ended_well = until_quiet(self.store, self.site) and self.other.stop() == 0 and self.active.stop() == 0
        # A check that ended too late on a busy machine may have opened an incident since.
        return ended_well and (
            is_quiet(self.store) or settle(self.store, self.site, lambda: Watch(self.path))
        )

    def close(self) -> None:
        """Ends every process of it, whatever has become of it, then its targets and its receiver."""
        with ExitStack() as stack:
            stack.callback(self.receiver.close)
            stack.callback(self.site.close)
            for member in self._members:
                stack.callback(member.kill)


def strike(folder: Path, seed: int, kills: int, freezes: int) -> tuple[Counter[str], Times]:
    """Lives through so many kills and freezes in a drawn order. Returns the audit and the takeover times."""
    dice = Random(seed)
    pair = Pair(folder, dice)
    try:
        pair.receiver.mood = moody(pair)
        faults = [pair.kill] * kills + [pair.freeze] * freezes
        dice.shuffle(faults)
        for fault in faults:
            fault()
        settled = pair.settle()
        figures = audit(pair.store, pair.receiver, [])
    finally:
        pair.close()
    # All processes of a pair have one name here: a repeat may come from another than the one that was answered.
    del figures["repeated_within_a_life"]
    figures.update(kills=kills, freezes=freezes, unsettled=not settled)
    figures.update(frozen_in_a_write=pair.frozen_in_a_write)
    return figures, pair.times


def faults_of(figures: Counter[str], times: Times) -> dict[str, float]:
    """Returns what should not have happened."""
    found: dict[str, float] = {name: figures[name] for name in (*MUST_BE_NONE, "unsettled") if figures[name]}
    if max(times.kills, default=0.0) > KILL_S_MAX:
        found["slowest_takeover_from_a_killed"] = max(times.kills)
    if max(times.freezes, default=0.0) > FREEZE_S_MAX:
        found["slowest_takeover_from_a_frozen"] = max(times.freezes)
    return found


def summary(figures: Counter[str], times: Times) -> str:
    lost = figures["notices_lost"] + figures["notices_undelivered"]
    counted = f"{figures['kills']} kills, {figures['freezes']} freezes, {figures['incidents']} incidents"
    said = [f"{counted}: {lost} lost, {figures['notices_applied_twice']} told twice"]
    for name, taken in zip(("killed", "frozen"), times, strict=True):
        if len(taken) > 1:
            hundredths = quantiles(taken, n=100, method="inclusive")
            said.append(f"takeover from a {name} one p50 {hundredths[49]:.2f} s, p99 {hundredths[98]:.2f} s")
    return "; ".join(said)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--freezes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args(arguments)
    figures: Counter[str] = Counter()
    times = Times([], [])
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(LANES) as pool:
        lanes = []
        for lane in range(LANES):
            place = Path(folder) / str(lane)
            place.mkdir()
            share = [(count + lane) // LANES for count in (wanted.kills, wanted.freezes)]
            lanes.append(pool.submit(strike, place, wanted.seed * LANES + lane, *share))
        for running in lanes:
            counted, taken = running.result()
            figures += counted
            times.kills.extend(taken.kills)
            times.freezes.extend(taken.freezes)
    faults = faults_of(figures, times)
    sys.stdout.write(json.dumps({**figures, "faults": faults}, indent=1) + "\n")
    sys.stdout.write(summary(figures, times) + (f"; FAULTS {faults}" if faults else "") + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
