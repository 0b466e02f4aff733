"""The record in PostgreSQL: samples a second beside SQLite, processor time of client and server, and write-ahead log.

    python bench/postgres.py [--pairs 5] [--commits 4000]

Prints one JSON object. A server of its own runs in a temporary folder with durable settings, as the tests have it. The same batches of 1,000
samples are committed to SQLite and to PostgreSQL by turns, and the ratio is the median of the pairs; then batches of 50, as one second of a
small fleet has, are counted in processor time of this process and of the server's processes, and in bytes of log (without the pages that
the first change after a checkpoint copies whole).
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from machine import describe

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from databases import new_store
from postgres_server import PostgresServer
from records import NOON
from store import batches
from watchkeeper.adapters.stores.opening import make_store
from watchkeeper.domain.incidents.record import Batch

BATCH, SMALL = 1_000, 50
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
BARS = {"ratio_min": 0.6, "us_per_sample_max": 20.0, "log_bytes_per_sample_max": 20.0}


def rate(place: str, work: Iterable[tuple]) -> float:
    """Samples a second by the wall clock, syncs included."""
    store = make_store(place)
    store.open(NOON)
    store.commit(Batch(samples=work[0]))
    began = time.perf_counter()
    for samples in work[1:]:
        store.commit(Batch(samples=samples))
    took_s = time.perf_counter() - began
    store.close()
    return (len(work) - 1) * BATCH / took_s


def ratios(server: PostgresServer, pairs: int) -> dict[str, float]:
    work, found = batches(60), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(pairs):
            sqlite = rate(str(Path(folder) / f"{number}.db"), work)
            found.append((sqlite, rate(new_store(server), work)))
    return {
        "sqlite_per_s": round(statistics.median(sqlite for sqlite, _ in found)),
        "postgres_per_s": round(statistics.median(postgres for _, postgres in found)),
        "ratio": round(statistics.median(postgres / sqlite for sqlite, postgres in found), 2),
    }


def server_s(server: PostgresServer) -> float:
    """Processor seconds of all processes of the server."""
    first = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == first or int(status.parent.name) == first:
            total += int(words[11]) + int(words[12])
    return total * TICK_S


def small_batches(server: PostgresServer, commits: int) -> dict[str, float]:
    large = batches((commits + 1) * SMALL // BATCH + 1)
    work = [part[first : first + SMALL] for part in large for first in range(0, BATCH, SMALL)]
    store = make_store(new_store(server))
    store.open(NOON)
    # The statements are prepared, the names are numbered, and the pages were written since the checkpoint.
    for samples in work[:200]:
        store.commit(Batch(samples=samples))
    server.sql("CHECKPOINT")
    for samples in work[200:400]:
        store.commit(Batch(samples=samples))
    begun, log = (time.process_time(), server_s(server)), _log(server)
    for samples in work[400:]:
        store.commit(Batch(samples=samples))
    ours_s, theirs_s = time.process_time() - begun[0], server_s(server) - begun[1]
    count, written = (
        (len(work) - 400) * SMALL,
        [now - then for now, then in zip(_log(server), log, strict=True)],
    )
    store.close()
    return {
        "client_us_per_sample": round(ours_s / count * 1e6, 1),
        "server_us_per_sample": round(theirs_s / count * 1e6, 1),
        "us_per_sample": round((ours_s + theirs_s) / count * 1e6, 1),
        "log_bytes_per_sample": round(written[0] / count, 1),
        "whole_pages_in_log": written[1],
    }


def _log(server: PostgresServer) -> tuple[int, int]:
    """Bytes of log, and pages that it has whole."""
    size, pages = server.sql("SELECT wal_bytes, wal_fpi FROM pg_stat_wal").split("|")
    return int(size), int(pages)


def judged(found: dict[str, float]) -> dict[str, object]:
    passed = (
        found["ratio"] >= BARS["ratio_min"]
        and found["us_per_sample"] <= BARS["us_per_sample_max"]
        and found["log_bytes_per_sample"] <= BARS["log_bytes_per_sample_max"]
    )
    return {**found, "bars": BARS, "passed": passed}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--commits", type=int, default=4_000)
    given = parser.parse_args()
    with PostgresServer() as server:
        found = ratios(server, given.pairs) | small_batches(server, given.commits)
    said = judged(found) | {"machine": describe()}
    print(json.dumps(said, indent=1))
    return 0 if said["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
