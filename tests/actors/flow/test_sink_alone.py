"""The messages of a sink that is alone with listeners, and the batches that it commits before them."""

import msgspec
import pytest
from msgspec.structs import replace
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState, NoticeReason
from watchkeeper.domain.incidents.record import (
    Batch,
    BlindInterval,
    Checkpoint,
    HeardMark,
    Outgoing,
    Restored,
    Silence,
)
from watchkeeper.domain.incidents.told import ChannelBacklog
from watchkeeper.domain.limits import BATCH_RECORDS_MAX, EVIDENCE_GATHERED_MAX, GENERATIONS_PER_RUN
from watchkeeper.domain.observation.evidence import Evidence
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.supervision.last_heard import RUNTIME
from watchkeeper.protocol.courier import Deliver
from watchkeeper.protocol.owner import ResumeFrom
from watchkeeper.protocol.recorder import (
    Committed,
    CounterIncreased,
    HealthReported,
    IncidentsResumed,
    SilencesChanged,
    WaitsChanged,
)
from watchkeeper.protocol.sink import (
    Commit,
    ContinueMaintenance,
    GetResumed,
    Mute,
    RecordBlindness,
    Redrive,
    ReopenStore,
    ReviewNotices,
    RunMaintenance,
)
from watchkeeper.protocol.supervisor import (
    DeliveryBegan,
    NextSliceRequested,
    NoticeCheckRequested,
    StoreAnswered,
    StoreAsked,
    StoreFailed,
    StoreRecovered,
)

from tests.actors.flow.sink_alone import SinkAlone

S = 1_000_000_000
OPENED = opened()
RESOLVED = then(OPENED, TransitionKind.RESOLVED)
PENDING, DEAD, DELIVERED = DeliveryState.PENDING, DeliveryState.DEAD, DeliveryState.DELIVERED


def counts(alone):
    return {each.counter: each.by for each in alone.recorder.of(CounterIncreased)}


def outgoing(notice, state=PENDING, attempts=1):
    return Outgoing(notice, delivery_of(notice, state, attempts))


# The start.


def test_a_start_resumes_the_owner_and_the_recorder_from_the_record():
    notice = notice_of(OPENED)
    gone = notice_of(opened("inc_2", notify=("gone",)), "gone")
    silence = Silence(id="s", target="mail", until_ns=NOON.wall_ns * 2)
    checkpoint = Checkpoint("shop", b"x", 1)
    alone = SinkAlone(
        Restored(
            epoch=3,
            incidents=(OPENED.incident,),
            outbox=(outgoing(notice, attempts=4), outgoing(gone, attempts=2)),
            checkpoints=(checkpoint,),
            silences=(silence,),
        )
    )
    assert alone.store.calls[:2] == ["close", "open"]
    assert alone.owner.take() == [ResumeFrom(3 * GENERATIONS_PER_RUN + 1, (OPENED.incident,), (checkpoint,))]
    backlogs = (ChannelBacklog("ops", 1, notice.created_at_ns), ChannelBacklog("calm"))
    assert alone.recorder.of(IncidentsResumed) == [
        IncidentsResumed((OPENED.incident,), (silence,), backlogs=backlogs)
    ]
    assert alone.supervisor.of(NoticeCheckRequested) == [NoticeCheckRequested(silence.until_ns)]
    alone.tell(Commit())
    assert alone.delivered() == [(notice, 5)]
    (batch,) = alone.store.take()
    dead, attempt = batch.deliveries
    assert dead == alone.delivery(gone, DEAD, 2, "the channel is no longer configured")
    assert attempt == alone.delivery(notice, PENDING, 5, "attempting")


def test_a_start_sends_what_is_due_by_the_record():
    alone = SinkAlone(Restored(incidents=(OPENED.incident,)))
    ((notice, attempt),) = alone.delivered()
    assert (notice.reason, notice.change, attempt) == (NoticeReason.CATCH_UP, TransitionKind.OPENED, 1)


