"""Holds, delays, reminders and the memory of channels: when a notice that is due leaves, and what a restart makes of it."""

import pytest
from planned import DEAD, Desk, Planned, S, ended, grouped, incident, seen, told
from records import NOON, delivery_of, then
from watchkeeper.domain.incidents.delivery_plan import HoldKind, Recipient
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState, NoticeReason
from watchkeeper.domain.specification.channel import Channel, Log

OPENED, CHANGED, ACKNOWLEDGED, RESOLVED = TransitionKind
OPS, BOSS = Channel(id="ops", log=Log()), Channel(id="boss", log=Log())
HOUR_S = 3_600


# Holds.


def test_a_held_incident_is_not_in_the_digest_and_follows_once_it_is_free():
    desk = Desk(Planned(grouped()))
    desk.policy.held["t1"] = None
    desk.tell(incident(1), incident(2))
    assert [step.incident_id for step in desk.wait(30)[0].steps] == ["inc_002"]
    desk.deliver()
    assert desk.ledger.waits("inc_001")["ops"].kind is HoldKind.MAINTENANCE
    desk.policy.held.clear()
    assert desk.review() == []
    assert desk.ledger.waits("inc_001")["ops"].kind is HoldKind.GROUPING
    assert [step.incident_id for step in desk.wait(300)[0].steps] == ["inc_001"]


def test_a_hold_that_ends_by_itself_is_looked_at_then():
    desk = Desk(Planned(Recipient(channel="ops")))
    desk.policy.held["t1"] = NOON.wall_ns + 90 * S
    assert desk.tell(incident(1)) == []
    assert desk.ledger.waits("inc_001")["ops"].until_ns == NOON.wall_ns + 90 * S
    assert desk.wait(89) == []
    assert told(desk.wait(1)) == [(OPENED, 1)]
    assert desk.ledger.waits("inc_001") == {}


def test_a_hold_that_begins_takes_a_member_out_of_the_next_digest():
    desk = Desk(Planned(grouped()))
    desk.tell(incident(1), incident(2))
    desk.policy.held["t2"] = None
    assert desk.review() == []
    assert [step.incident_id for step in desk.wait(30)[0].steps] == ["inc_001"]


def test_a_quiet_window_holds_one_channel_alone():
    desk = Desk(Planned(Recipient(channel="ops"), Recipient(channel="boss")), OPS, BOSS)
    desk.policy.quieted.add("boss")
    assert [notice.channel for notice in desk.tell(incident(1))] == ["ops"]
    assert desk.ledger.waits("inc_001")["boss"].kind is HoldKind.QUIET


def test_the_waits_that_have_changed_are_taken_once():
    desk = Desk(Planned(grouped()))
    desk.tell(incident(1))
    (changed,) = desk.ledger.take_changed_waits().items()
    assert (changed[0], [each.hold.kind for each in changed[1]]) == ("inc_001", [HoldKind.GROUPING])
    assert desk.ledger.all_waits() == changed[1]
    assert desk.ledger.take_changed_waits() == {}
    desk.wait(30)
    assert desk.ledger.take_changed_waits() == {"inc_001": ()}
    assert desk.ledger.all_waits() == ()


# Delays.


def escalating(after_s=900):
    boss = Recipient(channel="boss", after_ns=after_s * S, is_escalation=True)
    return Desk(Planned(Recipient(channel="ops"), boss), OPS, BOSS)


def test_an_escalation_is_told_its_time_after_the_opening():
    desk = escalating()
    assert [notice.channel for notice in desk.tell(incident(1))] == ["ops"]
    assert desk.ledger.waits("inc_001")["boss"].kind is HoldKind.DELAY
    assert desk.wait(899) == []
    assert [(notice.channel, notice.change) for notice in desk.wait(1)] == [("boss", OPENED)]


@pytest.mark.parametrize("stops", [seen, ended])
def test_an_escalation_is_stopped_by_an_acknowledgement_or_the_end(stops):
    desk = escalating()
    step = incident(1)
    desk.tell(step)
    desk.deliver()
    desk.wait(600)
    desk.tell(stops(step, desk))
    desk.deliver()
    assert desk.wait(HOUR_S) == []
    assert {notice.channel for notice in desk.made} == {"ops"}


