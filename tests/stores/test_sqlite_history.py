"""Samples over months: sealed, summed up, dropped, and read back as one history."""

import zlib

import apsw
import pytest
from histories import ALL, LONG, day_tables, in_file, measured, run_maintenance
from records import NOON, sample_at
from watchkeeper.adapters.stores.history.chunks import pack, unpack
from watchkeeper.adapters.stores.history.stored import Rollup, merged
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreCorrupt
from watchkeeper.domain.incidents.record import Batch, BlindInterval
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.configuration import Retention
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR, format_duration
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


def test_sealing_changes_nothing_that_is_read(store, path):
    samples = measured(60)
    store.commit(Batch(samples=samples))
    reader = StoreReader(path)
    before = [reader.samples(target, *ALL) for target in ("shop", "door")]
    hours = [reader.hourly(target, *ALL) for target in ("shop", "door")]
    days = [reader.daily(target, *ALL) for target in ("shop", "door")]
    run_maintenance(store, 70 * NS_PER_HOUR)
    assert in_file(path, "chunk") == 2 * 60
    assert [reader.samples(target, *ALL) for target in ("shop", "door")] == before
    assert [reader.hourly(target, *ALL) for target in ("shop", "door")] == hours
    assert [reader.daily(target, *ALL) for target in ("shop", "door")] == days
    assert len(before[0]) == len(samples) // 2


def test_targets_sampled_in_one_microsecond_keep_a_sample_each(store, path):
    moments_ns = (0, NS_PER_S)
    store.commit(
        Batch(samples=tuple(sample_at(at_ns, target) for at_ns in moments_ns for target in ("shop", "door")))
    )
    for target in ("shop", "door"):
        kept = StoreReader(path).samples(target, *ALL)
        assert [sample.at_ns - NOON.wall_ns for sample in kept] == list(moments_ns)


def test_half_sealed_history_is_read_as_a_whole(store, path):
    store.commit(Batch(samples=measured(8)))
    before = StoreReader(path).samples("shop", *ALL)
    store.run_maintenance(NOON.shifted(12 * NS_PER_HOUR - limits.HOUSE_SETTLE_NS))
    for _ in range(30):
        store.run_maintenance(NOON.shifted(12 * NS_PER_HOUR))
        assert StoreReader(path).samples("shop", *ALL) == before


@pytest.mark.parametrize("held", [20, 100, 10_000])
def test_sealing_holds_a_bounded_number_of_rows(store, path, monkeypatch, held):
    monkeypatch.setattr(limits, "HOUSE_ROWS_MAX", 7)
    monkeypatch.setattr(limits, "SEAL_ROWS_HELD_MAX", held)
    targets = tuple(f"t{number}" for number in range(9))
    store.commit(Batch(samples=measured(2, targets)))
    before = {target: StoreReader(path).samples(target, *ALL) for target in targets}
    run_maintenance(store, 5 * NS_PER_HOUR, calls=3_000)
    assert in_file(path, "chunk") == 2 * len(targets)
    assert {target: StoreReader(path).samples(target, *ALL) for target in targets} == before


def test_late_and_repeated_samples_join_a_sealed_hour(store, path):
    samples = measured(30)
    store.commit(Batch(samples=samples[::3]))
    run_maintenance(store, 40 * NS_PER_HOUR)
    store.commit(Batch(samples=samples))
    complete = StoreReader(path).samples("shop", *ALL)
    assert len(complete) == len(samples) // 2
    run_maintenance(store, 40 * NS_PER_HOUR)
    reader = StoreReader(path)
    assert reader.samples("shop", *ALL) == complete
    assert merged([hour.rollup for hour in reader.hourly("shop", *ALL)]).count == len(complete)


def test_a_sample_later_than_its_table_joins_the_chunk(store, path):
    samples = measured(30)
    store.commit(Batch(samples=samples[2:]))
    run_maintenance(store, 6 * NS_PER_DAY)
    assert day_tables(path) == []
    store.commit(Batch(samples=samples[:2]))
    reader = StoreReader(path)
    assert len(reader.samples("shop", *ALL)) == 900
    run_maintenance(store, 6 * NS_PER_DAY)
    assert day_tables(path) == []
    assert len(reader.samples("shop", *ALL)) == 900
    assert reader.uptime("shop", *ALL).count == 900


