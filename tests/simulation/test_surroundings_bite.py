"""Every invariant about clocks, configurations, isolation and recovery detects its violation."""

import msgspec
import pytest
from records import NOON, delivery_of, notice_of, opened, then
from simulator.invariants.attempts import AttemptRules
from simulator.invariants.blindness import BlindnessRules
from simulator.invariants.configuration import ConfigurationRules
from simulator.invariants.isolation import IsolationRules
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import BlindInterval
from watchkeeper.domain.observation.attempt import AttemptId, AttemptRecord, AttemptState, ProbeRequest
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S, Deadline
from watchkeeper.protocol.owner import SamplesMissing
from watchkeeper.protocol.recorder import HealthReported
from watchkeeper.protocol.supervisor import ChildExited

OLD = Target(id="shop", every="10s", timeout="5s", http=Http(url="http://shop.example/old"))
NEW = msgspec.structs.replace(OLD, timeout="1s", http=Http(url="http://shop.example/new"))
OTHER = msgspec.structs.replace(OLD, id="other")
LATER = NOON.shifted(20 * NS_PER_S)
SLEEP_NS = 60 * NS_PER_S


class Rules:
    """All of these rules, and what they complain of."""

    def __init__(self):
        self.complaints = []
        common = (lambda invariant, _: self.complaints.append(invariant), lambda _: None)
        self.blindness = BlindnessRules(*common)
        self.configuration = ConfigurationRules(*common)
        self.isolation = IsolationRules({"shop": OLD, "other": OTHER}, *common)
        self.isolation.applies = True
        self.attempts = AttemptRules({}, *common)
        self.attempts.process_began(NOON)
        self.configuration.process_began([OLD], NOON)
        self.blindness.looking(1, NOON)


def asleep(rules):
    rules.blindness.suspended(NOON, SLEEP_NS)
    rules.blindness.looking(1, LATER)


def slept(cause="suspended", ended_at_ns=LATER.wall_ns):
    return BlindInterval(NOON.wall_ns, ended_at_ns, cause)


def sample(outcome=Outcome.DOWN, reason=Reason.CONNECTION_REFUSED, number=1, at=NOON):
    return Sample(target="shop", epoch=1, attempt=number, at=at, outcome=outcome, reason=reason)


def record(number=1, due=NOON, started=NOON, ended=LATER):
    return AttemptRecord(
        attempt=AttemptId("shop", 1, number),
        state=AttemptState.FINISHED,
        due=due,
        started=started,
        ended=ended,
        lateness_ns=0,
        missed=0,
    )


def request(probe=OLD.http, timeout_s=5, started=LATER, number=1):
    return ProbeRequest(
        attempt=AttemptId("shop", 1, number),
        probe=probe,
        deadline=Deadline.after(started, timeout_s * NS_PER_S),
        started=started,
    )


def sleep_nobody_hears_of(rules):
    asleep(rules)
    rules.blindness.check_peace()


def sleep_reported_twice(rules):
    asleep(rules)
    rules.blindness.recording(slept())
    rules.blindness.recording(slept())


def sleep_that_never_was(rules):
    rules.blindness.looking(1, LATER)
    rules.blindness.recording(slept())


def sleep_by_another_name(rules):
    asleep(rules)
    rules.blindness.recording(slept("stalled"))


def judged_by_what_ran_while_asleep(rules):
    asleep(rules)
    rules.blindness.judging(sample(), record())


def a_heartbeat_missed_while_standing_still(rules):
    rules.blindness.stalled(NOON, SLEEP_NS)
    rules.blindness.looking(1, LATER)
    missed = sample(reason=Reason.HEARTBEAT_MISSED, at=NOON.shifted(NS_PER_S))
    rules.blindness.judging(missed, record())


def an_actor_that_ends_by_itself(rules):
    rules.isolation.exited(ChildExited("owner", 1, "crashed", "KeyError('shop')"))


def a_supervisor_that_ends_by_itself(rules):
    rules.isolation.health(HealthReported("supervisor", "ValueError('x')"))


def a_target_that_waits_for_a_poisoned_one(rules):
    rules.isolation.poisoned("shop", NOON)
    rules.isolation.passing(NOON.monotonic_ns + 60 * NS_PER_S)


def a_notice_given_up_for_another(rules):
    notice = notice_of(opened())
    dead = delivery_of(notice, DeliveryState.DEAD, 1, "RuntimeError('a notice that cannot be rendered')")
    rules.isolation.unrenderable("msg_another")
    rules.isolation.delivered(dead)


def a_notice_given_up_for_an_error_of_ours(rules):
    notice = notice_of(opened())
    rules.isolation.delivered(delivery_of(notice, DeliveryState.DEAD, 1, "AttributeError('x')"))


