"""The invariants of routing and suppression detect their violations, and the naive judge agrees with the calendars."""

import msgspec
import pytest
from records import NOON, delivery_of, digest_of_steps, notice_of, opened, sample_at, then
from simulator.cases.case import Reached
from simulator.cases.drawing import draw_case
from simulator.cases.faults import Fault
from simulator.invariants.receiving import ReceivingRules
from simulator.run import Run, quiet
from simulator.suppression.naive_holds import NaiveHolds
from simulator.suppression.naive_routes import NaiveRoutes, Told
from simulator.suppression.policy import Policy, lasts, selects
from simulator.suppression.telling import TellingRules, delayed
from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState, NoticeReason, make_notice
from watchkeeper.domain.incidents.record import Batch, Restored
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.routing import Escalation, Flapping, Maintenance, Route, Window
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.domain.validation.partial import judged
from watchkeeper.testing.clock import ManualClock

CHANNELS = (Channel(id="ops", log=Log()), Channel(id="dev", log=Log(), after="1m"))
POLICY = Policy(
    routes=(
        Route(
            id="shop",
            match=("group=shop",),
            to=("ops",),
            group_by=("group",),
            group_wait="10s",
            group_interval="2m",
            remind_every="5m",
            quiet=("night",),
            escalate=(Escalation(after="2m", to=("dev",)),),
        ),
    ),
    windows=(Window(id="night", cron="*/30 * * * *", length="1s"),),
    maintenance=(Maintenance(id="work", match=("target=mill",), cron="*/10 * * * *", length="5m"),),
)


def target(name, **fields):
    return Target(id=name, http=Http(url="http://x/"), group="shop", **fields)


ROSTER = {
    each.id: each
    for each in (
        target("shop", flapping=False),
        target("mill", flapping=False),
        target("child", depends_on=("shop",), flapping=False),
        target("nervous", flapping=Flapping(opened_max=2, window="10m")),
    )
}
RESOLVED, ACKNOWLEDGED = TransitionKind.RESOLVED, TransitionKind.ACKNOWLEDGED
OPENING = opened(notify=())
SEEN = then(OPENING, ACKNOWLEDGED, acknowledged_at_ns=OPENING.at_ns + NS_PER_S, acknowledged_by="operator")
END = then(OPENING, RESOLVED)


class Watch:
    """All rules on one record, and what they complain of."""

    def __init__(self, policy=POLICY):
        self.complaints, self.happened = [], []
        self.clock = ManualClock(NOON.monotonic_ns, NOON.wall_ns)
        self.durable = Durable()
        self.routes = NaiveRoutes(policy, CHANNELS, ROSTER)
        self.holds = NaiveHolds(policy, self.routes, ROSTER, self.clock, self.durable)
        self.holds.described(ROSTER.values())
        self.rules = TellingRules(self.durable, self.holds, self.routes, self.complain, self.happened.append)
        self.receiving = ReceivingRules(self.durable, self.complain, self.happened.append)

    def complain(self, invariant, says):
        self.complaints.append(invariant)

    def commit(self, *steps, notices=(), deliveries=(), after_s=0):
        batch = Batch(transitions=steps, notices=tuple(notices), deliveries=tuple(deliveries))
        self.clock.advance(after_s * NS_PER_S)
        self.rules.committing(batch)
        self.durable.apply(batch)
        self.holds.committed(batch.transitions)

    def told(self, notice):
        """A notice was made before, and is delivered."""
        self.commit(notices=[notice])
        self.commit(deliveries=[delivery_of(notice, DeliveryState.DELIVERED)])


def alone(step, channel="dev", after_s=300, reminder=0):
    made_ns = step.at_ns + after_s * NS_PER_S
    return make_notice(step.incident, channel, step.change, made_ns, NoticeReason.TRANSITION, reminder)


def told_in_a_quiet_window(watch):
    watch.commit(OPENING, notices=[digest_of_steps(OPENING, at_ns=NOON.wall_ns)])


def told_amid_maintenance(watch):
    watch.commit(opened(target="mill", notify=("ops",)), notices=[notice_of(opened(target="mill"))])


def told_behind_a_dead_parent(watch):
    watch.commit(OPENING)
    child = opened("inc_2", "child", notify=("ops",))
    watch.commit(child, notices=[alone(child, "ops", 5)], after_s=5)


def told_while_it_flaps(watch):
    first = opened("inc_1", "nervous", notify=("ops",))
    watch.commit(first, then(first, RESOLVED))
    second = opened("inc_2", "nervous", notify=("ops",))
    watch.commit(second, after_s=100)
    watch.commit(notices=[alone(second, "ops", 200)], after_s=100)


