"""Attempts from due to ended: on the grid, in turn, inside a deadline, and lost with their poller only."""

from itertools import pairwise

import pytest
from records import sample_at
from watchkeeper.domain.limits import DEADLINE_SLACK_NS
from watchkeeper.domain.observation.attempt import AttemptId, AttemptState, CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.cadence import Cadence
from watchkeeper.protocol.supervisor import AttemptFinished, Untrack
from watchkeeper.testing.world import World

from tests.actors.flow.driver import DOWN, poller, run_to_start, run_until_due, start_times

S = 1_000_000_000


def test_attempts_start_on_the_grid_and_drift_by_nothing(driven, shop):
    world = driven(shop())
    for _ in range(30):
        run_to_start(world)
        world.prober.answer()
        world.run("1s")
    starts, grid = start_times(world), Cadence.of("shop", 10 * S)
    assert {(at_ns - grid.phase_ns) % (10 * S) for at_ns in starts} == {0}
    assert {later - earlier for earlier, later in pairwise(starts)} == {10 * S}


def test_a_request_carries_the_one_deadline_of_everything(driven, shop):
    world = driven(shop())
    run_to_start(world)
    request = world.prober.requests[-1]
    assert request.deadline.remaining_ns(request.started) == 2 * S


def test_an_attempt_can_be_inspected_from_due_to_outcome(driven, shop, attempts):
    world = driven(shop())
    attempt = run_to_start(world)
    world.run("500ms")
    world.prober.answer(observation=DOWN)
    world.run("1ms")
    (record,) = attempts(world)
    assert (record.attempt, record.state, record.outcome) == (attempt, AttemptState.FINISHED, "down")
    assert (record.lateness_ns, record.missed) == (0, 0)
    assert record.due == record.started == world.prober.requests[-1].started
    assert 500_000_000 <= record.ended.since(record.started) <= 700_000_000


def test_a_driver_that_says_nothing_is_cancelled_after_the_deadline(driven, shop, attempts, target_of):
    world = driven(shop())
    attempt = run_to_start(world)
    world.run("4s")
    assert world.prober.cancelled == [attempt]
    (record,) = attempts(world)
    assert record.state is AttemptState.TIMED_OUT
    assert record.ended.since(record.started) == 2 * S + DEADLINE_SLACK_NS
    assert (target_of(world).sample.outcome, target_of(world).sample.reason) == (
        Outcome.TIMED_OUT,
        Reason.TIMED_OUT,
    )


def test_a_late_answer_is_counted_and_refused(driven, shop, counter, target_of):
    world = driven(shop(every="1m"), on_cancel=CancelOutcome.UNKNOWN)
    attempt = run_to_start_in_a_minute(world)
    world.run("4s")
    world.prober.answer(attempt)
    assert counter(world, "late_answers") == 1
    assert target_of(world).samples == 1
    assert target_of(world).sample.outcome is Outcome.TIMED_OUT


def run_to_start_in_a_minute(world):
    for _ in range(4):
        try:
            return run_to_start(world)
        except AssertionError:
            continue
    raise AssertionError("no attempt was started in more than a minute")


def test_an_answer_given_twice_counts_once(driven, shop, counter, target_of):
    world = driven(shop())
    attempt = run_to_start(world)
    for _ in range(3):
        world.prober.answer(attempt)
    assert counter(world, "late_answers") == 2
    assert target_of(world).samples == 1


@pytest.mark.parametrize(
    "stray",
    [
        lambda attempt: AttemptId(attempt.target, attempt.epoch + 1, attempt.number),
        lambda attempt: AttemptId(attempt.target, attempt.epoch - 1, attempt.number),
        lambda attempt: AttemptId(attempt.target, attempt.epoch, attempt.number + 1),
        lambda attempt: AttemptId(attempt.target, attempt.epoch, attempt.number - 1),
        lambda attempt: AttemptId("nobody", attempt.epoch, attempt.number),
    ],
)
def test_an_answer_of_another_attempt_is_refused(driven, shop, counter, target_of, stray):
    world = driven(shop())
    wrong = stray(run_to_start(world))
    sample = sample_at(1, target=wrong.target, outcome=Outcome.DOWN, attempt=wrong.number)
    world.system.supervisor.tell(AttemptFinished(wrong, sample))
    world.run("1ms")
    world.prober.answer()
    assert counter(world, "late_answers") == 1
    assert (target_of(world).samples, target_of(world).sample.outcome) == (1, Outcome.UP)


