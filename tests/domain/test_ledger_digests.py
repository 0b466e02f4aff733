"""Digests: what waits for one, what it tells, and when it leaves, restarts and reloads between."""

import pytest
from planned import DEAD, Desk, Planned, S, ended, grouped, incident, told
from records import NOON
from watchkeeper.domain.incidents.delivery_plan import HoldKind, Recipient
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.rule import Severity

OPENED, CHANGED, ACKNOWLEDGED, RESOLVED = TransitionKind
OPS, BOSS = Channel(id="ops", log=Log()), Channel(id="boss", log=Log())
HOUR_S = 3_600


# Groups.


def test_a_group_waits_for_more_and_is_told_by_one_digest():
    desk = Desk(Planned(grouped()))
    steps = [incident(number) for number in range(40)]
    assert desk.tell(*steps) == []
    assert desk.wait(29) == []
    (digest,) = desk.wait(1)
    assert told([digest]) == [(OPENED, 40)]
    assert digest.digest.group == "shop: group=shop"
    assert digest.thread_id == digest.digest.grouping.id


def test_forty_ends_of_a_quiet_group_are_one_digest():
    desk = Desk(Planned(grouped()))
    steps = [incident(number) for number in range(40)]
    desk.tell(*steps)
    desk.wait(30)
    desk.deliver()
    desk.wait(1_000)
    for step in steps:
        desk.tell(ended(step, desk))
        desk.wait(0.5)
    assert told(desk.made[1:]) == []
    assert told(desk.wait(30)) == [(RESOLVED, 40)]
    assert desk.deliver() == []
    assert desk.ledger.open_incidents() == ()


def test_a_step_tells_of_incidents_that_opened_one_after_the_other_by_one_digest():
    desk = Desk(Planned(grouped("boss", after_ns=900 * S, is_escalation=True)), BOSS)
    for number in range(40):
        desk.tell(incident(number, desk))
        desk.wait(0.5)
    assert desk.wait(900 + 30 - 40 * 0.5 - 1) == []
    (digest,) = desk.wait(1)
    assert told([digest]) == [(OPENED, 40)]


def test_children_that_are_told_one_after_the_other_once_their_parent_is_well_are_one_digest():
    desk = Desk(Planned(grouped()))
    steps = [incident(number) for number in range(40)]
    desk.policy.held = {step.target: None for step in steps}
    desk.policy.kind = HoldKind.DEPENDENCY
    desk.tell(*steps)
    desk.wait(600)
    for step in steps:
        del desk.policy.held[step.target]
        desk.review()
        desk.wait(0.5)
    assert desk.made == []
    assert told(desk.wait(30)) == [(OPENED, 40)]


def test_an_interval_passes_between_two_digests_and_openings_and_ends_go_together():
    desk = Desk(Planned(grouped()))
    first, second = incident(1), incident(2)
    desk.tell(first, second)
    desk.wait(30)
    desk.deliver()
    desk.tell(ended(first, desk), incident(3, desk))
    assert desk.wait(299) == []
    (update,) = desk.wait(1)
    assert told([update]) == [(CHANGED, 2)]
    assert (update.digest.opened_count, update.digest.ended_count) == (1, 1)
    assert [other.incident_id for other in update.digest.others] == [second.incident_id]
    assert update.digest.open_count == 2


def test_the_lead_of_a_digest_is_its_worst_and_then_oldest_open_member():
    desk = Desk(Planned(grouped()))
    mild = incident(1, severity=Severity.WARNING)
    old = incident(2, opened_at_ns=NOON.wall_ns - 9 * S)
    desk.tell(mild, incident(3), old)
    (digest,) = desk.wait(30)
    assert [member.target for member in digest.digest.members] == ["t2", "t3", "t1"]
    assert digest.incident.id == old.incident_id


def test_an_incident_that_ends_before_the_digest_is_told_to_nobody():
    desk = Desk(Planned(grouped()))
    step = incident(1)
    desk.tell(step)
    desk.wait(10)
    desk.tell(ended(step, desk))
    assert desk.wait(HOUR_S) == []
    assert desk.ledger.incident(step.incident_id) is None


