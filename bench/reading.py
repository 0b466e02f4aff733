"""How long the state of 5,000 targets takes to read: from the store, as `watchkeeper status` does, and from the runtime; and that of
50,000 which other nodes run, from the database.

    python bench/reading.py [--reads 7] [--quick] [--nodes-only]

Prints one JSON object. The store holds the last hour of every target at a sample every 30 s, raw, and sealed hours
before it. The reading of a target's 90 days is measured by bench/store.py.

A PostgreSQL of its own has 16 shards, with a sample of each target a minute for half an hour, a checkpoint of each, and an open incident of one
in 500. `first` is the first question of a node, `later` one after five seconds in which a twelfth of the targets had another sample: the median
by the wall clock, and the least processor time of this process. `kept_bytes` is the memory that the node keeps for each target meanwhile.
"""

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec
import psycopg
from machine import describe
from watchkeeper import Runtime
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.opening import OwnedStore, make_store
from watchkeeper.adapters.stores.postgres.samples.blocks import pack_block
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.cluster.placement import shard_of_text
from watchkeeper.domain.incidents.record import Batch, Checkpoint
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.rules.watch import saved_up
from watchkeeper.domain.specification.probe import Call
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from watchkeeper.domain.time.moment import NS_PER_S, Moment
from watchkeeper.host.sharing.recorded_status import Recorded
from watchkeeper.launcher.place import StorePlace
from watchkeeper.launcher.see.status import recorded_targets, status_document
from watchkeeper.protocol.recorder import GetStatus

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from databases import new_store, schema_of
from postgres_server import PostgresServer
from records import NOON, opened, sample_at

TARGETS = 5_000
SEALED_HOURS = 23
BAR_MS = 100.0
RUN_S = 15.0
OTHERS, SHARDS, EVERY_S, BAD_EVERY = 50_000, 16, 60, 500
LATER_S = 5
LATER_BAR_MS = 100.0
US_PER_S, US_PER_HOUR = 1_000_000, 3_600_000_000


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


class OtherNodes:
    """The stores of all shards of a database, each with its targets."""

    def __init__(self, url: str, now: Moment) -> None:
        self.names = [f"target-{number}" for number in range(OTHERS)]
        self._now, self._second = now, 0
        named = defaultdict[int, list[str]](list)
        for name in self.names:
            named[shard_of_text(name, SHARDS)].append(name)
        self.of_shards = {shard: self._first(url, shard, mine) for shard, mine in named.items()}

    def _first(self, url: str, shard: int, mine: list[str]) -> tuple[OwnedStore, list[str]]:
        store, now = make_store(url, shard=shard), self._now
        store.open(now)
        state, bad = msgspec.msgpack.encode([saved_up(now.wall_ns - NS_PER_HOUR)]), mine[::BAD_EVERY]
        samples = [
            _sample(name, now.shifted(-NS_PER_S * (place % EVERY_S))) for place, name in enumerate(mine)
        ]
        store.commit(
            Batch(
                samples=tuple(samples),
                transitions=tuple(opened(f"inc_{name}", target=name, at_ns=now.wall_ns) for name in bad),
                checkpoints=tuple(Checkpoint(name, state, now.wall_ns) for name in mine),
            )
        )
        return store, mine

    def fill(self, dsn: str, schema: str, minutes: int) -> None:
        """Writes a block of each shard for each second before the first samples."""
        end_us = self._now.wall_ns // 1_000 - EVERY_S * US_PER_S
        with psycopg.connect(dsn) as connection:
            connection.execute(f"SET search_path = {schema}")
            numbers = {name: number for number, name in connection.execute("SELECT id, name FROM target")}
            ok = connection.execute("SELECT id FROM finding WHERE reason = 'ok'").fetchone()[0]
            statement = "COPY block (shard, hour, number, data) FROM STDIN"
            with connection.cursor().copy(statement) as copy:
                for shard, (_, mine) in self.of_shards.items():
                    for second in range(minutes * 60):
                        hour, at_us = divmod(end_us - second * US_PER_S, US_PER_HOUR)
                        due = mine[second % EVERY_S :: EVERY_S]
                        rows = [
                            (at_us, numbers[name], ok, 200, 1_000 + place) for place, name in enumerate(due)
                        ]
                        copy.write_row((shard, hour, -second, pack_block(rows)))

    def go_on(self) -> None:
        """Writes the samples of some seconds."""
        for _ in range(LATER_S):
            self._second += 1
            now = SystemClock().read()
            for store, mine in self.of_shards.values():
                due = mine[self._second % EVERY_S :: EVERY_S]
                store.commit(Batch(samples=tuple(_sample(name, now) for name in due)))

    def close(self) -> None:
        for store, _ in self.of_shards.values():
            store.close()


