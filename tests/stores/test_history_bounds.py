"""History at its bounds: of spans, of the clock, of retention and of a slice."""

import random
from contextlib import suppress
from itertools import pairwise

import apsw
import pytest
from histories import ALL, LONG, START_NS, day_tables, in_file, measured, run_maintenance
from records import NOON, sample_at
from watchkeeper.adapters.stores.history.stored import Rollup, merged, roll_up
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.record import Batch, BlindInterval, Silence
from watchkeeper.domain.observation.evidence import Evidence
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR
from watchkeeper.domain.time.moment import NS_PER_S, Moment


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "watch.db")


@pytest.fixture
def store(path):
    made = SqliteStore(path, LONG)
    made.open(NOON)
    yield made
    made.close()


MIDNIGHT_NS = 12 * NS_PER_HOUR
"""The end of the first day, counted from noon."""
EDGES_NS = (0, 1_000, NS_PER_HOUR - 1_000, NS_PER_HOUR, MIDNIGHT_NS - 1_000, MIDNIGHT_NS, MIDNIGHT_NS + 1_000)
BOUNDS_NS = sorted(
    {
        NOON.wall_ns + edge_ns + off_ns
        for edge_ns in (*EDGES_NS, 2 * NS_PER_HOUR, -MIDNIGHT_NS, MIDNIGHT_NS + NS_PER_DAY)
        for off_ns in (-1, 0, 1)
    }
)


def spans_agree(reader):
    """Each question about a span is answered with what begins in it: the bound before it counts, the one after it does not."""
    whole = {read: read("shop", *ALL) for read in (reader.samples, reader.hourly, reader.daily)}
    ends = [*pairwise(BOUNDS_NS), *((bound, ALL[1]) for bound in BOUNDS_NS)]
    for since_ns, until_ns in [*ends, *((ALL[0], bound) for bound in BOUNDS_NS)]:
        samples, hours, _ = (
            tuple(each for each in found if since_ns <= each.at_ns < until_ns) for found in whole.values()
        )
        assert reader.samples("shop", since_ns, until_ns) == samples
        assert reader.latest(since_ns, until_ns) == ({"shop": samples[-1]} if samples else {})
        assert reader.hourly("shop", since_ns, until_ns) == hours
        assert reader.daily("shop", since_ns, until_ns) == tuple(
            day for day in whole[reader.daily] if since_ns <= day.at_ns < until_ns
        )
        assert reader.uptime("shop", since_ns, until_ns) == merged([hour.rollup for hour in hours])
        assert reader.uptimes(since_ns, until_ns) == ({"shop": 1.0} if hours else {})


@pytest.mark.parametrize("calls", [0, 30, 100])
def test_a_span_holds_what_begins_in_it(store, path, calls):
    store.commit(Batch(samples=tuple(sample_at(after_ns) for after_ns in EDGES_NS)))
    reader = StoreReader(path)
    assert [each.at_ns - NOON.wall_ns for each in reader.samples("shop", *ALL)] == list(EDGES_NS)
    run_maintenance(store, 3 * NS_PER_DAY, calls)
    spans_agree(reader)
    if calls == 100:
        run_maintenance(store, 6 * NS_PER_DAY)
        assert day_tables(path) == []
        spans_agree(reader)


def test_a_day_without_its_hours_counts_where_all_of_it_is_asked_for(store, path):
    store.commit(Batch(samples=measured(30)))
    for days in (10, 100):
        run_maintenance(store, days * NS_PER_DAY)
    assert in_file(path, "hourly") == 0
    reader = StoreReader(path)
    first, second = reader.daily("shop", *ALL)
    for (since_ns, until_ns), whole in {
        (START_NS, START_NS + NS_PER_DAY): [],
        (NOON.wall_ns - MIDNIGHT_NS, NOON.wall_ns + MIDNIGHT_NS): [first],
        (NOON.wall_ns - MIDNIGHT_NS, NOON.wall_ns + MIDNIGHT_NS - 1): [],
        (NOON.wall_ns - MIDNIGHT_NS + 1, NOON.wall_ns + MIDNIGHT_NS + NS_PER_DAY): [second],
        (NOON.wall_ns - MIDNIGHT_NS, NOON.wall_ns + MIDNIGHT_NS + NS_PER_DAY): [first, second],
    }.items():
        assert reader.uptime("shop", since_ns, until_ns) == merged([day.rollup for day in whole])


