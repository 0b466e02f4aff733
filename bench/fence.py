"""The cost of the ownership of a store: CPU of a commit with the fence and without, and of a second of an idle process.

    python bench/fence.py [--commits 3000] [--seconds 20] [--quick]

Prints one JSON object. The same batches of ten samples are committed to two stores by turns: one as it is, one whose commits neither
compare nor advance the row of the owner. `fence_us` is the median of the differences of two commits of one batch. CPU is that of the thread, the kernel's work
for the syncs included. An idle process has one target that is
never checked and a store in a file: as it is, without beats, and standing by for another process.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe
from watchkeeper.adapters.stores.ownership.tenure_table import TenureTable
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.record import Batch

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from records import NOON, sample_at

NS_PER_MS = 1_000_000
BATCH = 10
BARS = {"commit_us_max": 60.0, "idle_us_per_s_max": 2_000.0, "standby_us_per_s_max": 10_000.0}
IDLE = """
import sys, time
from watchkeeper.domain import limits
store, seconds, kind = sys.argv[1], float(sys.argv[2]), sys.argv[3]
if kind == "without":
    limits.TENURE_BEAT_NS = 10**18
from watchkeeper import Heartbeat, Runtime, Target
with Runtime(store=store, targets=[Target(id="job", every="1h", heartbeat=Heartbeat())]) as runtime:
    time.sleep(2)
    before = time.process_time_ns()
    time.sleep(seconds)
    print((time.process_time_ns() - before) / 1000 / seconds, runtime.role)
"""


class UnfencedTable(TenureTable):
    """A tenure whose commits leave its row alone."""

    def _advance(self, statement: str) -> None:
        pass


def opened(path: Path) -> SqliteStore:
    store = SqliteStore(str(path))
    store.open(NOON)
    return store


def committing(count: int) -> dict[str, float]:
    """Returns the CPU of a commit in microseconds, and what the fence is of that."""
    took_us: dict[str, list[float]] = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as folder:
        stores = {kind: opened(Path(folder) / kind) for kind in took_us}
        bare = stores["without"]._session.tenure  # noqa: SLF001  # no store can be without it
        bare.__class__ = UnfencedTable
        for number in range(count):
            samples = (sample_at((number * BATCH + place) * NS_PER_MS, f"t{place}") for place in range(BATCH))
            batch = Batch(samples=tuple(samples))
            # Each goes first as often as the other.
            for kind in sorted(stores, reverse=bool(number % 2)):
                began_ns = time.thread_time_ns()
                stores[kind].commit(batch)
                took_us[kind].append((time.thread_time_ns() - began_ns) / 1_000)
        bare.__class__ = TenureTable
        for store in stores.values():
            store.close()
    differences = [mine - other for mine, other in zip(*took_us.values(), strict=True)]
    return {
        "commit_us": round(statistics.median(took_us["with"]), 1),
        "commit_without_us": round(statistics.median(took_us["without"]), 1),
        "fence_us": round(statistics.median(differences), 1),
    }


def idle(store: Path, seconds: float, kind: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", IDLE, str(store), str(seconds), kind], stdout=subprocess.PIPE, text=True
    )


def said_by(process: subprocess.Popen[str], role: str) -> float:
    """Returns what an idle process has spent. Raises: SystemExit where it had another role."""
    spent, _, found = process.communicate()[0].strip().partition(" ")
    if found != role:
        raise SystemExit(f"an idle process was {found or 'ended'}, not {role}")
    return round(float(spent))


def idling(seconds: float) -> dict[str, float]:
    """Returns the microseconds of CPU in a second of three kinds of idle processes, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        found = {
            f"idle_{kind}_beats_us_per_s": said_by(idle(Path(folder) / kind, seconds, kind), "active")
            for kind in ("with", "without")
        }
        store = Path(folder) / "watch.db"
        active = idle(store, seconds + 10, "with")
        while not store.exists():
            time.sleep(0.1)
        # Until the row names the owner: the other one would take the store otherwise.
        time.sleep(2)
        found["standby_us_per_s"] = said_by(idle(store, seconds, "with"), "standby")
        said_by(active, "active")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commits", type=int, default=3_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    commits, seconds = (300, 3.0) if given.quick else (given.commits, given.seconds)
    found = {**committing(commits), **idling(seconds)}
    met = {
        "fence": found["fence_us"] <= BARS["commit_us_max"],
        "idle": found["idle_with_beats_us_per_s"] <= BARS["idle_us_per_s_max"],
        "standby": found["standby_us_per_s"] <= BARS["standby_us_per_s_max"],
    }
    setting = {"commits": commits, "samples_a_commit": BATCH, "seconds": seconds}
    result = {
        "machine": describe(),
        **found,
        "bars": BARS,
        "met": met,
        "setting": setting,
        "quick": given.quick,
    }
    print(json.dumps(result, indent=2))
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
