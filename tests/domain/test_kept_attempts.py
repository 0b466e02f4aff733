"""The packed form of an attempt: all that it says comes back, whatever became of it."""

import pytest
from records import NOON
from watchkeeper.domain.observation.attempt import AttemptId, AttemptRecord, AttemptState
from watchkeeper.domain.read_model.kept_attempts import packed, unpacked
from watchkeeper.domain.units import NS_PER_S


@pytest.mark.parametrize("state", AttemptState)
@pytest.mark.parametrize("ran_s", [None, 0, 2], ids=["never started", "ended at once", "ran for a while"])
def test_an_attempt_that_was_packed_says_the_same(state, ran_s):
    record = AttemptRecord(
        attempt=AttemptId("shop", 3, 1 << 40 | 7),
        state=state,
        due=NOON,
        started=None if ran_s is None else NOON.shifted(5),
        ended=None if ran_s is None else NOON.shifted(5 + ran_s * NS_PER_S),
        lateness_ns=5,
        missed=2,
        outcome="" if ran_s is None else "degraded",
    )
    assert unpacked("shop", packed(record)) == record


def test_a_packed_attempt_takes_no_more_than_a_short_text():
    record = AttemptRecord(
        attempt=AttemptId("shop" * 60, 3, 1 << 40 | 7),
        state=AttemptState.CANCELLED_WITHOUT_EFFECT,
        due=NOON,
        started=NOON,
        ended=NOON,
        lateness_ns=NS_PER_S,
        missed=2,
        outcome="timed_out",
    )
    assert len(packed(record)) <= 128, "its target is not in it"
