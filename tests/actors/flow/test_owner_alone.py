"""The messages of an owner that is alone with listeners: what it holds, what it hands over, and in which order."""

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace
from records import NOON, opened, sample_at
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import address_for, spawn
from watchkeeper.actors.owner import AggregateOwner
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Checkpoint
from watchkeeper.domain.incidents.trials.drill import Drill
from watchkeeper.domain.limits import EVIDENCE_HELD_MAX, SAMPLES_HELD_MAX
from watchkeeper.domain.observation.attempt import AttemptId, AttemptRecord, AttemptState
from watchkeeper.domain.observation.evidence import evidence_of
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.rules.watch import saved_up
from watchkeeper.domain.specification.rule import Consecutive, NoData, Severity
from watchkeeper.protocol.owner import (
    Acknowledge,
    Adopt,
    BeginDrill,
    EndDrill,
    EndOrphans,
    FlushSamples,
    Release,
    ResumeFrom,
    SamplesMissing,
    SampleTaken,
)
from watchkeeper.protocol.recorder import CounterIncreased, SampleJudged
from watchkeeper.protocol.sink import Commit, RecordSamples
from watchkeeper.testing.clock import ManualClock

from tests.actors.flow.alone import Told

S = 1_000_000_000
UP, DOWN = Outcome.UP, Outcome.DOWN
UP_SINCE = msgspec.msgpack.encode([saved_up(NOON.wall_ns)])
ONCE = (Consecutive(id="down", after=1, recover=1),)


def record_of(sample):
    return AttemptRecord(
        attempt=AttemptId(sample.target, 1, sample.attempt),
        state=AttemptState.FINISHED,
        due=sample.at,
        started=sample.at,
        ended=sample.at,
        lateness_ns=0,
        missed=0,
        outcome=sample.outcome.value,
    )


class OwnerAlone:
    """One owner between listeners that only listen."""

    def __init__(self, *targets, resumed=True):
        self.clock = ManualClock(wall_ns=NOON.wall_ns)
        self.dispatcher = SimulatedDispatcher(self.clock)
        names = ("sink", "recorder", "supervisor")
        self.sink, self.recorder, self.supervisor = (Told(name, lambda: 0) for name in names)
        self.ends = []
        self.owner = address_for(AggregateOwner, "owner")
        spawn(
            AggregateOwner,
            self.clock,
            targets,
            self.sink,
            self.recorder,
            self.supervisor,
            dispatcher=self.dispatcher,
            address=self.owner,
            on_exit=lambda *exit_: self.ends.append(exit_),
        )
        if resumed:
            # Each target is up, so that a good sample changes nothing.
            self.tell(
                ResumeFrom(7, (), tuple(Checkpoint(each.id, UP_SINCE, NOON.wall_ns) for each in targets))
            )
            self.recorder.clear()

    def tell(self, *messages):
        for message in messages:
            self.owner.tell(message)
        self.dispatcher.run_until_idle()

    def take(self, number, outcome=UP, target="shop", **fields):
        sample = sample_at(number, target=target, outcome=outcome, **fields)
        self.tell(SampleTaken(sample, record_of(sample)))
        assert self.ends == []
        return sample


def counts(alone):
    return [(said.counter, said.by) for said in alone.recorder.of(CounterIncreased)]


def steps(alone):
    """The changes that were handed over and not taken: of which target, and which."""
    return [
        (step.target, step.change.value)
        for record in alone.sink.of(RecordSamples)
        for step in record.transitions
    ]


def test_a_sample_without_news_is_judged_and_held_until_it_is_asked_for(shop):
    alone = OwnerAlone(shop())
    samples = [alone.take(number) for number in (1, 2)]
    assert alone.sink == []
    assert alone.recorder.take() == [
        SampleJudged(sample, record_of(sample), Status.UP, Status.UP) for sample in samples
    ]
    alone.tell(FlushSamples())
    assert alone.sink.take() == [RecordSamples(7, tuple(samples), (), ()), Commit()]
    alone.tell(FlushSamples())
    assert alone.sink.take() == [Commit()]


def test_samples_are_handed_over_when_there_are_too_many_to_hold(shop):
    alone = OwnerAlone(shop())
    for number in range(1, SAMPLES_HELD_MAX):
        alone.take(number)
    assert alone.sink == []
    alone.take(SAMPLES_HELD_MAX)
    (record,) = alone.sink.take()
    assert len(record.samples) == SAMPLES_HELD_MAX


