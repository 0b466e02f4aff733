"""Suppression: routes, silences, maintenance, windows, dependencies and flapping as one delivery policy."""

import pytest
from records import NOON, opened, sample_at, then
from watchkeeper.domain.incidents.delivery_plan import HoldKind, Recipient
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import IncidentOpening, Restored, Silence
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.routing import Dependency, Flapping, Maintenance, Route, Window
from watchkeeper.domain.specification.target import OWN_NAME, Target
from watchkeeper.domain.suppression.suppression import Suppression
from watchkeeper.domain.time.moment import NS_PER_S

HOUR_NS = 3_600 * NS_PER_S
PORT = Tcp(host="127.0.0.1", port=9)
OPS = Channel(id="ops", log=Log())
PATCH_DAY = Maintenance(id="patch-day", match=["group=shop"], cron="0 13 * * *", length="2h")


def hour(number):
    return NOON.shifted(int(number * HOUR_NS))


def target(name="shop", **fields):
    return Target(id=name, tcp=PORT, **fields)


def policy_of(*targets, **fields):
    return Suppression(Configuration(targets=targets or (target(),), channels=(OPS,), **fields))


def failed(policy, number=1, at=NOON, name="shop", **fields):
    step = opened(f"inc_{number}", name, at_ns=at.wall_ns, opened_at_ns=at.wall_ns, **fields)
    policy.note(step, at)
    return step


def test_maintenance_selects_by_the_present_texts_of_a_target():
    policy = policy_of(target(group="shop"), maintenance=(PATCH_DAY,))
    incident = failed(policy).incident
    assert policy.hold(incident, hour(0.5)) is None
    hold = policy.hold(incident, hour(1))
    assert (hold.kind, hold.name, hold.until_ns) == (HoldKind.MAINTENANCE, "patch-day", hour(3).wall_ns)
    assert policy.describe("shop", TargetMetadata(group="mail")), "a text by which maintenance chooses"
    assert policy.hold(incident, hour(1)) is None


def test_maintenance_holds_no_problem_of_the_runtime_itself():
    policy = policy_of(
        maintenance=(Maintenance(id="all", match=["target=~.*"], cron="* * * * *", length="1h"),)
    )
    assert policy.hold(failed(policy).incident, NOON) is not None
    assert policy.hold(failed(policy, 2, name=OWN_NAME).incident, NOON) is None


def test_a_silence_is_named_before_maintenance():
    policy = policy_of(target(group="shop"), maintenance=(PATCH_DAY,))
    policy.restore(Restored(silences=(Silence(id="s-1", until_ns=hour(9).wall_ns),)), NOON)
    hold = policy.hold(failed(policy).incident, hour(1))
    assert (hold.kind, hold.name, hold.until_ns) == (HoldKind.SILENCE, "s-1", hour(9).wall_ns)


def test_the_next_change_is_the_first_start_or_end_of_all():
    window = Window(id="nights", cron="0 22 * * *", length="9h")
    policy = policy_of(maintenance=(PATCH_DAY,), windows=(window,))
    assert policy.next_change_ns(NOON) == hour(1).wall_ns
    assert policy.next_change_ns(hour(1)) == hour(3).wall_ns
    assert policy.next_change_ns(hour(3)) == hour(10).wall_ns
    policy.silences.put(Silence(id="s-1", until_ns=hour(0.25).wall_ns))
    assert policy.next_change_ns(NOON) == hour(0.25).wall_ns, "the wall clock was set back"


def test_a_quiet_window_holds_the_recipients_of_its_route():
    route = Route(to=["ops"], quiet=["nights"])
    policy = policy_of(routes=(route,), windows=(Window(id="nights", cron="0 22 * * *", length="9h"),))
    (recipient,) = policy.recipients(failed(policy, notify=()).incident)
    assert policy.quiet(recipient, hour(9)) is None
    assert policy.quiet(recipient, hour(10)).name == "nights"
    assert policy.quiet(Recipient(channel="ops"), hour(10)) is None


def test_routes_choose_by_the_present_texts_of_a_target():
    policy = policy_of(target(group="shop"), routes=(Route(id="shop", match=["group=shop"], to=["ops"]),))
    incident = failed(policy, notify=()).incident
    assert [each.channel for each in policy.recipients(incident)] == ["ops"]
    assert policy.describe("shop", TargetMetadata(group="mail"))
    assert policy.recipients(incident) == ()