def _sample(name: str, at: Moment) -> Sample:
    fields = {"outcome": Outcome.UP, "reason": Reason.OK, "latency_ns": 5_000_000, "status": 200}
    return Sample(target=name, epoch=1, attempt=at.monotonic_ns, at=at, **fields)


def _timed(read: Callable[[], object]) -> tuple[float, float]:
    """The milliseconds by the wall clock and of processor time."""
    began = time.perf_counter(), time.thread_time()
    read()
    return (time.perf_counter() - began[0]) * 1e3, (time.thread_time() - began[1]) * 1e3


def from_other_nodes(reads: int, minutes: int) -> dict[str, float]:
    with PostgresServer() as server:
        url = new_store(server, SHARDS)
        nodes = OtherNodes(url, SystemClock().read())
        nodes.fill(server.socket_dsn, schema_of(url), minutes)
        print("the database is filled", file=sys.stderr)
        targets = [Target(id=name, every=f"{EVERY_S}s", call=Call(name="check")) for name in nodes.names]

        def node() -> Recorded:
            return Recorded(url, targets, SystemClock())

        first = [_timed(lambda: node().answer(GetStatus(), "")) for _ in range(reads)]
        kept, later = node(), []
        for _ in range(reads + 1):
            later.append(_timed(lambda: kept.answer(GetStatus(), "")))
            nodes.go_on()
        if sum(row.sample is not None for row in kept.answer(GetStatus(), "").targets) != OTHERS:
            raise RuntimeError("not every target has a sample")
        del later[0]
        del kept
        gc.collect()
        tracemalloc.start()
        kept = node()
        kept.answer(GetStatus(), "")
        gc.collect()
        kept_bytes = tracemalloc.get_traced_memory()[0] / OTHERS
        tracemalloc.stop()
        nodes.close()
    return {
        "other_nodes_first_ms": round(statistics.median(wall for wall, _ in first), 1),
        "other_nodes_first_cpu_ms": round(min(cpu for _, cpu in first), 1),
        "other_nodes_later_ms": round(statistics.median(wall for wall, _ in later), 1),
        "other_nodes_later_cpu_ms": round(min(cpu for _, cpu in later), 1),
        "other_nodes_kept_bytes": round(kept_bytes),
    }


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=7)
    parser.add_argument(
        "--quick", action="store_true", help="a shorter raw hour: a look, not a figure to quote"
    )
    parser.add_argument("--nodes-only", action="store_true", help="nothing but the targets of other nodes")
    options = parser.parse_args(arguments)
    found = from_other_nodes(options.reads, 3 if options.quick else 30)
    met = {"other_nodes": found["other_nodes_later_cpu_ms"] <= LATER_BAR_MS}
    if not options.nodes_only:
        found |= from_store(options.reads, 10 if options.quick else 60)
        found |= from_runtime(options.reads, RUN_S)
        met |= {
            "store": found["latest_of_all_ms"] <= BAR_MS,
            "read_model": found["read_model_ms"] <= BAR_MS,
        }
    setting = {"targets": TARGETS, "reads": options.reads, "quick": options.quick}
    bars = {"state_ms_max": BAR_MS, "other_nodes_later_cpu_ms_max": LATER_BAR_MS}
    print(
        json.dumps({**found, "bars": bars, "met": met, "setting": setting, "machine": describe()}, indent=2)
    )
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