@pytest.mark.parametrize("on_cancel", CancelOutcome)
def test_never_are_two_attempts_of_a_target_in_flight(driven, shop, on_cancel):
    """Answers that come at odd times, cadence and deadline close together: the longest a driver can hold on."""
    world = driven(
        shop(every="1s", timeout="1s"), shop("mail", every="700ms", timeout="600ms"), on_cancel=on_cancel
    )
    for number in range(60):
        world.run("370ms")
        if number % 3 == 0 and world.prober.requests:
            attempt = world.prober.requests[-1].attempt
            if world.prober.in_flight[attempt.target] and attempt not in world.prober.cancelled:
                world.prober.answer(attempt)
    assert world.prober.in_flight_max == {"shop": 1, "mail": 1}


def test_ticks_that_pass_while_one_runs_are_counted_not_replayed(driven, shop, attempts):
    world = driven(shop(every="1s", timeout="1s"))
    attempt = run_to_start(world)
    world.run("10s")
    starts = start_times(world)
    records = attempts(world)
    assert all(later - earlier == 2 * S for earlier, later in pairwise(starts))
    assert attempt.number == world.prober.requests[0].attempt.number
    assert [record.missed for record in records[1:]] == [1] * (len(records) - 1)


def test_a_stall_is_one_late_attempt_and_the_rest_is_missed(driven, shop, attempts):
    world = driven(shop(every="1s", timeout="500ms"))
    run_to_start(world)
    world.prober.answer()
    world.run("1ms")
    world.clock.advance(60 * S)
    before = len(world.prober.requests)
    world.run("0s")
    assert len(world.prober.requests) == before + 1
    world.prober.answer()
    world.run("1ms")
    record = attempts(world)[-1]
    assert record.missed in {58, 59}
    assert record.lateness_ns >= 59 * S
    grid = Cadence.of("shop", S)
    run_to_start(world)
    assert (start_times(world)[-1] - grid.phase_ns) % S == 0


def test_a_suspect_target_is_looked_at_more_often_until_it_is_well(shop):
    world = World([shop(every="1m", retry_every="5s", timeout="1s")])
    world.script("shop", "ok 3m, down 1m, ok")
    world.run("3m")
    before = world.prober.started
    world.run("2m")
    assert 9 <= world.prober.started - before <= 16
    before = world.prober.started
    world.run("10m")
    assert world.prober.started - before == 10


# Admission.


def test_a_queued_attempt_starts_when_a_place_is_free(driven, shop, attempts):
    world = driven(*(shop(f"t{number}", every="10s", timeout="8s") for number in range(3)), in_flight_max=1)
    served = []
    for _ in range(200):
        world.run("100ms")
        if world.prober.requests and world.prober.requests[-1].attempt not in served:
            served.append(world.prober.requests[-1].attempt)
            world.prober.answer()
    names = {attempt.target for attempt in served}
    assert names == {"t0", "t1", "t2"}
    assert max(world.prober.in_flight_max.values()) == 1


def test_an_attempt_queued_past_its_deadline_never_ran_and_is_unknown(driven, shop, attempts, target_of):
    targets = [shop(f"t{number}", every="10s", timeout="1s") for number in range(4)]
    slow = shop("slow", every="10s", timeout="9s")
    world = driven(slow, *targets, in_flight_max=1)
    world.run("60s")
    expired = [
        (name, record)
        for name in ("slow", "t0", "t1", "t2", "t3")
        for record in attempts(world, name)
        if record.state is AttemptState.EXPIRED
    ]
    assert expired
    started = {request.attempt for request in world.prober.requests}
    for _, record in expired:
        assert (record.started, record.outcome) == (None, "unknown")
        assert record.attempt not in started
    evidence = {(incident.target, number) for incident in world.incidents() for number in incident.evidence}
    assert evidence & {(name, record.attempt.number) for name, record in expired} == set()