def test_a_target_waits_for_its_parents():
    policy = policy_of(target("gateway"), target(depends_on=["gateway"]))
    incident = failed(policy).incident
    assert policy.hold(incident, NOON).kind is HoldKind.DEPENDENCY
    assert policy.take([sample_at(NS_PER_S, "gateway")], hour(0)) == {"shop"}
    assert policy.hold(incident, hour(0)) is None
    assert policy.take([sample_at(2 * NS_PER_S, "gateway", Outcome.DOWN)], hour(0)) == {"shop"}
    assert policy.pause("gateway", paused=True)
    assert policy.hold(incident, hour(0)) is None


def test_a_paused_parent_is_waited_for_by_nobody_from_the_start():
    policy = policy_of(target(depends_on=["gateway"]), target("gateway", paused=True))
    assert policy.hold(failed(policy).incident, NOON) is None


def test_a_reload_changes_dependencies_of_what_is_open():
    policy = policy_of(target("gateway"), target())
    incident = failed(policy).incident
    dependent = target(depends_on=Dependency(targets=["gateway"], at_least=1))
    assert policy.describe("shop", dependent.metadata, dependent)
    assert policy.hold(incident, NOON) is not None
    assert policy.describe("gateway", None), "a parent that is gone holds nothing"
    assert policy.hold(incident, NOON) is None


def flapped(policy, count=3):
    for number in range(count):
        step = failed(policy, number, hour(number / 10))
    return step.incident


@pytest.mark.parametrize(
    ("fields", "is_held"),
    [
        ({}, True),
        ({"flapping": False}, False),
        ({"flapping": Flapping(opened_max=4)}, False),
        ({"flapping": Flapping(window="10m")}, False),
        ({"flapping": Flapping(method="nagios")}, False),
    ],
)
def test_openings_are_counted_as_the_target_says(fields, is_held):
    policy = policy_of(target(**fields))
    assert (policy.hold(flapped(policy), hour(0.2)) is not None) is is_held


@pytest.mark.parametrize("method", ["nagios", "icinga"])
def test_states_are_weighed_where_the_target_says_so(method):
    policy = policy_of(target(flapping=Flapping(method=method)))
    incident = failed(policy).incident
    outcomes = [Outcome.UP, Outcome.DOWN] * 6
    flipped = [policy.take([sample_at(at, outcome=each)], NOON) for at, each in enumerate(outcomes)]
    assert flipped.count({"shop"}) == 1
    hold = policy.hold(incident, NOON)
    assert (hold.kind, hold.until_ns) == (HoldKind.FLAPPING, None)
    assert policy.hold(then(opened("inc_1"), TransitionKind.RESOLVED).incident, NOON) is None
    calm = [policy.take([sample_at(100 + at)], NOON) for at in range(21)]
    assert calm.count({"shop"}) == 1
    assert policy.hold(incident, NOON) is None


def test_a_reload_keeps_the_states_of_a_target_whose_method_stays():
    weighed = target(flapping=Flapping(method="icinga"))
    policy = policy_of(weighed)
    for at, each in enumerate([Outcome.UP, Outcome.DOWN] * 6):
        policy.take([sample_at(at, outcome=each)], NOON)
    incident = failed(policy).incident
    assert not policy.describe("shop", weighed.metadata, weighed)
    assert policy.hold(incident, NOON) is not None
    policy.describe("shop", weighed.metadata, target())
    assert policy.hold(incident, NOON) is None


def test_a_restart_goes_on_with_openings_silences_and_what_is_open():
    policy = policy_of(target("gateway"), target(), target("pay", depends_on=["gateway"]))
    past = [hour(at) for at in (-0.5, -0.4, -0.1)]
    openings = tuple(
        IncidentOpening(f"inc_{number}", "shop", "down", at.wall_ns) for number, at in enumerate(past)
    )
    held = opened("inc_2", at_ns=past[-1].wall_ns, opened_at_ns=past[-1].wall_ns)
    child = opened("inc_9", "pay")
    policy.restore(Restored(incidents=(held.incident, child.incident), openings=openings), NOON)
    assert policy.hold(held.incident, NOON).until_ns == past[-1].wall_ns + HOUR_NS // 3
    assert policy.hold(child.incident, NOON).kind is HoldKind.DEPENDENCY
    assert policy.hold(failed(policy, 3).incident, NOON).name == "opened 4 times within 1h"


def test_a_target_that_left_is_judged_by_the_default():
    policy = policy_of(target(flapping=False))
    policy.describe("shop", None)
    assert policy.hold(flapped(policy), hour(0.2)) is not None
