"""The grid of due times under stalls, set clocks, full houses and at the end: every tick is served or counted, once."""

import pytest
from watchkeeper.actors.system import SUPERVISOR
from watchkeeper.domain.observation.attempt import AttemptState
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.time.cadence import Cadence
from watchkeeper.testing.world import World

from tests.actors.flow.driver import poller, run_to_start, run_until_due

S = 1_000_000_000
QUICK = (Consecutive(id="down", after=1, recover=1),)


def served_and_counted(world):
    counters = dict(world.status().counters)
    names = ("started", "missed_ticks", "overlapped_ticks", "ticks_without_poller")
    return sum(counters.get(name, 0) for name in names)


def test_over_a_stall_every_tick_is_served_or_counted_once(shop):
    world = World([shop(every="1s", timeout="500ms")])
    world.run("20s")
    world.clock.advance(60 * S)
    world.run("25s")
    # Counters are published every five seconds.
    assert 100 <= served_and_counted(world) <= 106


def test_a_clock_that_is_set_by_less_than_a_period_shifts_no_tick(shop, driven):
    world = driven(shop(every="10s", timeout="1s"))
    world.run("35s")
    world.step_wall(3_700_000_000)
    world.run("35s")
    starts = [request.started.monotonic_ns for request in world.prober.requests]
    assert len(starts) >= 6
    assert {(later - starts[0]) % (10 * S) for later in starts} == {0}


def test_a_waiting_caller_is_served_as_soon_as_a_place_is_free(driven, shop):
    world = driven(*(shop(f"t{number}", every="10s", timeout="10s") for number in range(8)), in_flight_max=1)
    world.run("9999ms")
    assert len(world.prober.requests) == 1
    for served in range(2, 7):
        world.prober.answer()
        world.run("0s")
        assert len(world.prober.requests) == served


def soon_after(name):
    """Returns a name whose ticks, every ten seconds, come at most a second after those of another one."""
    phase_ns = Cadence.of(name, 10 * S).phase_ns
    names = (f"t{number}" for number in range(1_000))
    return next(each for each in names if 0 < Cadence.of(each, 10 * S).phase_ns - phase_ns < S)


@pytest.mark.parametrize(("waits", "outcome"), [("1s", Outcome.TIMED_OUT), ("2s", Outcome.UNKNOWN)])
def test_a_timeout_after_a_long_wait_for_a_place_blames_no_target(driven, shop, target_of, waits, outcome):
    second = soon_after("shop")
    world = driven(*(shop(name, timeout="5s", rules=QUICK) for name in ("shop", second)), in_flight_max=1)
    run_until_due(world, "shop", 10 * S)
    run_until_due(world, second, 10 * S)
    world.run(waits)
    (first,) = world.prober.requests
    world.prober.answer(first.attempt)
    world.run("5s")
    assert target_of(world, second).sample.outcome is outcome


def test_an_expired_attempt_is_not_started_by_a_late_answer(driven, shop, attempts):
    targets = [shop(f"t{number}", every="10s", timeout="5s") for number in range(8)]
    world = driven(*targets, in_flight_max=1)
    while not world.prober.requests:
        world.run("10ms")
    world.run("4s")
    (running,) = world.prober.requests
    world.clock.advance(20 * S)
    world.prober.answer(running.attempt)
    world.run("0s")
    assert all(request.deadline.remaining_ns(request.started) > 0 for request in world.prober.requests)
    states = [record.state for target in targets for record in attempts(world, target.id)]
    assert AttemptState.EXPIRED in states


def test_a_timeout_in_which_we_stood_still_ourselves_is_unknown(driven, shop, target_of):
    world = driven(
        shop(every="10s", timeout="4s", rules=QUICK), shop("often", every="500ms", timeout="100ms", rules=())
    )
    while not any(request.attempt.target == "shop" for request in world.prober.requests):
        world.run("10ms")
    world.run("1s")
    world.clock.advance(2 * S)
    world.run("3s")
    sample = target_of(world).sample
    assert (sample.outcome, sample.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED)
    assert world.incidents() == ()


def test_a_heartbeat_noticed_late_was_missed_at_its_moment(shop, target_of):
    nightly = shop("nightly", every="1m", tcp=None, heartbeat=Heartbeat(grace="10s"), rules=QUICK)
    world = World([nightly])
    world.run("30s")
    world.heartbeat("nightly")
    beat = world.clock.read()
    world.run("68s")
    world.clock.advance(4 * S)
    world.run("5s")
    sample = target_of(world, "nightly").sample
    assert sample.reason is Reason.HEARTBEAT_MISSED
    assert sample.at.since(beat) == 70 * S


def test_a_queued_attempt_at_a_stop_is_recorded_as_never_started(driven, shop, attempts):
    targets = [shop(f"t{number}", every="10s", timeout="8s") for number in range(8)]
    world = driven(*targets, in_flight_max=1)
    while not world.prober.requests:
        world.run("10ms")
    world.run("4s")
    world.system.drain_supervisor(10 * S)
    world.run("1ms")
    records = [record for target in targets for record in attempts(world, target.id)]
    assert {record.state for record in records} == {AttemptState.CANCELLED_BEFORE_START}
    assert len(world.prober.requests) == 1
    world.prober.answer()
    world.run("1s")
    assert SUPERVISOR in world.system.ended


def test_an_attempt_that_cannot_be_cancelled_does_not_block_the_drain(driven, shop):
    world = driven(shop(every="1m", timeout="50s"))
    while not world.prober.requests:
        world.run("1s")
    world.system.drain_supervisor(10 * S)
    poller(world).tell(object())
    world.run("9s")
    assert SUPERVISOR not in world.system.ended
    world.run("2s")
    assert SUPERVISOR in world.system.ended


def test_a_tick_during_an_attempt_is_counted_and_shown_by_the_next(driven, shop, attempts, counter):
    world = driven(shop(every="1s", timeout="1s"))
    run_to_start(world)
    world.run("1100ms")
    assert len(world.prober.requests) == 1
    run_to_start(world)
    world.prober.answer()
    world.pause("shop")
    assert [record.missed for record in attempts(world)] == [0, 1]
    assert counter(world, "overlapped_ticks") == 1


def test_a_tick_without_a_poller_is_counted_and_shown_by_the_next(driven, shop, attempts, counter):
    world = driven(shop(every="1s", timeout="500ms"))
    run_to_start(world)
    world.prober.answer()
    while poller(world) is not None:
        poller(world).tell(object())
        world.run("1s")
    run_to_start(world)
    world.prober.answer()
    world.pause("shop")
    assert attempts(world)[-1].missed == 1
    assert counter(world, "ticks_without_poller") == 1