def a_new_probe_under_the_old_timeout(rules):
    rules.configuration.tracked(NEW, LATER)
    rules.configuration.probing(request(NEW.http, timeout_s=5))


def a_probe_that_nobody_configured(rules):
    rules.configuration.probing(request(NEW.http, timeout_s=1))


def an_incident_lost_by_a_reload(rules):
    rules.configuration.committed([then(opened(), TransitionKind.RESOLVED, reason="removed")])


def an_incident_of_a_rule_that_stays(rules):
    rules.configuration.committed([then(opened(), TransitionKind.RESOLVED, reason="retired")])


def silence_of_a_paused_target(rules):
    rules.configuration.paused("shop", NOON)
    rules.configuration.missing(SamplesMissing("shop", "silent", LATER))


def a_heartbeat_missed_while_paused(rules):
    rules.configuration.paused("shop", NOON)
    rules.configuration.judging(sample(reason=Reason.HEARTBEAT_MISSED, at=LATER))


def a_heartbeat_missed_of_what_came_paused(rules):
    rules.configuration.tracked(msgspec.structs.replace(NEW, paused=True), NOON)
    rules.configuration.judging(sample(reason=Reason.HEARTBEAT_MISSED, at=LATER))


def one_heartbeat_for_two(rules):
    for number in (1, 2):
        rules.attempts.taken(sample(Outcome.UP, Reason.OK, number), record(number))


def probed(rules, number, due):
    rules.attempts.probing(request(number=number), Outcome.UP, NOON.monotonic_ns)
    rules.attempts.probed(request(number=number))
    rules.attempts.taken(sample(Outcome.UP, Reason.OK, number), record(number, due))


def a_tick_of_the_process_before(rules):
    probed(rules, 1, NOON.shifted(-1))


def a_tick_served_twice(rules):
    probed(rules, 1, LATER)
    probed(rules, 2, LATER)


CRIMES = {
    sleep_nobody_hears_of: "S21",
    sleep_reported_twice: "S21",
    sleep_that_never_was: "S21",
    sleep_by_another_name: "S21",
    judged_by_what_ran_while_asleep: "S21",
    a_heartbeat_missed_while_standing_still: "S21",
    an_actor_that_ends_by_itself: "S25",
    a_supervisor_that_ends_by_itself: "S25",
    a_target_that_waits_for_a_poisoned_one: "S25",
    a_notice_given_up_for_another: "S25",
    a_notice_given_up_for_an_error_of_ours: "S25",
    a_new_probe_under_the_old_timeout: "S30",
    a_probe_that_nobody_configured: "S30",
    an_incident_lost_by_a_reload: "S30",
    an_incident_of_a_rule_that_stays: "S30",
    one_heartbeat_for_two: "S31",
    silence_of_a_paused_target: "S36",
    a_heartbeat_missed_while_paused: "S36",
    a_heartbeat_missed_of_what_came_paused: "S36",
    a_tick_of_the_process_before: "L8",
    a_tick_served_twice: "L8",
}


@pytest.mark.parametrize(
    ("crime", "invariant"), CRIMES.items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_each_violation_of_such_an_invariant_is_reported(crime, invariant):
    rules = Rules()
    crime(rules)
    assert set(rules.complaints) == {invariant}


def test_a_valid_course_of_events_violates_no_invariant():
    rules = Rules()
    asleep(rules)
    rules.blindness.recording(slept())
    rules.blindness.judging(sample(), record(started=LATER.shifted(1), ended=LATER.shifted(2)))
    rules.blindness.check_peace()
    rules.isolation.exited(ChildExited("owner", 1, "crashed", "InjectedCrash('owner')"))
    rules.isolation.poisoned("shop", NOON)
    rules.isolation.probing("other")
    rules.isolation.passing(NOON.monotonic_ns + 60 * NS_PER_S)
    rules.configuration.tracked(NEW, LATER)
    rules.configuration.probing(request(NEW.http, timeout_s=1))
    rules.configuration.paused("shop", LATER)
    rules.configuration.missing(SamplesMissing("shop", "silent", LATER))
    rules.configuration.judging(sample(reason=Reason.HEARTBEAT_MISSED, at=LATER))
    rules.configuration.judging(sample(at=LATER.shifted(1)))
    rules.configuration.tracked(NEW, LATER)
    rules.configuration.missing(SamplesMissing("shop", "silent", LATER.shifted(1)))
    rules.configuration.judging(sample(reason=Reason.HEARTBEAT_MISSED, at=LATER.shifted(1)))
    rules.configuration.untracked("shop")
    rules.configuration.committed([then(opened(), TransitionKind.RESOLVED, reason="removed")])
    for number, due in ((1, NOON), (2, LATER)):
        probed(rules, number, due)
    assert rules.complaints == []
