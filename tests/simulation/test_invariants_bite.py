"""Every invariant of the simulator detects its violation."""

import msgspec
import pytest
from records import NOON, delivery_of, notice_of, opened, then
from simulator.invariants.attempts import AttemptRules
from simulator.invariants.evidence import EvidenceRules
from simulator.invariants.receiving import ReceivingRules
from simulator.surroundings.receiver import Receiver
from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.auditing.invariants_delivery import DeliveryRules
from watchkeeper.domain.auditing.invariants_record import RecordRules
from watchkeeper.domain.incidents.incident import Transition, TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch, Restored, Silence
from watchkeeper.domain.limits import GENERATIONS_PER_RUN
from watchkeeper.domain.observation.attempt import AttemptId, AttemptRecord, AttemptState, ProbeRequest
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S, Deadline
from watchkeeper.protocol.sink import RecordSamples

OPENED = opened()
CHANGED = then(OPENED, TransitionKind.CHANGED)
RESOLVED = then(OPENED, TransitionKind.RESOLVED)
NOTICE = notice_of(OPENED)
TOLD = Batch(transitions=(OPENED,), notices=(NOTICE,))
PENDING, DELIVERED, DEAD = DeliveryState


class Rules:
    """All rules on one durable view, and what they complain of."""

    def __init__(self):
        self.complaints = []
        self.roster = {}
        self.durable = Durable()
        self.receivers = {"ops": Receiver("ops", 0)}
        common = (self.complain, lambda _: None)
        self.record = RecordRules(self.durable, self.receivers, self.complain)
        self.delivery = DeliveryRules(self.durable, self.receivers, self.complain)
        self.receiving = ReceivingRules(self.durable, *common)
        self.attempts = AttemptRules(self.roster, *common)
        self.shop = shop = Target(
            id="shop",
            http=Http(url="http://x/"),
            rules=(Consecutive(id="down", after=2),),
            default_rules=False,
        )
        self.evidence = EvidenceRules([shop], *common)
        self.record.opened(Restored(epoch=1), NOON)

    def complain(self, invariant, says):
        self.complaints.append(invariant)

    def commit(self, *batches):
        for batch in batches:
            self.record.committed(batch)
            self.receiving.committed(batch)


def two_open(rules):
    other = msgspec.structs.replace(OPENED, id="inc_other")
    rules.commit(TOLD, Batch(transitions=(other,), notices=(notice_of(other),)))


def a_step_left_out(rules):
    rules.commit(TOLD, Batch(transitions=(then(CHANGED, TransitionKind.RESOLVED),)))


def a_life_after_death(rules):
    rules.commit(
        TOLD, Batch(transitions=(RESOLVED,)), Batch(transitions=(then(RESOLVED, TransitionKind.CHANGED),))
    )


def a_step_nobody_hears_of(rules):
    rules.commit(Batch(transitions=(OPENED,)))


def a_notice_without_its_step(rules):
    rules.commit(Batch(notices=(NOTICE,)))


def a_key_that_was_drawn(rules):
    rules.commit(Batch(transitions=(OPENED,), notices=(msgspec.structs.replace(NOTICE, key="msg_1"),)))


def delivered_and_not_there(rules):
    rules.commit(TOLD, Batch(deliveries=(delivery_of(NOTICE, DELIVERED),)))


def something_forgotten(rules):
    rules.commit(TOLD)
    rules.record.opened(Restored(epoch=2), NOON)


def something_invented(rules):
    rules.record.opened(Restored(epoch=2, incidents=(OPENED,)), NOON)


def an_epoch_twice(rules):
    rules.record.opened(Restored(epoch=1), NOON)


def ended_before_it_began(rules):
    end = msgspec.structs.replace(RESOLVED, resolved_at_ns=OPENED.opened_at_ns - 1)
    rules.commit(TOLD, Batch(transitions=(end,)))


def told_under_a_silence(rules):
    rules.commit(Batch(silences=(Silence(id="all", until_ns=NOTICE.created_at_ns + 1),)), TOLD)


def written_after_a_failure(rules):
    rules.record.failed()
    rules.record.committing()


def sent_before_commit(rules):
    rules.delivery.sending("ops", NOTICE, 1)


def sent_before_the_attempt_is_recorded(rules):
    rules.commit(TOLD)
    rules.delivery.sending("ops", NOTICE, 1)


def attempted(rules, attempts=1):
    delivery = msgspec.structs.replace(delivery_of(NOTICE, PENDING), attempts=attempts)
    rules.commit(TOLD, Batch(deliveries=(delivery,)))
    rules.delivery.sending("ops", NOTICE, 1)
    rules.receivers["ops"].arrived(NOTICE, 1)


def carried_twice_at_once(rules):
    attempted(rules, 2)
    rules.delivery.sending("ops", NOTICE, 2)


def posted_twice_as_one_attempt(rules):
    attempted(rules)
    rules.delivery.sent("ops", NOTICE.key)
    rules.delivery.sending("ops", NOTICE, 1)


