"""The ledger: after any events in any order, every channel is notified of each due transition once, and in order."""

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from records import NOON, delivery_of, notice_of, opened, then
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.ledger import Ledger
from watchkeeper.domain.incidents.notice import Delivery, DeliveryState, LastDelivered, NoticeReason
from watchkeeper.domain.incidents.record import Outgoing, Restored, Silence
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.suppression.suppression import Suppression

S = 1_000_000_000
OPS, CALM = Channel(id="ops", log=Log()), Channel(id="calm", log=Log(), min_severity=Severity.CRITICAL)
CHANNELS = (OPS, CALM)
NAMES = ("ops", "calm")
DELIVERED, DEAD = DeliveryState.DELIVERED, DeliveryState.DEAD


def ledger_of(*channels):
    """Returns a ledger whose policy is in reach: `policy.silences` are its silences."""
    policy = Suppression()
    ledger = Ledger(channels or CHANNELS, policy)
    ledger.silences = policy.silences
    return ledger


class LedgerUnderEverything(RuleBasedStateMachine):
    """Incidents come and go, mutes begin and end, channels answer or not, the process restarts."""

    def __init__(self):
        super().__init__()
        self.ledger = ledger_of()
        self.now = NOON
        self.latest = {}
        self.under_way = {}
        self.heard = {}
        self.given_up = {}
        self.silences = {}

    def hear(self, notices):
        for notice in notices:
            place = (notice.incident.id, notice.channel)
            before = self.heard.get(place, [])
            assert place not in self.under_way, "at most one under way per incident and channel"
            assert notice.incident == self.latest[place[0]].incident, "a notice shows the present state"
            assert not any(said.sequence >= notice.sequence for said in before), (
                "no transition is notified twice"
            )
            dead = self.given_up.get(place)
            assert before or dead is not None or notice.change is TransitionKind.OPENED, (
                "no channel gets an end without its start, delivered or given up"
            )
            assert dead is None or dead.sequence < notice.sequence, (
                "an abandoned notice is not sent again by itself"
            )
            assert not self.muted(notice.incident), "a mute mutes"
            self.under_way[place] = notice

    def muted(self, incident):
        return any(
            silence.until_ns > self.now.wall_ns and silence.target in {None, incident.target}
            for silence in self.silences.values()
        )

    @rule(watched=st.sampled_from(["shop", "mail"]), severity=st.sampled_from(Severity))
    def open_one(self, watched, severity):
        step = opened(f"inc_{len(self.latest)}", watched, severity=severity, notify=NAMES)
        self.latest[step.incident_id] = step
        self.hear(self.ledger.note(step, self.now))

    @precondition(lambda self: any(step.is_open for step in self.latest.values()))
    @rule(
        data=st.data(),
        change=st.sampled_from(
            [TransitionKind.CHANGED, TransitionKind.ACKNOWLEDGED, TransitionKind.RESOLVED]
        ),
        severity=st.sampled_from(Severity),
        notify=st.sampled_from([NAMES, ("ops",), ("calm",), ()]),
    )
    def move_one(self, data, change, severity, notify):
        step = data.draw(st.sampled_from([step for step in self.latest.values() if step.is_open]))
        fields = {"acknowledged_at_ns": self.now.wall_ns} if change is TransitionKind.ACKNOWLEDGED else {}
        severity = severity if change is TransitionKind.CHANGED else step.severity
        step = self.latest[step.incident_id] = then(step, change, severity=severity, notify=notify, **fields)
        self.hear(self.ledger.note(step, self.now))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), state=st.sampled_from([DELIVERED, DELIVERED, DEAD]))
    def settle_one(self, data, state):
        place = data.draw(st.sampled_from(list(self.under_way)))
        self.settle(place, state)

    def settle(self, place, state):
        notice = self.under_way.pop(place)
        if state is DELIVERED:
            self.heard.setdefault(place, []).append(notice)
        else:
            self.given_up[place] = notice
        self.hear(self.ledger.settle(notice, delivery_of(notice, state), self.now))

    @rule(watched=st.sampled_from([None, "shop", "mail"]), length_s=st.integers(-5, 30))
    def mute(self, watched, length_s):
        silence = Silence(id=f"of {watched}", target=watched, until_ns=self.now.wall_ns + length_s * S)
        self.silences[silence.id] = silence
        self.ledger.silences.put(silence)
        self.hear(self.ledger.reconcile(self.now))

    @rule(by_s=st.integers(1, 40))
    def let_time_pass(self, by_s):
        before, self.now = self.now, self.now.shifted(by_s * S)
        ended = any(
            before.wall_ns < silence.until_ns <= self.now.wall_ns for silence in self.silences.values()
        )
        noticed = self.ledger.silences.drop_ended(self.now)
        assert noticed or not ended
        if noticed:
            self.hear(self.ledger.reconcile(self.now))

    @rule()
    def restart(self):
        """Restores the state from a store: equal values in other objects; notices under way go on."""
        kept = Restored(
            incidents=tuple(step.incident for step in self.latest.values()),
            told=tuple(
                LastDelivered(
                    incident_id=place[0], channel=place[1], sequence=said[-1].sequence, change=said[-1].change
                )
                for place, said in self.heard.items()
            ),
            outbox=tuple(
                Outgoing(notice, delivery_of(notice, DeliveryState.PENDING))
                for notice in self.under_way.values()
            ),
            dead=tuple(Outgoing(notice, delivery_of(notice, DEAD)) for notice in self.given_up.values()),
            silences=tuple(self.silences.values()),
        )
        self.ledger = ledger_of()
        self.ledger.restore(kept, self.now)
        self.hear(self.ledger.reconcile(self.now))

    @invariant()
    def what_is_open_is_known(self):
        known = {incident.id for incident in self.ledger.open_incidents()}
        assert known == {step.incident_id for step in self.latest.values() if step.is_open}

    def teardown(self):
        """Once every mute is over and every notice delivered, each channel knows what it should."""
        self.now = self.now.shifted(3_600 * S)
        self.ledger.silences.drop_ended(self.now)
        self.hear(self.ledger.reconcile(self.now))
        while self.under_way:
            self.settle(next(iter(self.under_way)), DELIVERED)
        for step in self.latest.values():
            for channel in NAMES:
                self.knows(step, channel)

    def knows(self, step, channel):
        place = (step.incident_id, channel)
        said, dead = self.heard.get(place, []), self.given_up.get(place)
        assert [notice.sequence for notice in said] == sorted({notice.sequence for notice in said})
        if dead is not None and dead.sequence == step.sequence:
            return
        seen = step.acknowledged_at_ns is not None
        if said:
            assert said[0].change is TransitionKind.OPENED or place in self.given_up
            assert said[-1].sequence == step.sequence or (seen and step.change is TransitionKind.CHANGED)
            return
        assert dead is None or step.is_open or channel not in step.notify, (
            "an end follows a beginning given up"
        )
        unwanted = channel == "calm" and step.severity is not Severity.CRITICAL
        assert unwanted or seen or not step.is_open or channel not in step.notify