def test_a_restarted_listener_is_given_what_the_sink_has_now(sink):
    checkpoints = [Checkpoint("shop", b"x", 1), Checkpoint("mail", b"y", 1)]
    sink.record(OPENED, checkpoints=tuple(checkpoints))
    sink.record(checkpoints=(Checkpoint("mail", b"", 2), Checkpoint("new", b"", 2)))
    sink.forget()
    sink.tell(GetResumed())
    assert sink.owner.take() == [ResumeFrom(sink.generation + 1, (OPENED.incident,), (checkpoints[0],))]
    (resumed,) = sink.recorder.take()
    assert (resumed.incidents, resumed.silences) == ((OPENED.incident,), ())
    assert [(backlog.channel, backlog.pending) for backlog in resumed.backlogs] == [("ops", 1), ("calm", 0)]


# Records.


def test_a_missed_heartbeat_is_marked_in_the_batch_of_its_judgement_alone(sink):
    """A stale judgement is refused and made again: until then a restart counts the miss, too."""
    miss = sample_at(1, outcome=Outcome.DOWN, reason=Reason.HEARTBEAT_MISSED)
    judged = (Checkpoint("shop", b"x", 1),)
    sink.record(samples=(miss,), checkpoints=judged, generation=1)
    sink.tell(Commit())
    assert "shop" not in {mark.target for mark in sink.store.marks}
    sink.record(samples=(miss,), checkpoints=judged)
    assert sink.store.batches[1:] == []
    sink.tell(Commit())
    (_, batch) = sink.store.take()
    assert batch.checkpoints == judged
    assert [mark.missed_at_ns for mark in sink.store.marks if mark.target == "shop"] == [sink.wall_ns]


def test_a_step_is_committed_before_it_is_published_and_its_notice_sent(sink):
    sink.record(OPENED)
    (batch,) = sink.store.take()
    assert (batch.transitions, [notice.key for notice in batch.notices]) == (
        (OPENED,),
        [notice_of(OPENED).key],
    )
    ((notice, attempt),) = sink.delivered()
    assert batch.deliveries == (sink.delivery(notice, PENDING, 1, "attempting"),)
    assert sink.ops.take() == [Deliver(notice, 1, 7 * S)]
    assert (attempt, sink.calm) == (1, [])
    assert sink.recorder.take() == [Committed((OPENED,))]
    assert sink.supervisor.take() == [DeliveryBegan("ops", notice.key, 1, 7 * S)]


@pytest.mark.parametrize("number", [BATCH_RECORDS_MAX - 1, BATCH_RECORDS_MAX])
def test_samples_wait_for_a_commit_until_they_fill_a_batch(sink, number):
    samples = tuple(sample_at(at) for at in range(1, number + 1))
    sink.record(samples=samples)
    assert (sink.store.batches != []) is (number == BATCH_RECORDS_MAX)
    sink.tell(Commit(), Commit())
    (batch,) = sink.store.take()
    assert batch == Batch(samples=samples)
    assert (sink.recorder, sink.supervisor) == ([], [])


def test_steps_that_arrive_together_share_one_commit(sink):
    for number in range(3):
        sink.sink.tell(sink.recorded(opened(f"inc_{number}", target=f"t{number}")))
    sink.dispatcher.run_until_idle()
    (batch,) = sink.store.take()
    assert len(batch.transitions) == 3
    sink.record(opened("inc_9", target="t9"))
    assert len(sink.store.take()) == 1


def test_one_commit_is_queued_however_many_steps_wait_for_it(sink):
    sink.dispatcher.turn_messages = 1
    for number in range(2):
        sink.sink.tell(sink.recorded(opened(f"inc_{number}", target=f"t{number}")))
    sink.dispatcher.step()
    sink.record(samples=(sample_at(1),))
    (batch,) = sink.store.take()
    assert (len(batch.transitions), batch.samples) == (2, ())


def test_samples_that_find_no_room_are_counted(sink):
    sink.store.failing = {"commit"}
    sink.record(OPENED)
    sink.forget()
    samples = tuple(sample_at(at) for at in range(1, 2 * BATCH_RECORDS_MAX + 1))
    sink.record(samples=samples)
    assert counts(sink) == {}
    sink.record(samples=samples[:3])
    assert counts(sink) == {"samples_shed": 3}


