"""Gathering: everything rides in the next batch exactly once; only samples are ever shed, oldest first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import delivery_of, notice_of, opened, sample_at, then
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.pending_batch import Gathering, unwritten
from watchkeeper.domain.incidents.record import Batch, BlindInterval, Checkpoint, Silence
from watchkeeper.domain.limits import BATCH_RECORDS_MAX, INTEGER_MAX, UNWRITTEN_STEPS_SAID


def samples(first, count):
    return tuple(sample_at(number) for number in range(first, first + count))


def test_everything_gathered_is_taken_once_and_nothing_is_left():
    gathering, step = Gathering(), opened()
    notice = notice_of(step)
    interval, silence = BlindInterval(1, 2, "stalled"), Silence(id="s", until_ns=9)
    gathering.transitions += [step, then(step, TransitionKind.RESOLVED)]
    gathering.notices.append(notice)
    gathering.deliveries.append(delivery_of(notice, DeliveryState.PENDING))
    gathering.blind.append(interval)
    gathering.silences.append(silence)
    gathering.checkpoints["shop"] = Checkpoint("shop", b"1", 1)
    gathering.add_samples(samples(1, 3))
    batch = gathering.take()
    assert len(batch) == 10
    assert batch.transitions == (step, then(step, TransitionKind.RESOLVED))
    assert (batch.notices, batch.blind, batch.silences) == ((notice,), (interval,), (silence,))
    assert batch.samples == samples(1, 3)
    assert gathering.take() == Batch()


def test_of_several_checkpoints_of_a_target_the_newest_is_kept():
    gathering = Gathering()
    for state in (b"1", b"2", b""):
        gathering.checkpoints["shop"] = Checkpoint("shop", state, 1)
    assert gathering.take().checkpoints == (Checkpoint("shop", b"", 1),)


@given(st.lists(st.integers(0, BATCH_RECORDS_MAX), max_size=6))
def test_samples_are_shed_oldest_first_and_counted(sizes):
    gathering, first, shed = Gathering(), 1, 0
    for size in sizes:
        shed += gathering.add_samples(samples(first, size))
        first += size
        assert gathering.full is (first - 1 - shed >= BATCH_RECORDS_MAX)
    kept = gathering.take().samples
    total = sum(sizes)
    assert len(kept) == min(total, 2 * BATCH_RECORDS_MAX) == total - shed
    assert kept == samples(first - len(kept), len(kept))


def test_a_gathering_is_empty_until_something_is_in_it():
    gathering = Gathering()
    assert gathering.empty
    gathering.checkpoints["shop"] = Checkpoint("shop", b"", 1)
    assert not gathering.empty


@pytest.mark.parametrize("more", [0, 1, 2])
def test_unwritten_records_are_counted_and_their_first_steps_named(more):
    steps = tuple(opened(f"inc_{number}", rule=f"r{number}") for number in range(UNWRITTEN_STEPS_SAID + more))
    said = unwritten(Batch(transitions=steps[:10], samples=samples(1, 2)), Batch(transitions=steps[10:]))
    assert said[0] == f"{len(steps) + 2} records"
    assert said[1 : UNWRITTEN_STEPS_SAID + 1] == tuple(f"opened shop/{step.rule}" for step in steps[:50])
    assert said[UNWRITTEN_STEPS_SAID + 1 :] == ((f"{more} steps more",) if more else ())


@pytest.mark.parametrize("sign", [1, -1])
def test_a_silence_ends_at_a_moment_that_can_be_recorded(sign):
    assert Silence(id="s", until_ns=sign * INTEGER_MAX).until_ns == sign * INTEGER_MAX
    with pytest.raises(ValueError, match="between the years 1678 and 2262"):
        Silence(id="s", until_ns=sign * (INTEGER_MAX + 1))
