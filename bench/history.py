"""The CPU of reading the history of many targets, each way beside the one it replaced.

    python bench/history.py [--targets 5000] [--days 90] [--hours 7] [--rounds 5] [--quick]

Prints one JSON object: CPU milliseconds, the median of the rounds. The store is synthetic: one roll-up a day of each
target, and one an hour for the newest days (`--hours`: how many days have hours; 90 makes 10.8 million rows).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import apsw
import msgspec
from machine import describe
from sidebyside import by_turns, cpu_ns, median_of
from watchkeeper.adapters.stores.history.stored import TOTALS, Rollup
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR
from watchkeeper.domain.time.moment import Moment

START_NS = 1_767_225_600_000_000_000
FIRST_DAY = START_NS // NS_PER_DAY
OF_ONE_TARGET = ("hourly_24h", "hourly_7d", "daily_30d", "daily_90d", "uptime_30d", "uptime_90d")
"""Readings of one target as a page or a script makes them: short spans by hours, long ones by days."""
LONG_BY_HOURS = ("hourly_30d", "hourly_90d")
"""The same spans with 720 and 2,160 roll-ups: half of the time is their decoding, so these have no bar."""
BARS_MS = {**dict.fromkeys(OF_ONE_TARGET, 5.0), "days_30": 500.0, "uptimes_30d": 500.0}
"""For 5,000 targets; those of many targets have a margin of two to three over an idle machine of 2026."""


def fill(path: str, targets: int, days: int, days_of_hours: int) -> None:
    store = SqliteStore(path)
    store.open(Moment(0, START_NS))
    store.close()
    body = msgspec.msgpack.encode(
        Rollup(120, 118, 1, 1, 118, 2_000_000, 90_000, tuple((number, 5) for number in range(30, 54)))
    )
    ids = range(1, targets + 1)
    connection = apsw.Connection(path)
    connection.pragma("synchronous", 0)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO target VALUES (?, ?)", ((number, f"target-{number}") for number in ids)
    )
    for day in range(FIRST_DAY, FIRST_DAY + days):
        connection.executemany("INSERT INTO daily VALUES (?, ?, ?)", ((day, number, body) for number in ids))
        connection.execute("INSERT INTO rolled_day VALUES (?)", (day,))
    for hour in range((FIRST_DAY + days - days_of_hours) * 24, (FIRST_DAY + days) * 24):
        connection.executemany(
            "INSERT INTO hourly VALUES (?, ?, ?)", ((hour, number, body) for number in ids)
        )
        connection.execute("INSERT INTO sealed_hour VALUES (?)", (hour,))
    connection.execute("COMMIT")
    connection.close()


def question(path: str, sql: str) -> None:
    connection = apsw.Connection(path)
    connection.execute(sql).fetchall()
    connection.close()


def uptimes_by_hours(path: str, first: int, end: int) -> None:
    """The way before: every hour of the span is read, however many whole days it has."""
    counted: dict[int, tuple[int, int]] = {}
    connection = apsw.Connection(path)
    for target, body in connection.execute(
        "SELECT target, body FROM hourly WHERE hour >= ? AND hour < ?", (first, end)
    ):
        rollup = TOTALS.decode(body)
        good, evidence = counted.get(target, (0, 0))
        counted[target] = good + rollup.good, evidence + rollup.good + rollup.bad
    connection.close()


def each_alone(reader: StoreReader, names: tuple[str, ...], since_ns: int, until_ns: int) -> None:
    for name in names:
        reader.daily(name, since_ns, until_ns)


def of_one_target(reader: StoreReader, until_ns: int) -> dict[str, Callable[[], object]]:
    """Every reading of one target, by its name."""
    readings = {"hourly": reader.hourly, "daily": reader.daily, "uptime": reader.uptime}
    spans_ns = {"24h": NS_PER_DAY, "7d": 7 * NS_PER_DAY, "30d": 30 * NS_PER_DAY, "90d": 90 * NS_PER_DAY}
    named = (name.split("_") for name in OF_ONE_TARGET + LONG_BY_HOURS)
    return {
        f"{kind}_{span}": partial(readings[kind], "target-7", until_ns - spans_ns[span], until_ns)
        for kind, span in named
    }


def subjects(path: str, targets: int, until_ns: int, days_of_hours: int) -> dict[str, Callable[[], object]]:
    reader, end = StoreReader(path), until_ns // NS_PER_HOUR
    since_30_ns = until_ns - 30 * NS_PER_DAY
    few = tuple(f"target-{number}" for number in range(1, min(targets, 50) + 1))
    span = min(30, days_of_hours)
    return {
        "min_and_max_in_one_query": partial(question, path, "SELECT min(hour), max(hour) FROM hourly"),
        "min_and_max_by_two": partial(
            question, path, "SELECT (SELECT min(hour) FROM hourly), (SELECT max(hour) FROM hourly)"
        ),
        **of_one_target(reader, until_ns),
        f"daily_of_{len(few)}_targets_each_alone": partial(each_alone, reader, few, since_30_ns, until_ns),
        "days_30": lambda: [len(totals) for _, totals in reader.days(since_30_ns, until_ns)],
        "hours_24": lambda: [len(totals) for _, totals in reader.hours(until_ns - NS_PER_DAY, until_ns)],
        f"uptimes_{span}d_by_hours": partial(uptimes_by_hours, path, end - 24 * span, end),
        f"uptimes_{span}d": partial(reader.uptimes, until_ns - span * NS_PER_DAY, until_ns),
        "uptimes_1d": partial(reader.uptimes, until_ns - NS_PER_DAY, until_ns),
        "uptimes_30d": partial(reader.uptimes, since_30_ns, until_ns),
    }


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=5_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--hours", type=int, default=7, help="days that have hours")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="500 targets: a look, not a figure to quote")
    options = parser.parse_args(arguments)
    targets = 500 if options.quick else options.targets
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "store.db")
        fill(path, targets, options.days, options.hours)
        size_mb = Path(path).stat().st_size / 1e6
        print(f"the store is filled: {size_mb:.0f} MB", file=sys.stderr)
        until_ns = START_NS + options.days * NS_PER_DAY
        asked = subjects(path, targets, until_ns, options.hours)
        rounds = by_turns([partial(cpu_ns, action, 1) for action in asked.values()], options.rounds)
    found = {name: round(median_of(rounds, place) / 1e6, 3) for place, name in enumerate(asked)}
    met = {name: found[name] <= bar for name, bar in BARS_MS.items()}
    setting = {
        "targets": targets,
        "days": options.days,
        "days_of_hours": options.hours,
        "store_mb": round(size_mb),
    }
    print(
        json.dumps(
            {"cpu_ms": found, "bars": BARS_MS, "met": met, "setting": setting, "machine": describe()},
            indent=2,
        )
    )
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