def test_evidence_that_finds_no_room_is_counted(sink):
    sink.store.failing = {"commit"}
    sink.record(OPENED)
    sink.forget()
    seen = [
        Evidence(target="shop", at_ns=number, body="no luck") for number in range(EVIDENCE_GATHERED_MAX + 2)
    ]
    sink.sink.tell(msgspec.structs.replace(sink.recorded(), evidence=tuple(seen)))
    sink.dispatcher.run_until_idle()
    assert counts(sink) == {"evidence_shed": 2}


def test_a_step_of_an_earlier_generation_is_counted_and_its_samples_are_kept(sink):
    checkpoint = Checkpoint("shop", b"x", 1)
    sink.record(OPENED, samples=(sample_at(1),), checkpoints=(checkpoint,), generation=sink.generation - 1)
    assert counts(sink) == {"stale_transitions": 1}
    assert sink.store.take() == [Batch(samples=(sample_at(1),))]
    sink.forget()
    sink.record(samples=(sample_at(2),), generation=sink.generation - 1)
    assert counts(sink) == {}
    sink.tell(GetResumed())
    assert sink.owner.take()[0].checkpoints == ()


def test_an_illegal_step_is_counted_and_not_committed(sink):
    sink.record(RESOLVED)
    assert counts(sink) == {"illegal_transitions": 1}
    assert (sink.store.take(), sink.ops) == ([], [])


def test_records_of_any_kind_go_into_the_next_commit(sink):
    interval = BlindInterval(1, 2, "stalled")
    sink.tell(RecordBlindness(interval))
    sink.record(checkpoints=(Checkpoint("shop", b"x", 1),))
    assert sink.store.take() == []
    sink.tell(Commit())
    assert sink.store.take() == [Batch(blind=(interval,), checkpoints=(Checkpoint("shop", b"x", 1),))]
    sink.tell(Commit())
    assert sink.store.take() == []


def test_samples_that_the_store_leaves_out_are_counted_once(sink):
    sink.store.left_out = 4
    sink.record(OPENED)
    assert counts(sink) == {"samples_left_out_of_record": 4}
    sink.forget()
    sink.record(RESOLVED)
    assert counts(sink) == {}


# Silences.


def test_a_silence_holds_notices_back_until_it_ends(sink):
    made = Silence(id="s", target="shop", until_ns=sink.wall_ns + 60 * S)
    silence = replace(made, created_at_ns=sink.wall_ns)
    sink.tell(Mute(made))
    assert sink.store.take() == [Batch(silences=(silence,))]
    assert sink.recorder.take() == [SilencesChanged((silence,))]
    assert sink.supervisor.take() == [NoticeCheckRequested(silence.until_ns)]
    sink.record(OPENED)
    assert sink.ops == []
    sink.clock.advance(59 * S)
    sink.forget()
    sink.tell(ReviewNotices())
    assert (sink.recorder, sink.supervisor.take()) == ([], [NoticeCheckRequested(silence.until_ns)])
    sink.clock.advance(S)
    sink.tell(ReviewNotices())
    assert sink.recorder.take() == [SilencesChanged(()), WaitsChanged(("inc_1",), ())]
    assert sink.supervisor.of(NoticeCheckRequested) == []
    ((notice, _),) = sink.delivered()
    assert notice.reason is NoticeReason.CATCH_UP


def test_a_silence_that_is_ended_early_sends_the_notices_at_once(sink):
    sink.tell(Mute(Silence(id="s", until_ns=sink.wall_ns + 60 * S)))
    sink.record(OPENED)
    assert sink.ops == []
    sink.tell(Mute(Silence(id="s", until_ns=sink.wall_ns)))
    assert [notice.change for notice, _ in sink.delivered()] == [TransitionKind.OPENED]


def test_a_commit_ends_the_silences_whose_time_is_over(sink):
    sink.tell(Mute(Silence(id="s", until_ns=sink.wall_ns + 60 * S)))
    sink.record(OPENED)
    sink.clock.advance(60 * S)
    sink.tell(Commit())
    assert len(sink.delivered()) == 1


# A store that fails.


