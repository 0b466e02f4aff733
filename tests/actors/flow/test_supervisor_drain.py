"""The drain of a supervisor that is alone with listeners: attempts have half of its time, and nothing new begins."""

import pytest
from watchkeeper.domain.observation.attempt import AttemptState, CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.rule import NoData
from watchkeeper.protocol.poller import CancelAttempt
from watchkeeper.protocol.recorder import Abandoned
from watchkeeper.protocol.supervisor import (
    AttemptCancelled,
    Beat,
    Drain,
)

from tests.actors.flow.alone import Alone, beating

S = 1_000_000_000
MS = 1_000_000
DOWN, UP, TIMED_OUT = Outcome.DOWN, Outcome.UP, Outcome.TIMED_OUT


def test_a_drain_lets_attempts_run_for_half_of_its_time_and_leaves_at_the_end(shop):
    slow = {"every": "1h", "timeout": "50m"}
    alone = Alone(shop(**slow), shop("mail", **slow))
    request, idle = alone.run_to_start("shop"), alone.run_to_start("mail")
    alone.answer(idle)
    begun_ns = alone.now_ns()
    alone.tell(Drain(4 * S))
    alone.run("3999ms")
    assert alone.ends == []
    assert alone.pollers["shop"].moments(CancelAttempt) == [begun_ns + 2 * S]
    assert alone.pollers["mail"].moments(CancelAttempt) == []
    assert alone.recorder.of(Abandoned) == []
    alone.run("1ms")
    assert alone.recorder.of(Abandoned) == [Abandoned("attempts still running", ("shop",))]
    assert [len(alone.ends), alone.pollers["shop"].dismissed, alone.pollers["mail"].dismissed] == [
        1,
        True,
        True,
    ]
    assert request.attempt not in [sample.attempt for sample, _ in alone.judged()]


@pytest.mark.parametrize("by", ["an answer", "a cancel", "its deadline", "nothing to wait for"])
def test_a_drain_is_over_with_the_last_attempt(shop, by):
    alone = Alone(shop())
    if by != "nothing to wait for":
        request = alone.run_to_start()
    alone.tell(Drain(60 * S))
    assert (alone.ends != []) is (by == "nothing to wait for")
    match by:
        case "an answer":
            alone.answer(request)
        case "a cancel":
            alone.tell(AttemptCancelled(request.attempt, CancelOutcome.UNKNOWN))
        case "its deadline":
            alone.run("3s")
    assert len(alone.ends) == 1
    assert alone.recorder.of(Abandoned) == []


def test_a_drain_starts_nothing_and_expects_nothing(shop):
    alone = Alone(
        shop("a", timeout="10s"),
        shop("b", timeout="10s", rules=(NoData(id="silent", after="1m"),)),
        beating(shop, every="5s", grace="1s"),
        in_flight_max=1,
    )
    first, second = alone.in_turn("a", "b")
    alone.run_to(10 * S - 1)
    alone.owner.clear()
    alone.tell(Drain(600 * S))
    assert [record.state for _, record in alone.judged(second)] == [AttemptState.CANCELLED_BEFORE_START]
    assert alone.ask(Beat("job", UP, "", alone.clock.read())) is False
    alone.answer(alone.requests(first)[0])
    assert alone.ends != []
    assert alone.requests(second) == []
    assert [target for target in ("job", first) if len(alone.judged(target)) > (target == first)] == []
