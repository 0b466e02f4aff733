"""Pausing, untracking and a new specification cancel the running attempt, as the table of cancellation says."""

import pytest
from watchkeeper.domain.observation.attempt import CANCELLED_STATES, AttemptState, CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.protocol.supervisor import Pause, Resume, Track, Untrack

from tests.actors.flow.driver import DOWN, poller, run_to_start, run_until_due, start_times

S = 1_000_000_000


@pytest.mark.parametrize("outcome", CancelOutcome)
def test_pausing_cancels_what_runs_and_records_what_came_of_it(
    driven, shop, attempts, target_of, counter, outcome
):
    world = driven(shop(), on_cancel=outcome)
    attempt = run_to_start(world)
    world.pause("shop")
    assert world.prober.cancelled == [attempt]
    (record,) = attempts(world)
    assert (record.state, record.outcome) == (CANCELLED_STATES[outcome], "cancelled")
    assert target_of(world).sample.outcome is Outcome.CANCELLED
    assert counter(world, f"cancels_{outcome.value}") == 1
    assert counter(world, record.state.value) == 1


def test_an_attempt_cancelled_after_its_answer_counts_once(driven, shop, attempts):
    world = driven(shop())
    run_to_start(world)
    world.prober.answer()
    world.pause("shop")
    assert [record.state for record in attempts(world)] == [AttemptState.FINISHED]
    assert world.prober.cancelled == []


def test_nothing_starts_while_paused_and_the_grid_holds_after(driven, shop, target_of):
    world = driven(shop())
    run_to_start(world)
    world.prober.answer()
    world.pause("shop")
    started = len(world.prober.requests)
    world.run("5m")
    assert len(world.prober.requests) == started
    assert (target_of(world).paused, target_of(world).status.value) == (True, "paused")
    world.resume("shop")
    run_to_start(world)
    first, *_, last = start_times(world)
    assert (last - first) % (10 * S) == 0
    assert not target_of(world).paused


def test_pausing_and_resuming_within_one_attempt_starts_no_second(driven, shop):
    world = driven(shop(every="1s", timeout="1s"), on_cancel=CancelOutcome.UNKNOWN)
    run_to_start(world)
    for _ in range(5):
        world.pause("shop")
        world.resume("shop")
        world.run("300ms")
    assert world.prober.in_flight_max == {"shop": 1}


def test_untracking_cancels_what_runs_and_refuses_its_answer(driven, shop, counter):
    world = driven(shop(), on_cancel=CancelOutcome.UNKNOWN)
    attempt = run_to_start(world)
    world.untrack("shop")
    assert world.prober.cancelled == [attempt]
    assert world.system.dead_letters.total == 0
    world.prober.answer(attempt, DOWN)
    world.run("1m")
    assert world.status().targets == ()
    assert len(world.prober.requests) == 1
    assert counter(world, AttemptState.CANCEL_UNKNOWN.value) == 1


def test_a_target_tracked_again_refuses_an_old_answer(driven, shop, target_of):
    world = driven(shop(), on_cancel=CancelOutcome.UNKNOWN)
    old = run_to_start(world)
    world.untrack("shop")
    world.track(shop())
    new = run_to_start(world)
    assert new != old
    world.prober.answer(old, DOWN)
    world.run("1ms")
    assert target_of(world).samples == 0
    world.prober.answer(new)
    world.run("1ms")
    assert target_of(world).sample.outcome is Outcome.UP


def test_a_new_specification_lets_the_attempt_that_runs_end(driven, shop, attempts):
    world = driven(shop())
    attempt = run_to_start(world)
    world.track(shop(every="1s", timeout="500ms"))
    world.prober.answer(attempt)
    world.run("1ms")
    assert attempts(world)[0].attempt == attempt
    run_to_start(world)
    request = world.prober.requests[-1]
    assert request.deadline.remaining_ns(request.started) == S // 2


def test_a_new_specification_judges_by_its_own_conditions(driven, shop, target_of):
    world = driven(shop())
    run_to_start(world)
    world.track(shop(expect=("[CONNECTED] == false",)))
    world.prober.answer()
    world.run("1ms")
    assert target_of(world).sample.outcome is Outcome.UP
    run_to_start(world)
    world.prober.answer()
    world.run("1ms")
    assert target_of(world).sample.reason is Reason.CONDITION_FAILED


def test_a_specification_that_is_paused_pauses_and_one_that_is_not_resumes(driven, shop):
    world = driven(shop())
    attempt = run_to_start(world)
    world.track(shop(paused=True))
    assert world.prober.cancelled == [attempt]
    world.run("5m")
    assert len(world.prober.requests) == 1
    world.track(shop())
    assert run_to_start(world) != attempt