def test_a_restart_keeps_the_time_of_an_escalation_also_after_later_steps():
    desk = escalating()
    step = incident(1)
    desk.tell(step)
    desk.deliver()
    desk.wait(300)
    desk.tell(then(step, CHANGED, at_ns=desk.now.wall_ns))
    desk.deliver()
    desk.restart()
    assert desk.wait(599) == []
    assert [notice.channel for notice in desk.wait(1)] == ["boss"]


def test_a_clock_that_is_set_back_delays_an_escalation_by_its_own_time_at_most():
    desk = escalating()
    desk.tell(incident(1))
    desk.deliver()
    desk.now = type(desk.now)(desk.now.monotonic_ns + S, desk.now.wall_ns - 86_400 * S)
    desk.look()
    assert [notice.channel for notice in desk.wait(901)] == ["boss"]


# Reminders.


def reminding(every_s=HOUR_S):
    return Desk(Planned(Recipient(channel="ops", remind_every_ns=every_s * S)))


def test_an_open_incident_that_nobody_has_seen_is_reminded_of():
    desk = reminding()
    desk.tell(incident(1))
    desk.deliver()
    numbers = []
    for _ in range(3):
        assert desk.wait(HOUR_S - 1) == []
        (reminder,) = desk.wait(1)
        assert (reminder.reason, reminder.sequence) == (NoticeReason.REMINDER, 1)
        numbers.append(reminder.reminder)
        desk.deliver()
    assert numbers == [1, 2, 3]
    assert len({notice.key for notice in desk.made}) == 4


@pytest.mark.parametrize("stops", [seen, ended])
def test_reminders_stop_with_an_acknowledgement_or_the_end(stops):
    desk = reminding()
    step = incident(1)
    desk.tell(step)
    desk.deliver()
    desk.tell(stops(step, desk))
    desk.deliver()
    assert desk.wait(10 * HOUR_S) == []


def test_reminders_go_on_after_an_acknowledgement_is_withdrawn():
    desk = reminding()
    step = incident(1)
    desk.tell(step)
    desk.deliver()
    step = seen(step, desk)
    desk.tell(step)
    desk.deliver()
    desk.wait(10 * HOUR_S)
    desk.tell(then(step, CHANGED, at_ns=desk.now.wall_ns, acknowledged_at_ns=None))
    desk.deliver()
    assert desk.wait(HOUR_S - 1) == []
    assert [notice.reminder for notice in desk.wait(1)] == [1]


def test_a_restart_counts_reminders_from_the_last_one():
    desk = reminding()
    desk.tell(incident(1))
    desk.deliver()
    desk.wait(HOUR_S)
    desk.deliver()
    desk.wait(1_000)
    desk.restart()
    assert desk.wait(HOUR_S - 1_001) == []
    assert [notice.reminder for notice in desk.wait(1)] == [2]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_reminder_that_was_given_up_is_followed_by_the_next_one_in_its_time(restarts):
    desk = reminding()
    desk.tell(incident(1))
    desk.deliver()
    (reminder,) = desk.wait(HOUR_S)
    desk.settle(reminder, DEAD)
    if restarts:
        desk.restart()
    assert desk.wait(HOUR_S - 1) == []
    assert [notice.reminder for notice in desk.wait(1)] == [2]


def test_a_held_reminder_leaves_once_the_hold_is_over():
    desk = reminding()
    desk.tell(incident(1))
    desk.deliver()
    desk.policy.held["t1"] = NOON.wall_ns + 5 * HOUR_S * S
    assert desk.wait(4 * HOUR_S) == []
    assert [notice.reminder for notice in desk.wait(HOUR_S)] == [1]


def test_a_group_is_reminded_as_a_whole():
    desk = Desk(Planned(grouped(remind_every_ns=HOUR_S * S)))
    steps = [incident(number) for number in range(3)]
    desk.tell(*steps)
    desk.wait(30)
    desk.deliver()
    desk.tell(seen(steps[0], desk))
    desk.wait(300)
    desk.deliver()
    assert desk.wait(HOUR_S - 1) == []
    (reminder,) = desk.wait(1)
    assert (reminder.reminder, reminder.change) == (1, CHANGED)
    assert [step.incident_id for step in reminder.steps] == ["inc_001", "inc_002"]
    assert reminder.digest.others_count == 1
    desk.deliver()
    desk.restart()
    assert desk.wait(HOUR_S - 1) == []
    assert [notice.reminder for notice in desk.wait(1)] == [2]


