"""Time that does odd things: heartbeats, sleep, stalls, clocks that are set, and deaths in between."""

import pytest
from watchkeeper import ALL
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.protocol.supervisor import Beat
from watchkeeper.testing.world import World

S = 1_000_000_000
QUICK = (Consecutive(id="down", after=1, recover=1),)


# Heartbeats.


def nightly(shop, **fields):
    said = {"every": "1m", "tcp": None, "heartbeat": Heartbeat(grace="10s"), "rules": QUICK} | fields
    return shop("nightly", **said)


def test_a_heartbeat_is_missed_at_its_exact_moment(shop):
    world = World([nightly(shop)])
    world.run("30s")
    world.heartbeat("nightly")
    beat = world.clock.read()
    world.run("70s")
    (incident,) = world.incidents()
    assert incident.opened_at_ns == beat.wall_ns + 70 * S
    assert incident.reason == Reason.HEARTBEAT_MISSED.value
    world.heartbeat("nightly")
    world.run("1s")
    assert world.delivered("ops") == ["nightly/down opened", "nightly/down resolved"]


def test_beats_in_time_keep_a_target_well_for_ever(shop, target_of):
    world = World([nightly(shop)])
    for _ in range(100):
        world.run("69s")
        world.heartbeat("nightly")
    assert world.delivered("ops") == []
    assert target_of(world, "nightly").samples == 100


def test_a_host_that_says_nothing_from_the_start_is_missed_too(shop):
    world = World([nightly(shop)])
    began = world.clock.read()
    world.run("5m")
    assert world.incidents()[0].opened_at_ns == began.wall_ns + 70 * S


def test_silence_that_goes_on_is_one_bad_sample_a_period(shop, target_of):
    world = World([nightly(shop, rules=(Consecutive(id="down", after=3, recover=1),))])
    world.run("70s")
    assert target_of(world, "nightly").samples == 1
    assert world.incidents() == ()
    world.run("2m")
    assert target_of(world, "nightly").samples == 3
    assert len(world.incidents()) == 1


@pytest.mark.parametrize(
    ("ok", "outcome", "reason"), [(True, Outcome.UP, Reason.OK), (False, Outcome.DOWN, Reason.REPORTED)]
)
def test_the_report_of_the_host_is_the_sample(shop, target_of, ok, outcome, reason):
    world = World([nightly(shop)])
    world.heartbeat("nightly", ok=ok)
    world.run("1ms")
    sample = target_of(world, "nightly").sample
    assert (sample.outcome, sample.reason, sample.at) == (outcome, reason, sample.at)
    assert len(world.incidents()) == (not ok)


@pytest.mark.parametrize(
    ("name", "paused", "heard"),
    [("nightly", False, True), ("nightly", True, False), ("shop", False, False), ("no", False, False)],
)
def test_only_an_active_heartbeat_target_accepts_a_beat(shop, name, paused, heard):
    world = World([nightly(shop), shop()])
    if paused:
        world.pause(name)
    assert world.system.supervisor.ask(Beat(name, Outcome.UP, "", world.clock.read()), 60.0) is heard


def test_a_heartbeat_resumed_has_a_whole_period_again(shop):
    world = World([nightly(shop)])
    world.run("30s")
    world.pause("nightly")
    world.run("1h")
    world.resume("nightly")
    resumed = world.clock.read()
    world.run("69s")
    assert world.incidents() == ()
    assert world.status().blind == ()
    world.run("1s")
    assert world.incidents()[0].opened_at_ns == resumed.wall_ns + 70 * S


def test_a_heartbeat_under_a_new_specification_is_due_when_it_was(shop):
    world = World([nightly(shop)])
    world.heartbeat("nightly")
    beat = world.clock.read()
    world.run("50s")
    world.track(nightly(shop, timeout="1s"))
    world.run("30s")
    assert [incident.opened_at_ns for incident in world.incidents()] == [beat.wall_ns + 70 * S]


def test_a_heartbeat_that_is_gone_is_waited_for_no_more_after_a_gap(shop, counter):
    world = World([nightly(shop), shop()])
    world.run("30s")
    world.untrack("nightly")
    world.suspend("10m")
    world.run("10m")
    assert [interval.cause for interval in world.status().blind] == ["suspended"]
    assert counter(world, "samples_without_target") == 0


def test_a_heartbeat_missed_while_silenced_is_notified_when_the_silence_ends(shop):
    world = World([nightly(shop)])
    world.silence("nightly", "10m")
    world.run("9m")
    assert (len(world.incidents()), world.delivered("ops")) == (1, [])
    world.run("2m")
    assert world.delivered("ops") == ["nightly/down opened"]


# Blindness.