def seal_first_hour(store, path):
    """Runs maintenance until the first hour is sealed. Returns the number of calls that it took."""
    store.run_maintenance(NOON.shifted(3 * NS_PER_HOUR - limits.HOUSE_SETTLE_NS))
    for number in range(1, 1_000):
        store.run_maintenance(NOON.shifted(3 * NS_PER_HOUR))
        if in_file(path, "hourly"):
            return number
    raise AssertionError("the hour was not sealed")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_late_sample_restarts_a_seal_under_way(store, path, tmp_path, monkeypatch, share):
    monkeypatch.setattr(limits, "HOUSE_ROWS_MAX", 5)
    samples = measured(1)
    # Another store of the same samples shows how many calls a seal takes, so that the late sample comes in its midst.
    other = SqliteStore(str(tmp_path / "other.db"), LONG)
    other.open(NOON)
    other.commit(Batch(samples=samples[1:]))
    calls = seal_first_hour(other, str(tmp_path / "other.db"))
    other.close()
    store.commit(Batch(samples=samples[1:]))
    store.run_maintenance(NOON.shifted(3 * NS_PER_HOUR - limits.HOUSE_SETTLE_NS))
    for number in range(300):
        store.run_maintenance(NOON.shifted(3 * NS_PER_HOUR))
        if number == int(calls * share):
            assert in_file(path, "hourly") == 0
            store.commit(Batch(samples=(samples[0],)))
    assert len(StoreReader(path).samples("shop", *ALL)) == len(samples) // 2
    assert StoreReader(path).hourly("shop", *ALL)[0].rollup.count == len(samples) // 2


def test_sealing_resumes_after_a_restart(store, path, monkeypatch):
    monkeypatch.setattr(limits, "HOUSE_ROWS_MAX", 10)
    store.commit(Batch(samples=measured(3)))
    before = StoreReader(path).samples("shop", *ALL)
    for _ in range(12):
        run_maintenance(store, 6 * NS_PER_HOUR, calls=17)
        store.close()
        store.open(NOON)
    assert in_file(path, "chunk") == 6
    assert StoreReader(path).samples("shop", *ALL) == before


@pytest.fixture
def released(store, path, monkeypatch):
    """A store with a day of 720 rows that is sealed and released, and slices of 100 rows."""
    store.commit(Batch(samples=measured(12)))
    run_maintenance(store, 40 * NS_PER_HOUR)
    monkeypatch.setattr(limits, "HOUSE_ROWS_MAX", 100)
    assert len(day_tables(path)) == 1
    return store


def test_a_large_day_is_dropped_in_slices_and_read_as_a_whole_meanwhile(released, path):
    (table,) = day_tables(path)
    reader, left = StoreReader(path), []
    before = reader.samples("shop", *ALL)
    while day_tables(path):
        left.append(in_file(path, table))
        assert released.run_maintenance(NOON.shifted(6 * NS_PER_DAY)) is True
        assert reader.samples("shop", *ALL) == before
    assert left == list(range(720, 0, -100))
    assert released.run_maintenance(NOON.shifted(6 * NS_PER_DAY)) is False


def test_a_late_sample_of_a_day_that_is_half_dropped_joins_its_history(released, path):
    for _ in range(3):
        released.run_maintenance(NOON.shifted(6 * NS_PER_DAY))
    released.commit(Batch(samples=(sample_at(NS_PER_S),)))
    reader = StoreReader(path)
    for _ in range(40):
        assert len(reader.samples("shop", *ALL)) == reader.uptime("shop", *ALL).count == 361
        released.run_maintenance(NOON.shifted(6 * NS_PER_DAY))
    assert day_tables(path) == []
    assert reader.daily("shop", *ALL)[0].rollup.count == 361


def test_each_kind_of_record_has_its_own_retention(store, path):
    store.commit(
        Batch(samples=measured(30), blind=(BlindInterval(NOON.wall_ns, NOON.wall_ns + 1, "stalled"),))
    )
    reader = StoreReader(path)
    run_maintenance(store, 10 * NS_PER_DAY)
    assert day_tables(path) == []
    assert (in_file(path, "chunk"), in_file(path, "hourly"), in_file(path, "daily")) == (60, 60, 4)
    assert any(sample.explanation for sample in reader.samples("shop", *ALL))
    run_maintenance(store, 25 * NS_PER_DAY)
    assert in_file(path, "explanation") == 0
    assert len(reader.samples("shop", *ALL)) == 900
    run_maintenance(store, 40 * NS_PER_DAY)
    assert (in_file(path, "chunk"), in_file(path, "hourly")) == (0, 60)
    run_maintenance(store, 100 * NS_PER_DAY)
    assert (in_file(path, "hourly"), in_file(path, "daily"), in_file(path, "blind")) == (0, 4, 1)
    run_maintenance(store, 800 * NS_PER_DAY)
    assert (in_file(path, "daily"), in_file(path, "blind")) == (0, 0)