def two_digests_in_an_interval(watch):
    watch.commit(OPENING, notices=[digest_of_steps(OPENING, at_ns=NOON.wall_ns + 20 * NS_PER_S)])
    watch.commit(END, notices=[digest_of_steps(END, at_ns=NOON.wall_ns + 139 * NS_PER_S)])


def a_digest_that_does_not_wait(watch):
    watch.commit(OPENING, notices=[digest_of_steps(OPENING, at_ns=NOON.wall_ns + 9 * NS_PER_S)])


def escalated_after_an_acknowledgement(watch):
    watch.commit(OPENING, SEEN)
    watch.commit(notices=[alone(OPENING)])


def escalated_after_the_end(watch):
    watch.commit(OPENING, END)
    watch.commit(notices=[alone(OPENING)])


def escalated_too_early(watch):
    watch.commit(OPENING)
    watch.commit(notices=[alone(OPENING, after_s=119)])


def reminded_after_an_acknowledgement(watch):
    watch.commit(OPENING)
    watch.told(alone(OPENING))
    watch.commit(SEEN)
    watch.commit(notices=[alone(OPENING, after_s=1_000, reminder=1)])


def reminded_too_early(watch):
    watch.commit(OPENING)
    watch.told(alone(OPENING))
    watch.commit(notices=[alone(OPENING, after_s=600, reminder=1)])


def a_member_that_is_forgotten(watch):
    digest = digest_of_steps(OPENING, at_ns=NOON.wall_ns + 20 * NS_PER_S)
    watch.commit(OPENING, notices=[digest], deliveries=[delivery_of(digest, DeliveryState.DELIVERED)])
    watch.rules.opened(Restored(epoch=2, incidents=(OPENING.incident,)))


def a_digest_that_ends_what_never_began(watch):
    watch.receiving.applied("ops", digest_of_steps(END), first=True)


def a_member_that_is_told_twice(watch):
    for reminder in (0, 0):
        watch.receiving.applied("ops", digest_of_steps(OPENING, reminder=reminder), first=True)


CRIMES = {
    told_in_a_quiet_window: "S22",
    told_amid_maintenance: "S22",
    told_behind_a_dead_parent: "S22",
    told_while_it_flaps: "S22",
    two_digests_in_an_interval: "S39",
    a_digest_that_does_not_wait: "S39",
    escalated_after_an_acknowledgement: "S40",
    escalated_after_the_end: "S40",
    escalated_too_early: "S40",
    reminded_after_an_acknowledgement: "S40",
    reminded_too_early: "S40",
    a_member_that_is_forgotten: "S41",
    a_digest_that_ends_what_never_began: "S9",
    a_member_that_is_told_twice: "S9",
}