def test_a_body_goes_to_the_record_as_evidence_alone(shop):
    alone = OwnerAlone(shop())
    sample = alone.take(1, DOWN, body="no luck")
    alone.tell(FlushSamples())
    records = alone.sink.of(RecordSamples)
    assert [each.samples for each in records] == [(replace(sample, body=UNSET),)]
    assert [each.evidence for each in records] == [(evidence_of(sample),)]
    assert [judged.sample for judged in alone.recorder.of(SampleJudged)] == [sample]


def test_evidence_is_handed_over_when_there_is_too_much_to_hold(shop):
    names = [f"t{number}" for number in range(EVIDENCE_HELD_MAX)]
    alone = OwnerAlone(*(shop(name, rules=()) for name in names))
    for number, name in enumerate(names, 1):
        assert alone.sink == []
        alone.take(number, DOWN, name, body="no luck")
    (record,) = alone.sink.take()
    assert [each.target for each in record.evidence] == names


def test_a_step_is_handed_over_at_once_behind_the_samples_before_it(shop):
    alone = OwnerAlone(shop(rules=ONCE))
    samples = (alone.take(1), alone.take(2, DOWN))
    (record,) = alone.sink.take()
    assert (record.samples, [step.change for step in record.transitions]) == (
        samples,
        [TransitionKind.OPENED],
    )
    judged = alone.recorder.of(SampleJudged)[-1]
    assert (judged.raw, judged.confirmed) == (Status.DOWN, Status.DOWN)


def test_the_state_of_rules_is_handed_over_where_it_changed_and_removed_where_it_is_idle(shop):
    alone = OwnerAlone(shop())
    alone.take(1, DOWN)
    ((pending,),) = [record.checkpoints for record in alone.sink.of(RecordSamples)]
    assert (pending.target, pending.at_ns, pending.state != b"") == ("shop", NOON.wall_ns, True)
    alone.sink.clear()
    alone.take(1, DOWN)
    assert alone.sink == []
    alone.take(2)
    assert [record.checkpoints for record in alone.sink.of(RecordSamples)] == [
        (Checkpoint("shop", UP_SINCE, NOON.wall_ns),)
    ]
    alone.sink.clear()
    alone.take(3)
    assert alone.sink == []


@pytest.mark.parametrize("resumed", [True, False])
def test_a_sample_of_a_target_that_is_not_watched_is_counted(shop, resumed):
    alone = OwnerAlone(*([] if resumed else [shop()]), resumed=resumed)
    alone.take(1, DOWN)
    assert alone.recorder.take() == [CounterIncreased("samples_without_target", 1)]
    alone.tell(SamplesMissing("shop", "silent", NOON), FlushSamples())
    assert alone.sink.take() == [Commit()]


def test_a_sample_that_is_not_newer_is_counted_and_kept(shop):
    alone = OwnerAlone(shop(rules=ONCE))
    alone.take(2)
    alone.recorder.clear()
    late = alone.take(1, DOWN)
    assert counts(alone) == [("samples_not_newer", 1)]
    assert alone.recorder.of(SampleJudged) == [SampleJudged(late, record_of(late), Status.UP, Status.UP)]
    assert steps(alone) == []


def test_missing_samples_are_judged_by_their_rule(shop):
    alone = OwnerAlone(shop(rules=(NoData(id="silent", after="1m"),)))
    alone.tell(SamplesMissing("shop", "silent", NOON))
    assert steps(alone) == [("shop", "opened")]


def test_a_target_is_adopted_from_the_resume_on(shop):
    alone = OwnerAlone(shop(rules=ONCE), resumed=False)
    alone.tell(Adopt(shop("mail", rules=ONCE)))
    alone.take(1, DOWN, "mail")
    assert counts(alone) == [("samples_without_target", 1)]
    alone.tell(ResumeFrom(7, (), ()))
    for target in ("shop", "mail"):
        alone.take(2, DOWN, target)
    alone.tell(Adopt(shop("late", rules=ONCE)))
    alone.take(3, DOWN, "late")
    assert steps(alone) == [("shop", "opened"), ("mail", "opened"), ("late", "opened")]


def test_a_new_specification_ends_what_its_rules_no_longer_hold(shop):
    alone = OwnerAlone(shop(rules=ONCE))
    alone.take(1, DOWN)
    alone.tell(Adopt(shop(rules=())))
    assert steps(alone) == [("shop", "opened"), ("shop", "resolved")]


def test_a_target_that_is_released_ends_what_is_open_and_is_not_resumed(shop):
    alone = OwnerAlone(shop(rules=ONCE), shop("mail", rules=ONCE))
    alone.take(1, DOWN)
    alone.sink.clear()
    alone.tell(Release("shop"), Release("shop"), Release("unheard of"))
    assert steps(alone) == [("shop", "resolved")]
    alone.sink.clear()
    alone.tell(ResumeFrom(8, (), ()))
    alone.recorder.clear()
    alone.take(2, DOWN)
    assert counts(alone) == [("samples_without_target", 1)]