def test_late_samples_of_a_dropped_day_are_read_at_once(store, path):
    hours = range(-12, 12)
    store.commit(Batch(samples=tuple(sample_at(hour * NS_PER_HOUR) for hour in hours)))
    run_maintenance(store, 6 * NS_PER_DAY)
    assert day_tables(path) == []
    assert in_file(path, "sealed_hour") == 0
    reader = StoreReader(path)
    for count, hour in enumerate((-12, 3, 11), 25):
        store.commit(Batch(samples=(sample_at(hour * NS_PER_HOUR + NS_PER_S),)))
        assert len(reader.samples("shop", *ALL)) == reader.uptime("shop", *ALL).count == count
        run_maintenance(store, 6 * NS_PER_DAY, calls=80)
        assert day_tables(path) == []
        assert len(reader.samples("shop", *ALL)) == reader.daily("shop", *ALL)[0].rollup.count == count


def test_a_day_that_is_dropped_leaves_the_next_one_sealed(store, path):
    store.commit(Batch(samples=(sample_at(0), sample_at(NS_PER_DAY))))
    run_maintenance(store, MIDNIGHT_NS + 2 * NS_PER_DAY - 1, calls=150)
    assert (in_file(path, "sealed_hour"), len(day_tables(path))) == (48, 2)
    run_maintenance(store, MIDNIGHT_NS + 2 * NS_PER_DAY, calls=1)
    assert (in_file(path, "sealed_hour"), len(day_tables(path))) == (24, 1)


def test_a_late_sample_of_a_day_that_is_summed_up_joins_the_sum(store, path):
    store.commit(Batch(samples=measured(30)))
    run_maintenance(store, 40 * NS_PER_HOUR)
    store.commit(Batch(samples=(sample_at(NS_PER_HOUR + 1_000),)))
    for _ in range(2):
        assert StoreReader(path).daily("shop", *ALL)[0].rollup.count == 361
        run_maintenance(store, 40 * NS_PER_HOUR)


def test_the_first_sample_of_a_moment_stays(store, path):
    """Another one for it changes nothing: while it is raw, sealed, and when its table is gone."""
    store.commit(Batch(samples=(sample_at(0), sample_at(0, "door", Outcome.DOWN))))
    reader = StoreReader(path)
    kept = reader.samples("shop", *ALL)
    for after_ns in (0, 3 * NS_PER_HOUR, 6 * NS_PER_DAY):
        run_maintenance(store, after_ns)
        store.commit(Batch(samples=(sample_at(0, outcome=Outcome.DOWN, status=500),)))
        for _ in range(2):
            assert reader.samples("shop", *ALL) == kept
            assert reader.latest(*ALL)["shop"] == kept[0]
            assert reader.uptimes(*ALL) == {"shop": 1.0, "door": 0.0}
            run_maintenance(store, after_ns)


def test_figures_beyond_a_column_are_sealed_as_its_ends(store, path):
    said = [(-(2**40), 0), (-(2**31) + 1, 2**32 - 2), (2**31 - 1, 2**32 - 1), (2**40, 2**50)]
    store.commit(
        Batch(
            samples=tuple(
                sample_at(second * NS_PER_S, status=status, latency_ns=latency_us * 1_000)
                for second, (status, latency_us) in enumerate(said)
            )
        )
    )
    run_maintenance(store, 3 * NS_PER_HOUR)
    assert [(each.status, each.latency_ns) for each in StoreReader(path).samples("shop", *ALL)] == [
        (-(2**31) + 1, 0),
        (-(2**31) + 1, (2**32 - 2) * 1_000),
        (2**31 - 1, (2**32 - 2) * 1_000),
        (2**31 - 1, (2**32 - 2) * 1_000),
    ]


SETTLE_NS, STEP_NS, ROUND_NS = limits.HOUSE_SETTLE_NS, limits.HOUSE_STEP_NS, limits.HOUSE_EVERY_NS