def test_a_commit_that_fails_is_kept_and_published_once_it_is_durable(sink):
    sink.store.failing = {"commit"}
    sink.record(OPENED)
    assert sink.supervisor.take() == [StoreFailed("commit failed")]
    sink.tell(Commit(), ReopenStore())
    assert sink.store.calls == ["commit", "close", "open", "commit"]
    assert sink.supervisor.take() == [StoreFailed("commit failed")]
    assert (sink.recorder, sink.ops) == ([], [])
    sink.store.failing = {"open"}
    sink.tell(ReopenStore())
    assert sink.supervisor.take() == [StoreFailed("open failed")]
    sink.store.failing = set()
    sink.store.calls.clear()
    sink.record(opened("inc_2", target="mail"))
    sink.tell(ReopenStore())
    assert sink.store.calls == ["close", "open", "commit", "commit"]
    assert [said.transitions[0].id for said in sink.recorder.of(Committed)] == ["inc_1", "inc_2"]
    assert sink.supervisor.of(StoreRecovered) == [StoreRecovered()]
    assert [notice.incident.id for notice, _ in sink.delivered()] == ["inc_1", "inc_2"]
    sink.forget()
    sink.tell(ReopenStore())
    assert (sink.store.calls, sink.supervisor) == ([], [])


@pytest.mark.parametrize("failing", [set(), {"commit", "run_maintenance", "recall", "open"}])
def test_every_call_that_blocks_is_announced_and_its_answer_too(sink, failing):
    sink.store.failing = failing
    sink.record(OPENED)
    for message in (ReopenStore(), ReopenStore(), ContinueMaintenance()):
        sink.tell(message)
    assert sink.ask(Redrive("unheard of")) is False
    calls = [call for call in sink.store.calls if call != "close"]
    assert calls == (["commit", "open", "open"] if failing else ["commit", "run_maintenance", "recall"])
    assert sink.supervisor.announced == [StoreAsked, StoreAnswered] * len(calls)


@pytest.mark.parametrize("problem", ["", "the file is gone"])
def test_maintenance_reports_the_problem_of_the_file(sink, problem):
    sink.store.problem = problem
    sink.tell(RunMaintenance())
    assert sink.store.calls == ["commit", "run_maintenance"]
    assert (sink.store.take(), sink.store.marks) == ([], [HeardMark(RUNTIME, sink.wall_ns)])
    assert sink.recorder.take() == [HealthReported("store", problem)]


@pytest.mark.parametrize("order", [RunMaintenance(), ContinueMaintenance()])
@pytest.mark.parametrize("slices_left", [0, 1, 2])
def test_a_slice_of_maintenance_says_whether_work_is_left(sink, order, slices_left):
    sink.store.slices_left = slices_left
    sink.tell(order)
    # A round first commits the mark that the runtime ran; the slices that follow it do not.
    commits = ["commit"] * isinstance(order, RunMaintenance)
    assert sink.store.calls == [*commits, "run_maintenance"]
    assert sink.supervisor.take() == [NextSliceRequested()] * (slices_left > 1)


def test_the_next_slice_of_a_round_says_nothing_of_the_file(sink):
    sink.store.problem = "the file is gone"
    sink.tell(ContinueMaintenance())
    assert sink.recorder.take() == []


def test_a_slice_that_fails_asks_for_no_other(sink):
    sink.store.slices_left = 9
    sink.store.failing = {"run_maintenance"}
    sink.tell(ContinueMaintenance(), ContinueMaintenance())
    assert sink.store.calls == ["run_maintenance"]
    assert sink.supervisor.take() == [StoreFailed("run_maintenance failed")]
    assert sink.recorder.take() == []


@pytest.mark.parametrize("call", ["run_maintenance", "recall"])
def test_a_call_that_fails_stops_all_calls_until_the_store_was_opened_again(sink, call):
    sink.store.failing = {call}
    sink.tell(RunMaintenance())
    assert sink.ask(Redrive("unheard of")) is False
    assert sink.supervisor.take() == [StoreFailed(f"{call} failed")]
    assert sink.store.calls.pop(0) == "commit"
    sink.tell(RunMaintenance())
    assert sink.ask(Redrive("unheard of")) is False
    sink.record(OPENED)
    assert sink.store.calls[-1] == call
    assert "commit" not in sink.store.calls
    sink.store.failing = set()
    sink.tell(ReopenStore())
    assert [batch.transitions for batch in sink.store.take()] == [(), (OPENED,)]