def test_an_acknowledgement_reaches_the_incident_that_it_names(shop):
    alone = OwnerAlone(shop(rules=ONCE), shop("mail", rules=ONCE), shop("well", rules=ONCE))
    for target in ("shop", "mail"):
        alone.take(1, DOWN, target)
    incident = alone.sink.of(RecordSamples)[1].transitions[0].id
    alone.sink.clear()
    alone.tell(Acknowledge("unheard of", "ann"), Acknowledge(incident, "ann"))
    assert steps(alone) == [("mail", "acknowledged")]
    assert alone.sink.of(RecordSamples)[0].transitions[0].acknowledged_by == "ann"


# Resuming.


def test_a_drill_that_is_commanded_twice_begins_once(shop):
    alone = OwnerAlone(shop())
    begin = BeginDrill("inc_1", Severity.CRITICAL, Drill(route="shop", until_ns=NOON.wall_ns + S))
    alone.tell(begin, begin)
    assert steps(alone) == [("watchkeeper", "opened")]
    end = EndDrill("inc_1", "ann")
    alone.tell(end, end)
    assert steps(alone) == [("watchkeeper", "opened"), ("watchkeeper", "resolved")]


def resumed_with(shop, *incidents, checkpoints=()):
    alone = OwnerAlone(shop(rules=ONCE), shop("mail", rules=ONCE), resumed=False)
    alone.tell(ResumeFrom(7, incidents, checkpoints))
    return alone


def test_an_open_incident_is_resumed_and_one_without_a_target_ended_when_it_is_asked_for(shop):
    gone = [opened(f"inc_{number}", target="gone", rule=f"rule-{number}") for number in (2, 3)]
    alone = resumed_with(shop, opened().incident, *(step.incident for step in gone))
    alone.take(5)
    assert steps(alone) == [("shop", "resolved")]
    alone.sink.clear()
    alone.tell(EndOrphans(), EndOrphans())
    (record,) = alone.sink.take()
    assert [(step.id, step.reason) for step in record.transitions] == [
        ("inc_2", "removed"),
        ("inc_3", "removed"),
    ]
    assert record.transitions[0].resolved_at_ns == alone.clock.read().wall_ns


def test_an_incident_whose_target_comes_back_is_no_orphan(shop):
    alone = resumed_with(shop, opened(target="late").incident)
    alone.tell(Adopt(shop("late", rules=ONCE)), EndOrphans())
    assert alone.sink == []
    alone.take(5, target="late")
    assert steps(alone) == [("late", "resolved")]


def test_an_incident_whose_rule_is_gone_is_ended_as_it_is_resumed(shop):
    alone = resumed_with(shop, opened(rule="former").incident)
    assert steps(alone) == [("shop", "resolved")]


def test_a_resume_begins_with_the_state_that_was_saved(shop):
    before = OwnerAlone(shop())
    for number in (1, 2):
        before.take(number, DOWN)
    saved = before.sink.of(RecordSamples)[-1].checkpoints
    after = OwnerAlone(shop(), resumed=False)
    after.tell(ResumeFrom(8, (), saved))
    assert after.sink == []
    after.take(3, DOWN)
    assert steps(after) == [("shop", "opened")]


def test_samples_that_are_held_at_a_resume_are_handed_over_under_their_generation(shop):
    alone = OwnerAlone(shop())
    sample = alone.take(1)
    alone.tell(ResumeFrom(8, (), ()))
    assert alone.sink.take() == [RecordSamples(7, (sample,), (), ())]


def test_a_resume_forgets_the_judgement_before_it(shop):
    alone = OwnerAlone(shop())
    for number in (1, 2):
        alone.take(number, DOWN)
    alone.tell(ResumeFrom(8, (), ()))
    alone.sink.clear()
    alone.take(3, DOWN)
    (record,) = alone.sink.take()
    assert (record.generation, record.transitions, len(record.checkpoints)) == (8, (), 1)


@pytest.mark.parametrize("crashes", [False, True])
def test_an_owner_that_ends_hands_over_the_samples_it_holds(shop, crashes):
    alone = OwnerAlone(shop())
    sample = alone.take(1)
    if crashes:
        alone.tell(object())
    else:
        alone.owner.stop()
        alone.dispatcher.run_until_idle()
    assert alone.sink.take() == [RecordSamples(7, (sample,), (), ())]
