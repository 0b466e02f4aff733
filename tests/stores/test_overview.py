"""All targets read at once give the same as each target read alone, before and after sealing."""

import random

import apsw
import pytest
from records import NOON, sample_at
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreCorrupt
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.configuration import Retention
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR
from watchkeeper.domain.time.moment import NS_PER_S

KEPT = Retention(samples="24h", history="30d", hourly="90d", daily="730d", failed_samples="60d")
TARGETS = {"often": 60, "seldom": 5_400, "ended": 600}
"""Seconds between the samples of each; one has had none for the second half."""


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(str(tmp_path / "watch.db"), KEPT)
    made.open(NOON)
    yield made
    made.close()


@pytest.fixture
def reader(tmp_path):
    return StoreReader(str(tmp_path / "watch.db"))


def samples(hours):
    chance = random.Random(3)
    made = [
        sample_at(
            second * NS_PER_S + chance.randrange(10**6),
            target,
            chance.choices(list(Outcome), [90, 2, 2, 2, 2, 2])[0],
        )
        for target, every_s in TARGETS.items()
        for second in range(0, hours * 3_600 // (2 if target == "ended" else 1), every_s)
    ]
    return tuple(sorted(made, key=lambda sample: sample.at.wall_ns))


def spans(hours):
    """From any moment to any later one, and all of it."""
    chance = random.Random(4)
    ends = [sorted(chance.randrange(hours * NS_PER_HOUR) for _ in range(2)) for _ in range(6)]
    whole = (-NS_PER_DAY, hours * NS_PER_HOUR + NS_PER_DAY)
    return [(NOON.wall_ns + since_ns, NOON.wall_ns + until_ns) for since_ns, until_ns in (*ends, whole)]


def each_alone(reader, since_ns, until_ns):
    found = {target: reader.samples(target, since_ns, until_ns) for target in TARGETS}
    return {target: seen[-1] for target, seen in found.items() if seen}


def uptime_alone(reader, target, since_ns, until_ns):
    hours = [hour.rollup for hour in reader.hourly(target, since_ns, until_ns)]
    good, bad = sum(hour.good for hour in hours), sum(hour.bad for hour in hours)
    return good / (good + bad) if good + bad else None


def all_agree(reader, hours):
    for span in spans(hours):
        assert reader.latest(*span) == each_alone(reader, *span)
        alone = {target: uptime_alone(reader, target, *span) for target in TARGETS}
        assert reader.uptimes(*span) == {
            target: uptime for target, uptime in alone.items() if uptime is not None
        }
        days_and_hours_agree(reader, *span)


def days_and_hours_agree(reader, since_ns, until_ns):
    for read, alone in ((reader.days, reader.daily), (reader.hours, reader.hourly)):
        whole = list(read(since_ns, until_ns))
        assert [at_ns for at_ns, _ in whole] == sorted(at_ns for at_ns, _ in whole)
        for target in TARGETS:
            found = [(at_ns, totals[target]) for at_ns, totals in whole if target in totals]
            assert found == [(each.at_ns, each.rollup.totals) for each in alone(target, since_ns, until_ns)]


def run_maintenance(store, after_ns, calls):
    later = NOON.shifted(after_ns)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    for _ in range(calls):
        store.run_maintenance(later)


def test_an_overview_of_raw_samples_is_what_each_target_says(store, reader):
    store.commit(Batch(samples=samples(30)))
    all_agree(reader, 30)


def test_an_overview_agrees_at_every_step_of_sealing(store, reader):
    store.commit(Batch(samples=samples(5)))
    store.run_maintenance(NOON.shifted(9 * NS_PER_HOUR - limits.HOUSE_SETTLE_NS))
    for _ in range(16):
        store.run_maintenance(NOON.shifted(9 * NS_PER_HOUR))
        all_agree(reader, 5)


def test_an_overview_of_sealed_and_dropped_days_agrees(store, reader):
    store.commit(Batch(samples=samples(60)))
    run_maintenance(store, 75 * NS_PER_HOUR, 400)
    all_agree(reader, 60)


def test_a_late_sample_in_a_sealed_hour_is_in_the_overview(store, reader):
    made = samples(30)
    store.commit(Batch(samples=made[:-40:2]))
    run_maintenance(store, 75 * NS_PER_HOUR, 400)
    store.commit(Batch(samples=made))
    all_agree(reader, 30)


def test_a_target_without_evidence_has_no_uptime(store, reader):
    store.commit(Batch(samples=(sample_at(0, outcome=Outcome.UNKNOWN), sample_at(0, "often"))))
    for hours in (0, 5):
        run_maintenance(store, hours * NS_PER_HOUR, 40)
        assert reader.uptimes(NOON.wall_ns, NOON.wall_ns + NS_PER_HOUR) == {"often": 1.0}


def test_an_overview_of_an_empty_store_is_empty(store, reader):
    store.commit(Batch())
    assert reader.latest(0, NOON.wall_ns) == {}
    assert reader.uptimes(0, NOON.wall_ns) == {}


def test_rows_whose_names_are_gone_are_told_as_damage(tmp_path, store, reader):
    store.commit(Batch(samples=(sample_at(0), sample_at(0, "api"))))
    store.close()
    connection = apsw.Connection(str(tmp_path / "watch.db"))
    connection.execute("DELETE FROM target WHERE name = 'api'")
    connection.close()
    with pytest.raises(StoreCorrupt, match="does not read back"):
        reader.latest(0, 2 * NOON.wall_ns)


def test_the_uptime_from_the_totals_of_days_is_that_of_one_reading(store, reader):
    store.commit(Batch(samples=samples(80)))
    run_maintenance(store, 75 * NS_PER_HOUR, 400)
    for since_ns, until_ns in spans(80):
        for target in TARGETS:
            with reader.history(target) as history:
                days = history.day_totals(since_ns - NS_PER_DAY, until_ns)
                found = history.uptime(days, since_ns, until_ns)
            assert found == reader.uptime(target, since_ns, until_ns).uptime
