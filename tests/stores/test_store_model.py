"""Generated batches: the stores in SQLite and in PostgreSQL remember exactly what the model in memory does."""

import msgspec
import pytest
from databases import new_store
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.adapters.stores.history.stored import StoredSample
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.adapters.stores.opening import make_reader, make_store
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.announcement import Announcement
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import (
    Batch,
    BlindInterval,
    Checkpoint,
    HeardMark,
    LatestFinding,
    PauseMark,
    Silence,
)
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.domain.units import NS_PER_US

TARGETS = ("shop", "door")
CHANNELS = ("ops", "chat")
SPAN = (NOON.wall_ns - 90_000 * NS_PER_S, NOON.wall_ns + 90_000 * NS_PER_S)


def lives():
    """The steps that two incidents of each target may take; most generated batches are legal, some are not."""
    for target in TARGETS:
        for number in (1, 2):
            step = opened(f"inc_{target}_{number}", target=target)
            yield step
            for change in (TransitionKind.ACKNOWLEDGED, TransitionKind.CHANGED, TransitionKind.RESOLVED):
                step = then(step, change)
                yield step


STEPS = tuple(lives())
NOTICES = tuple(notice_of(step, channel) for step in STEPS for channel in CHANNELS)

LIVES = tuple(STEPS[first : first + 4] for first in range(0, len(STEPS), 4))

others = st.fixed_dictionaries(
    {
        "checkpoints": st.lists(
            st.builds(
                Checkpoint, st.sampled_from(TARGETS), st.sampled_from([b"", b"a", b"b"]), st.integers(0, 9)
            ),
            max_size=2,
        ),
        "heard": st.lists(
            st.builds(HeardMark, st.sampled_from(("", *TARGETS)), st.none() | st.integers(0, 9)), max_size=2
        ),
        "pauses": st.lists(
            st.builds(PauseMark, st.sampled_from(TARGETS), st.none() | st.integers(0, 9)), max_size=2
        ),
        "latest": st.lists(
            st.builds(
                LatestFinding,
                st.sampled_from([steps[0].incident_id for steps in LIVES]),
                st.sampled_from(["a", "b"]),
            ),
            max_size=2,
        ),
        "silences": st.lists(
            st.builds(
                Silence,
                id=st.sampled_from(["a", "b"]),
                target=st.sampled_from([None, *TARGETS]),
                until_ns=st.sampled_from([NOON.wall_ns - 1, NOON.wall_ns, NOON.wall_ns + 1]),
            ),
            max_size=2,
        ),
        "announcements": st.lists(
            st.builds(
                Announcement,
                id=st.sampled_from(["a", "b"]),
                title=st.sampled_from(["Slow", "Down"]),
                until_ns=st.sampled_from([None, NOON.wall_ns, NOON.wall_ns + 1]),
                created_at_ns=st.sampled_from([1, 2]),
                updated_at_ns=st.just(2),
            ),
            max_size=2,
        ),
        "blind": st.lists(
            st.builds(BlindInterval, st.integers(0, 3), st.integers(4, 6), st.sampled_from(["stalled"])),
            max_size=2,
        ),
        "samples": st.lists(
            st.builds(
                sample_at,
                st.integers(-80_000, 80_000).map(lambda second: second * NS_PER_S + second),
                st.sampled_from(TARGETS),
                st.sampled_from(Outcome),
                latency_ns=st.none() | st.integers(0, 10**12),
                status=st.none() | st.integers(-5, 999),
                reason=st.sampled_from([Reason.OK, Reason.LOCATIONS_DIFFER, Reason.TIMED_OUT]),
            ),
            max_size=6,
        ),
    }
)


@st.composite
def batches(draw):
    """Repeats the transitions of an incident up to some step (an echo, where it is known), with notices and deliveries of it or of any."""
    told = tuple(draw(st.sampled_from(LIVES)))[: draw(st.integers(0, 4))]
    stray = draw(st.lists(st.sampled_from(STEPS), max_size=1)) if draw(st.integers(0, 5)) == 0 else []
    near = [notice for notice in NOTICES if notice.incident in told] or list(NOTICES)
    notices = tuple(draw(st.lists(st.sampled_from(near), max_size=3)))
    deliveries = st.builds(
        delivery_of, st.sampled_from(notices or near), st.sampled_from(DeliveryState), st.integers(1, 3)
    )
    return Batch(
        transitions=(*told, *stray),
        notices=notices,
        deliveries=tuple(draw(st.lists(deliveries, max_size=3)))
        if notices or not draw(st.integers(0, 3))
        else (),
        **{name: tuple(values) for name, values in draw(others).items()},
    )


