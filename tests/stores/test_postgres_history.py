"""Samples in PostgreSQL are read as those in SQLite are: raw, half sealed, sealed, summed up, and with what retention has left."""

import random

import pytest
from databases import new_store, schema_of
from histories import ALL, LONG, START_NS, measured
from records import NOON, sample_at
from watchkeeper.adapters.stores.opening import make_reader, make_store
from watchkeeper.adapters.stores.postgres.samples.blocks import Block, pack_block
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreCorrupt
from watchkeeper.domain.incidents.record import Batch, Renamed
from watchkeeper.domain.observation.evidence import Evidence
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR
from watchkeeper.domain.time.moment import NS_PER_S, Moment

pytestmark = pytest.mark.needs("postgres")


class Pair:
    """A store of each kind, which are given the same."""

    def __init__(self, places):
        self.stores = [make_store(place, LONG) for place in places]
        self.readers = [make_reader(place) for place in places]
        for store in self.stores:
            store.open(NOON)

    def commit(self, batch):
        first, second = (store.commit(batch) for store in self.stores)
        assert first == second

    def run_maintenance(self, after_ns, calls=400):
        """Runs maintenance until nothing is left to do, or for so many calls."""
        later = NOON.shifted(after_ns)
        for store in self.stores:
            store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
            any(not store.run_maintenance(later) for _ in range(calls))

    def agreed(self, read):
        first, second = map(read, self.readers)
        assert first == second
        return first

    def agree(self):
        """Compares all questions about samples; returns the samples of one target."""
        chance = random.Random(5)
        ends = [sorted(START_NS + chance.randrange(4 * NS_PER_DAY) for _ in range(2))]
        for span in (ALL, *ends):
            for target in ("shop", "unknown"):
                self.agreed(lambda reader, of=target, span=span: reader.samples(of, *span))
                self.agreed(lambda reader, of=target, span=span: reader.hourly(of, *span))
                self.agreed(lambda reader, of=target, span=span: reader.daily(of, *span))
                self.agreed(lambda reader, of=target, span=span: reader.uptime(of, *span))
            self.agreed(lambda reader, span=span: reader.latest(*span))
            self.agreed(lambda reader, span=span: reader.uptimes(*span))
        self.agreed(lambda reader: [*reader.days(*ALL)])
        hours = (ends[0][0], ends[0][0] + 6 * NS_PER_HOUR)
        self.agreed(lambda reader: [*reader.hours(*hours)])
        self.agreed(lambda reader: reader.targets())
        return self.agreed(lambda reader: reader.samples("shop", *ALL))


@pytest.fixture
def pair(tmp_path, server):
    made = Pair((str(tmp_path / "watch.db"), new_store(server)))
    yield made
    for store in made.stores:
        store.close()


def test_history_is_the_same_before_and_after_sealing(pair):
    samples = measured(60, every_s=300)
    for first in range(0, len(samples), 140):
        pair.commit(Batch(samples=samples[first : first + 140]))
    raw = pair.agree()
    pair.run_maintenance(20 * NS_PER_HOUR, 25)
    assert pair.agree() == raw
    pair.run_maintenance(70 * NS_PER_HOUR)
    assert pair.agree() == raw


def test_late_and_repeated_samples_join_a_sealed_hour(pair):
    samples = measured(30, every_s=600)
    pair.commit(Batch(samples=samples[::3]))
    pair.run_maintenance(40 * NS_PER_HOUR)
    pair.commit(Batch(samples=samples))
    assert len(pair.agree()) == len(samples) // 2
    pair.run_maintenance(40 * NS_PER_HOUR)
    assert len(pair.agree()) == len(samples) // 2


def test_the_first_of_two_samples_of_one_moment_stays(pair):
    first = sample_at(0, outcome=Outcome.DOWN)
    pair.commit(Batch(samples=(first,)))
    pair.commit(Batch(samples=(sample_at(0, outcome=Outcome.UP), sample_at(0, "door"))))
    for _ in range(2):
        (found,) = pair.agree()
        assert found.outcome is Outcome.DOWN
        pair.run_maintenance(NS_PER_DAY, 40)


@pytest.mark.parametrize("held", [20, 10_000])
def test_sealing_holds_a_bounded_number_of_rows(pair, monkeypatch, held):
    monkeypatch.setattr(limits, "HOUSE_ROWS_MAX", 24)
    monkeypatch.setattr(limits, "SEAL_ROWS_HELD_MAX", held)
    pair.commit(Batch(samples=measured(2, tuple(f"t{number}" for number in range(9)), every_s=600)))
    before = pair.agreed(lambda reader: [reader.samples(f"t{number}", *ALL) for number in range(9)])
    pair.run_maintenance(5 * NS_PER_HOUR, 100)
    assert pair.agreed(lambda reader: [reader.samples(f"t{number}", *ALL) for number in range(9)]) == before
    assert not pair.stores[1].run_maintenance(NOON.shifted(5 * NS_PER_HOUR))


def test_a_late_sample_during_a_seal_is_in_the_history(pair, monkeypatch):
    monkeypatch.setattr(limits, "HOUSE_ROWS_MAX", 10)
    samples = measured(1, every_s=300)
    for sample in samples[1:]:
        pair.commit(Batch(samples=(sample,)))
    for calls in (3, 6):
        pair.run_maintenance(3 * NS_PER_HOUR, calls)
        pair.commit(Batch(samples=(samples[0],)))
        assert len(pair.agree()) == len(samples) // 2
    pair.run_maintenance(3 * NS_PER_HOUR, 60)
    assert len(pair.agree()) == len(samples) // 2


