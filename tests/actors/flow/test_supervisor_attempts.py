"""The attempts of a supervisor that is alone with listeners: each message, and its moment to the nanosecond."""

import pytest
from records import sample_at
from watchkeeper.domain.limits import (
    COMMIT_SAMPLES_NS,
    DATABASE_COMMIT_GRID_NS,
    DATABASE_COMMIT_SAMPLES_NS,
    DEADLINE_SLACK_NS,
    LAG_LOOK_NS,
    SHARED_TICK_NS,
)
from watchkeeper.domain.observation.attempt import AttemptId, AttemptState, CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.cadence import Cadence
from watchkeeper.protocol.owner import FlushSamples
from watchkeeper.protocol.poller import CancelAttempt, Reconfigure, StartAttempt
from watchkeeper.protocol.supervisor import (
    AttemptCancelled,
    AttemptFinished,
    ChildExited,
    Pause,
    Untrack,
)

from tests.actors.flow.alone import Alone, beating

S = 1_000_000_000
MS = 1_000_000
DOWN, UP, TIMED_OUT = Outcome.DOWN, Outcome.UP, Outcome.TIMED_OUT


# Answers.


def test_the_last_answer_puts_off_the_look_at_the_loop(shop):
    alone = Alone(shop("a"), shop("b"), in_flight_max=2)
    first, second = alone.run_to_start("a"), alone.run_to_start("b")
    look_ns = alone.clock.read().monotonic_ns + LAG_LOOK_NS
    alone.answer(first)
    assert alone.wakes_ns() <= look_ns
    alone.answer(second)
    assert alone.wakes_ns() > look_ns


def test_an_answer_ends_its_attempt_and_is_passed_on_with_its_record(shop):
    alone = Alone(shop())
    request = alone.run_to_start()
    due = alone.clock.read()
    assert request.deadline.remaining_ns(due) == 2 * S
    alone.run("500ms")
    sample = sample_at(request.started.monotonic_ns - S + 7, attempt=request.attempt.number)
    alone.tell(AttemptFinished(request.attempt, sample))
    ((taken, record),) = alone.judged()
    assert (taken, record.attempt, record.state, record.outcome) == (
        sample,
        request.attempt,
        AttemptState.FINISHED,
        "up",
    )
    assert (record.due, record.started, record.ended) == (due, sample.at, alone.clock.read())
    assert (record.lateness_ns, record.missed) == (7, 0)


def test_samples_are_asked_for_once_a_quarter_of_a_second_after_the_first(shop):
    alone = Alone(shop(every="1h", timeout="50m"), shop("mail", every="1h", timeout="50m"))
    requests = [alone.run_to_start(name) for name in ("shop", "mail")]
    alone.run("10ms")
    alone.owner.clear()
    answered_ns = alone.now_ns()
    alone.answer(requests[0])
    alone.run("100ms")
    alone.answer(requests[1])
    alone.run("10s")
    assert alone.owner.moments(FlushSamples) == [answered_ns + COMMIT_SAMPLES_NS]


@pytest.mark.parametrize("later_ns", [0, 1, 100 * MS, 249 * MS, 251 * MS, 999 * MS])
def test_samples_of_all_shards_are_asked_for_at_common_moments_within_a_second_of_the_first(shop, later_ns):
    alone = Alone(shop(), store="postgresql://host/watch?shards=16")
    request = alone.run_to_start()
    alone.run(f"{1 + later_ns}ns")
    alone.owner.clear()
    answered_ns = alone.now_ns()
    alone.answer(request)
    alone.run("2s")
    (asked_ns,) = alone.owner.moments(FlushSamples)
    assert asked_ns - answered_ns > DATABASE_COMMIT_SAMPLES_NS - DATABASE_COMMIT_GRID_NS
    assert asked_ns - answered_ns <= DATABASE_COMMIT_SAMPLES_NS
    assert (alone.began_ns + asked_ns) % DATABASE_COMMIT_GRID_NS == SHARED_TICK_NS // 2