TestLedgerUnderEverything = LedgerUnderEverything.TestCase
TestLedgerUnderEverything.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)


def deliver(ledger, notice, state=DELIVERED):
    return ledger.settle(notice, delivery_of(notice, state), NOON)


def test_a_transition_during_a_delivery_is_notified_when_it_is_settled():
    ledger = ledger_of()
    step = opened()
    (first,) = ledger.note(step, NOON)
    for change in (TransitionKind.CHANGED, TransitionKind.RESOLVED):
        step = then(step, change)
        assert ledger.note(step, NOON) == ()
    (last,) = deliver(ledger, first)
    assert (last.change, last.sequence, last.reason) == (TransitionKind.RESOLVED, 3, NoticeReason.CATCH_UP)
    assert deliver(ledger, last) == ()
    assert ledger.incident(step.incident_id) is None


def test_an_abandoned_notice_is_not_sent_again_by_itself():
    ledger = ledger_of()
    (first,) = ledger.note(opened(), NOON)
    assert deliver(ledger, first, DEAD) == ()
    assert ledger.reconcile(NOON) == ()


def test_the_step_after_an_abandoned_notice_is_notified_all_the_same():
    ledger = ledger_of()
    (first,) = ledger.note(opened(), NOON)
    deliver(ledger, first, DEAD)
    (last,) = ledger.note(then(opened(), TransitionKind.RESOLVED), NOON)
    assert (last.change, last.sequence) == (TransitionKind.RESOLVED, 2)
    assert deliver(ledger, last, DEAD) == ()
    assert ledger.incident(first.incident.id) is None