def test_each_kind_of_record_has_its_own_retention(pair):
    pair.commit(Batch(samples=measured(30, every_s=900)))
    counts = []
    for days in (10, 25, 40, 100, 800):
        pair.run_maintenance(days * NS_PER_DAY, 60)
        pair.agree()
        reader = pair.readers[1]
        samples = reader.samples("shop", *ALL)
        counts.append(
            (
                len(samples),
                len(reader.hourly("shop", *ALL)),
                len(reader.daily("shop", *ALL)),
                any(each.explanation for each in samples),
            )
        )
    assert counts == [
        (120, 30, 2, True),
        (120, 30, 2, False),
        (0, 30, 2, False),
        (0, 0, 2, False),
        (0, 0, 0, False),
    ]


def test_evidence_and_renames_are_those_of_sqlite(pair):
    evidence = Evidence(target="shop", at_ns=NOON.wall_ns, ip="192.0.2.1", failed=("a",), body="é\0<p>")
    pair.commit(Batch(samples=(sample_at(0, outcome=Outcome.DOWN),), evidence=(evidence,)))
    assert pair.agreed(lambda reader: reader.evidence("shop", *ALL)) == (evidence,)
    pair.commit(
        Batch(renamed=(Renamed("store", ("shop", "kiosk")),), samples=(sample_at(NS_PER_S, "store"),))
    )
    assert len(pair.agreed(lambda reader: reader.samples("store", *ALL))) == 2
    assert pair.agreed(lambda reader: reader.targets()) == ("store",)


def test_a_recording_is_that_of_sqlite(pair):
    pair.commit(Batch(samples=measured(3)))
    pair.run_maintenance(2 * NS_PER_HOUR, 30)

    def read(reader):
        with reader.recording() as recording:
            first = recording.first_ns // NS_PER_HOUR
            return [
                {name: len(found.at_us) for name, found in recording.hour(hour).items()}
                for hour in range(first, first + 3)
            ]

    assert pair.agreed(read)[0] == {"shop": 30, "door": 30}


@pytest.mark.parametrize("wall_ns", [0, limits.SAMPLE_WALL_NS_MIN - 1, limits.SAMPLE_WALL_NS_MAX, 2**63 - 1])
def test_a_clock_gone_mad_leaves_no_sample(pair, wall_ns):
    mad = sample_at(0)
    mad = type(mad)(target="shop", epoch=1, attempt=1, at=Moment(0, wall_ns), outcome=Outcome.UP)
    pair.commit(Batch(samples=(mad, sample_at(0))))
    assert len(pair.agree()) == 1


def test_a_block_keeps_every_extreme():
    rows = [(0, 1, 2, None, None), (3_599_999_999, 2**32 - 1, 3, -(2**31) + 1, 0), (5, 1, 2, 599, 2**32 - 2)]
    found = [(row[0], target, *row[1:]) for target, row in Block(pack_block(rows)).rows(0)]
    assert found == rows


@pytest.mark.parametrize("data", [b"", b"\x02abc", b"\x01abc", pack_block([(1, 1, 1, None, None)])[:-6]])
def test_a_damaged_block_is_named(data):
    with pytest.raises(StoreCorrupt, match="block"):
        Block(data)


def test_damaged_blocks_are_found_when_the_store_is_verified(server):
    url = new_store(server)
    store, reader = make_store(url), make_reader(url)
    try:
        store.open(NOON)
        for number in range(4):
            store.commit(Batch(samples=(sample_at(number),)))
    finally:
        store.close()
    assert reader.verify().problems == ()
    server.sql(f"UPDATE {schema_of(url)}.block SET data = 'no block'")  # noqa: S608 - a schema of this test
    says = "a block of 8 bytes does not read back: it is damaged or of another format, and 3 more"
    assert reader.verify().problems == (says,)


def test_a_damaged_hour_stays_as_it_is_and_is_a_problem_that_lasts_while_the_others_are_sealed(server):
    url = new_store(server)
    store, reader = make_store(url, LONG), make_reader(url)
    try:
        store.open(NOON)
        for hour in range(3):
            store.commit(Batch(samples=(sample_at(hour * NS_PER_HOUR + 1),)))
        hours = server.sql(f"SELECT hour FROM {schema_of(url)}.block ORDER BY hour").split()  # noqa: S608 - a schema of this test
        server.sql(f"UPDATE {schema_of(url)}.block SET data = 'no block' WHERE hour = {hours[1]}")  # noqa: S608 - the same
        assert store.file_problem() == ""
        later = NOON.shifted(20 * NS_PER_HOUR)
        store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
        assert not all(store.run_maintenance(later) for _ in range(400))
        says = "a block of 8 bytes does not read back: it is damaged or of another format"
        assert store.file_problem() == says
        assert server.sql(f"SELECT hour FROM {schema_of(url)}.block").split() == [hours[1]]  # noqa: S608 - the same
        store.commit(Batch(samples=(sample_at(19 * NS_PER_HOUR),)))
    finally:
        store.close()
    assert reader.verify().problems == (says,)
