"""The cost of the record: samples committed against bare apsw, bytes in sealed history, and reading 90 days back.

    python bench/store.py [--pairs 5] [--batches 100] [--evidence]

Prints one JSON object; with `--evidence` only what a bad sample costs, in a second. A pair writes the same rows twice in one process, by turns: `SqliteStore.commit` of Samples and
apsw `executemany` of tuples made beforehand, into the same table under the same settings; the ratio is the median of
the pairs' ratios. History is 90 days of a sample every 30 s, with lateness and latency as noisy as they really are.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
from machine import describe
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.observation.evidence import evidence_of
from watchkeeper.domain.observation.observation import Phases
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.configuration import Retention
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, NS_PER_US

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from records import NOON, sample_at

BATCH = 1_000
TARGETS = 400
DAYS = 90
EVERY_NS = 30 * NS_PER_S
WATCHED = ("shop", "door")
READS = 5
HOUSE_CALLS_PER_DAY = 200
BAD_SAMPLES = 10_000
BARS = {"ratio_min": 0.5, "sealed_bytes_per_sample_max": 8.0, "read_90_days_ms_max": 50.0}

TABLE = """
CREATE TABLE sample (at_us INTEGER NOT NULL, target INTEGER NOT NULL, finding INTEGER NOT NULL, status INTEGER,
    latency_us INTEGER, PRIMARY KEY (at_us, target)) STRICT, WITHOUT ROWID