@pytest.mark.parametrize("severity", Severity)
def test_a_channel_is_notified_from_its_least_severity_on(severity):
    ledger = ledger_of()
    said = ledger.note(opened(severity=severity, notify=NAMES), NOON)
    expected = set(NAMES) if severity is Severity.CRITICAL else {"ops"}
    assert {notice.channel for notice in said} == expected


def test_a_channel_notified_of_the_start_gets_the_end_at_any_severity():
    ledger = ledger_of()
    step = opened(notify=("calm",))
    deliver(ledger, *ledger.note(step, NOON))
    milder = then(step, TransitionKind.CHANGED, severity=Severity.INFO)
    deliver(ledger, *ledger.note(milder, NOON))
    (last,) = ledger.note(then(milder, TransitionKind.RESOLVED), NOON)
    assert (last.channel, last.change) == ("calm", TransitionKind.RESOLVED)


def test_a_channel_notified_of_the_start_gets_the_end_though_another_is_notified_now():
    ledger = ledger_of()
    step = opened(notify=("ops",))
    deliver(ledger, *ledger.note(step, NOON))
    (last,) = ledger.note(then(step, TransitionKind.RESOLVED, notify=("calm",)), NOON)
    assert (last.channel, last.change) == ("ops", TransitionKind.RESOLVED)


def test_a_channel_that_is_not_configured_is_not_notified():
    assert ledger_of().note(opened(notify=("gone",)), NOON) == ()


def muted(ledger, target=None, length_s=60):
    ledger.silences.put(Silence(id="night", target=target, until_ns=NOON.wall_ns + length_s * S))


MAINTENANCE = [
    pytest.param(True, True, [TransitionKind.RESOLVED], id="down, muted, recovered within: one recovery"),
    pytest.param(True, False, [], id="down, muted, still down after: no second notice"),
    pytest.param(False, True, [], id="down and up again within: nothing"),
    pytest.param(False, False, [TransitionKind.OPENED], id="went down within and stayed: one notice after"),
]


@pytest.mark.parametrize(("told_before", "recovers_within", "after"), MAINTENANCE)
def test_the_end_of_a_mute_is_one_comparison(told_before, recovers_within, after):
    ledger, step = ledger_of(), opened()
    if told_before:
        deliver(ledger, *ledger.note(step, NOON))
    muted(ledger)
    if not told_before:
        assert ledger.note(step, NOON) == ()
    if recovers_within:
        assert ledger.note(then(step, TransitionKind.RESOLVED), NOON) == ()
    end = NOON.shifted(60 * S)
    assert not ledger.silences.drop_ended(end.shifted(-1))
    assert ledger.silences.drop_ended(end)
    assert [notice.change for notice in ledger.reconcile(end)] == after
    assert not ledger.silences.drop_ended(end)


def test_a_mute_of_one_target_mutes_no_other():
    ledger = ledger_of()
    muted(ledger, "mail")
    assert len(ledger.note(opened(target="shop"), NOON)) == 1
    assert ledger.note(opened("inc_2", target="mail"), NOON) == ()


def test_a_silence_ended_early_speaks_at_once():
    ledger = ledger_of()
    muted(ledger)
    ledger.note(opened(), NOON)
    muted(ledger, length_s=0)
    assert ledger.silences.in_force(NOON) == ()
    assert [notice.change for notice in ledger.reconcile(NOON)] == [TransitionKind.OPENED]


def test_a_dead_letter_is_redriven_unless_a_later_notice_arrived():
    step = opened()
    notice = notice_of(step)
    dead = Delivery(key=notice.key, state=DEAD, attempts=9, at_ns=0)
    later = LastDelivered(
        incident_id=step.incident_id, channel="ops", sequence=2, change=TransitionKind.CHANGED
    )
    assert dead.state is DEAD
    assert not ledger_of().redrive(notice, [step], [later])
    assert not ledger_of(CALM).redrive(notice, [step], [])
    ledger = ledger_of()
    assert ledger.redrive(notice, [step], [])
    assert not ledger.redrive(notice, [step], []), "it is under way already"
    resolved = then(step, TransitionKind.RESOLVED)
    assert ledger.note(resolved, NOON) == ()
    assert [said.change for said in deliver(ledger, notice)] == [TransitionKind.RESOLVED]