def test_uptime_is_one_figure_across_every_kind(store, path):
    samples = measured(100)
    store.commit(Batch(samples=samples))
    reader = StoreReader(path)
    raw = reader.uptime("shop", *ALL)
    good = [sample.outcome in {Outcome.UP, Outcome.DEGRADED} for sample in samples if sample.target == "shop"]
    assert (raw.count, raw.good) == (len(good), sum(good))
    assert 0.9 < raw.uptime < 1
    for days in (5, 40, 100):
        run_maintenance(store, days * NS_PER_DAY)
        assert reader.uptime("shop", *ALL) == raw
    assert reader.uptime("shop", NOON.wall_ns + 1, ALL[1]).count == 88 * 30, (
        "the first half day has no hours left"
    )


def test_uptime_of_a_part_of_a_day_is_by_hours(store, path):
    store.commit(Batch(samples=measured(30)))
    reader = StoreReader(path)
    for _ in range(2):
        since_ns = NOON.wall_ns + 2 * NS_PER_HOUR
        assert reader.uptime("shop", since_ns, since_ns + 24 * NS_PER_HOUR).count == 24 * 30
        assert reader.uptime("shop", NOON.wall_ns - NS_PER_HOUR, ALL[1]).count == 30 * 30
        run_maintenance(store, 3 * NS_PER_DAY)