def test_an_attempt_without_an_answer_is_cancelled_at_its_deadline_and_the_slack(shop):
    alone = Alone(shop())
    request = alone.run_to_start()
    begun_ns = alone.now_ns()
    alone.run("8s")
    assert alone.pollers["shop"].moments(CancelAttempt) == [begun_ns + 2 * S + DEADLINE_SLACK_NS]
    ((sample, record),) = alone.judged()
    assert (sample.outcome, sample.reason) == (TIMED_OUT, Reason.TIMED_OUT)
    assert (sample.at, sample.detail) == (request.started, "no answer before the deadline")
    assert (record.state, record.ended.since(record.started)) == (
        AttemptState.TIMED_OUT,
        2 * S + DEADLINE_SLACK_NS,
    )
    alone.tell(AttemptCancelled(request.attempt, CancelOutcome.UNKNOWN))
    alone.answer(request)
    assert len(alone.judged()) == 1
    assert alone.owner.moments(FlushSamples) == [begun_ns + 2 * S + DEADLINE_SLACK_NS + COMMIT_SAMPLES_NS]


def test_each_counter_is_published_with_what_was_added_since(shop):
    alone = Alone(shop(every="1h"))
    request = alone.run_to_start()
    alone.tell(Pause("shop"))
    alone.tell(AttemptCancelled(request.attempt, CancelOutcome.WITHOUT_EFFECT))
    alone.answer(request)
    assert alone.counted() == {
        "started": 1,
        "cancels_without_effect": 1,
        "cancelled_without_effect": 1,
        "late_answers": 1,
    }
    assert alone.counted() == {}
    alone.owner.clear()
    alone.answer(request)
    assert alone.counted() == {"late_answers": 1}
    assert alone.owner == []


@pytest.mark.parametrize(
    ("target", "number"),
    [("unheard of", 0), ("shop", 1), ("shop", -1)],
    ids=["no target", "later", "earlier"],
)
def test_an_answer_to_an_attempt_that_does_not_run_is_no_sample(shop, target, number):
    alone = Alone(shop(every="1h"))
    alone.answer(alone.run_to_start())
    request = alone.requests()[0]
    for running in (False, True):
        if running:
            request = alone.run_to_start()
        alone.owner.clear()
        stray = AttemptId(target, request.attempt.epoch, request.attempt.number + number)
        if running or number:
            alone.tell(AttemptCancelled(stray, CancelOutcome.UNKNOWN))
            alone.tell(AttemptFinished(stray, sample_at(1, target=target)))
    alone.run("1s")
    assert alone.judged("shop") == alone.judged(target) == alone.owner.of(FlushSamples) == []
    assert alone.counted()["late_answers"] >= 1


def test_a_cancelled_attempt_is_a_sample_of_its_start(shop):
    alone = Alone(shop())
    request = alone.run_to_start()
    alone.run("1s")
    alone.tell(Pause("shop"))
    assert alone.pollers["shop"].of(CancelAttempt) == [CancelAttempt(request.attempt)]
    assert alone.judged() == []
    alone.tell(AttemptCancelled(request.attempt, CancelOutcome.COMPLETED_ANYWAY))
    sample, record = alone.last()
    assert (sample.outcome, sample.reason, sample.detail) == (
        Outcome.CANCELLED,
        Reason.CANCELLED,
        "cancelled",
    )
    assert (sample.at, record.state) == (request.started, AttemptState.COMPLETED_ANYWAY)


# Ticks.


def test_ticks_come_on_the_grid_and_a_tick_during_an_attempt_is_missed(shop):
    alone = Alone(shop(every="3s", timeout="3s"))
    request = alone.run_to_start()
    first_ns = alone.now_ns()
    alone.run("4s")
    alone.run_to_start()
    assert alone.pollers["shop"].moments(StartAttempt) == [first_ns, first_ns + 6 * S]
    alone.answer(alone.requests()[-1])
    assert [record.missed for _, record in alone.judged()] == [0, 1]
    assert request.attempt.number + 1 == alone.requests()[-1].attempt.number
    counts = alone.counted()
    assert (counts["overlapped_ticks"], counts.get("missed_ticks", 0)) == (1, 0)