def test_nothing_is_kept_of_a_resolved_and_delivered_incident():
    ledger = ledger_of()
    step = opened(notify=NAMES)
    for said in ledger.note(step, NOON):
        deliver(ledger, said)
    step = msgspec.structs.replace(then(step, TransitionKind.RESOLVED), notify=())
    for said in ledger.note(step, NOON):
        deliver(ledger, said)
    assert ledger.incident(step.incident_id) is None
    again = ledger.note(opened(notify=NAMES), NOON)
    assert [said.change for said in again] == [TransitionKind.OPENED] * len(NAMES)
    assert ledger.reconcile(NOON) == ()


def test_a_notice_that_is_a_dead_letter_already_is_left_and_only_the_next_step_is_due():
    ledger, step = ledger_of(), opened()
    (dead,) = ledger.note(step, NOON)
    ledger.leave_given_up(dead)
    assert ledger.reconcile(NOON) == ()
    (next_one,) = ledger.note(then(step, TransitionKind.CHANGED), NOON)
    assert (next_one.change, next_one.sequence) == (TransitionKind.OPENED, 2)


def test_the_end_of_a_notice_of_an_unknown_incident_is_followed_by_none():
    ledger = ledger_of()
    for state in (DELIVERED, DEAD):
        assert deliver(ledger, notice_of(opened()), state) == ()


def redriven(notice, channel="ops", told=None):
    """Returns a ledger that re-drives a dead letter; `told` is the sequence that its channel has had."""
    ledger = ledger_of()
    name = notice.incident.id
    last = told and LastDelivered(
        incident_id=name, channel=channel, sequence=told, change=TransitionKind.OPENED
    )
    return ledger, ledger.redrive(notice, [notice.incident], [last] if last else [])


def test_a_notice_that_its_channel_has_had_is_not_redriven():
    notice = notice_of(then(opened(), TransitionKind.CHANGED))
    assert [redriven(notice, told=told)[1] for told in (None, 1, 2, 3)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("told", "next_step", "after"),
    [
        (1, TransitionKind.CHANGED, TransitionKind.CHANGED),
        (None, TransitionKind.CHANGED, TransitionKind.OPENED),
        (1, TransitionKind.RESOLVED, TransitionKind.RESOLVED),
        (None, TransitionKind.RESOLVED, TransitionKind.RESOLVED),
    ],
)
def test_a_redriven_notice_that_fails_again_leaves_what_its_channel_has_had(told, next_step, after):
    step = then(opened(), TransitionKind.CHANGED)
    ledger, _ = redriven(notice_of(step), told=told)
    assert ledger.incident(step.incident_id) == step.incident
    assert deliver(ledger, notice_of(step), DEAD) == ()
    assert [said.change for said in ledger.note(then(step, next_step), NOON)] == [after]


def test_a_redriven_notice_makes_no_channel_want_what_is_too_mild_for_it():
    step = opened(severity=Severity.INFO, notify=("calm",))
    ledger, _ = redriven(notice_of(step, "calm"), "calm")
    assert deliver(ledger, notice_of(step, "calm"), DEAD) == ()
    assert ledger.note(then(step, TransitionKind.CHANGED), NOON) == ()


def test_a_redriven_notice_that_fails_again_keeps_no_channel_in_an_incident_that_names_another():
    step = opened(severity=Severity.CRITICAL, notify=("ops",))
    ledger, _ = redriven(notice_of(step, "calm"), "calm")
    assert deliver(ledger, notice_of(step, "calm"), DEAD)[0].channel == "ops"
    assert ledger.note(then(step, TransitionKind.CHANGED), NOON) == ()


def test_an_incident_that_came_and_went_within_a_mute_is_forgotten():
    ledger, step = ledger_of(), opened()
    muted(ledger)
    ledger.note(step, NOON)
    ledger.note(then(step, TransitionKind.RESOLVED), NOON)
    assert ledger.incident(step.incident_id) is None