def the_same_key_says_something_else(rules):
    attempted(rules, 2)
    rules.delivery.sent("ops", NOTICE.key)
    rules.delivery.sending("ops", msgspec.structs.replace(NOTICE, created_at_ns=1), 2)


def an_end_without_a_beginning(rules):
    rules.receiving.applied("ops", notice_of(RESOLVED), first=True)


def an_older_step_later(rules):
    rules.receiving.applied("ops", NOTICE, first=True)
    rules.receiving.applied("ops", notice_of(RESOLVED), first=True)
    rules.receiving.applied("ops", NOTICE, first=True)


def more_than_fits(rules):
    rules.delivery.room = {"ops": 0}
    attempted(rules)


def request(number):
    attempt = AttemptId("shop", 1, number)
    return ProbeRequest(
        attempt=attempt, probe=Http(url="http://x/"), deadline=Deadline.after(NOON, NS_PER_S), started=NOON
    )


def sample(number, outcome):
    reason = Reason.OK if outcome is Outcome.UP else Reason.CONNECTION_REFUSED
    at = NOON.shifted(number)
    return Sample(target="shop", epoch=1, attempt=number, at=at, outcome=outcome, reason=reason)


def judged(rules, number, truth, outcome, lateness_ns=0):
    rules.attempts.probing(request(number), truth, NOON.monotonic_ns)
    rules.attempts.probed(request(number))
    rules.attempts.taken(sample(number, outcome), recorded_attempt(number, lateness_ns))


def recorded_attempt(number, lateness_ns):
    attempt = AttemptId("shop", 1, number)
    return AttemptRecord(
        attempt=attempt, state=AttemptState.FINISHED, due=NOON, lateness_ns=lateness_ns, missed=0
    )


def down_by_our_fault(rules):
    judged(rules, 1, Outcome.UP, Outcome.DOWN)


def well_by_mistake(rules):
    judged(rules, 1, Outcome.DOWN, Outcome.UP)


def an_older_answer_later(rules):
    judged(rules, 2, Outcome.UP, Outcome.UP)
    judged(rules, 1, Outcome.UP, Outcome.UP)


def earlier_than_due(rules):
    judged(rules, 1, Outcome.UP, Outcome.UP, lateness_ns=-1)


def two_at_once(rules):
    rules.attempts.probing(request(1), Outcome.UP, NOON.monotonic_ns)
    rules.attempts.probing(request(2), Outcome.UP, NOON.monotonic_ns)


def too_many_at_once(rules):
    rules.roster["shop"] = rules.shop
    rules.attempts.in_flight_max = 0
    rules.attempts.probing(request(1), Outcome.UP, NOON.monotonic_ns)


def begun_without_time(rules):
    rules.attempts.probing(request(1), Outcome.UP, NOON.monotonic_ns + NS_PER_S)


def probed_although_gone(rules):
    rules.attempts.released("shop")
    rules.attempts.probing(request(1), Outcome.UP, NOON.monotonic_ns)


def recorded(rules, outcomes, *steps):
    samples = tuple(sample(number, outcome) for number, outcome in enumerate(outcomes, 1))
    rules.evidence.recording(RecordSamples(0, samples, steps, ()))


def refused(rules, late):
    """The sink has begun anew, and receives a sample that was judged on the state before."""
    rules.evidence.resuming(1)
    rules.evidence.recording(RecordSamples(0, (late,), (), ()))


def counted_by_the_next_process(rules, counted, *steps):
    rules.evidence.process_began()
    rules.evidence.resuming(GENERATIONS_PER_RUN)
    rules.evidence.recording(RecordSamples(GENERATIONS_PER_RUN, (counted,), steps, ()))


def opened_on_too_little(rules):
    recorded(rules, [Outcome.DOWN, Outcome.UP, Outcome.DOWN], OPENED)


def opened_on_doubt(rules):
    recorded(rules, [Outcome.DOWN, Outcome.UNKNOWN], OPENED)


def opened_on_what_was_refused(rules):
    refused(rules, sample(1, Outcome.DOWN))
    rules.evidence.committed(Batch(samples=(sample(1, Outcome.DOWN),)))
    counted_by_the_next_process(rules, sample(2, Outcome.DOWN), OPENED)


def resolved_on_too_little(rules):
    recorded(rules, [Outcome.UP, Outcome.DOWN, Outcome.UP], RESOLVED)