def test_sleep_is_recorded_and_fails_nobody(shop, driven, target_of):
    world = driven(shop(every="10s", rules=QUICK), nightly(shop))
    while not world.prober.requests:
        world.run("100ms")
    world.suspend("20m")
    world.run("1m")
    (interval, *_) = world.status().blind
    assert interval.cause == "suspended"
    assert 20 * 60 * S <= interval.ended_at_ns - interval.started_at_ns <= 21 * 60 * S
    assert [span for batch in world.store.batches for span in batch.blind] == [*world.status().blind]
    assert [incident for incident in world.incidents() if incident.target == "nightly"] == []


def test_an_attempt_during_a_suspend_is_unknown_with_any_answer(driven, shop, attempts, target_of):
    world = driven(shop(rules=QUICK, timeout="9s", every="1m"))
    while not world.prober.requests:
        world.run("1s")
    world.suspend("20m")
    world.run("20s")
    sample = target_of(world).sample
    assert (sample.outcome, sample.reason) == (Outcome.UNKNOWN, Reason.BLIND)
    assert "timed_out" in sample.detail
    assert world.incidents() == ()


@pytest.mark.parametrize("gap", [World.suspend, World.stall], ids=["sleep", "stall"])
def test_a_bad_answer_that_comes_before_the_wake_up_is_unknown(driven, shop, target_of, gap):
    world = driven(shop(rules=QUICK, timeout="9s", every="1m"))
    while not world.prober.requests:
        world.run("1s")
    gap(world, "30s")
    world.prober.answer(observation=Observation(outcome=Outcome.DOWN, reason=Reason.CONNECTION_RESET))
    world.dispatcher.run_until_idle()
    assert (target_of(world).sample.outcome, target_of(world).sample.reason) == (
        Outcome.UNKNOWN,
        Reason.BLIND,
    )
    world.run("20s")
    assert (world.incidents(), len(world.status().blind)) == ((), 1)


def test_a_heartbeat_that_waited_through_a_stall_moves_no_deadline_back(shop):
    world = World([nightly(shop)])
    world.run("30s")
    beat = Beat("nightly", Outcome.UP, "", world.clock.read())
    world.clock.advance(3_600 * S)
    world.run("1ms")
    world.system.supervisor.tell(beat)
    world.run("69s")
    assert (world.incidents(), [interval.cause for interval in world.status().blind]) == ((), ["stalled"])
    world.run("2s")
    assert [target.sample.reason for target in world.status().targets] == [Reason.HEARTBEAT_MISSED]


def test_one_heartbeat_that_arrives_twice_counts_once(shop):
    world = World([nightly(shop)])
    for _ in range(2):
        world.heartbeat("nightly")
    assert world.status().targets[0].samples == 1
    world.heartbeat("nightly", ok=False)
    assert world.status().targets[0].samples == 2


def test_a_heartbeat_is_not_missed_for_the_time_we_stood_still(shop):
    world = World([nightly(shop)])
    world.run("30s")
    world.heartbeat("nightly")
    world.run("1ms")
    world.clock.advance(3_600 * S)
    world.run("1ms")
    assert world.incidents() == ()
    assert [interval.cause for interval in world.status().blind] == ["stalled"]
    world.run("69s")
    assert world.incidents() == ()
    world.run("2s")
    assert len(world.incidents()) == 1


@pytest.mark.parametrize("gap", [World.suspend, World.stall], ids=["sleep", "stall"])
def test_a_paused_heartbeat_is_not_waited_for_after_a_gap(shop, target_of, gap):
    world = World([nightly(shop), shop()])
    world.pause("nightly")
    world.run("1m")
    gap(world, "20m")
    world.run("1h")
    assert len(world.status().blind) == 1
    assert (world.incidents(), target_of(world, "nightly").samples) == ((), 0)


@pytest.mark.parametrize("step_s", [-3_600, 3_600, -86_400 * 365])
def test_a_clock_that_is_set_moves_no_timer_and_fails_nobody(shop, step_s):
    world = World([shop(rules=QUICK), nightly(shop)])
    world.run("50s")
    world.heartbeat("nightly")
    before = world.prober.started
    world.step_wall(step_s * S)
    world.run("65s")
    assert world.prober.started - before in {6, 7}
    assert world.incidents() == ()
    assert [interval.cause for interval in world.status().blind] == ["clock_stepped"]
    world.run("20s")
    assert [incident.target for incident in world.incidents()] == ["nightly"]


def test_an_incident_over_a_clock_set_back_ends_no_earlier_than_it_began(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down 2m, ok")
    world.run("2m")
    world.step_wall(-3_600 * S)
    world.run("5m")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]
    resolved = world.notices("ops")[-1].incident
    assert resolved.resolved_at_ns == resolved.opened_at_ns