def test_a_group_whose_incidents_are_held_is_reminded_once_one_is_free():
    desk = Desk(Planned(grouped(remind_every_ns=HOUR_S * S)))
    desk.tell(incident(1))
    desk.wait(30)
    desk.deliver()
    desk.policy.held["t1"] = None
    assert desk.wait(5 * HOUR_S) == []
    desk.policy.held.clear()
    assert [notice.reminder for notice in desk.review()] == [1]


def test_a_group_whose_channel_is_quiet_is_reminded_once_the_window_is_over():
    desk = Desk(Planned(grouped(remind_every_ns=HOUR_S * S)))
    desk.tell(incident(1))
    desk.wait(30)
    desk.deliver()
    desk.policy.quieted.add("ops")
    assert desk.wait(5 * HOUR_S) == []
    desk.policy.quieted.clear()
    assert [notice.reminder for notice in desk.review()] == [1]


# Memory of channels.


def test_a_channel_is_given_its_memory_with_the_next_notice_of_the_incident():
    desk = reminding()
    step = incident(1)
    (first,) = desk.tell(step)
    assert desk.ledger.memory(first) == ""
    desk.settle(first, memory="ts 1")
    desk.restart()
    (end,) = desk.tell(ended(step, desk))
    assert desk.ledger.memory(end) == "ts 1"


def test_a_digest_is_given_the_memory_of_its_group_until_the_group_is_well():
    desk = Desk(Planned(grouped(wait_s=0, interval_s=10)))
    step, other = incident(1), incident(2)
    (first,) = desk.tell(step)
    desk.settle(first, memory="ts 1")
    desk.tell(other)
    (second,) = desk.wait(10)
    assert desk.ledger.memory(second) == "ts 1"
    desk.settle(second, memory="ts 1")
    desk.restart()
    desk.tell(ended(step, desk), ended(other, desk))
    (end,) = desk.wait(10)
    assert desk.ledger.memory(end) == "ts 1"
    desk.settle(end, memory="ts 1")
    desk.tell(incident(3, desk))
    (again,) = desk.wait(10)
    assert (again.change, desk.ledger.memory(again)) == (OPENED, "")


def test_a_digest_says_what_is_to_be_known_of_an_opening():
    desk = Desk(Planned(grouped(wait_s=0)))
    desk.policy.remark = lambda incident: "opened 7 times within 1h" if incident.target == "t1" else ""
    step = incident(1)
    (digest,) = desk.tell(step, incident(2))
    assert [member.remark for member in digest.digest.members] == ["opened 7 times within 1h", ""]
    desk.deliver()
    desk.tell(ended(step, desk))
    assert [member.remark for member in desk.wait(300)[0].digest.members] == [""]


# Dead letters of digests.


def test_a_redriven_digest_does_not_shorten_the_wait_for_the_next_one():
    desk = Desk(Planned(grouped(wait_s=0, interval_s=10)))
    (first,) = desk.tell(incident(1))
    desk.settle(first, DEAD)
    desk.tell(incident(2))
    assert len(desk.wait(10)) == 1
    desk.deliver()
    recalled = desk.store.recall(first.key)
    assert desk.ledger.redrive(first, recalled.incidents, recalled.told)
    assert desk.ledger.settle(first, delivery_of(first, DeliveryState.DELIVERED), desk.now) == ()
    assert desk.tell(incident(3)) == []
    assert len(desk.wait(10)) == 1


def test_a_dead_digest_is_redriven_unless_a_member_was_told_later():
    desk = Desk(Planned(grouped(wait_s=0, interval_s=10)))
    steps = [incident(1), incident(2)]
    (first,) = desk.tell(*steps)
    desk.settle(first, DEAD)
    recalled = desk.store.recall(first.key)
    assert desk.ledger.redrive(first, recalled.incidents, recalled.told)
    assert not desk.ledger.redrive(first, recalled.incidents, recalled.told), "it is under way already"
    desk.under_way.append(first)
    desk.restart()
    desk.tell(ended(steps[0], desk))
    (end,) = desk.wait(10)
    desk.settle(end)
    recalled = desk.store.recall(first.key)
    assert not desk.ledger.redrive(first, recalled.incidents, recalled.told)