def test_a_group_is_not_told_while_its_last_digest_is_under_way():
    desk = Desk(Planned(grouped(wait_s=0, interval_s=60)))
    (first,) = desk.tell(incident(1))
    assert desk.tell(incident(2, desk)) == []
    assert desk.wait(HOUR_S) == []
    assert told(desk.settle(first)) == [(CHANGED, 1)]


def test_a_digest_that_was_given_up_is_followed_by_the_ends_alone():
    desk = Desk(Planned(grouped(wait_s=0)))
    step, other = incident(1), incident(2)
    (first,) = desk.tell(step, other)
    assert desk.settle(first, DEAD) == []
    assert desk.wait(HOUR_S) == []
    assert told(desk.tell(ended(step, desk))) == [(RESOLVED, 1)]


def test_a_digest_has_no_more_members_than_its_bound_and_the_rest_follows():
    desk = Desk(Planned(grouped()))
    desk.tell(*[incident(number) for number in range(5_010)])
    assert told(desk.wait(30)) == [(OPENED, 5_000)]
    desk.deliver()
    assert told(desk.wait(300)) == [(CHANGED, 10)]


@pytest.mark.parametrize("down_s", [0, 100, 1_000])
def test_a_restart_keeps_the_interval_of_a_group(down_s):
    desk = Desk(Planned(grouped()))
    step = incident(1)
    desk.tell(step)
    desk.wait(30)
    desk.deliver()
    desk.tell(ended(step, desk))
    desk.now = desk.now.shifted(down_s * S)
    early = desk.restart()
    assert told(early) == ([(RESOLVED, 1)] if down_s >= 300 else [])
    if not early:
        assert desk.wait(299 - down_s) == []
        assert told(desk.wait(1)) == [(RESOLVED, 1)]


def test_a_restart_keeps_the_interval_of_a_group_whose_incidents_are_over():
    desk = Desk(Planned(grouped(wait_s=0)))
    step = incident(1)
    desk.tell(step)
    desk.deliver()
    desk.tell(ended(step, desk))
    desk.wait(300)
    desk.deliver()
    desk.restart()
    desk.tell(incident(2, desk))
    assert desk.wait(299) == []
    assert told(desk.wait(1)) == [(OPENED, 1)]


def test_a_channel_hears_the_end_in_its_group_after_its_route_is_gone():
    desk = Desk(Planned(grouped()))
    steps = [incident(number) for number in range(3)]
    desk.tell(*steps)
    (digest,) = desk.wait(30)
    desk.deliver()
    desk.policy.chosen = ()
    desk.restart()
    for step in steps:
        desk.tell(ended(step, desk))
    (end,) = desk.wait(HOUR_S)
    assert told([end]) == [(RESOLVED, 3)]
    assert end.thread_id == digest.thread_id


def test_incidents_that_wait_are_told_alone_once_their_route_no_longer_groups():
    desk = Desk(Planned(grouped()))
    desk.tell(incident(1), incident(2))
    desk.policy.chosen = (Recipient(channel="ops", route="shop"),)
    assert [notice.thread_id for notice in desk.restart()] == ["inc_001", "inc_002"]
    assert desk.wait(HOUR_S) == []


def test_an_incident_that_was_told_alone_ends_alone_though_its_route_groups_now():
    desk = Desk(Planned(Recipient(channel="ops")))
    step = incident(1)
    desk.tell(step)
    desk.deliver()
    desk.policy.chosen = (grouped(),)
    desk.restart()
    (end,) = desk.tell(ended(step, desk))
    assert end.thread_id == step.incident_id


def test_members_that_wait_for_a_channel_that_is_gone_are_forgotten():
    desk = Desk(Planned(grouped(), grouped("boss")), OPS, BOSS)
    desk.tell(incident(1))
    desk.channels = (OPS,)
    desk.restart()
    assert [notice.channel for notice in desk.wait(HOUR_S)] == ["ops"]
    assert set(desk.ledger.waits("inc_001")) == set()


def test_a_clock_that_is_set_back_delays_a_digest_by_its_interval_at_most():
    desk = Desk(Planned(grouped()))
    desk.tell(incident(1))
    desk.wait(30)
    desk.deliver()
    desk.tell(incident(2, desk))
    desk.look()
    day_back = desk.now.wall_ns - 86_400 * S
    desk.now = type(desk.now)(desk.now.monotonic_ns + S, day_back)
    desk.look()
    assert told(desk.wait(301)) == [(CHANGED, 1)]