def test_the_latency_percentile_is_close(store, path):
    store.commit(
        Batch(
            samples=tuple(
                sample_at(number * NS_PER_S, latency_ns=number * 10**6) for number in range(1, 1001)
            )
        )
    )
    rollup = StoreReader(path).uptime("shop", *ALL)
    assert 0.95 * 10**9 <= rollup.latency_at_ns(0.95) <= 1.25 * 0.95 * 10**9
    assert rollup.latency_at_ns(1.0) == 10**9
    assert (rollup.latency_sum_us * 1_000 // rollup.timed) == 500_500_000


def test_an_outage_does_not_make_the_history_look_fast(store, path):
    """Answered in 80 ms for a minute, then refused in a fifth of one, not answered in ten seconds, and doubted."""
    answered = [(Outcome.UP, Reason.OK), (Outcome.DEGRADED, Reason.CONDITION_FAILED)] * 30
    wrong = [(Outcome.DOWN, Reason.CONDITION_FAILED)] * 40
    refused = [(Outcome.DOWN, Reason.CONNECTION_REFUSED)] * 1_000
    late = [(Outcome.TIMED_OUT, Reason.TIMED_OUT)] * 500
    doubted = [(Outcome.UNKNOWN, Reason.BLIND), (Outcome.CANCELLED, Reason.CANCELLED)] * 250
    took_ns = {Reason.CONNECTION_REFUSED: 200_000, Reason.BLIND: 200_000, Reason.TIMED_OUT: 10 * NS_PER_S}
    store.commit(
        Batch(
            samples=tuple(
                sample_at(
                    second * NS_PER_S,
                    outcome=outcome,
                    reason=reason,
                    latency_ns=took_ns.get(reason, 80_000_000),
                )
                for second, (outcome, reason) in enumerate([*answered, *wrong, *refused, *late, *doubted])
            )
        )
    )
    reader = StoreReader(path)
    for days in (0, 2, 10, 40, 100):
        run_maintenance(store, days * NS_PER_DAY)
        rollup = reader.uptime("shop", *ALL)
        assert (rollup.count, rollup.good, rollup.bad, rollup.unknown) == (2_100, 60, 1_540, 500)
        assert (rollup.timed, rollup.latency_sum_us, rollup.latency_max_us) == (100, 8_000_000, 80_000)
        assert (
            rollup.latency_max_us * 1_000
            == rollup.latency_at_ns(0.01)
            == rollup.latency_at_ns(1.0)
            == 80_000_000
        )
    assert in_file(path, "hourly") == 0, "the last figures were those of the day alone"


def test_hours_that_were_summed_up_before_are_read_as_they_are(store, path):
    """Sums from when a refusal was timed too: they cannot be taken apart, and merge with what is summed up now."""
    hour = Rollup(3, 1, 2, 0, 3, 80_400, 80_000, ((26, 2), (60, 1)))
    as_written = bytes.fromhex("980301020003ce00013a10ce0001388092921a02923c01")
    store.commit(Batch(samples=(sample_at(0), sample_at(NS_PER_HOUR, latency_ns=80_000_000))))
    run_maintenance(store, 3 * NS_PER_HOUR)
    connection = apsw.Connection(path)
    connection.execute("UPDATE hourly SET body = ? WHERE hour = ?", (as_written, NOON.wall_ns // NS_PER_HOUR))
    connection.close()
    before, now = StoreReader(path).hourly("shop", *ALL)
    assert before.rollup == hour
    assert now.rollup.buckets == hour.buckets[1:]
    assert merged([before.rollup, now.rollup]).latency_sum_us == 160_400


@pytest.mark.parametrize(
    ("wall_ns", "is_left_out"),
    [
        (0, True),
        (-NS_PER_S, True),
        (limits.SAMPLE_WALL_NS_MIN - 1, True),
        (limits.SAMPLE_WALL_NS_MIN, False),
        (limits.SAMPLE_WALL_NS_MAX - 1, False),
        (limits.SAMPLE_WALL_NS_MAX, True),
        (253_402_300_799 * NS_PER_S, True),
        (10**15 * NS_PER_S, True),
    ],
)
def test_a_clock_gone_mad_makes_no_table(store, path, wall_ns, is_left_out):
    mad = sample_at(0)
    mad = type(mad)(target="shop", epoch=1, attempt=1, at=Moment(0, wall_ns), outcome=Outcome.UP)
    left_out = store.commit(Batch(samples=(mad, sample_at(0))))
    assert len(day_tables(path)) == 2 - is_left_out
    assert left_out == is_left_out


def test_a_wandering_clock_makes_a_bounded_number_of_tables(store, path):
    left_out = store.commit(Batch(samples=tuple(sample_at(day * NS_PER_DAY) for day in range(500))))
    assert len(day_tables(path)) == limits.DAY_TABLES_MAX
    assert left_out == 500 - limits.DAY_TABLES_MAX


def test_the_longest_retention_leaves_a_table_for_every_day(path):
    longest = format_duration(limits.RAW_SAMPLES_NS_MAX)
    store = SqliteStore(path, Retention(samples=longest, history="90d"))
    store.open(NOON)
    for day in range(limits.DAY_TABLES_MAX + 6):
        assert store.commit(Batch(samples=(sample_at(day * NS_PER_DAY),))) == 0
        run_maintenance(store, day * NS_PER_DAY, calls=60)
    store.close()


def test_a_clock_that_jumps_ahead_drops_nothing_at_once(store, path):
    store.commit(Batch(samples=measured(60)))
    run_maintenance(store, 70 * NS_PER_HOUR)
    before = StoreReader(path).samples("shop", *ALL)
    monotonic_ns = NOON.monotonic_ns + 70 * NS_PER_HOUR
    for second in range(0, limits.HOUSE_SETTLE_NS // NS_PER_S, 30):
        ahead = Moment(monotonic_ns + second * NS_PER_S, NOON.wall_ns + (3_650 * 86_400 + second) * NS_PER_S)
        store.run_maintenance(ahead)
    assert StoreReader(path).samples("shop", *ALL) == before


def test_days_from_a_clock_that_was_ahead_are_sealed(store, path):
    store.commit(Batch(samples=(sample_at(300 * NS_PER_DAY),)))
    run_maintenance(store, NS_PER_DAY)
    assert in_file(path, "chunk") == 1
    assert in_file(path, "rolled_day") == 1


def test_a_sealed_sample_takes_at_most_eight_bytes(store, path):
    store.commit(Batch(samples=measured(10, every_s=30)))
    run_maintenance(store, 20 * NS_PER_HOUR)
    connection = apsw.Connection(path)
    size, count = connection.execute(
        "SELECT sum(pgsize), (SELECT count(*) FROM chunk) FROM dbstat WHERE name='chunk'"
    ).get
    connection.close()
    assert size / (count * 120) <= 8


def test_chunks_keep_every_extreme():
    rows = [(0, 1, None, None), (1, 200, -(2**31) + 1, 0), (3_599_999_999, 1, 2**31 - 1, 2**32 - 2)]
    assert list(zip(*unpack(pack(rows)), strict=True)) == rows


@pytest.mark.parametrize(
    "data",
    [b"", b"\x02abc", b"\x01abc", pack([(1, 1, None, None)])[:-6]]
    + [b"\x01" + zlib.compress(bytes(size)) for size in (0, 4, 12, 17, 20)],
)
def test_a_damaged_chunk_is_named(data):
    with pytest.raises(StoreCorrupt, match="chunk"):
        unpack(data)


def test_a_damaged_chunk_is_an_error_of_the_store_to_its_readers(store, path):
    store.commit(Batch(samples=measured(10)))
    run_maintenance(store, 20 * NS_PER_HOUR)
    store.close()
    connection = apsw.Connection(path)
    connection.execute("UPDATE chunk SET data = substr(data, 1, length(data) - 6)")
    connection.close()
    with pytest.raises(StoreCorrupt, match=r"a chunk of [0-9]+ bytes does not read back"):
        StoreReader(path).samples("shop", *ALL)
    with pytest.raises(StoreCorrupt, match=r"a chunk of [0-9]+ bytes does not read back"):
        StoreReader(path).latest(*ALL)


def test_targets_are_known_by_name(store, path):
    store.commit(Batch(samples=measured(1)))
    assert StoreReader(path).targets() == ("door", "shop")
    assert StoreReader(path).samples("unknown", *ALL) == ()
    assert StoreReader(path).uptime("unknown", *ALL).uptime is None
