"""The laws of the ledger with groups, delays, reminders and holds, after any events in any order, with restarts between them."""

from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from planned import DEAD, DELIVERED, Desk, Planned, S, grouped
from records import opened, then
from watchkeeper.domain.incidents.delivery_plan import Recipient
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.rule import Severity

WAIT_S, INTERVAL_S, REMIND_S, ESCALATE_S = 30, 300, 3_600, 900
CHANNELS = (
    Channel(id="ops", log=Log()),
    Channel(id="boss", log=Log()),
    Channel(id="alone", log=Log()),
    Channel(id="calm", log=Log(), min_severity=Severity.CRITICAL),
)
TARGETS = ("t0", "t1", "t2", "t3")
TIMES = {"wait_s": WAIT_S, "interval_s": INTERVAL_S}
PLAN = (
    grouped(remind_every_ns=REMIND_S * S, **TIMES),
    grouped("boss", after_ns=ESCALATE_S * S, is_escalation=True, **TIMES),
    Recipient(channel="alone", remind_every_ns=REMIND_S * S),
    grouped("calm", **TIMES),
)
LEFT = (Recipient(channel="alone"),)
"""The plan of another configuration: the routes that group are gone."""


class LedgerThatGroups(RuleBasedStateMachine):
    """Incidents come and go, holds begin and end, channels answer or not, the process restarts with another plan."""

    def __init__(self):
        super().__init__()
        self.desk = Desk(Planned(*PLAN), *CHANNELS)
        self.latest = {}
        self.seen = 0
        self.heard = defaultdict(list)
        """By incident and channel, the steps that were delivered, with their moments."""
        self.given_up = defaultdict(int)
        self.digests = {}
        self.opened_ns = {}

    def check(self, _=None):
        """Holds every notice that has been made since the last call against the laws."""
        made, self.seen = self.desk.made[self.seen :], len(self.desk.made)
        for notice in made:
            now_ns = notice.created_at_ns
            assert len([one for one in self.desk.under_way if one.thread_id == notice.thread_id]) <= len(
                CHANNELS
            )
            if notice.digest:
                self.keeps_the_interval(notice, now_ns)
            for step in notice.steps:
                self.tells_well(notice, step, now_ns)

    def keeps_the_interval(self, notice, now_ns):
        place = (notice.channel, notice.digest.grouping)
        before_ns = self.digests.get(place)
        assert before_ns is None or now_ns - before_ns >= INTERVAL_S * S, "one digest an interval at most"
        self.digests[place] = now_ns
        assert notice.change is not TransitionKind.RESOLVED or not notice.digest.open_count

    def tells_well(self, notice, step, now_ns):
        place = (step.incident_id, notice.channel)
        present, heard = self.latest[step.incident_id], self.heard[place]
        same = [
            one
            for one in self.desk.under_way
            if one.channel == notice.channel and one.step_of(step.incident_id) is not None
        ]
        assert len(same) <= 1, "one under way for each incident and channel"
        assert step.sequence == present.sequence, "a notice shows the present state"
        assert present.target not in self.desk.policy.held, "a hold holds"
        known = heard[-1][0] if heard else 0
        if notice.reminder:
            assert present.is_open, "no reminder after the end"
            assert present.acknowledged_at_ns is None, "no reminder after an acknowledgement"
            assert heard, "a reminder repeats"
            if not notice.digest:
                assert now_ns - heard[-1][1] >= REMIND_S * S
            return
        assert known < step.sequence, "no step is told twice"
        assert step.sequence > self.given_up[place], "no dead letter leaves by itself"
        if not heard and not self.given_up[place]:
            assert step.change is TransitionKind.OPENED, "no recovery without a problem"
            assert present.acknowledged_at_ns is None, "nobody is alarmed about what somebody has seen"
        if notice.channel == "boss" and not heard and present.is_open:
            assert now_ns - self.opened_ns[step.incident_id] >= ESCALATE_S * S

    # Events.

    @precondition(lambda self: len(self.open_targets()) < len(TARGETS))
    @rule(data=st.data(), severity=st.sampled_from([Severity.WARNING, Severity.CRITICAL]))
    def open_one(self, data, severity):
        target = data.draw(st.sampled_from([one for one in TARGETS if one not in self.open_targets()]))
        at_ns = self.desk.now.wall_ns
        step = opened(
            f"inc_{len(self.latest):03}",
            target=target,
            severity=severity,
            at_ns=at_ns,
            opened_at_ns=at_ns,
            notify=(),
        )
        self.opened_ns[step.incident_id] = at_ns
        self.take(step)

    def open_targets(self):
        return {step.target for step in self.latest.values() if step.is_open}

    def take(self, step):
        self.latest[step.incident_id] = step
        self.desk.tell(step)
        self.check()

    @precondition(lambda self: self.open_targets())
    @rule(
        data=st.data(),
        change=st.sampled_from(
            [TransitionKind.CHANGED, TransitionKind.ACKNOWLEDGED, TransitionKind.RESOLVED]
        ),
    )
    def move_one(self, data, change):
        step = data.draw(st.sampled_from([step for step in self.latest.values() if step.is_open]))
        at_ns = self.desk.now.wall_ns
        fields = {
            TransitionKind.ACKNOWLEDGED: {"acknowledged_at_ns": at_ns},
            TransitionKind.RESOLVED: {"resolved_at_ns": at_ns},
            TransitionKind.CHANGED: {"acknowledged_at_ns": None},
        }[change]
        self.take(then(step, change, at_ns=at_ns, **fields))

    @precondition(lambda self: self.desk.under_way)
    @rule(data=st.data(), state=st.sampled_from([DELIVERED, DELIVERED, DELIVERED, DEAD]))
    def settle_one(self, data, state):
        self.settle(data.draw(st.sampled_from(self.desk.under_way)), state)

    def settle(self, notice, state):
        for step in notice.steps:
            place = (step.incident_id, notice.channel)
            if state is DELIVERED:
                self.heard[place].append((step.sequence, self.desk.now.wall_ns, step.change))
            elif not notice.reminder:
                self.given_up[place] = max(self.given_up[place], step.sequence)
        self.desk.settle(notice, state)
        self.check()

    @rule(held=st.sampled_from(TARGETS))
    def hold_or_free(self, held):
        if self.desk.policy.held.pop(held, self) is self:
            self.desk.policy.held[held] = None
        self.desk.review()
        self.check()

    @rule(seconds=st.sampled_from([1, 29, 30, 31, 299, 301, 901, 3_601]))
    def let_time_pass(self, seconds):
        self.desk.wait(seconds)
        self.check()

    @rule(plan=st.sampled_from([PLAN, PLAN, LEFT]))
    def restart(self, plan):
        self.desk.policy.chosen = plan
        self.desk.restart()
        self.check()

    # The end.

    def teardown(self):
        """Once nothing holds and every channel takes what it is sent, each one knows what is true, and no more is sent."""
        self.desk.policy.held.clear()
        self.desk.policy.chosen = PLAN
        self.desk.restart()
        self.check()
        self.take_all()
        for step in self.latest.values():
            for channel in (recipient.channel for recipient in PLAN if step.is_open):
                self.knows(step, channel)
        for step in list(self.latest.values()):
            if step.is_open:
                self.take(then(step, TransitionKind.RESOLVED, at_ns=self.desk.now.wall_ns))
        self.take_all()
        assert not self.desk.under_way
        for (incident_id, channel), heard in self.heard.items():
            step = self.latest[incident_id]
            if self.given_up[incident_id, channel] == step.sequence or not heard:
                continue
            assert heard[-1][0] == step.sequence, "told is current, exactly"
            assert heard[-1][2] is TransitionKind.RESOLVED
        assert [self.desk.ledger.incident(name) for name in self.latest] == [None] * len(self.latest)
        self.desk.wait(INTERVAL_S)
        assert self.desk.ledger.next_ns is None, "nothing is kept of what is over"

    def take_all(self):
        """Lets every channel take what it is sent, until all that waits for time has left."""
        for _ in range(3):
            while self.desk.under_way:
                self.settle(self.desk.under_way[0], DELIVERED)
            self.desk.wait(2 * INTERVAL_S)
            self.check()

    def knows(self, step, channel):
        """A channel knows the present state of an open incident, unless it does not want it or somebody has seen it before."""
        place = (step.incident_id, channel)
        heard, mild = self.heard[place], channel == "calm" and step.severity is not Severity.CRITICAL
        if heard:
            assert heard[-1][0] == step.sequence or self.given_up[place] == step.sequence
        elif not mild and step.acknowledged_at_ns is None:
            assert self.given_up[place] == step.sequence, "told is current, exactly"


TestLedgerThatGroups = LedgerThatGroups.TestCase
TestLedgerThatGroups.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