CRIMES = {
    two_open: "S1",
    a_step_left_out: "S2",
    a_life_after_death: "S2",
    opened_on_too_little: "S3",
    opened_on_doubt: "S3",
    opened_on_what_was_refused: "S3",
    resolved_on_too_little: "S3",
    a_step_nobody_hears_of: "S4",
    a_notice_without_its_step: "S4",
    sent_before_commit: "S5",
    a_key_that_was_drawn: "S6",
    the_same_key_says_something_else: "S7",
    delivered_and_not_there: "S8",
    an_end_without_a_beginning: "S9",
    an_older_step_later: "S9",
    sent_before_the_attempt_is_recorded: "S10",
    posted_twice_as_one_attempt: "S10",
    something_forgotten: "S11",
    something_invented: "S11",
    an_epoch_twice: "S14",
    carried_twice_at_once: "S16",
    down_by_our_fault: "S17",
    well_by_mistake: "S18",
    an_older_answer_later: "S18",
    two_at_once: "S19",
    ended_before_it_began: "S20",
    earlier_than_due: "S20",
    told_under_a_silence: "S22",
    probed_although_gone: "S23",
    more_than_fits: "S24",
    too_many_at_once: "S24",
    written_after_a_failure: "S33",
    begun_without_time: "L16",
}


@pytest.mark.parametrize(
    ("crime", "invariant"), CRIMES.items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_each_violation_of_an_invariant_is_reported(crime, invariant):
    rules = Rules()
    crime(rules)
    assert invariant in rules.complaints


def test_a_valid_life_violates_no_invariant():
    rules = Rules()
    recorded(rules, [Outcome.DOWN, Outcome.DOWN], OPENED)
    attempted(rules)
    rules.receivers["ops"].apply(NOTICE)
    rules.receiving.applied("ops", NOTICE, first=True)
    rules.commit(Batch(deliveries=(delivery_of(NOTICE, DELIVERED),)))
    end = notice_of(RESOLVED)
    rules.commit(Batch(transitions=(RESOLVED,), notices=(end,)))
    judged(rules, 1, Outcome.UP, Outcome.UP)
    assert rules.complaints == []


def test_a_refused_sample_is_evidence_once_a_later_process_counts_it_again():
    rules = Rules()
    missed = sample(1, Outcome.DOWN)
    refused(rules, missed)
    counted_by_the_next_process(rules, missed)
    rules.evidence.committed(Batch(samples=(missed,)))
    rules.evidence.process_began()
    rules.evidence.resuming(2 * GENERATIONS_PER_RUN)
    newer = RecordSamples(2 * GENERATIONS_PER_RUN, (sample(2, Outcome.DOWN),), (OPENED,), ())
    rules.evidence.recording(newer)
    assert rules.complaints == []


@pytest.mark.parametrize(("share", "counted"), [(0.24, 1), (0.26, 0)])
def test_only_an_attempt_that_waited_for_admission_is_left_out_of_the_reference(share, counted):
    rules = Rules()
    rules.roster["shop"] = rules.shop
    judged(rules, 1, Outcome.DOWN, Outcome.DOWN)
    rules.attempts.probing(request(2), Outcome.TIMED_OUT, NOON.monotonic_ns)
    waited = msgspec.structs.replace(sample(2, Outcome.UNKNOWN), reason=Reason.OVERLOADED)
    rules.attempts.taken(waited, recorded_attempt(2, int(share * rules.shop.timeout_ns)))
    assert len(rules.attempts.truths["shop"]) == 1 + counted


@pytest.mark.parametrize(("later", "complaints"), [(PENDING, []), (DEAD, []), (DELIVERED, ["S9"])])
def test_a_redriven_notice_may_arrive_behind_one_whose_answer_was_lost(later, complaints):
    rules = Rules()
    late, end = notice_of(CHANGED), notice_of(then(CHANGED, TransitionKind.RESOLVED))
    rules.commit(TOLD, Batch(transitions=(CHANGED,), notices=(late,), deliveries=(delivery_of(late, DEAD),)))
    rules.receivers["ops"].apply(end)
    rules.commit(
        Batch(
            transitions=(Transition(**msgspec.structs.asdict(end.incident)),),
            notices=(end,),
            deliveries=(delivery_of(end, later),),
        )
    )
    rules.commit(Batch(deliveries=(delivery_of(late, PENDING, 2),)))
    for notice in (NOTICE, end, late):
        rules.receiving.applied("ops", notice, first=True)
    assert rules.complaints == complaints


@pytest.mark.parametrize(("state", "complaints"), [(DEAD, []), (PENDING, ["S9"])])
def test_only_an_abandoned_notice_may_arrive_late(state, complaints):
    rules = Rules()
    late, end = notice_of(CHANGED), notice_of(then(CHANGED, TransitionKind.RESOLVED))
    rules.commit(TOLD, Batch(transitions=(CHANGED,), notices=(late,), deliveries=(delivery_of(late, state),)))
    rules.commit(Batch(transitions=(Transition(**msgspec.structs.asdict(end.incident)),), notices=(end,)))
    for notice in (NOTICE, end, late):
        rules.receiving.applied("ops", notice, first=True)
    assert rules.complaints == complaints
    heard = rules.receiving.heard("ops", OPENED.incident_id)
    assert [each.key for each in heard[:2]] == [NOTICE.key, end.key]