@pytest.mark.parametrize(("late_ns", "missed"), [(0, 0), (10 * S - 1, 0), (10 * S, 1), (35 * S, 3)])
def test_ticks_that_have_passed_are_counted_by_the_one_that_is_late(shop, late_ns, missed):
    alone = Alone(shop())
    alone.answer(alone.run_to_start())
    due_ns = alone.now_ns() + 10 * S
    alone.run("9s")
    alone.owner.clear()
    alone.clock.advance(S + late_ns)
    alone.settle()
    alone.answer(alone.requests()[-1])
    _, record = alone.last()
    assert (record.missed, record.lateness_ns) == (missed, late_ns)
    assert record.due.monotonic_ns - alone.began_ns == due_ns
    alone.run_to_start()
    assert (alone.now_ns() - due_ns) % (10 * S) == 0
    assert alone.counted().get("missed_ticks", 0) == missed


def test_a_tick_without_a_poller_is_missed(shop):
    alone = Alone(shop(every="3s", timeout="1s"))
    alone.answer(alone.run_to_start())
    alone.pollers["shop"].alive = False
    alone.run("7s")
    alone.pollers["shop"].alive = True
    alone.answer(alone.run_to_start())
    assert [record.missed for _, record in alone.judged()] == [0, 2]
    assert alone.counted()["ticks_without_poller"] == 2


def test_a_bad_answer_moves_the_next_tick_to_the_retry_cadence_and_a_good_one_back(shop):
    alone = Alone(shop(every="1m", retry_every="7s"))
    grids = {"every": Cadence.of("shop", 60 * S), "retry": Cadence.of("shop", 7 * S)}

    def next_start(outcome, after):
        request = alone.run_to_start()
        alone.run(after)
        answered_ns = alone.clock.read().monotonic_ns
        alone.answer(request, outcome)
        alone.run_to_start()
        begun_ns = alone.clock.read().monotonic_ns
        alone.answer(alone.requests()[-1], UP)
        return [name for name, grid in grids.items() if grid.next_after(answered_ns) == begun_ns]

    assert next_start(UP, "1s") == ["every"]
    assert next_start(DOWN, "1s") == ["retry"]
    assert next_start(Outcome.UNKNOWN, "1s") == ["every"]
    assert next_start(TIMED_OUT, "2s") == ["retry"]


@pytest.mark.parametrize("outcome", [UP, Outcome.UNKNOWN])
def test_an_answer_in_the_instant_of_the_next_tick_skips_no_tick(shop, outcome):
    alone = Alone(shop(every="20s", timeout="20s", retry_every="7s"))
    request = alone.run_to_start()
    alone.run(f"{20 * S - 1}ns")
    alone.clock.advance(1)
    alone.answer(request, outcome)
    assert [message.started.monotonic_ns for message in alone.requests()[1:]] == [
        alone.clock.read().monotonic_ns
    ]


def test_a_bad_answer_behind_a_pause_starts_nothing(shop):
    alone = Alone(shop(every="1m", retry_every="7s"))
    request = alone.run_to_start()
    alone.tell(Pause("shop"))
    alone.answer(request, DOWN)
    alone.run("10m")
    assert alone.requests() == [request]


# Admission.


def test_a_place_that_becomes_free_goes_to_the_first_that_still_waits(shop):
    names = ("a", "b", "c", "d")
    alone = Alone(*(shop(name, timeout="10s") for name in names), in_flight_max=1)
    first, cancelled, next_, later = alone.in_turn(*names)
    alone.run_to(10 * S - 1)
    assert {name: len(alone.requests(name)) for name in (first, cancelled, next_, later)} == {
        first: 1,
        cancelled: 0,
        next_: 0,
        later: 0,
    }
    alone.tell(Pause(cancelled))
    sample, record = alone.last(cancelled)
    assert (sample.outcome, sample.detail) == (Outcome.CANCELLED, "cancelled")
    assert (record.state, record.started) == (AttemptState.CANCELLED_BEFORE_START, None)
    assert alone.pollers[cancelled].of(CancelAttempt) == []
    assert alone.requests(next_) == []
    alone.answer(alone.requests(first)[0])
    assert (len(alone.requests(next_)), len(alone.requests(later))) == (1, 0)
    alone.answer(alone.requests(next_)[0])
    assert len(alone.requests(later)) == 1
    assert alone.requests(cancelled) == []


