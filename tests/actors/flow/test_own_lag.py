"""Times that a block of the runtime's own loop may have made longer, by a supervisor that is alone with listeners."""

import pytest
from msgspec import UNSET
from watchkeeper.domain.limits import LAG_LOOK_NS, LAG_NOTED_NS
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.rule import NoData, Threshold
from watchkeeper.protocol.owner import SamplesMissing
from watchkeeper.protocol.supervisor import Beat, Woke

from tests.actors.flow.alone import Alone, beating

S = 1_000_000_000
MS = 1_000_000
DOWN, UP, UNKNOWN = Outcome.DOWN, Outcome.UP, Outcome.UNKNOWN


def blocked(alone, length_ns):
    """Hold up the supervisor from now on, so that its next wake-up comes so much later."""
    alone.clock.advance(length_ns)


def begun(shop, **fields):
    alone = Alone(shop(**fields))
    return alone, alone.run_to_start()


@pytest.mark.parametrize(
    ("slow_by_ns", "outcome"), [(300 * MS, UNKNOWN), (400 * MS + 1, DOWN), (UNSET, DOWN)]
)
def test_an_answer_that_was_too_slow_is_believed_where_the_loop_was_blocked_for_less(
    shop, slow_by_ns, outcome
):
    alone, request = begun(shop)
    blocked(alone, 400 * MS)
    alone.answer(request, DOWN, reason=Reason.CONDITION_FAILED, slow_by_ns=slow_by_ns, failed=("it",))
    sample, _ = alone.last()
    assert sample.outcome is outcome
    if outcome is UNKNOWN:
        assert (sample.reason, sample.slow_by_ns) == (Reason.OVERLOADED, UNSET)
        assert sample.detail.startswith("the runtime's own loop was blocked for 400 ms; its sample was")


def test_blocks_of_one_attempt_add_up_and_those_before_it_do_not_count(shop):
    alone = Alone(shop("a"), shop("b"))
    first = alone.in_turn("a", "b")[0]
    other = {"a": "b", "b": "a"}[first]
    alone.run_to_start(first)
    blocked(alone, 300 * MS)
    request = alone.run_to_start(other)
    for _ in range(2):
        alone.run("60ms")
        blocked(alone, 200 * MS)
        alone.settle()
    alone.answer(request, UP)
    assert 400 * MS <= alone.last(other)[0].blocked_ns <= 400 * MS + 2 * LAG_LOOK_NS
    assert alone.answer(alone.requests(first)[0], UP)
    assert alone.last(first)[0].blocked_ns >= 700 * MS


def test_a_block_shows_before_the_answer_that_arrives_with_its_end(shop):
    alone, request = begun(shop, every="30s")
    alone.run("1s")
    blocked(alone, 400 * MS)
    alone.answer(request, UP)
    assert 350 * MS <= alone.last()[0].blocked_ns <= 400 * MS + LAG_LOOK_NS


def test_the_usual_lateness_of_a_wake_up_makes_no_time_doubtful(shop):
    alone, request = begun(shop, every="30s")
    alone.run("1s")
    alone.tell(Woke(alone.clock.read().monotonic_ns - LAG_NOTED_NS + 1))
    alone.answer(request, UP)
    assert alone.last()[0].blocked_ns is UNSET


def test_a_shared_result_is_doubted_for_a_block_during_the_probe_that_it_is_of(shop):
    alone, request = begun(shop, every="30s")
    blocked(alone, 400 * MS)
    alone.settle()
    alone.answer(request, UP)
    later = alone.run_to_start()
    age_ns = later.started.monotonic_ns - request.started.monotonic_ns
    alone.answer(later, UP)
    assert alone.last()[0].blocked_ns is UNSET
    alone.answer(alone.run_to_start(), UP, shared_age_ns=age_ns + 30 * S)
    assert alone.last()[0].blocked_ns >= 400 * MS


def test_the_supervisor_wakes_up_often_while_an_attempt_runs_and_not_when_none_does(shop):
    alone, request = begun(shop, every="30s")
    before = len(alone.alarms)
    alone.run("1s")
    assert len(alone.alarms) - before >= S // LAG_LOOK_NS
    alone.answer(request, UP)
    alone.run("60ms")
    before = len(alone.alarms)
    alone.run("1s")
    assert len(alone.alarms) - before < S // LAG_LOOK_NS // 4


SLOW = (Threshold(id="slow", measure="response_time", operator=">", value=300.0, window=1),)


@pytest.mark.parametrize(("block_ms", "opened"), [(0, 1), (400, 0)])
def test_a_threshold_on_a_response_time_is_not_broken_by_our_own_block(driven, shop, block_ms, opened):
    world = driven(shop(every="10s", timeout="9s", rules=SLOW))
    while not world.prober.requests:
        world.run("10ms")
    world.clock.advance(block_ms * MS)
    world.run("0s")
    world.prober.answer(observation=Observation(response_time_ns=600 * MS))
    world.run("1s")
    assert len(world.incidents()) == opened


# Heartbeats and the wait for evidence.


def test_a_beat_that_our_own_block_held_up_is_not_missed(shop):
    alone = Alone(beating(shop, every="1s", grace="200ms"))
    alone.run("1100ms")
    blocked(alone, 400 * MS)
    alone.settle()
    alone.run("50ms")
    assert alone.ask(Beat("job", UP, "", alone.clock.read())) is True
    assert [sample.outcome for sample, _ in alone.judged("job")] == [UP]


def test_a_block_prolongs_the_wait_for_a_beat_once_and_the_miss_is_dated_as_without_it(shop):
    alone = Alone(beating(shop, every="1s", grace="1s"))
    alone.run("1900ms")
    for _ in range(3):
        blocked(alone, 300 * MS)
        alone.settle()
        alone.run("10ms")
    sample, _ = alone.last("job")
    assert (sample.reason, sample.at.monotonic_ns - alone.began_ns) == (Reason.HEARTBEAT_MISSED, 2 * S)


def test_a_beat_after_a_block_begins_a_wait_that_a_block_prolongs_again(shop):
    alone = Alone(beating(shop, every="1s", grace="200ms"))
    for _ in range(3):
        alone.run("1100ms")
        blocked(alone, 400 * MS)
        alone.settle()
        assert alone.ask(Beat("job", UP, "", alone.clock.read())) is True
    assert {sample.outcome for sample, _ in alone.judged("job")} == {UP}


def test_evidence_that_waits_behind_the_end_of_a_block_ends_the_lack_of_it(shop):
    alone = Alone(shop(every="2s", timeout="2s", rules=(NoData(id="silent", after="5s"),)))
    alone.answer(alone.run_to_start(), UP)
    request = alone.run_to_start()
    alone.run("500ms")
    blocked(alone, 4 * S)
    alone.settle()
    alone.answer(request, UP)
    alone.run("1s")
    assert alone.owner.of(SamplesMissing) == []