def test_a_queued_attempt_of_a_paused_target_was_cancelled_before_it_started(driven, shop, attempts):
    one, other = (shop(name, every="10s", timeout="9s") for name in ("one", "other"))
    phases = [Cadence.of(target.id, 10 * S).phase_ns for target in (one, other)]
    apart_ns = (phases[1] - phases[0]) % (10 * S)
    first, second = ("one", "other") if apart_ns < 5 * S else ("other", "one")
    world = driven(one, other, in_flight_max=1)
    world.pause(second)
    while run_to_start_in_a_minute(world).target != first:
        pass
    world.resume(second)
    world.run("5s")
    assert start_times(world, second) == []
    world.pause(second)
    (record,) = attempts(world, second)
    assert (record.state, record.started) == (AttemptState.CANCELLED_BEFORE_START, None)
    assert record.outcome == "cancelled"
    world.run("20s")
    assert start_times(world, second) == []


def test_an_expired_attempt_does_not_start_though_a_place_is_free(driven, shop, attempts):
    """We stood still: the place became free and the deadline passed in the same instant."""
    one, other = (shop(name, every="10s", timeout="9s") for name in ("one", "other"))
    world = driven(one, other, in_flight_max=1)
    first = run_to_start(world)
    second = {"one": "other", "other": "one"}[first.target]
    run_until_due(world, second, 10 * S)
    assert first not in world.prober.cancelled
    before = len(world.prober.requests)
    world.clock.advance(20 * S)
    world.prober.answer(first)
    world.dispatcher.run_until_idle()
    assert all(not request.deadline.expired(request.started) for request in world.prober.requests[before:])
    world.run("1ms")
    record = attempts(world, second)[-1]
    assert (record.state, record.started) == (AttemptState.EXPIRED, None)


# Pollers that crash.


def crash_poller(world, name="shop"):
    poller(world, name).tell(object())
    world.run("1ms")


def test_a_crash_of_its_poller_loses_the_attempt_and_nothing_else(driven, shop, attempts, target_of):
    world = driven(shop(), shop("mail"))
    attempt = run_to_start(world)
    lost, other = attempt.target, {"shop": "mail", "mail": "shop"}[attempt.target]
    crash_poller(world, lost)
    assert attempts(world, lost)[-1].state is AttemptState.LOST
    sample = target_of(world, lost).sample
    assert (sample.outcome, sample.reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert world.prober.cancelled == [attempt]
    assert dict(world.status().problems).keys() == {f"poller/{lost}"}
    world.run("1m")
    assert {request.attempt.target for request in world.prober.requests[1:]} == {lost, other}
    assert [request.attempt.epoch for request in world.prober.requests if request.attempt.target == other][
        -1
    ] == 1


def test_a_restarted_poller_has_a_new_epoch_and_the_old_answer_is_refused(driven, shop, counter, target_of):
    world = driven(shop())
    old = run_to_start(world)
    crash_poller(world)
    new = run_to_start(world)
    assert (new.epoch, new.number > old.number) == (old.epoch + 1, True)
    world.prober.answer(old, DOWN)
    world.prober.answer(new)
    world.run("1ms")
    assert target_of(world).sample.attempt == new.number
    assert counter(world, "late_answers") == 1
    assert world.status().healthy


def test_a_poller_that_goes_on_crashing_is_parked_and_tried_again(driven, shop, counter):
    world = driven(shop(every="1s", timeout="500ms"))
    for _ in range(7):
        for _ in range(400):
            world.run("100ms")
            if poller(world) is not None:
                crash_poller(world)
                break
    assert "quarantined" in dict(world.status().problems)["poller/shop"]
    before = len(world.prober.requests)
    world.run("5m")
    assert len(world.prober.requests) == before
    world.run("6m")
    assert len(world.prober.requests) > before
    run_to_start(world)
    world.prober.answer()
    world.run("1ms")
    assert world.status().healthy
    assert counter(world, "ticks_without_poller") > 300


def test_the_problem_of_a_poller_ends_when_its_target_is_untracked(driven, shop):
    world = driven(shop())
    crash_poller(world)
    world.run("1ms")
    assert not world.status().healthy
    world.system.supervisor.tell(Untrack("shop"))
    world.run("1m")
    assert world.status().healthy


class Raising:
    """A driver that cannot even start."""

    def start(self, request, done):
        raise RuntimeError("no such driver")

    def close(self):
        """Holds nothing."""


def test_a_driver_that_cannot_start_is_an_internal_fault(shop, target_of):
    world = World([shop()])
    world.prober = Raising()
    world.crash()
    world.run("2m")
    sample = target_of(world).sample
    assert (sample.outcome, sample.reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert sample.detail == "RuntimeError: no such driver"
    assert world.incidents() == ()
    assert target_of(world).samples >= 11