@pytest.mark.parametrize(
    ("crime", "invariant"), CRIMES.items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_each_violation_of_routing_and_suppression_is_reported(crime, invariant):
    watch = Watch()
    crime(watch)
    assert invariant in watch.complaints


def test_digests_reminders_and_escalations_at_their_time_violate_nothing():
    watch = Watch()
    first = digest_of_steps(OPENING, at_ns=NOON.wall_ns + 20 * NS_PER_S)
    watch.commit(OPENING, notices=[first], deliveries=[delivery_of(first, DeliveryState.DELIVERED)])
    watch.told(alone(OPENING, after_s=120))
    watch.commit(notices=[alone(OPENING, after_s=421, reminder=1)])
    again = digest_of_steps(OPENING, at_ns=first.created_at_ns + 300 * NS_PER_S, reminder=1)
    watch.commit(notices=[again])
    watch.commit(END, notices=[digest_of_steps(END, at_ns=again.created_at_ns + 120 * NS_PER_S)])
    watch.receiving.applied("ops", first, first=True)
    watch.receiving.applied("ops", again, first=True)
    watch.receiving.applied("ops", digest_of_steps(END), first=True)
    assert watch.complaints == []
    assert {"digest", "reminder", "escalated"} <= set(watch.happened)


# The reasons that may hold a notice.


def holding(watch, incident, channel="ops"):
    return watch.holds.may_hold(incident, watch.routes.told(incident).get(channel, Told(channel)))


@pytest.mark.parametrize(
    ("after_s", "target_id", "channel", "why"),
    [
        (0, "shop", "ops", "quiet"),
        (10, "shop", "ops", ""),
        (100, "shop", "dev", "delay"),
        (130, "shop", "dev", ""),
        (200, "mill", "ops", "maintenance"),
        (310, "mill", "ops", ""),
        (100, "child", "ops", "dependency"),
        (190, "child", "ops", ""),
    ],
)
def test_an_open_incident_may_be_untold_for_as_long_as_something_holds_it(after_s, target_id, channel, why):
    watch = Watch()
    step = opened(target=target_id, notify=())
    watch.commit(step)
    watch.clock.advance(after_s * NS_PER_S)
    assert holding(watch, step.incident, channel) == why


def test_an_incident_that_flaps_may_be_untold_for_its_share_of_the_window():
    watch = Watch(Policy(routes=POLICY.routes[:1], windows=POLICY.windows))
    first, second = (opened(f"inc_{number}", "nervous", notify=()) for number in (1, 2))
    watch.commit(first, then(first, RESOLVED))
    watch.commit(second, after_s=100)
    watch.clock.advance(290 * NS_PER_S)
    assert holding(watch, second.incident) == "flapping"
    watch.clock.advance(20 * NS_PER_S)
    assert holding(watch, second.incident) == ""


@pytest.mark.parametrize(("method", "counts"), [("nagios", True), ("icinga", True), ("transitions", False)])
def test_changes_of_state_are_weighed_where_the_target_says_so(method, counts):
    watch = Watch()
    watch.holds.described([target("shop", flapping=Flapping(method=method))])
    outcomes = (Outcome.UP, Outcome.DOWN)
    watch.holds.taken(sample_at(number, outcome=outcomes[number % 2]) for number in range(21))
    watch.commit(OPENING)
    watch.clock.advance(700 * NS_PER_S)
    assert (holding(watch, OPENING.incident) == "flapping") is counts
    watch.holds.taken(sample_at(30 + number) for number in range(21))
    assert holding(watch, OPENING.incident) == ""


# The naive judge and the drawn cases.


def drawn(count):
    return [draw_case(seed, allowed=tuple(Fault)) for seed in range(count)]


def test_the_naive_judge_knows_every_drawn_window_as_the_calendar_does():
    start_ns = ManualClock().now.wall_ns
    windows = [each for case in drawn(120) for each in (*case.policy.windows, *case.policy.maintenance)]
    assert len(windows) > 50
    for window in windows:
        calendar = window.calendar()
        for second in range(0, 1_500, 7):
            at_ns = start_ns + second * NS_PER_S
            assert lasts(window, at_ns) is (calendar.in_force(at_ns) is not None), (window, second)


def test_naive_matchers_must_all_hold():
    texts = {"group": "shop", "severity": "critical"}
    assert selects((), texts)
    assert selects(("group=shop", "severity!=info"), texts)
    assert not selects(("group=shop", "severity!=critical"), texts)
    assert not selects(("group=shop", "tier=front"), texts)


def test_every_drawn_policy_is_one_that_a_configuration_may_have():
    for case in drawn(200):
        configuration = Configuration(
            channels=[reached.channel for reached in case.channels],
            targets=[watched.target for watched in case.targets],
            **msgspec.structs.asdict(case.policy),
        )
        _, problems = judged(configuration)
        assert [str(problem) for problem in problems] == [], f"seed {case.seed}"


def test_channels_that_are_told_later_are_known():
    assert delayed(CHANNELS) == {"dev"}


@pytest.mark.parametrize("seed", range(12))
def test_the_reasons_that_hold_notices_change_nothing_in_the_record(seed):
    case = draw_case(seed, minutes=8, allowed=tuple(fault for fault in Fault if fault in HOLDING))
    case = msgspec.structs.replace(case, options=msgspec.structs.replace(case.options, schedule="fifo:0"))
    plain = msgspec.structs.replace(
        case,
        policy=Policy(),
        channels=tuple(Reached(channel=each.channel) for each in case.channels),
        targets=tuple(
            msgspec.structs.replace(each, target=without_holds(each.target)) for each in case.targets
        ),
    )
    assert recorded(case) == recorded(plain) != []


HOLDING = (Fault.ROUTES, Fault.MAINTENANCE, Fault.DEPENDENCIES, Fault.FLAPPING)


def without_holds(spec):
    return msgspec.structs.replace(spec, depends_on=msgspec.UNSET, flapping=False, notify=("ops",))


def recorded(case):
    """Returns every step of every incident of a run: its place, its kind and its moment."""
    with quiet():
        run = Run(case)
        try:
            run.safety()
            assert run.machine.auditor.violations == []
            return [
                (step.target, step.rule, step.change, step.at_ns)
                for life in run.machine.auditor.durable.lives.values()
                for step in life
            ]
        finally:
            run.close()
