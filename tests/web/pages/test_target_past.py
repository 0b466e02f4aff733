"""The past of a target as its page reads it: samples one by one where they are few, and nothing before the first of them."""

import pytest
from records import NOON, sample_at
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.units import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from watchkeeper.host.access.target_past import SPANS, Pace, read_past

FAST = Pace(250 * NS_PER_MS, 10 * NS_PER_S)


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(str(tmp_path / "watch.db"))
    made.open(NOON)
    yield made
    made.close()


@pytest.fixture
def past(store, tmp_path):
    """Reads the past of the shop over a span, so many nanoseconds after noon."""

    def read(span, now_ns, pace=FAST):
        reader = StoreReader(str(tmp_path / "watch.db"))
        return read_past(reader, "shop", SPANS[span], pace, 0, NOON.wall_ns + now_ns)

    return read


def record(store, since_ns, until_ns, every_ns):
    store.commit(Batch(samples=tuple(sample_at(at_ns) for at_ns in range(since_ns, until_ns, every_ns))))


@pytest.mark.parametrize("span", ["1h", "24h"])
def test_a_new_target_with_a_fast_cadence_is_shown_sample_by_sample(store, past, span):
    record(store, NS_PER_MINUTE, 3 * NS_PER_MINUTE, FAST.every_ns)
    found = past(span, 3 * NS_PER_MINUTE)
    assert found.parts[0].until_ns - found.parts[0].since_ns == SPANS[span].part_ns
    assert sum(part.samples for part in found.parts) == 480


def test_more_samples_than_a_page_reads_are_shown_by_hours(store, past):
    record(store, 0, 55 * NS_PER_MINUTE, FAST.every_ns)
    found = past("1h", NS_PER_HOUR)
    assert [part.until_ns - part.since_ns for part in found.parts] == [NS_PER_HOUR]


@pytest.mark.parametrize("span", SPANS)
def test_the_past_of_a_new_target_begins_with_its_first_sample(store, past, span):
    record(store, 7 * NS_PER_MINUTE, 9 * NS_PER_MINUTE, NS_PER_S)
    assert past(span, 10 * NS_PER_MINUTE).began_ns == NOON.wall_ns + 7 * NS_PER_MINUTE


def test_the_past_of_an_old_target_begins_with_the_span(store, past):
    record(store, 0, 3 * NS_PER_HOUR, NS_PER_MINUTE)
    found = past("1h", 3 * NS_PER_HOUR, Pace(NS_PER_MINUTE, 3 * NS_PER_MINUTE))
    assert found.began_ns == found.since_ns


def test_a_sample_before_the_span_stands_for_its_target_until_the_next_is_overdue(store, past):
    record(store, 0, NS_PER_S, NS_PER_S)
    record(store, 24 * NS_PER_HOUR, 24 * NS_PER_HOUR + NS_PER_S, NS_PER_S)
    daily = Pace(24 * NS_PER_HOUR, 25 * NS_PER_HOUR)
    found = past("24h", 24 * NS_PER_HOUR + NS_PER_MINUTE, daily)
    assert [part.since_ns - NOON.wall_ns for part in found.parts] == [0, 24 * NS_PER_HOUR]
    assert found.began_ns == found.since_ns
