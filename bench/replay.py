"""The time and the memory of a replay: recorded samples of many targets through a configuration, in virtual time.

    python bench/replay.py [--targets 100] [--days 30] [--every 30] [--quick]

Prints one JSON object: seconds of CPU, microseconds a sample, and the peak of the memory. The store is synthetic: sealed hours, in
which each target has an outage of some minutes about once a day. It is replayed twice: `counts` has the default rules, by which only
hours that are not wholly good are judged sample by sample; `thresholds` has a rule on response times too, by which every hour is.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import apsw
from machine import describe
from watchkeeper import (
    Channel,
    Configuration,
    Consecutive,
    Http,
    Log,
    NoData,
    Route,
    RuntimeOptions,
    Target,
    Threshold,
)
from watchkeeper.adapters.stores.history.chunks import pack
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.time.moment import Moment
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR
from watchkeeper.testing.replaying.replay import replay

START_NS = 1_767_225_600_000_000_000
FIRST_HOUR = START_NS // NS_PER_HOUR
UP, DOWN = 1, 2
BAR_S = 60.0
"""For 100 targets, 30 days and a check every 30 seconds, in CPU seconds, whatever the rules are."""


def fill(path: str, targets: int, days: int, every_s: int) -> int:
    """Writes sealed hours; returns the number of samples."""
    store = SqliteStore(path)
    store.open(Moment(0, START_NS))
    store.close()
    dice = random.Random(1)  # for figures, not for secrets
    connection = apsw.Connection(path)
    connection.pragma("synchronous", 0)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO finding VALUES (?, ?, ?)", [(UP, "up", "ok"), (DOWN, "down", "connection_refused")]
    )
    names = [(number, f"target-{number}") for number in range(1, targets + 1)]
    connection.executemany("INSERT INTO target VALUES (?, ?)", names)
    count = 0
    for hour in range(FIRST_HOUR, FIRST_HOUR + days * 24):
        for number, _ in names:
            ill = dice.random() < 1 / 24
            begin_s = dice.randrange(3_000) if ill else 3_600
            rows = [
                (
                    (at_s + number % every_s) * 1_000_000 + 137,
                    DOWN if begin_s <= at_s < begin_s + 360 else UP,
                    None if begin_s <= at_s < begin_s + 360 else 200,
                    20_000 + dice.randrange(5_000),
                )
                for at_s in range(0, 3_600 - every_s + 1, every_s)
            ]
            count += len(rows)
            connection.execute("INSERT INTO chunk VALUES (?, ?, ?)", (hour, number, pack(rows)))
        connection.execute("INSERT INTO sealed_hour VALUES (?)", (hour,))
    connection.execute("COMMIT")
    connection.close()
    return count


def configuration(targets: int, every_s: int, *, thresholds: bool) -> Configuration:
    rules = [Consecutive(id="down"), NoData(id="silent", after="10m")]
    if thresholds:
        rules.append(Threshold(id="slow", value=500, window="10m", aggregate="p95"))
    return Configuration(
        runtime=RuntimeOptions(notify=()),
        channels=[Channel(id="ops", log=Log())],
        routes=[Route(to=["ops"])],
        targets=[
            Target(
                id=f"target-{number}",
                every=f"{every_s}s",
                http=Http(url=f"http://{number}.example/"),
                rules=rules,
                flapping=False,
            )
            for number in range(1, targets + 1)
        ],
    )


def measure(path: str, configuration: Configuration, days: int, samples: int) -> dict[str, float]:
    """Replays a store through a configuration."""
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s = time.process_time()
    found = replay(StoreReader(path), configuration, START_NS, START_NS + days * NS_PER_DAY)
    took_s = time.process_time() - began_s
    after_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "incidents": len(found.replayed),
        "notices": len(found.taken),
        "cpu_s": round(took_s, 1),
        "us_a_sample": round(took_s * 1e6 / samples, 2),
        "memory_added_mb": round((after_kb - before_kb) / 1024, 1),
    }


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--every", type=int, default=30, help="seconds")
    parser.add_argument("--quick", action="store_true", help="a run of 10 targets and 2 days")
    asked = parser.parse_args(arguments)
    targets, days = (10, 2) if asked.quick else (asked.targets, asked.days)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "watch.db"))
        samples = fill(path, targets, days, asked.every)
        rows = {
            name: measure(
                path, configuration(targets, asked.every, thresholds=name == "thresholds"), days, samples
            )
            for name in ("counts", "thresholds")
        }
    met = {name: row["cpu_s"] < BAR_S for name, row in rows.items()}
    summary = {"targets": targets, "days": days, "samples": samples, **rows}
    print(json.dumps({**summary, "bars": {"cpu_s_max": BAR_S}, "met": met, "machine": describe()}, indent=2))
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
