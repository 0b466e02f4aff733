"""A status from the record, asked for again and again: each row is made anew where the record or the time says something else."""

import msgspec
import pytest
from databases import new_store
from records import NOON, opened, sample_at
from watchkeeper import Call, Target
from watchkeeper.adapters.stores.opening import make_store
from watchkeeper.domain.incidents.record import Batch, Checkpoint, PauseMark, Silence
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.rules.watch import saved_up
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.host.sharing.recorded_status import Recorded
from watchkeeper.protocol.recorder import GetStatus
from watchkeeper.testing.clock import ManualClock

KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))]
TARGETS = tuple(Target(id=name, every="10s", call=Call(name="check")) for name in ("shop", "door", "mill"))
SHOP, DOOR, _ = (target.id for target in TARGETS)


@pytest.fixture(params=KINDS)
def place(request, tmp_path):
    if request.param == "sqlite":
        return str(tmp_path / "watch.db")
    return new_store(request.getfixturevalue("database_server"))


@pytest.fixture
def store(place):
    made = make_store(place)
    made.open(NOON)
    state = msgspec.msgpack.encode([saved_up(NOON.wall_ns)])
    names = [target.id for target in TARGETS]
    made.commit(
        Batch(
            samples=tuple(sample_at(0, name) for name in names),
            checkpoints=tuple(Checkpoint(name, state, NOON.wall_ns) for name in names),
        )
    )
    yield made
    made.close()


class Asked:
    """Asks at moments after noon."""

    def __init__(self, place, before=()):
        self.clock = ManualClock(NOON.monotonic_ns, NOON.wall_ns)
        self.recorded = Recorded(place, TARGETS, self.clock, before)

    def __call__(self, after_s):
        self.clock.advance(NOON.wall_ns + after_s * NS_PER_S - self.clock.read().wall_ns)
        return {row.id: row for row in self.recorded.answer(GetStatus(), "").targets}


@pytest.fixture
def asked(place, store):
    return Asked(place)


def test_a_target_becomes_unknown_by_time_alone(asked):
    assert asked(1)[SHOP].status.value == "up"
    # Two periods and a half, the time of an attempt, and two seconds on the way to the record.
    late = asked(60)[SHOP]
    assert (late.status.value, late.raw.value) == ("unknown", "unknown")
    assert late.explanation.startswith("no sample since")
    day = 24 * 3_600
    assert asked(day - 1)[SHOP].sample is not None
    assert asked(day + 1)[SHOP].sample is None, "the record is looked through for a day"


def test_rows_of_which_nothing_was_written_are_those_of_the_answer_before(place, store, asked):
    before = asked(1)
    store.commit(Batch(samples=(sample_at(2 * NS_PER_S, SHOP, Outcome.DOWN),)))
    after = asked(3)
    assert (after[SHOP].raw.value, after[SHOP].sample.outcome) == ("down", Outcome.DOWN)
    assert asked(3)[SHOP] == Asked(place)(3)[SHOP]
    if place.startswith("postgresql"):
        assert after[DOOR] is before[DOOR]


def test_incidents_pauses_and_silences_change_the_rows_that_they_are_of(store, asked):
    asked(1)
    step = opened("inc_1", target=SHOP, explanation="the till is shut")
    mark = PauseMark(DOOR, NOON.wall_ns + NS_PER_S, "ann")
    store.commit(Batch(transitions=(step,), pauses=(mark,)))
    found = asked(2)
    assert (found[SHOP].status.value, found[SHOP].since_ns) == ("down", step.opened_at_ns)
    assert (found[DOOR].status.value, found[DOOR].since_ns) == ("paused", mark.at_ns)
    store.commit(
        Batch(
            pauses=(PauseMark(DOOR, None),),
            silences=(Silence(id="calm", until_ns=NOON.wall_ns + 9 * NS_PER_S),),
        )
    )
    found = asked(3)
    assert found[DOOR].status.value == "up"
    assert [[each.id for each in row.silences] for row in found.values()] == [["calm"]] * 3
    assert [row.silences for row in asked(10).values()] == [()] * 3


def test_an_incident_explains_a_target_without_a_sample(place, store, asked):
    store.commit(Batch(transitions=(opened("inc_1", target=SHOP, explanation="the till is shut"),)))
    assert asked(1)[SHOP].explanation == "", "its sample says why"
    assert asked(2 * 24 * 3_600)[SHOP].explanation == "the till is shut"


def test_a_status_that_no_record_dates_has_begun_when_it_was_seen_first(place, store):
    store.commit(Batch(checkpoints=tuple(Checkpoint(target.id, b"", 0) for target in TARGETS)))
    asked = Asked(place)
    first = asked(1)[SHOP]
    store.commit(Batch(samples=(sample_at(5 * NS_PER_S, SHOP),)))
    assert asked(6)[SHOP].since_ns == first.since_ns
    # Another node has begun to run the same targets: what was told of them before goes on.
    assert Asked(place, before=[first])(7)[SHOP].since_ns == first.since_ns
