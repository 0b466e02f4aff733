"""A state becomes unknown when its newest sample is older than its target's cadence allows."""

import pytest
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.rule import Consecutive, NoData, RuleState, Severity
from watchkeeper.domain.time.moment import wall_text
from watchkeeper.testing.world import World

S = 1_000_000_000
QUICK = (Consecutive(id="down", after=1, recover=1),)


def seen(world, name="shop"):
    (target,) = (target for target in world.status().targets if target.id == name)
    return target.status, target.raw


def test_a_target_without_samples_is_not_shown_up(shop, target_of):
    world = World([shop(every="10s", timeout="2s")])
    world.run("1m")
    assert seen(world) == (Status.UP, Status.UP)
    last = target_of(world).sample.at
    world.stall("10m")
    assert seen(world) == (Status.UNKNOWN, Status.UNKNOWN)
    assert target_of(world).explanation == f"no sample since {wall_text(last.wall_ns)}"
    world.run("11s")
    assert seen(world) == (Status.UP, Status.UP)
    assert target_of(world).explanation == ""


@pytest.mark.parametrize(("stall_ns", "status"), [(27 * S, Status.UP), (27 * S + 1, Status.UNKNOWN)])
def test_the_bound_is_two_and_a_half_periods_and_the_timeout(shop, target_of, stall_ns, status):
    world = World([shop(every="10s", timeout="2s")])
    world.run("1m")
    left_ns = stall_ns - world.now.since(target_of(world).sample.at)
    world.stall(f"{left_ns}ns")
    assert target_of(world).status is status


@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.WARNING])
def test_a_down_target_keeps_the_status_of_its_open_incident(shop, severity):
    world = World([shop(rules=(Consecutive(id="down", after=1, recover=1, severity=severity),))])
    world.script("shop", "down")
    world.run("1m")
    shown = Status.DOWN if severity is Severity.CRITICAL else Status.DEGRADED
    assert seen(world) == (shown, Status.DOWN)
    world.stall("10m")
    assert seen(world) == (shown, Status.UNKNOWN)


def test_a_draft_incident_keeps_nothing_down(shop):
    world = World([shop(rules=(Consecutive(id="down", after=1, recover=1, state=RuleState.DRAFT),))])
    world.script("shop", "down")
    world.run("1m")
    world.stall("10m")
    assert seen(world)[0] is Status.UNKNOWN


def test_a_paused_target_is_paused_and_stale_when_it_goes_on(shop):
    world = World([shop(every="10m")])
    world.run("2m")
    world.pause("shop")
    world.run("5h")
    assert seen(world)[0] is Status.PAUSED
    world.resume("shop")
    assert seen(world)[0] is Status.UNKNOWN
    world.run("10m")
    assert seen(world)[0] is Status.UP


def test_a_sleep_counts_though_the_monotonic_hand_stood_still(shop):
    world = World([shop(every="1h")])
    world.run("2m")
    assert seen(world)[0] is Status.UP
    world.suspend("8h")
    world.run("5s")
    assert seen(world)[0] is Status.UNKNOWN
    world.run("1h")
    assert seen(world)[0] is Status.UP


def test_a_clock_that_is_set_makes_nothing_stale(shop):
    world = World([shop()])
    world.run("1m")
    world.step_wall(86_400 * S)
    assert seen(world)[0] is Status.UP


@pytest.mark.parametrize(("silence", "status"), [("69s", Status.UP), ("300s", Status.UNKNOWN)])
def test_a_heartbeat_has_its_grace_before_it_is_stale(shop, silence, status):
    """A missed heartbeat is a bad sample at once; there is none only where the process did not run."""
    world = World([shop("nightly", every="60s", tcp=None, heartbeat=Heartbeat(grace="100s"), rules=QUICK)])
    world.heartbeat("nightly")
    world.run("1ms")
    world.stall(silence)
    assert seen(world, "nightly")[0] is status


def test_a_no_data_rule_states_a_shorter_bound(shop):
    silent = NoData(id="silent", after="15s")
    world = World([shop(every="10s", rules=(*QUICK, silent)), shop("other", every="10s")])
    world.run("1m")
    world.stall("16s")
    assert (seen(world)[0], seen(world, "other")[0]) == (Status.UNKNOWN, Status.UP)


def test_a_silence_that_is_over_is_not_shown(shop):
    world = World([shop()])
    world.silence("shop", "1m")
    assert [silence.target for silence in world.status().silences] == ["shop"]
    world.stall("2m")
    assert world.status().silences == ()
