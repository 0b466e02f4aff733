"""A disk that is full and freed, and one whose writes and syncs fail, under a `watchkeeper run` that goes on polling.

    python -m tests.system.disk [--faults 12]

The full disk is a small tmpfs, which takes root to mount. The failing one is made by `strace -e inject` on the write-ahead
log: the 1st write or sync fails, the 2nd ..., each in its own process. In every case the store must report its
failure, polling must go on, the store must come back by itself, and the record and the receiver must agree in the end.
Prints the figures as JSON and in one line; the exit status is 0 only when nothing was lost or delivered twice.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore

from tests.system.audit import MUST_BE_NONE
from tests.system.kill import Lane, faults_of
from tests.system.processes import Watch

RECOVERED_WITHIN_S = 30.0
"""The bound of L15 in docs/internal/reliability.md."""
FAILED = "problem: store: "
WELL_AGAIN = "recovered: store"
FAULTS = ("pwrite64:EIO", "pwrite64:ENOSPC", "fdatasync:EIO", "fdatasync:ENOSPC")
FAILURES_IN_A_ROW = 2
"""The second failure strikes the first attempt to recover."""


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Mounts a tmpfs of a size at `place` for the block. Raises: PermissionError where mounting is not allowed."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "watchkeeper", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        raise PermissionError(
            f"a small tmpfs could not be mounted ({mounted.stderr.strip()}): run as root, in a container with"
            " --cap-add SYS_ADMIN"
        )
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Fills a disk to the last page. Returns the file to delete."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return ballast
    raise AssertionError("the disk never filled up")


def fill_and_free(folder: Path) -> Counter[str]:
    """Runs one process whose disk fills up and is freed again. Returns its figures."""
    with small_disk(folder / "disk", "2m") as disk:
        lane = Lane(disk, Random(0), targets=2)
        try:
            figures = _fill_and_free(lane, disk)
            settled = lane.settle()
            return lane.audit() + figures + Counter(unsettled=not settled)
        finally:
            lane.close()


def _fill_and_free(lane: Lane, disk: Path) -> Counter[str]:
    lane.site.down = {"t0"}
    with lane.start() as watch:
        assert lane.receiver.wait_until_applied("opened", 1)
        ballast = fill(disk)
        lane.site.down = {"t0", "t1"}
        full_at = time.monotonic()
        assert watch.lines.wait_for(FAILED), watch.errors.all()
        said_after_s = time.monotonic() - full_at
        asked = lane.site.asked.get("t1", 0)
        assert lane.site.wait_for_questions(10, "t1")
        sent_while_full = len(lane.receiver.applied) - 1
        ballast.unlink()
        freed_at = time.monotonic()
        assert watch.lines.wait_for(WELL_AGAIN, RECOVERED_WITHIN_S), watch.lines.all()
        recovered_after_s = time.monotonic() - freed_at
        told = lane.receiver.wait_until_applied("opened", 2)
        assert watch.stop() == 0, watch.errors.all()
        lane.listen(watch)
    return Counter(
        full_said_after_ms=round(1000 * said_after_s),
        full_recovered_after_ms=round(1000 * recovered_after_s),
        full_polls_meanwhile=lane.site.asked["t1"] - asked,
        full_sent_too_early=sent_while_full,
        full_sent_afterwards=told,
    )


def find_strace() -> str:
    """Returns the path of strace; installs it with apt-get where it is missing. Raises: CalledProcessError where that fails."""
    if shutil.which("strace") is None:
        subprocess.run(["apt-get", "install", "--yes", "--quiet", "strace"], check=True)
    return shutil.which("strace") or "strace"


def tracer(log: Path, store: Path, fault: str, nth: int) -> list[str]:
    """Returns the command that lets the n-th call on the write-ahead log fail, and the next one.

    With `-D` strace is the child, so that the traced process keeps the pid that the test signals.
    """
    call, _, error = fault.partition(":")
    when = f"{nth}..{nth + FAILURES_IN_A_ROW - 1}"
    return [
        *(
            find_strace(),
            "-D",
            "-f",
            "-qq",
            "-o",
            str(log),
            "-P",
            f"{store}-wal",
            "-e",
            f"trace={call}",
            "-e",
            "signal=SIGTERM",
        ),
        *("-e", f"inject={call}:error={error}:when={when}"),
    ]


def make_store(path: Path) -> None:
    """Makes the store before the fault: most writes to a new store are its schema."""
    store = SqliteStore(str(path))
    store.open(SystemClock().read())
    store.close()


def fail_at(folder: Path, fault: str, nth: int) -> Counter[str]:
    """Runs one process in which the n-th write or sync fails, and one without a fault after it. Returns their figures."""
    place = folder / f"{fault.replace(':', '.')}.{nth}"
    place.mkdir()
    lane = Lane(place, Random(0), targets=2)
    log = place / "strace.log"
    try:
        make_store(lane.store)
        lane.site.down = {"t0"}
        with Watch(lane.path, before=tracer(log, lane.store, fault, nth)) as watch:
            figures = _live_through(lane, watch)
            lane.listen(watch)
        figures["calls_failed"] = log.read_text().count("(INJECTED)")
        settled = lane.settle()
        return lane.audit() + figures + Counter(unsettled=not settled)
    finally:
        lane.close()


def _live_through(lane: Lane, watch: Watch) -> Counter[str]:
    """Lets incidents open and resolve until the store has failed and recovered, or the start has failed."""
    if not watch.errors.wait_for("watching: "):
        status = watch.wait()
        assert status in {1, 3}, watch.errors.all()
        return Counter(starts_refused=1)
    # 60 s: each change of the targets brings some writes, and the fault strikes the twelfth at the latest.
    for turn in range(120):
        lane.site.down = {"t1"} if turn % 2 else {"t0"}
        if watch.lines.wait_for(FAILED, 0.5):
            break
    assert watch.lines.wait_for(FAILED, 0.5), "the fault never struck"
    assert lane.site.wait_for_questions(5)
    assert watch.lines.wait_for(WELL_AGAIN, RECOVERED_WITHIN_S), watch.lines.all()
    assert watch.stop() == 0, watch.errors.all()
    return Counter(stores_failed_and_recovered=1)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--faults", type=int, default=12, help="how many calls of each kind fail, one in each process"
    )
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = Counter(dict.fromkeys((*MUST_BE_NONE, "unsettled"), 0))
        figures.update(fill_and_free(folder))
        for fault in FAULTS:
            for nth in range(1, asked.faults + 1):
                figures.update(fail_at(folder, fault, nth))
    sys.stdout.write(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    told = (
        "full_said_after_ms",
        "full_recovered_after_ms",
        "calls_failed",
        "stores_failed_and_recovered",
        "starts_refused",
        *MUST_BE_NONE,
    )
    sys.stdout.write(", ".join(f"{figures[name]} {name}" for name in told) + "\n")
    return 1 if faults_of(figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
