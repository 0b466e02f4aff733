"""The days and hours of all targets that pages share: what they keep never differs from what the store has."""

import asyncio

import pytest
from histories import measured, run_maintenance
from records import NOON, opened, sample_at, then
from watchkeeper import Runtime, Target
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Batch, BlindInterval, Renamed
from watchkeeper.domain.limits import FLEET_FRESH_NS, FLEET_HOUR_FRESH_NS
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.read_model.days import DayState
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from watchkeeper.host.access.fleet_history import POLICY, FleetHistory

TODAY = NOON.wall_ns // NS_PER_DAY
TARGETS = ("shop", "door")


class CountingReader(StoreReader):
    """Notes the days whose hours or totals it is asked for; may fail behind the first of them."""

    def __init__(self, path):
        super().__init__(path)
        self.asked = []
        self.fails = False

    def days(self, since_ns, until_ns):
        self.asked += range(since_ns // NS_PER_DAY, until_ns // NS_PER_DAY)
        for found in super().days(since_ns, until_ns):
            yield found
            if self.fails:
                raise StoreError("the disk fails")

    def hours(self, since_ns, until_ns):
        self.asked += {hour // 24 for hour in range(since_ns // NS_PER_HOUR, until_ns // NS_PER_HOUR)}
        return super().hours(since_ns, until_ns)


class Reading:
    """Runs questions at once, counts them, and has a clock."""

    def __init__(self, path):
        self.reader = CountingReader(path)
        self.now_ns = NOON.wall_ns
        self.count = 0

    async def __call__(self, work):
        self.count += 1
        return work(self.reader)


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(str(tmp_path / "watch.db"))
    made.open(NOON)
    yield made
    made.close()


@pytest.fixture
def reading(store, tmp_path):
    return Reading(str(tmp_path / "watch.db"))


@pytest.fixture
def fleet(reading):
    return FleetHistory(reading, lambda: reading.now_ns)


def days(fleet, count=4):
    until_day = TODAY + 4
    return asyncio.run(fleet.days(until_day - count, until_day))


def by_the_store(reading, target):
    until_ns = (TODAY + 4) * NS_PER_DAY
    found = [day.rollup for day in reading.reader.daily(target, until_ns - 4 * NS_PER_DAY, until_ns)]
    good, bad = sum(day.good for day in found), sum(day.bad for day in found)
    return good / (good + bad)


def agree(fleet, reading):
    found = days(fleet)
    for target in TARGETS:
        assert found.of(target).uptime == by_the_store(reading, target)


def test_the_uptime_of_days_is_that_of_each_target_before_and_after_sealing(store, fleet, reading):
    store.commit(Batch(samples=measured(40, every_s=600)))
    reading.now_ns += 60 * NS_PER_HOUR
    agree(fleet, reading)
    run_maintenance(store, 75 * NS_PER_HOUR, 150)
    reading.now_ns += 15 * NS_PER_HOUR
    agree(fleet, reading)
    assert reading.reader.unfinished_days() == frozenset()


def test_a_finished_day_is_read_once(store, fleet, reading):
    store.commit(Batch(samples=measured(40, every_s=600)))
    run_maintenance(store, 75 * NS_PER_HOUR, 150)
    reading.now_ns += 75 * NS_PER_HOUR
    before = days(fleet)
    assert TODAY in reading.reader.asked
    reading.reader.asked.clear()
    reading.now_ns += FLEET_HOUR_FRESH_NS
    assert days(fleet) == before
    assert set(reading.reader.asked) == {TODAY + 3}


def test_a_day_that_is_over_and_not_sealed_is_read_once_and_again_when_it_is(store, fleet, reading):
    store.commit(Batch(samples=measured(40, every_s=600)))
    reading.now_ns += 8 * NS_PER_DAY
    span = TODAY, TODAY + 9
    before = asyncio.run(fleet.days(*span))
    assert reading.reader.asked.count(TODAY) == 1
    reading.reader.asked.clear()
    reading.now_ns += FLEET_HOUR_FRESH_NS
    assert asyncio.run(fleet.days(*span)).of("shop") is before.of("shop")
    assert set(reading.reader.asked) == {TODAY + 8}
    run_maintenance(store, 75 * NS_PER_HOUR, 150)
    reading.now_ns += FLEET_FRESH_NS
    assert asyncio.run(fleet.days(*span)) == before
    assert reading.reader.asked.count(TODAY) == 1


def test_days_of_a_reading_that_failed_are_read_again(store, fleet, reading):
    store.commit(Batch(samples=measured(60, every_s=600)))
    run_maintenance(store, 99 * NS_PER_HOUR, 200)
    reading.now_ns += 75 * NS_PER_HOUR
    reading.reader.fails = True
    with pytest.raises(StoreError, match="the disk fails"):
        days(fleet)
    reading.reader.fails = False
    agree(fleet, reading)


def test_a_judge_says_the_same_as_one_that_begins_anew(store, fleet, reading, tmp_path):
    moves = [
        Batch(samples=measured(30, every_s=600)),
        Batch(samples=measured(50, every_s=600), transitions=(opened(),)),
        Batch(transitions=(then(opened(), TransitionKind.RESOLVED),)),
        Batch(blind=(BlindInterval(NOON.wall_ns, NOON.wall_ns + 10 * NS_PER_MINUTE, "suspended"),)),
        Batch(transitions=(opened("inc_2", target="new", opened_at_ns=NOON.wall_ns + NS_PER_DAY),)),
        Batch(samples=(sample_at(3 * NS_PER_DAY, "new"),)),
    ]
    for move in moves:
        store.commit(move)
        reading.now_ns += 14 * NS_PER_HOUR
        assert days(fleet) == days(FleetHistory(reading, lambda: reading.now_ns))


def test_many_pages_within_ten_seconds_are_one_reading(store, fleet, reading):
    store.commit(Batch(samples=measured(2)))
    days(fleet)
    days(fleet)
    assert reading.count == 1
    reading.now_ns += FLEET_FRESH_NS
    days(fleet)
    assert reading.count == 2


def test_late_samples_of_a_finished_day_are_seen(store, fleet, reading):
    made = measured(30, every_s=600)
    store.commit(Batch(samples=made[::3]))
    run_maintenance(store, 75 * NS_PER_HOUR, 150)
    reading.now_ns += 75 * NS_PER_HOUR
    agree(fleet, reading)
    store.commit(Batch(samples=made))
    reading.now_ns += FLEET_HOUR_FRESH_NS
    agree(fleet, reading)


def test_an_incident_marks_its_day_until_it_is_resolved(store, fleet, reading):
    store.commit(Batch(samples=measured(2), transitions=(opened(),)))
    reading.now_ns += NS_PER_HOUR
    (run,) = [run for run in days(fleet).of("shop").runs if run.state is DayState.DOWN]
    assert (run.day, run.lost_ns) == (TODAY, NS_PER_HOUR + NS_PER_S)
    store.commit(Batch(transitions=(then(opened(), TransitionKind.RESOLVED),)))
    reading.now_ns += NS_PER_HOUR
    (run,) = [run for run in days(fleet).of("shop").runs if run.state is DayState.DOWN]
    assert run.lost_ns == 2 * NS_PER_S


def test_an_incident_of_a_draft_marks_no_day(store, fleet):
    store.commit(Batch(samples=(sample_at(0),), transitions=(opened(draft=True),)))
    assert not any(run.lost_ns for run in days(fleet).of("shop").runs)


def test_a_blind_interval_marks_the_day_of_every_target(store, fleet, reading):
    blind = BlindInterval(NOON.wall_ns, NOON.wall_ns + 10 * NS_PER_MINUTE, "suspended")
    store.commit(Batch(samples=(sample_at(0), sample_at(0, "door")), blind=(blind,)))
    reading.now_ns += NS_PER_HOUR
    for target in TARGETS:
        assert [run.day for run in days(fleet).of(target).runs if run.state is DayState.BLIND] == [TODAY]


def test_a_renamed_target_goes_on_with_its_days(store, fleet, reading):
    store.commit(Batch(samples=measured(30)))
    uptime = days(fleet).of("shop").uptime
    store.commit(Batch(renamed=(Renamed("store", ("shop",)),)))
    reading.now_ns += FLEET_FRESH_NS
    found = days(fleet)
    assert found.of("store").uptime == uptime
    assert found.of("shop").uptime is None


def test_the_last_day_has_the_mean_latency_of_each_hour(store, fleet, reading):
    samples = [sample_at(0, latency_ns=4_000_000), sample_at(NS_PER_S, latency_ns=8_000_000)]
    failed = sample_at(NS_PER_HOUR, "door", Outcome.DOWN, latency_ns=None)
    store.commit(Batch(samples=(*samples, failed)))
    reading.now_ns += NS_PER_HOUR
    hours = asyncio.run(fleet.last_day())
    assert hours.latency_ms("shop")[-2:] == [6.0, None]
    assert hours.is_bad("door")[-2:] == [False, True]
    assert hours.latency_ms("unknown") == [None] * 25


def test_the_policy_of_the_kept_days_is_published(store):
    assert POLICY in Runtime(targets=[Target(id="shop", heartbeat={})]).policies()
