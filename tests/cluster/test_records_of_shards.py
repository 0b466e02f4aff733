# ruff: noqa: S608  # the schemas are those of the test
"""The record of several shards reads as one: samples, incidents, marks, the chain, and what housekeeping leaves."""

import pytest
from clustered import SHARDS
from databases import new_store, schema_of
from histories import ALL, LONG, measured
from records import NOON, delivery_of, notice_of, opened, then
from watchkeeper import Record, StoreError
from watchkeeper.adapters.stores.copying.copying import copy_store
from watchkeeper.adapters.stores.opening import make_reader, make_store
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch, BlindInterval, Silence
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR
from watchkeeper.domain.time.moment import NS_PER_S

pytestmark = pytest.mark.needs("postgres")

TARGETS = ("shop", "door", "wall", "mill")


@pytest.fixture
def url(database_server):
    return new_store(database_server, SHARDS)


@pytest.fixture
def shards(url):
    """The stores of the first two shards, each opened by a node of its own."""
    made = [make_store(url, LONG, shard=shard, node=f"node{shard}") for shard in range(2)]
    for store in made:
        store.open(NOON)
    yield made
    for store in made:
        store.close()


@pytest.fixture
def whole(tmp_path):
    """The path and the store of a file that is given what the shards are given."""
    path = str(tmp_path / "watch.db")
    store = make_store(path, LONG)
    store.open(NOON)
    yield path, store
    store.close()


def do_housekeeping(store, after_ns, calls=200):
    later = NOON.shifted(after_ns)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    return any(not store.run_maintenance(later) for _ in range(calls))


def read(place):
    """Returns the answers to all questions about samples."""
    reader = make_reader(place)
    hours = (NOON.wall_ns + 12 * NS_PER_HOUR, NOON.wall_ns + 18 * NS_PER_HOUR)
    return {
        "samples": [reader.samples(target, *ALL) for target in TARGETS],
        "hourly": [reader.hourly(target, *ALL) for target in TARGETS],
        "daily": [reader.daily(target, *ALL) for target in TARGETS],
        "uptime": [reader.uptime(target, *ALL) for target in TARGETS],
        "latest": reader.latest(*ALL),
        "uptimes": reader.uptimes(*ALL),
        "days": [*reader.days(*ALL)],
        "hours": [*reader.hours(*hours)],
        "targets": reader.targets(),
    }


def split(samples, half):
    """Returns the samples by shard. The shop lies on the first one and moves to the second one half way."""
    on = {"door": 0, "wall": 1, "mill": 1}
    found = ([], [])
    for number, sample in enumerate(samples):
        found[on.get(sample.target, int(number >= half))].append(sample)
    return found