"""


def batches(count: int) -> list[tuple[Sample, ...]]:
    """Rounds over the targets in the order of time."""
    chance = random.Random(1)
    return [
        tuple(
            sample_at(
                (number * BATCH + place) * NS_PER_MS,
                f"target-{place % TARGETS}",
                latency_ns=int(chance.lognormvariate(15.4, 0.4)),
            )
            for place in range(BATCH)
        )
        for number in range(count)
    ]


def bare_rows(samples: tuple[Sample, ...]) -> list[tuple[int, int, int, int, int]]:
    midnight_us = NOON.wall_ns // NS_PER_DAY * (NS_PER_DAY // NS_PER_US)
    return [
        (
            sample.at.wall_ns // NS_PER_US - midnight_us,
            int(sample.target.partition("-")[2]) + 1,
            1,
            200,
            sample.latency_ns // NS_PER_US,
        )
        for sample in samples
    ]


def rate(write: Callable[[object], None], work: list) -> float:
    """Rows a second by the wall clock, syncs included."""
    began = time.perf_counter()
    for part in work:
        write(part)
    return len(work) * BATCH / (time.perf_counter() - began)


def ours(folder: Path, work: list[tuple[Sample, ...]]) -> float:
    store = SqliteStore(str(folder / "ours.db"))
    store.open(NOON)
    try:
        return rate(lambda samples: store.commit(Batch(samples=samples)), work)
    finally:
        store.close()


def bare(folder: Path, work: list[list]) -> float:
    connection = apsw.Connection(str(folder / "bare.db"))
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "FULL")
    connection.execute(TABLE)

    def write(rows: object) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR IGNORE INTO sample VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")

    try:
        return rate(write, work)
    finally:
        connection.close()


def writing(pairs: int, count: int) -> dict[str, float]:
    work = batches(count)
    rows = [bare_rows(samples) for samples in work]
    seen = []
    for _ in range(pairs):
        with tempfile.TemporaryDirectory() as folder:
            seen.append((ours(Path(folder), work), bare(Path(folder), rows)))
    return {
        "samples_per_second": round(statistics.median(mine for mine, _ in seen)),
        "bare_rows_per_second": round(statistics.median(theirs for _, theirs in seen)),
        "ratio": round(statistics.median(mine / theirs for mine, theirs in seen), 3),
    }


def day_of_samples(day: int, chance: random.Random) -> Iterator[Sample]:
    """One day: up to 2 ms late, about 5 ms of latency, one in five hundred not up."""
    for grid_ns in range(0, NS_PER_DAY, EVERY_NS):
        for target in WATCHED:
            late_ns = chance.randrange(2 * NS_PER_MS)
            latency_ns = int(chance.lognormvariate(15.4, 0.4))
            outcome = Outcome.DOWN if chance.random() < 0.002 else Outcome.UP
            yield sample_at(day * NS_PER_DAY + grid_ns + late_ns, target, outcome, latency_ns=latency_ns)


def fill(path: str) -> None:
    """Ninety days, sealed and summed up as they go by."""
    kept = Retention(
        samples="24h", history=f"{2 * DAYS}d", hourly=f"{2 * DAYS}d", failed_samples=f"{2 * DAYS}d"
    )
    chance = random.Random(2)
    store = SqliteStore(path, kept)
    store.open(NOON)
    store.run_maintenance(NOON.shifted((1 - DAYS) * NS_PER_DAY + NS_PER_HOUR - limits.HOUSE_SETTLE_NS))
    for day in range(-DAYS, 0):
        store.commit(Batch(samples=tuple(day_of_samples(day, chance))))
        now = NOON.shifted((day + 1) * NS_PER_DAY + NS_PER_HOUR)
        store.run_maintenance(now.shifted(-limits.HOUSE_SETTLE_NS))
        for _ in range(HOUSE_CALLS_PER_DAY):
            store.run_maintenance(now)
    store.close()


def sealed_bytes(path: str) -> float:
    """Whole pages of the chunk table, over the samples in it."""
    connection = apsw.Connection(path)
    size = connection.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'chunk'").get
    connection.close()
    since_ns = NOON.wall_ns - 2 * DAYS * NS_PER_DAY
    count = sum(StoreReader(path).uptime(target, since_ns, NOON.wall_ns).count for target in WATCHED)
    return size / count


def best_ms(read: Callable[..., object], *asked: object) -> float:
    seen = []
    for _ in range(READS):
        began = time.perf_counter()
        read(*asked)
        seen.append((time.perf_counter() - began) * 1e3)
    return round(statistics.median(seen), 2)


def history() -> dict[str, float]:
    span = (WATCHED[0], NOON.wall_ns - DAYS * NS_PER_DAY, NOON.wall_ns)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "history.db")
        fill(path)
        reader = StoreReader(path)
        return {
            "sealed_bytes_per_sample": round(sealed_bytes(path), 2),
            "read_90_days_hourly_ms": best_ms(reader.hourly, *span),
            "read_90_days_daily_ms": best_ms(reader.daily, *span),
            "read_90_days_uptime_ms": best_ms(reader.uptime, *span),
            "read_90_days_every_sample_ms": best_ms(reader.samples, *span),
        }


def evidence_bytes() -> dict[str, float]:
    """Whole pages of a bad sample's explanation, and of its evidence with as long a body as is kept."""
    phases = Phases(dns_ns=900_000, connect_ns=1_100_000, first_byte_ns=5_300_000, transfer_ns=200_000)
    failed = ("[STATUS] (503) == 200",)
    samples = tuple(
        sample_at(
            number * NS_PER_S,
            outcome=Outcome.DOWN,
            reason=Reason.CONDITION_FAILED,
            ip="192.0.2.17",
            phases=phases,
            failed=failed,
            body="x" * limits.EVIDENCE_BODY_BYTES_MAX,
        )
        for number in range(BAD_SAMPLES)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "bad.db")
        store = SqliteStore(path)
        store.open(NOON)
        store.commit(Batch(samples=samples, evidence=tuple(filter(None, map(evidence_of, samples)))))
        store.close()
        connection = apsw.Connection(path)
        tables = dict(
            connection.execute(
                "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) GROUP BY 1"
            )
        )
        connection.close()
    return {
        "explanation_bytes_per_bad_sample": round(tables["explanation"] / BAD_SAMPLES),
        "evidence_bytes_per_bad_sample": round(tables["evidence"] / BAD_SAMPLES),
    }


def main(arguments: list[str]) -> int:
    """Measure all and print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--evidence", action="store_true", help="only the bytes of a bad sample")
    options = parser.parse_args(arguments)
    if options.evidence:
        print(json.dumps(evidence_bytes(), indent=2))
        return 0
    figures: dict[str, object] = {**writing(options.pairs, options.batches), **history(), **evidence_bytes()}
    met = {
        "ratio": figures["ratio"] >= BARS["ratio_min"],
        "sealed_bytes_per_sample": figures["sealed_bytes_per_sample"] <= BARS["sealed_bytes_per_sample_max"],
        "read_90_days": figures["read_90_days_hourly_ms"] <= BARS["read_90_days_ms_max"],
    }
    print(json.dumps({**figures, "bars": BARS, "met": met, "machine": describe()}, indent=2))
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
