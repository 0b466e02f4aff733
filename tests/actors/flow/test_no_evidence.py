"""No evidence: a target without samples for a while, and one that is tracked no longer."""

import pytest
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.probe import Heartbeat, Tcp
from watchkeeper.domain.specification.rule import Consecutive, NoData, NoDataPolicy
from watchkeeper.protocol.supervisor import Drain, Pause
from watchkeeper.testing.world import World

from tests.actors.flow.driver import run_to_start

S = 1_000_000_000
QUICK = (Consecutive(id="down", after=1, recover=1),)
FIRE, KEEP, OK = NoDataPolicy.FIRE, NoDataPolicy.KEEP, NoDataPolicy.OK


# Silence of a target: samples that are no evidence.


@pytest.mark.parametrize(
    ("policy", "before", "told"),
    [
        (FIRE, "ok 5m", ["shop/silent opened", "shop/silent resolved"]),
        (KEEP, "ok 5m", []),
        (OK, "ok 5m", []),
        (KEEP, "down 5m", ["shop/down opened", "shop/down resolved"]),
        (OK, "down 5m", ["shop/down opened", "shop/down resolved"]),
    ],
)
def test_no_evidence_means_what_the_policy_says(shop, policy, before, told):
    world = World([shop(rules=(*QUICK, NoData(id="silent", after="1m", policy=policy)))])
    world.script("shop", f"{before}, unknown 10m, ok")
    world.run("12m")
    still_open = policy is KEEP and before == "down 5m"
    assert bool(world.incidents(open_only=True)) is (still_open or policy is FIRE)
    world.run("30m")
    assert world.delivered("ops") == told


def last_evidence_and(world, rule):
    incident = next(incident for incident in world.incidents() if incident.rule == rule)
    evidence = [sample for sample in world.store.samples("shop") if sample.outcome is Outcome.UP]
    moments = [sample.at.wall_ns for sample in evidence]
    return max(at_ns for at_ns in moments if at_ns < incident.opened_at_ns), incident


def test_an_incident_of_silence_begins_when_it_became_too_long(watched, shop):
    world = watched(shop(rules=(NoData(id="silent", after="1m"),)))
    world.script("shop", "ok 5m, unknown 10m, ok")
    world.run("10m")
    last_ns, incident = last_evidence_and(world, "silent")
    # Counted from when the last evidence arrived, five milliseconds after its probe had started.
    assert 60 * S <= incident.opened_at_ns - last_ns <= 60 * S + 10_000_000


def test_silence_is_derived_from_the_cadence_where_it_is_not_stated(watched, shop):
    world = watched(shop(rules=(NoData(id="silent"),)))
    world.script("shop", "ok 5m, unknown 10m, ok")
    world.run("10m")
    last_ns, incident = last_evidence_and(world, "silent")
    assert 27 * S <= incident.opened_at_ns - last_ns <= 27 * S + 10_000_000


@pytest.mark.parametrize(("for_", "silence", "told"), [("2m", "10m", 2), ("5m", "4m", 0)])
def test_silence_that_lasts_fires_once_it_has_lasted_for_long_enough(shop, for_, silence, told):
    world = World([shop(rules=(NoData(id="silent", after="1m", for_=for_),))])
    world.script("shop", f"ok 5m, unknown {silence}, ok")
    world.run("40m")
    assert len(world.delivered("ops")) == told


def test_silence_that_counts_as_fine_ends_what_keeps_firing(shop):
    rules = (
        Consecutive(id="down", after=1, recover=1, keep_firing_for="3m"),
        NoData(id="q", after="1m", policy=OK),
    )
    world = World([shop(rules=rules)])
    world.script("shop", "ok 2m, down 1m, unknown")
    world.run("20m")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]


def test_a_bad_sample_after_silence_that_was_fine_is_the_first_in_a_row(shop):
    world = World(
        [shop(rules=(Consecutive(id="down", after=3, recover=1), NoData(id="q", after="1m", policy=OK)))]
    )
    world.script("shop", "ok 2m, down 1m, unknown 10m, down 20s, ok")
    world.run("30m")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]


@pytest.mark.parametrize("policy", [FIRE, KEEP])
@pytest.mark.parametrize("after", ["90s", "5m"])
def test_a_missed_beat_ends_no_silence(shop, target_of, policy, after):
    rules = (*QUICK, NoData(id="silent", after=after, policy=policy))
    world = World([shop("job", every="1m", tcp=None, heartbeat=Heartbeat(grace="10s"), rules=rules)])
    world.heartbeat("job")
    world.run("30m")
    assert "job/silent resolved" not in world.delivered("ops")
    assert ("job/silent opened" in world.delivered("ops")) is (policy is FIRE)
    assert target_of(world, "job").status is Status.DOWN
    world.heartbeat("job")
    world.run("1s")
    assert world.incidents(open_only=True) == ()