def test_a_queued_attempt_expires_at_its_deadline_and_never_starts(shop):
    alone = Alone(shop("a", timeout="10s"), shop("b", timeout="10s"), in_flight_max=1)
    first, second = alone.in_turn("a", "b")
    alone.track(shop(second, timeout="1s"))
    request = alone.run_to_start(first)
    due_ns = Cadence.of(second, 10 * S).first_after(alone.began_ns, 2)
    alone.run("9s")
    sample, record = alone.last(second)
    assert (sample.outcome, sample.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED)
    assert sample.detail == "its deadline passed while it waited for admission"
    assert sample.at == record.ended
    assert (record.state, record.started, record.due.monotonic_ns) == (AttemptState.EXPIRED, None, due_ns)
    assert record.ended.monotonic_ns == due_ns + S
    assert alone.pollers[second].of(CancelAttempt) == []
    alone.answer(request)
    assert alone.requests(second) == []
    alone.tell(Pause(first))
    assert alone.run_to_start(second).attempt.number == record.attempt.number + 1


def test_a_place_that_becomes_free_at_a_deadline_goes_to_no_attempt_whose_time_is_over(shop):
    alone = Alone(shop("a", timeout="10s"), shop("b", timeout="10s"), in_flight_max=1)
    first, second = alone.in_turn("a", "b")
    request = alone.run_to_start(first)
    due_ns = Cadence.of(second, 10 * S).first_after(alone.began_ns, 2)
    alone.settle(due_ns)
    alone.clock.advance(10 * S)
    alone.supervisor.tell(AttemptFinished(request.attempt, sample_at(9, target=first)))
    alone.settle()
    assert [record.state for _, record in alone.judged(second)] == [AttemptState.EXPIRED]
    assert alone.requests(second) == []


# Pollers that ended.


def exited(name="shop"):
    return ChildExited(f"poller/{name}", 1, "crashed", "ValueError('bug')")


def test_a_poller_that_ends_loses_its_attempt_and_begins_an_epoch(shop):
    alone = Alone(shop())
    request = alone.run_to_start()
    alone.pollers["shop"].alive = False
    alone.tell(exited())
    sample, record = alone.last()
    assert (sample.outcome, sample.reason, sample.detail) == (
        Outcome.UNKNOWN,
        Reason.PROBE_CRASHED,
        "ValueError('bug')",
    )
    assert (sample.at, record.state) == (request.started, AttemptState.LOST)
    alone.answer(request)
    assert len(alone.judged()) == 1
    alone.run("2s")
    assert alone.starts == [(0, "shop"), (alone.starts[-1][0], "shop")]
    assert alone.run_to_start().attempt.epoch == request.attempt.epoch + 1


def test_an_end_that_comes_after_the_restart_loses_nothing(shop):
    alone = Alone(shop())
    alone.run_to_start()
    alone.tell(exited())
    assert alone.judged() == []


# Tracking.


def test_a_new_specification_is_told_to_its_poller_alone(shop):
    alone = Alone(shop(), beating(shop))
    alone.track(shop(every="20s"))
    assert alone.pollers["shop"].take() == [Reconfigure(shop(every="20s"))]
    alone.track(beating(shop, every="2m"))
    assert alone.pollers.keys() == {"shop"}
    alone.track(beating(shop, "shop"))
    assert alone.pollers["shop"].take() == []
    assert alone.pollers["shop"].dismissed


def test_a_target_that_is_tracked_again_numbers_on(shop):
    alone = Alone(shop())
    alone.answer(alone.run_to_start())
    request = alone.run_to_start()
    alone.tell(Untrack("shop"))
    sample, record = alone.last()
    assert (sample.outcome, record.state) == (Outcome.CANCELLED, AttemptState.CANCEL_UNKNOWN)
    alone.track(shop())
    assert alone.requests()[0].attempt.number == request.attempt.number + 1