@pytest.mark.slow
def test_samples_read_as_those_of_one_store_however_far_housekeeping_of_each_shard_is(url, shards, whole):
    samples = measured(30, TARGETS, every_s=1_700)
    path, store = whole
    store.commit(Batch(samples=samples))
    for store, of_shard in zip(shards, split(samples, len(samples) // 2 + 5), strict=True):
        store.commit(Batch(samples=tuple(of_shard)))
    expected = read(path)
    assert read(url) == expected
    for store in reversed(shards):
        assert do_housekeeping(store, 80 * NS_PER_HOUR)
        assert read(url) == expected
    days = make_reader(url).unfinished_days()
    assert not [day for day in days if day * NS_PER_DAY < NOON.wall_ns + NS_PER_DAY]


def test_a_shard_neither_seals_nor_drops_what_is_of_another(url, shards, database_server):
    first, second = shards
    samples = measured(2, ("shop",), every_s=300)
    first.commit(Batch(samples=samples, silences=(silence("old", NOON.wall_ns + 1),)))
    second.commit(Batch(samples=measured(2, ("mill",), every_s=300)))
    assert do_housekeeping(second, 40 * NS_PER_HOUR)
    kept = f"SELECT shard, count(*) FROM {schema_of(url)}.{{}} GROUP BY shard ORDER BY shard"
    assert database_server.sql(kept.format("block")) == "0|2", "the hours of the first one wait for it"
    assert make_reader(url).unfinished_days() == {NOON.wall_ns // NS_PER_DAY}, "one of two has summed up"
    assert do_housekeeping(first, 40 * NS_PER_HOUR)
    assert make_reader(url).unfinished_days() == frozenset()
    assert database_server.sql(kept.format("chunk")) == "0|2\n1|2"
    assert do_housekeeping(second, 800 * NS_PER_DAY)
    assert database_server.sql(kept.format("chunk")) == "0|2"
    assert database_server.sql(kept.format("daily")) == "0|1"
    assert database_server.sql(kept.format("silence")) == "0|1"
    assert len(make_reader(url).samples("shop", *ALL)) == len(samples)
    assert do_housekeeping(first, 800 * NS_PER_DAY)
    assert database_server.sql(kept.format("chunk")) == ""


def silence(name, until_ns):
    return Silence(id=name, target="shop", created_at_ns=NOON.wall_ns, until_ns=until_ns, by="ann", reason="")


def test_incidents_of_all_shards_are_paged_in_the_order_in_which_they_opened(url, shards):
    steps = [opened(f"inc_{number}", f"target{number}", at_ns=NOON.wall_ns + number) for number in range(9)]
    for number, step in enumerate(steps):
        shards[number % 2].commit(Batch(transitions=(step,)))
    shards[0].commit(Batch(transitions=(then(steps[0], TransitionKind.RESOLVED),)))
    reader, names = make_reader(url), [step.incident_id for step in reversed(steps)]
    assert [one.id for one in reader.incidents()] == names
    found, before = [], None
    while page := reader.incidents(limit=2, before=before):
        found += page
        before = page[-1].id
    assert [one.id for one in found] == names
    assert [one.id for one in reader.incidents(open_only=True)] == names[:-1]
    assert [one.id for one in Record(url).incidents()] == names
    end, spans = reader.incident_spans()
    assert {span.target for span in spans} == {step.target for step in steps}
    shards[1].commit(Batch(transitions=(then(steps[1], TransitionKind.RESOLVED),)))
    later, spans = reader.incident_spans(end)
    assert "target1" in {span.target for span in spans}
    assert later > end


def test_marks_that_several_shards_keep_are_shown_once(url, shards):
    for number, store in enumerate(shards):
        at_ns = NOON.wall_ns + number * 1_000
        lost = BlindInterval(at_ns, at_ns + NS_PER_S, "network_lost")
        later = BlindInterval(at_ns + NS_PER_S * 9, at_ns + NS_PER_S * 10, "network_lost")
        store.commit(Batch(silences=(silence("s", NOON.wall_ns + NS_PER_DAY),), blind=(lost, later)))
    reader = make_reader(url)
    assert [each.id for each in reader.silences(NOON.wall_ns)] == ["s"]
    lengths = [each.ended_at_ns - each.started_at_ns for each in reader.blind()]
    assert lengths == [NS_PER_S + 1_000] * 2


def test_the_chains_of_all_shards_are_verified(url, shards, database_server):
    for number, store in enumerate(shards):
        step = opened(f"inc_{number}", f"target{number}")
        sent = delivery_of(notice_of(step), DeliveryState.DELIVERED)
        store.commit(Batch(transitions=(step,), notices=(notice_of(step),), deliveries=(sent,)))
    found = make_reader(url).verify()
    assert (found.problems, found.links) == ((), 4)
    database_server.sql(
        f"UPDATE {schema_of(url)}.chain SET body = body || ' ' WHERE shard = 1 AND position = 1"
    )
    assert "shard 1" in make_reader(url).verify().problems[0]


def test_a_store_of_several_shards_is_not_copied(url, shards, tmp_path, database_server):
    with pytest.raises(StoreError, match="has 4 shards: only a store with one can be copied"):
        copy_store(url, str(tmp_path / "new.db"), NOON)
    with pytest.raises(StoreError, match="a copy has one shard: leave shards out"):
        copy_store(str(tmp_path / "old.db"), new_store(database_server, 2), NOON)
