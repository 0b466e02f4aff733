"""A read of history takes the steps of its own span: a longer record makes it no dearer."""

import apsw
import msgspec
import pytest
from watchkeeper.adapters.stores.history.chunks import pack
from watchkeeper.adapters.stores.history.history import History
from watchkeeper.adapters.stores.history.overview import Overview
from watchkeeper.adapters.stores.history.sqlite_source import SqliteSource
from watchkeeper.adapters.stores.history.stored import Rollup
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR
from watchkeeper.domain.time.moment import Moment

FIRST_DAY = 20_454
START_NS = FIRST_DAY * NS_PER_DAY
TARGETS = 20
BODY = msgspec.msgpack.encode(Rollup(count=1, good=1, timed=1, latency_sum_us=7, latency_max_us=7))
CHUNK = pack([(0, 1, 200, 7)])


def connected(path, days):
    """A record of so many days whose hours are all sealed and summed up."""
    store = SqliteStore(str(path))
    store.open(Moment(0, START_NS))
    store.close()
    connection = apsw.Connection(str(path))
    rows = range(1, TARGETS + 1)
    with connection:
        connection.execute("INSERT INTO finding VALUES (1, ?, ?)", (str(Outcome.UP), str(Reason.OK)))
        connection.executemany("INSERT INTO target VALUES (?, ?)", ((row, f"t{row}") for row in rows))
        for day in range(FIRST_DAY, FIRST_DAY + days):
            connection.execute("INSERT INTO rolled_day VALUES (?)", (day,))
            connection.executemany("INSERT INTO daily VALUES (?, ?, ?)", ((day, row, BODY) for row in rows))
        for hour in range(FIRST_DAY * 24, (FIRST_DAY + days) * 24):
            connection.execute("INSERT INTO sealed_hour VALUES (?)", (hour,))
            for table, value in (("hourly", BODY), ("chunk", CHUNK)):
                connection.executemany(
                    f"INSERT INTO {table} VALUES (?, ?, ?)",  # noqa: S608 - one of two names
                    ((hour, row, value) for row in rows),
                )
    return connection


def steps(connection, read):
    """The instructions that SQLite runs for a read."""
    count = [0]

    def tick():
        count[0] += 1
        return False

    connection.set_progress_handler(tick, 1)
    read()
    connection.set_progress_handler(None)
    return count[0]


READS = {
    "the hours of a day of one target": lambda history, _, end_ns: history.hourly(
        end_ns - NS_PER_DAY, end_ns
    ),
    "the days of one target": lambda history, _, end_ns: history.daily(end_ns - 5 * NS_PER_DAY, end_ns),
    "the newest samples": lambda _, overview, end_ns: overview.latest(end_ns - 7 * NS_PER_DAY, end_ns),
    "the uptimes of five days": lambda _, overview, end_ns: overview.uptimes(end_ns - 5 * NS_PER_DAY, end_ns),
    "one day of all targets": lambda _, overview, end_ns: overview.day(end_ns // NS_PER_DAY - 1),
    "one hour of all targets": lambda _, overview, end_ns: overview.hour(end_ns // NS_PER_HOUR - 1),
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cost")
    made = {days: connected(folder / f"{days}.db", days) for days in (8, 64)}
    yield made
    for connection in made.values():
        connection.close()


@pytest.mark.parametrize("name", READS)
def test_a_longer_record_takes_no_more_steps(name, records):
    taken = []
    for days, connection in records.items():
        history, overview = History(SqliteSource(connection), "t7"), Overview(SqliteSource(connection))
        end_ns = START_NS + days * NS_PER_DAY
        assert READS[name](history, overview, end_ns)
        taken.append(steps(connection, lambda: READS[name](history, overview, end_ns)))  # noqa: B023
    short, long = taken
    # The marks of days and hours, which are few, are read whole.
    assert long <= short + 4 * (64 - 8) * 24, taken


def test_the_newest_samples_are_looked_up_in_the_newest_hour(records):
    overview, end_ns = Overview(SqliteSource(records[8])), START_NS + 8 * NS_PER_DAY
    day, week = (
        steps(records[8], lambda: overview.latest(end_ns - days * NS_PER_DAY, end_ns))  # noqa: B023
        for days in (1, 7)
    )
    assert week <= day + 10


def test_the_uptime_of_whole_days_is_read_from_days(records):
    overview, end_ns = Overview(SqliteSource(records[64])), START_NS + 64 * NS_PER_DAY
    day, month = (
        steps(records[64], lambda: overview.uptimes(end_ns - days * NS_PER_DAY, end_ns))  # noqa: B023
        for days in (1, 30)
    )
    assert month <= 30 * day
    assert month < 30 * 24 * TARGETS


def test_the_uptime_of_whole_days_reads_no_hour_of_them(records):
    connection = records[64]
    history, end_ns = History(SqliteSource(connection), "t7"), START_NS + 64 * NS_PER_DAY
    since_ns = end_ns - 60 * NS_PER_DAY
    by_days = steps(connection, lambda: history.daily(since_ns, end_ns))
    by_hours = steps(connection, lambda: history.hourly(since_ns, end_ns))
    summed = steps(connection, lambda: history.total(since_ns, end_ns))
    assert summed < 2 * by_days < by_hours / 4

    # The hours of a part of a day are read, and no others.
    assert history.total(since_ns - 5 * NS_PER_HOUR, end_ns - 3 * NS_PER_HOUR).count == 59 + 5 + 21