def test_a_silent_job_with_a_rule_on_its_silence_alone_is_not_up(shop, target_of):
    rules = (NoData(id="silent", after="90s"),)
    world = World([shop("job", every="1m", tcp=None, heartbeat=Heartbeat(grace="10s"), rules=rules)])
    world.heartbeat("job")
    world.run("30m")
    assert target_of(world, "job").status is Status.DOWN
    assert world.delivered("ops") == ["job/silent opened"]


def test_a_paused_target_is_not_silent(shop):
    world = World([shop(rules=(NoData(id="silent", after="1m"),))])
    world.run("5m")
    world.pause("shop")
    world.run("1h")
    world.resume("shop")
    world.run("5m")
    assert world.delivered("ops") == []


@pytest.mark.parametrize("port", [(80,), (80, 81)], ids=["unchanged", "changed"])
def test_a_target_that_is_tracked_again_and_again_is_told_silent_in_time(shop, port):
    rules = (NoData(id="silent", after="10m"),)
    world = World([shop(rules=rules)])
    world.script("shop", "ok 1m, unknown")
    for turn in range(4):
        world.run("4m")
        world.track(shop(rules=rules, tcp=Tcp(host="shop", port=port[turn % len(port)])))
    assert world.delivered("ops") == ["shop/silent opened"]
    world.script("shop", "ok")
    world.run("1m")
    assert world.delivered("ops") == ["shop/silent opened", "shop/silent resolved"]


def test_a_new_bound_of_silence_counts_what_has_passed(shop):
    world = World([shop(rules=(NoData(id="silent", after="1h"),))])
    world.script("shop", "ok 1m, unknown")
    world.run("20m")
    world.track(shop(rules=(NoData(id="silent", after="15m"),)))
    world.run("1ms")
    assert world.delivered("ops") == ["shop/silent opened"]


def test_a_target_tracked_again_right_after_a_restart_is_not_silent_before_its_first_check(shop):
    silent = shop(rules=(NoData(id="silent", after="1m"),))
    world = World([silent])
    world.run("5m")
    world.restart("1h")
    world.track(silent)
    world.run("5m")
    assert world.delivered("ops") == []


def test_a_resume_of_what_is_not_paused_begins_no_wait_anew(shop):
    silent = shop(rules=(NoData(id="silent", after="10m"),))
    job = shop("job", every="10m", tcp=None, heartbeat=Heartbeat(grace="10s"), rules=QUICK)
    world = World([silent, job])
    world.script("shop", "ok 1m, unknown")
    for _ in range(4):
        world.run("4m")
        world.resume("shop")
        world.resume("job")
    assert set(world.delivered("ops")) == {"shop/silent opened", "job/down opened"}


def test_an_answer_behind_a_pause_makes_nobody_wait_for_the_next(driven, shop, target_of):
    world = driven(shop(rules=(NoData(id="silent", after="1m"),)))
    attempt = run_to_start(world)
    world.system.supervisor.tell(Pause("shop"))
    world.prober.answer(attempt)
    world.run("1h")
    assert target_of(world).sample.outcome is Outcome.UP
    assert target_of(world).paused
    assert world.incidents() == ()


def test_nothing_is_expected_of_anybody_while_we_drain(driven, shop):
    quiet = {"every": "10m", "timeout": "9m", "rules": (NoData(id="silent", after="11m"),)}
    nightly = shop("nightly", tcp=None, heartbeat=Heartbeat(grace="5s"), rules=QUICK)
    world = driven(shop(**quiet), shop("mail", every="1h", timeout="50m"), nightly)
    while len(world.prober.requests) < 2:
        world.heartbeat("nightly")
        world.run("5s")
    (answered,) = (request.attempt for request in world.prober.requests if request.attempt.target == "shop")
    world.system.supervisor.tell(Drain(3_600 * S))
    world.run("1ms")
    world.prober.answer(answered)
    world.stall("1m")
    world.run("20m")
    assert world.system.supervisor.alive
    assert world.incidents() == ()


# Incidents whose target is tracked no longer.


def orphaned(shop):
    world = World([shop(rules=QUICK), shop("mail")])
    world.script("shop", "down")
    world.run("1m")
    # The removal does not reach the record: the next process finds the incident and no target.
    world.fill_store("1ms")
    world.untrack("shop")
    world.crash()
    return world


def test_an_incident_whose_target_does_not_come_back_is_closed_once(shop):
    world = orphaned(shop)
    world.run("55s")
    assert world.delivered("ops") == ["shop/down opened"]
    world.run("10s")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]
    ended = world.notices("ops")[-1].incident
    assert (ended.change, ended.reason) == (TransitionKind.RESOLVED, "removed")
    world.crash()
    world.run("30m")
    assert len(world.delivered("ops")) == 2


def test_a_target_that_is_tracked_again_in_time_keeps_its_incident(shop):
    world = orphaned(shop)
    world.run("50s")
    world.track(shop(rules=QUICK))
    world.script("shop", "down 20m, ok")
    world.run("40m")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]
    assert world.notices("ops")[-1].incident.reason == "recovered"


def test_untracking_closes_what_is_open_and_says_so(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "down")
    world.run("1m")
    world.untrack("shop")
    world.run("1m")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]
    assert world.notices("ops")[-1].incident.reason == "removed"