def test_a_target_that_is_really_down_after_sleep_is_notified(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down")
    world.run("50s")
    world.suspend("8h")
    world.run("2m")
    assert world.delivered("ops") == ["shop/down opened"]


def test_a_silence_ends_by_the_wall_clock_even_over_sleep(shop):
    world = World([shop(rules=QUICK)])
    world.silence("shop", "1h")
    world.script("shop", "down")
    world.run("2m")
    assert world.delivered("ops") == []
    world.suspend("1h")
    world.run("10s")
    assert world.delivered("ops") == ["shop/down opened"]


@pytest.mark.parametrize("step_s", [0, 37, -37, 600])
def test_the_end_of_a_silence_is_noticed_within_a_second(shop, step_s):
    """Nothing is polled during the steps, and the wall clock is set both ways: that is noticed with the next flush."""
    world = World([shop(every="1h", rules=QUICK)])
    world.script("shop", "down")
    world.silence(ALL, "2m3s")
    until_ns = world.now.wall_ns + 123 * S
    world.run("65s")
    assert (len(world.incidents()), world.delivered("ops")) == (1, [])
    world.step_wall(step_s * S)
    left_ns = until_ns - world.now.wall_ns
    if left_ns > 0:
        world.run(f"{left_ns - 1_000_000}ns")
        assert world.delivered("ops") == []
    world.run("1s" if left_ns > 0 else "5s")
    assert world.delivered("ops") == ["shop/down opened"]
    assert world.status().silences == ()


def test_each_of_several_silences_ends_in_its_own_time(shop):
    world = World([shop(rules=QUICK), shop("mail", rules=QUICK)])
    for target, length in (("mail", "3m4s"), ("shop", "2m3s"), (ALL, "90s")):
        world.silence(target, length)
        world.script("shop" if target is ALL else target, "down")
    world.run("2m3s500ms")
    assert world.delivered("ops") == ["shop/down opened"]
    world.run("61s")
    assert world.delivered("ops") == ["shop/down opened", "mail/down opened"]


def test_a_silence_costs_no_wake_up_before_its_end(shop):
    def turns(world, length):
        before = world.dispatcher.steps
        world.run(length)
        return world.dispatcher.steps - before

    world = World([shop(every="1h")])
    world.run("2h")
    quiet = turns(world, "1h")
    world.silence("shop", "10m")
    # The command, the review at its end, and what follows from both.
    assert turns(world, "1h") < quiet + 40
    assert turns(world, "1h") == quiet


def test_a_new_process_delays_no_end_of_a_silence(shop):
    world = World([shop(every="1h", rules=QUICK)])
    world.script("shop", "down")
    world.silence(ALL, "2m3s")
    world.run("65s")
    world.crash()
    world.run("57s999ms")
    assert world.delivered("ops") == []
    world.run("1s")
    assert world.delivered("ops") == ["shop/down opened"]


# Rules over time, through a death of the process.


@pytest.mark.parametrize("death", ["crash", "restart"])
@pytest.mark.parametrize("when", ["3m", "4m", "5m30s", "8m", "9m", "11m"])
def test_pending_and_firing_clocks_go_on_over_a_death(shop, death, when):
    rule = Consecutive(id="down", after=1, recover=1, for_="2m", keep_firing_for="2m")
    unbroken, broken = World([shop(rules=(rule,))]), World([shop(rules=(rule,))])
    for world in (unbroken, broken):
        world.script("shop", "ok 3m, down 5m, ok")
    unbroken.run("30m")
    broken.run(when)
    getattr(broken, death)()
    broken.run("30m")
    assert broken.delivered("ops") == unbroken.delivered("ops") == ["shop/down opened", "shop/down resolved"]
    for ours, theirs in zip(broken.notices("ops"), unbroken.notices("ops"), strict=True):
        assert ours.incident.opened_at_ns == theirs.incident.opened_at_ns
        # The time between the last sample and the death counts for no clock: at most one period, and one restart.
        assert 0 <= ours.incident.at_ns - theirs.incident.at_ns <= 20 * S


def test_a_short_suspension_every_night_hides_no_silent_job(shop):
    world = World([shop("job", every="24h", tcp=None, heartbeat=Heartbeat(grace="1h"), rules=QUICK)])
    world.heartbeat("job")
    world.run("23h")
    world.suspend("6s")
    world.run("3h")
    assert world.delivered("ops") == ["job/down opened"]


def test_a_job_that_was_due_while_the_machine_slept_has_its_whole_time_again(shop):
    world = World([shop("job", every="1h", tcp=None, heartbeat=Heartbeat(grace="1m"), rules=QUICK)])
    world.heartbeat("job")
    world.run("30m")
    world.suspend("8h")
    world.run("55m")
    assert world.delivered("ops") == []