@pytest.mark.parametrize(
    ("calls", "sealed"),
    [
        ([(SETTLE_NS - 1, 0)], 0),
        ([(SETTLE_NS, 0)], 2),
        ([(SETTLE_NS, STEP_NS)], 2),
        ([(SETTLE_NS, -STEP_NS)], 2),
        ([(SETTLE_NS, STEP_NS + 1)], 0),
        ([(SETTLE_NS, -STEP_NS - 1)], 0),
        ([(SETTLE_NS, STEP_NS)] * 9, 6),
        ([(SETTLE_NS, 0), (1, STEP_NS + 1)], 0),
        ([(SETTLE_NS, 2 * STEP_NS)] * 9, 0),
        ([(SETTLE_NS, 0)] + [(1, STEP_NS // 2 + 1)] * 3, 1),
        ([(SETTLE_NS, 0)] + [(ROUND_NS, STEP_NS // 2 + 1)] * 3, 3),
    ],
)
def test_a_clock_is_trusted_that_kept_step_for_long_enough(store, path, calls, sealed):
    """Each call comes so long after the one before, while the wall clock has gained so much; two calls seal an hour."""
    store.commit(Batch(samples=(sample_at(0),)))
    now = NOON.shifted(5 * NS_PER_HOUR)
    store.run_maintenance(now)
    for after_ns, gained_ns in calls:
        now = Moment(now.monotonic_ns + after_ns, now.wall_ns + after_ns + gained_ns)
        store.run_maintenance(now)
    for _ in range(3):
        store.run_maintenance(now)
    assert in_file(path, "sealed_hour") == sealed


@pytest.mark.parametrize(
    ("now_ns", "sealed"), [(limits.SEAL_AFTER_NS - 1, 0), (limits.SEAL_AFTER_NS, 1), (NS_PER_HOUR, 1)]
)
def test_an_hour_is_sealed_some_minutes_after_its_end(store, path, now_ns, sealed):
    store.commit(Batch(samples=(sample_at(0), sample_at(NS_PER_HOUR))))
    run_maintenance(store, NS_PER_HOUR + now_ns)
    assert in_file(path, "chunk") == sealed


def test_tomorrow_may_be_another_clock_and_the_day_after_is_not(store, path):
    store.commit(Batch(samples=(sample_at(NS_PER_DAY, "door"), sample_at(2 * NS_PER_DAY))))
    run_maintenance(store, NS_PER_S)
    assert in_file(path, "chunk WHERE hour / 24 = 2 + (SELECT min(hour) / 24 - 2 FROM sealed_hour)") == 1
    assert in_file(path, "chunk") == 1


DROPPED_NS = {
    "chunk": NS_PER_HOUR + 30 * NS_PER_DAY,
    "hourly": NS_PER_HOUR + 90 * NS_PER_DAY,
    "daily": MIDNIGHT_NS + 730 * NS_PER_DAY,
    "rolled_day": MIDNIGHT_NS + 730 * NS_PER_DAY,
    "explanation": 20 * NS_PER_DAY + 1_000,
    "evidence": 20 * NS_PER_DAY + 1_000,
    "blind": 730 * NS_PER_DAY + 1,
    "silence": 730 * NS_PER_DAY + 1,
    "sqlite_schema WHERE name GLOB 'sample_*'": MIDNIGHT_NS + 2 * NS_PER_DAY,
}
"""When what was recorded at noon has been over for as long as it is kept."""


@pytest.mark.parametrize("table", DROPPED_NS)
def test_a_record_is_kept_to_the_end_of_its_time(store, path, table):
    store.commit(
        Batch(
            samples=(sample_at(0, outcome=Outcome.DOWN),),
            evidence=(Evidence(target="shop", at_ns=NOON.wall_ns, body="no luck"),),
            blind=(BlindInterval(NOON.wall_ns - 1, NOON.wall_ns, "stalled"),),
            silences=(Silence(id="all", until_ns=NOON.wall_ns),),
        )
    )
    run_maintenance(store, 2 * NS_PER_DAY, calls=100)
    run_maintenance(store, DROPPED_NS[table] - 1, calls=3)
    assert in_file(path, table) == 1
    run_maintenance(store, DROPPED_NS[table], calls=3)
    assert in_file(path, table) == 0


@pytest.mark.parametrize(("early_ns", "sealed"), [(1, 1), (0, 0)])
def test_late_samples_of_a_dropped_hour_are_dropped_with_it(store, path, early_ns, sealed):
    store.commit(Batch(samples=(sample_at(0),)))
    run_maintenance(store, DROPPED_NS["chunk"] - early_ns, calls=100)
    assert in_file(path, "chunk") == in_file(path, "hourly") == sealed
    assert day_tables(path) == []


def test_other_samples_do_not_delay_a_seal_under_way(store, path, monkeypatch):
    monkeypatch.setattr(limits, "HOUSE_ROWS_MAX", 5)
    store.commit(Batch(samples=measured(1)))
    later = NOON.shifted(3 * NS_PER_HOUR)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    for second in range(40):
        store.run_maintenance(later)
        store.commit(Batch(samples=(sample_at(3 * NS_PER_HOUR + second * NS_PER_S),)))
    assert in_file(path, "sealed_hour") >= 1
    assert in_file(path, "chunk") == 2


@pytest.mark.parametrize(("targets", "slices"), [(4, 2), (5, 3)])
def test_a_day_is_summed_up_in_slices_of_as_many_rows(store, path, monkeypatch, targets, slices):
    """Of two targets, where a slice has 48 rows: one for each hour of each."""
    store.commit(Batch(samples=tuple(sample_at(0, f"t{number}") for number in range(targets))))
    later = NOON.shifted(NS_PER_DAY)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    while in_file(path, "sealed_hour") < 24:
        store.run_maintenance(later)
    monkeypatch.setattr(limits, "HOUSE_ROWS_MAX", 48)
    for number in range(1, slices + 1):
        store.run_maintenance(later)
        assert in_file(path, "daily") == min(2 * number, targets)
        assert in_file(path, "rolled_day") == (number == slices)


@pytest.mark.parametrize(
    ("targets", "each", "held", "slices"),
    [
        (1, 7, 24, 3),
        (1, 40, 24, 10),
        (2, 40, 24, 21),
        (4, 6, 24, 9),
        (4, 6, 23, 12),
        (9, 6, 24, 26),
        (9, 40, 24, 118),
    ],
)
def test_an_hour_is_sealed_in_bounded_slices_and_passes(
    store, path, monkeypatch, targets, each, held, slices
):
    """A slice reads or writes six rows and at most one target more; a pass ends when more rows are held than may be."""
    monkeypatch.setattr(limits, "HOUSE_ROWS_MAX", 6)
    monkeypatch.setattr(limits, "SEAL_ROWS_HELD_MAX", held)
    store.commit(
        Batch(
            samples=tuple(
                sample_at(second * NS_PER_S, f"t{number}")
                for second in range(each)
                for number in range(targets)
            )
        )
    )
    later = NOON.shifted(3 * NS_PER_HOUR)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    while in_file(path, "sealed_hour WHERE hour % 24 < 12") < 12:
        store.run_maintenance(later)
    taken = 0
    while not in_file(path, "sealed_hour WHERE hour % 24 = 12"):
        store.run_maintenance(later)
        taken += 1
    assert taken == slices
    assert StoreReader(path).uptime("t0", *ALL).count == each


# Interruptions.


@pytest.fixture
def interruptions():
    """Raises KeyboardInterrupt in the place of each commit for which this list holds True, first to last."""
    coming = []

    def trace(_connection, sql, _bindings):
        if sql == "COMMIT" and coming and coming.pop(0):
            raise KeyboardInterrupt
        return True

    def watch(connection):
        connection.exec_trace = trace

    apsw.connection_hooks.append(watch)
    yield coming
    apsw.connection_hooks.remove(watch)


def test_a_commit_that_is_interrupted_can_be_made_again(interruptions, path):
    store = SqliteStore(path, LONG)
    store.open(NOON)
    batch = Batch(samples=measured(1))
    interruptions.append(True)
    with pytest.raises(KeyboardInterrupt):
        store.commit(batch)
    assert StoreReader(path).targets() == ()
    store.commit(batch)
    assert len(StoreReader(path).samples("shop", *ALL)) == len(batch.samples) // 2
    store.close()


def test_maintenance_that_is_interrupted_loses_no_sample(interruptions, path):
    store = SqliteStore(path, LONG)
    store.open(NOON)
    store.commit(Batch(samples=measured(3)))
    before = StoreReader(path).samples("shop", *ALL)
    chance = random.Random(5)
    interruptions.extend(chance.random() < 0.2 for _ in range(200))
    later = NOON.shifted(6 * NS_PER_HOUR)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    while interruptions:
        with suppress(KeyboardInterrupt):
            store.run_maintenance(later)
        assert StoreReader(path).samples("shop", *ALL) == before
    assert (in_file(path, "chunk"), in_file(path, "sealed_hour")) == (6, 17)
    store.close()


# Roll-ups.


@pytest.mark.parametrize(
    ("share", "latency_us"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (0.76, 4), (1.0, 4)]
)
def test_a_share_of_the_answers_took_no_longer(share, latency_us):
    rows = [(number, 1, None, number) for number in (1, 2, 3, 4)]
    assert roll_up(rows, {1: (Outcome.UP, Reason.OK)}).latency_at_ns(share) == latency_us * 1_000


def test_nothing_sums_up_to_nothing():
    nothing = merged([])
    assert nothing == roll_up([], {}) == Rollup()
    assert (nothing.uptime, nothing.latency_at_ns(0.5)) == (None, None)