class Model(MemoryStore):
    """The model with what only a reader of the file asks for: steps, samples and blind intervals, each as first written."""

    def __init__(self):
        super().__init__()
        self.steps, self.seen, self.blind = {}, {}, set()

    def commit(self, batch):
        left_out = super().commit(batch)
        self.steps |= {(step.incident_id, step.sequence): step for step in batch.transitions}
        for sample in batch.samples:
            self.seen.setdefault((sample.target, sample.at.wall_ns // NS_PER_US), sample)
        self.blind |= {*batch.blind}
        return left_out

    def samples(self, target):
        return tuple(stored(sample) for (name, _), sample in sorted(self.seen.items()) if name == target)


def whole_us(length_ns):
    return None if length_ns is None else length_ns // NS_PER_US * NS_PER_US


def stored(sample):
    is_plain = sample.outcome is Outcome.UP and sample.reason is Reason.OK
    explanation = "" if is_plain else sample.explanation()
    return StoredSample(
        at_ns=whole_us(sample.at.wall_ns),
        outcome=sample.outcome,
        reason=sample.reason,
        status=sample.status,
        latency_ns=whole_us(sample.latency_ns),
        explanation=explanation[: limits.EXPLANATION_CHARACTERS_MAX],
    )


def refused(store, batch):
    try:
        store.commit(batch)
    except StoreError as error:
        return type(error)
    return None


def compare(store, model, path):
    ours, theirs = store.open(NOON), model.open(NOON)
    assert ours == theirs
    reader = make_reader(path)
    assert sorted(reader.incidents(), key=repr) == sorted(model.incidents(), key=repr)
    for incident in model.incidents():
        steps = tuple(model.steps[incident.id, number] for number in range(1, incident.sequence + 1))
        assert reader.transitions(incident.id) == steps
    assert reader.outbox() == model.outbox()
    assert reader.blind() == tuple(sorted(model.blind, key=msgspec.structs.astuple))
    for target in TARGETS:
        assert reader.samples(target, *SPAN) == model.samples(target)
    for notice in NOTICES:
        assert store.recall(notice.key) == model.recall(notice.key)


UNHURRIED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
STORIES = st.lists(batches(), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=UNHURRIED)
@given(story=STORIES, data=st.data())
def test_sqlite_remembers_what_the_model_does(tmp_path_factory, story, data):
    remembers(str(tmp_path_factory.mktemp("model") / "watch.db"), story, data)


@pytest.mark.needs("postgres")
@settings(max_examples=12, deadline=None, suppress_health_check=UNHURRIED)
@given(story=STORIES, data=st.data())
def test_postgres_remembers_what_the_model_does(server, story, data):
    remembers(new_store(server), story, data)


def remembers(path, story, data):
    store, model = make_store(path), Model()
    compare(store, model, path)
    for batch in story:
        verdict = refused(store, batch)
        event("taken" if verdict is None else "refused")
        assert verdict == refused(model, batch)
        if data.draw(st.booleans(), label="restart"):
            store.close()
            model.close()
            compare(store, model, path)
    store.close()
    model.close()
    compare(store, model, path)
    store.close()


def test_legal_lives_are_walked_to_their_end(place):
    """The generator's alphabet in its order: every step, notice and delivery is accepted and remembered."""
    path = place
    store, model = make_store(path), Model()
    compare(store, model, path)
    for step in STEPS:
        notices = tuple(notice for notice in NOTICES if notice.incident == step)
        heard = notices if step.target == "shop" else notices[:1]
        batch = Batch(
            transitions=(step,),
            notices=notices,
            deliveries=tuple(delivery_of(notice, DeliveryState.DELIVERED) for notice in heard),
        )
        assert refused(store, batch) is refused(model, batch) is None
        store.close()
        model.close()
        compare(store, model, path)
    store.close()