@pytest.mark.parametrize("command", [Pause, Resume, Untrack])
def test_a_command_for_a_target_that_is_not_there_is_refused(driven, shop, command):
    world = driven(shop())
    assert world.system.supervisor.ask(command("mail"), 60.0) is False
    assert world.system.supervisor.ask(command("shop"), 60.0) is True
    assert world.system.supervisor.epoch == 1


# A probed target becomes a heartbeat target, and back.


def beating(shop, name="shop", **fields):
    return shop(name, tcp=None, heartbeat=Heartbeat(grace="1s"), **fields)


@pytest.mark.parametrize("outcome", CancelOutcome)
@pytest.mark.parametrize("paused", [False, True])
def test_a_change_to_a_heartbeat_ends_the_attempt_that_runs(
    driven, shop, attempts, target_of, outcome, paused
):
    world = driven(shop(), on_cancel=outcome)
    attempt = run_to_start(world)
    world.track(beating(shop, paused=paused))
    assert world.prober.cancelled == [attempt]
    assert [record.state for record in attempts(world)] == [AttemptState.CANCEL_UNKNOWN]
    world.run("5s")
    world.pause("shop")
    world.resume("shop")
    world.heartbeat("shop")
    assert target_of(world).sample.outcome is Outcome.UP
    assert world.status().problems == ()
    assert world.system.supervisor.epoch == 1
    assert world.system.dead_letters.total == 0


@pytest.mark.parametrize("then", ["heartbeat", "pause", "untrack"])
def test_a_target_that_becomes_a_heartbeat_frees_its_place(driven, shop, then):
    world = driven(shop(), in_flight_max=1)
    run_to_start(world)
    world.track(beating(shop))
    getattr(world, then)("shop")
    world.track(shop("mail"))
    assert run_to_start(world).target == "mail"
    assert world.system.supervisor.epoch == 1


def test_a_queued_attempt_whose_target_becomes_a_heartbeat_is_never_started(driven, shop, attempts):
    world = driven(shop(timeout="9s"), shop("mail", timeout="9s"), in_flight_max=1)
    first = run_to_start(world).target
    second = "mail" if first == "shop" else "shop"
    run_until_due(world, second, 10 * S)
    assert start_times(world, second) == []
    world.track(beating(shop, second))
    world.prober.answer()
    assert [record.state for record in attempts(world, second)] == [AttemptState.CANCELLED_BEFORE_START]
    assert run_to_start(world).target == first


def test_an_answer_to_what_became_a_heartbeat_is_refused(driven, shop, target_of, counter):
    world = driven(shop(), on_cancel=CancelOutcome.UNKNOWN)
    attempt = run_to_start(world)
    world.track(beating(shop))
    world.heartbeat("shop")
    world.prober.answer(attempt, DOWN)
    world.run("1ms")
    assert target_of(world).sample.outcome is Outcome.UP
    assert counter(world, "late_answers") == 1


def test_a_target_that_is_probed_again_has_one_attempt_at_a_time(driven, shop):
    world = driven(shop(every="1s", timeout="900ms"))
    for _ in range(5):
        run_to_start(world)
        world.track(beating(shop))
        world.track(shop(every="1s", timeout="900ms"))
    assert world.prober.in_flight_max == {"shop": 1}
    assert len(world.prober.requests) == 5


def test_a_target_that_becomes_a_heartbeat_again_has_its_full_time(driven, shop, target_of):
    world = driven(beating(shop))
    world.heartbeat("shop")
    world.track(shop())
    world.run("1h")
    world.track(beating(shop))
    samples = target_of(world).samples
    world.run("10s")
    assert target_of(world).samples == samples
    world.run("2s")
    assert target_of(world).sample.outcome is Outcome.DOWN


def test_a_poller_that_is_to_be_restarted_is_not_when_it_has_no_work(driven, shop):
    world = driven(shop())
    world.run("1s")
    poller(world).tell(object())
    world.dispatcher.run_until_idle()
    world.track(beating(shop))
    world.run("10m")
    assert poller(world) is None


def test_the_problem_of_a_poller_ends_when_its_target_becomes_a_heartbeat(driven, shop):
    world = driven(shop(), shop("mail"))
    poller(world).tell(object())
    world.run("1ms")
    assert [part for part, _ in world.status().problems] == ["poller/shop"]
    world.track(beating(shop))
    assert world.status().problems == ()
    world.run("1h")
    assert world.status().problems == ()
    world.track(shop())
    assert poller(world) is not None


@pytest.mark.parametrize("seed", range(4))
def test_a_crash_that_is_reported_after_the_change_to_a_heartbeat_is_no_problem(driven, shop, seed):
    world = driven(shop(), seed=seed)
    poller(world).tell(object())
    world.system.supervisor.tell(Track(beating(shop)))
    world.run("1m")
    assert world.status().problems == ()
