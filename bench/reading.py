"""How long the state of 5,000 targets takes to read: from the store, as `watchkeeper status` does, and from the runtime.

    python bench/reading.py [--reads 7] [--quick]

Prints one JSON object. The store holds the last hour of every target at a sample every 30 s, raw, and sealed hours
before it. The reading of a target's 90 days is measured by bench/store.py.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from machine import describe
from watchkeeper import Runtime
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.specification.probe import Call
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.launcher.place import StorePlace
from watchkeeper.launcher.see.status import recorded_targets, status_document

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from records import NOON, sample_at

TARGETS = 5_000
SEALED_HOURS = 23
BAR_MS = 100.0
RUN_S = 15.0


def names() -> list[str]:
    return [f"target-{number}" for number in range(TARGETS)]


def fill(path: str, raw_minutes: int) -> int:
    """A day that ends now, in wall nanoseconds: sealed but for its end."""
    store = SqliteStore(path)
    store.open(NOON)
    for after_ns in range(0, SEALED_HOURS * NS_PER_HOUR, 20 * NS_PER_MINUTE):
        commit(store, after_ns)
    seal(store, SEALED_HOURS * NS_PER_HOUR)
    for after_ns in range(0, raw_minutes * NS_PER_MINUTE, 30 * NS_PER_S):
        commit(store, SEALED_HOURS * NS_PER_HOUR + after_ns)
    store.close()
    return NOON.wall_ns + SEALED_HOURS * NS_PER_HOUR + raw_minutes * NS_PER_MINUTE


def commit(store: SqliteStore, after_ns: int) -> None:
    store.commit(
        Batch(samples=tuple(sample_at(after_ns + place * 1_000, name) for place, name in enumerate(names())))
    )


def seal(store: SqliteStore, after_ns: int) -> None:
    later = NOON.shifted(after_ns + limits.SEAL_AFTER_NS)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    for _ in range(SEALED_HOURS * 40):
        store.run_maintenance(later)


def median_ms(read: Callable[[], object], reads: int) -> float:
    seen = []
    for _ in range(reads):
        began = time.perf_counter()
        read()
        seen.append((time.perf_counter() - began) * 1e3)
    return round(statistics.median(seen), 1)


def from_store(reads: int, raw_minutes: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "store.db")
        now_ns = fill(path, raw_minutes)
        print("the store is filled", file=sys.stderr)
        reader = StoreReader(path)
        place = StorePlace(path, tuple(Target(id=name, call=Call(name="check")) for name in names()))

        def verb() -> object:
            return status_document(place, reader, recorded_targets(place, reader, now_ns), now_ns)

        if len(reader.latest(now_ns - NS_PER_DAY, now_ns)) != TARGETS:
            raise RuntimeError("not every target has a sample")
        return {
            "latest_of_all_ms": median_ms(lambda: reader.latest(now_ns - NS_PER_DAY, now_ns), reads),
            "uptime_24h_of_all_ms": median_ms(lambda: reader.uptimes(now_ns - NS_PER_DAY, now_ns), reads),
            "status_verb_ms": median_ms(verb, reads),
        }


def from_runtime(reads: int, seconds: float) -> dict[str, float]:
    """`status()` of a runtime that checks all of them, asked from the host's thread."""
    targets = [Target(id=name, every="10s", call=Call(name="check")) for name in names()]
    runtime = Runtime(targets=targets, callables={"check": lambda: True})
    with runtime:
        time.sleep(seconds)
        seen = sum(target.sample is not None for target in runtime.status().targets)
        return {"read_model_ms": median_ms(runtime.status, reads), "with_a_sample": seen}


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=7)
    parser.add_argument(
        "--quick", action="store_true", help="a shorter raw hour: a look, not a figure to quote"
    )
    options = parser.parse_args(arguments)
    found = from_store(options.reads, 10 if options.quick else 60)
    found |= from_runtime(options.reads, RUN_S)
    met = {
        "store": found["latest_of_all_ms"] <= BAR_MS,
        "read_model": found["read_model_ms"] <= BAR_MS,
    }
    setting = {"targets": TARGETS, "reads": options.reads, "quick": options.quick}
    bars = {"state_ms_max": BAR_MS}
    print(
        json.dumps({**found, "bars": bars, "met": met, "setting": setting, "machine": describe()}, indent=2)
    )
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
