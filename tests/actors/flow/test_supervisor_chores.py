"""The chores, retries, commands and ends of a supervisor that is alone with listeners: each message, and its moment."""

import pytest
from msgspec.structs import replace
from records import NOON
from watchkeeper.actors.dispatch.mailbox.mailbox import ExitReason
from watchkeeper.actors.supervisor.periodic_timers import UNANSWERED
from watchkeeper.domain.incidents.record import BlindInterval
from watchkeeper.domain.limits import (
    CLOCK_DRIFT_NS,
    CLOCK_STEP_NS,
    DEADLINE_SLACK_NS,
    HOUSE_PAUSE_NS,
    SUSPEND_NS,
)
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.protocol.courier import AbandonDelivery
from watchkeeper.protocol.owner import Adopt, EndOrphans, ExpireAcknowledgements, FlushSamples, Release
from watchkeeper.protocol.poller import CancelAttempt
from watchkeeper.protocol.recorder import (
    BlindnessSeen,
    HandOverProblems,
    HealthReported,
    LoadSeen,
    TargetTracked,
    TargetUntracked,
)
from watchkeeper.protocol.sink import (
    Commit,
    ContinueMaintenance,
    GiveUpDelivery,
    RecordBlindness,
    ReopenStore,
    ResumeRetries,
    RetryDelivery,
    ReviewNotices,
    RunMaintenance,
)
from watchkeeper.protocol.supervisor import (
    AcknowledgementCheckRequested,
    Barrier,
    ChannelRecovered,
    DeliveryBegan,
    DeliverySettled,
    NextSliceRequested,
    NoticeCheckRequested,
    Pause,
    Resume,
    RetryAsked,
    StoreAnswered,
    StoreAsked,
    StoreFailed,
    StoreRecovered,
    Track,
    Untrack,
    Woke,
)

from tests.actors.flow.alone import Alone

S = 1_000_000_000
MS = 1_000_000


@pytest.fixture
def alone():
    """A supervisor that watches nothing."""
    return Alone()


# Chores.


def test_incidents_of_unknown_targets_go_on_until_the_configuration_is_the_newest():
    is_outdated = [True]
    alone = Alone(is_outdated=lambda: is_outdated[0])
    alone.run("5m30s")
    assert alone.owner == []
    is_outdated[0] = False
    alone.run("1m")
    assert alone.owner == [(6 * 60 * S, EndOrphans())]


def test_chores_are_done_at_their_moments_for_ever(alone):
    alone.run("21m")
    assert alone.sink.moments(ResumeRetries) == [0]
    assert alone.sink.moments(Commit) == [at_s * S for at_s in range(5, 21 * 60 + 1, 5)]
    assert alone.sink.moments(RunMaintenance) == [minute * 60 * S for minute in range(1, 22)]
    assert alone.owner == [(minute * 60 * S, EndOrphans()) for minute in range(1, 22)]
    assert alone.recorder.moments(HandOverProblems) == [minute * 60 * S for minute in range(1, 22)]
    assert alone.recorder.moments(LoadSeen) == alone.sink.moments(Commit)
    assert len(alone.recorder) == 21 + 252
    assert len(alone.sink) == 1 + 252 + 21


def test_a_slice_that_leaves_work_is_followed_by_the_next_after_a_pause(alone):
    alone.run("1m")
    alone.sink.clear()
    alone.tell(NextSliceRequested())
    alone.run("1m")
    assert alone.sink.moments(ContinueMaintenance) == [60 * S + HOUSE_PAUSE_NS]
    assert alone.sink.moments(RunMaintenance) == [120 * S]


def test_slices_that_end_together_are_followed_by_one(alone):
    alone.tell(NextSliceRequested(), NextSliceRequested())
    alone.run("1m")
    assert alone.sink.of(ContinueMaintenance) == [ContinueMaintenance()]


@pytest.mark.parametrize(
    ("left_ns", "expected_ns"),
    [
        (-S, 0),
        (0, 0),
        (1, 1),
        (3_600 * S, 3_600 * S),
    ],
)
def test_an_end_of_a_silence_is_looked_for_once_at_its_moment(alone, left_ns, expected_ns):
    alone.run("1s")
    alone.tell(NoticeCheckRequested(alone.clock.read().wall_ns + left_ns))
    alone.run("2h")
    assert alone.sink.moments(ReviewNotices) == [S + expected_ns]


@pytest.mark.parametrize(
    ("step_ns", "rings_ns"),
    [
        (0, 601 * S),
        (CLOCK_DRIFT_NS - 1, 601 * S),
        (CLOCK_DRIFT_NS, 601 * S - CLOCK_DRIFT_NS),
        (-CLOCK_DRIFT_NS, 601 * S + CLOCK_DRIFT_NS),
        (60 * S, 541 * S),
        (-60 * S, 661 * S),
        (3_600 * S, 5 * S),  # a wake-up comes with the next flush
    ],
)
def test_a_clock_that_is_set_moves_what_waits_for_a_wall_time_by_the_next_flush(alone, step_ns, rings_ns):
    alone.run("1s")
    alone.tell(NoticeCheckRequested(alone.clock.read().wall_ns + 600 * S))
    alone.tell(AcknowledgementCheckRequested(alone.clock.read().wall_ns + 600 * S))
    alone.clock.step_wall(step_ns)
    alone.run("1h")
    assert alone.sink.moments(ReviewNotices) == [rings_ns]
    assert alone.owner.moments(ExpireAcknowledgements) == [rings_ns]


def test_a_store_that_fails_is_opened_again_after_waits_that_grow_until_it_works(alone):
    alone.run("1s")
    waits_ms = []
    for detail in ("disk full", "disk full", "read-only", ""):
        alone.tell(StoreFailed(detail) if detail else StoreRecovered())
        alone.run("20s")
        waits_ms.append([at_ns // MS % 20_000 for at_ns in alone.sink.moments(ReopenStore)])
        alone.sink.clear()
    # The dice subtract half of the fifth that may be subtracted.
    assert waits_ms == [[1_900], [2_800], [4_600], []]
    assert alone.reported() == [
        ("store", "disk full"),
        ("store", "disk full"),
        ("store", "read-only"),
        ("store", ""),
    ]
    alone.tell(StoreFailed("disk full"))
    alone.run("20s")
    assert [at_ns // MS % 20_000 for at_ns in alone.sink.moments(ReopenStore)] == [1_900]


def test_a_store_that_does_not_answer_for_five_seconds_is_a_problem_until_it_does(alone):
    alone.tell(StoreAsked())
    alone.run("4999ms")
    assert alone.reported() == []
    alone.run("1ms")
    ((part, text),) = alone.reported()
    assert (part, text) == ("store", UNANSWERED)
    assert "no answer for 5 s" in text
    alone.run("1m")
    alone.tell(StoreAnswered())
    assert alone.reported()[1:] == [("store", "")]


def test_a_store_that_answers_in_time_is_no_problem(alone):
    for _ in range(3):
        alone.tell(StoreAsked())
        alone.run("4s")
        alone.tell(StoreAnswered())
        alone.run("4s")
    assert alone.reported() == []


def test_an_answer_that_comes_late_leaves_the_problem_of_a_store_that_waits_to_be_reopened(alone):
    alone.tell(StoreFailed("disk full"), StoreAsked())
    alone.run("6s")
    alone.tell(StoreAnswered())
    assert alone.reported() == [("store", "disk full"), ("store", UNANSWERED)]
    alone.tell(StoreRecovered())
    assert alone.reported()[2:] == [("store", "")]


def test_a_barrier_is_answered_with_true(alone):
    assert alone.ask(Barrier()) is True


# Deliveries.


def test_a_delivery_is_abandoned_after_its_time_and_the_slack_unless_it_is_settled(alone):
    alone.tell(DeliveryBegan("ops", "late", 1, 3 * S), DeliveryBegan("ops", "settled", 1, 3 * S))
    alone.tell(DeliverySettled("ops", "settled"))
    alone.run("1h")
    assert alone.ops == [(3 * S + DEADLINE_SLACK_NS, AbandonDelivery("late"))]


def test_a_refused_delivery_is_abandoned_no_more_and_sent_again_after_its_backoff(alone):
    alone.tell(DeliveryBegan("ops", "key", 1, 3 * S), RetryAsked("ops", "key", 1, None))
    alone.run("30s")
    assert (alone.ops, alone.sink.moments(RetryDelivery)) == ([], [900 * MS])
    alone.sink.clear()
    alone.tell(RetryAsked("ops", "key", 2, 7 * S))
    alone.run("30s")
    assert alone.sink.moments(RetryDelivery) == [37 * S]
    assert alone.sink.of(RetryDelivery) == [RetryDelivery("key")]


def test_a_delivery_that_was_tried_for_a_day_is_given_up(alone):
    alone.tell(RetryAsked("ops", "key", 1, None))
    alone.clock.advance(24 * 3_600 * S)
    alone.tell(RetryAsked("ops", "key", 2, None))
    assert alone.sink.of(GiveUpDelivery) == [GiveUpDelivery("key")]
    alone.run("1s")
    alone.tell(RetryAsked("ops", "key", 3, None))
    assert len(alone.sink.of(GiveUpDelivery)) == 1


def test_a_channel_that_recovers_is_given_the_waiting_notices_at_once(alone):
    for attempts, key in ((5, "first"), (1, "settled"), (5, "second"), (5, "third")):
        alone.tell(RetryAsked("ops", key, attempts, None))
    alone.tell(DeliverySettled("ops", "settled"), ChannelRecovered("ops"))
    alone.run("1ms")
    assert alone.sink.of(RetryDelivery) == [RetryDelivery("first"), RetryDelivery("second")]
    assert alone.sink.moments(RetryDelivery) == [0, 0]


def test_a_notice_that_was_sent_again_already_is_not_sent_twice_when_its_channel_recovers(alone):
    alone.tell(RetryAsked("ops", "key", 1, None))
    alone.run("2s")
    alone.sink.clear()
    alone.tell(ChannelRecovered("ops"))
    alone.run("2s")
    assert alone.sink.of(RetryDelivery) == []


# Targets.


def test_the_commands_of_a_host_are_passed_on_and_answered(shop):
    alone = Alone()
    alone.run("1s")
    target = shop(every="1h")
    alone.tell(Track(target))
    assert alone.owner.take() == [Adopt(target)]
    tracked = TargetTracked("shop", target.kind, False, target.stale_after_ns)
    assert alone.recorder.take() == [tracked]
    assert alone.ask(Pause("shop")) is True
    paused = replace(tracked, paused=True, paused_at_ns=alone.clock.read().wall_ns)
    assert alone.recorder.take() == [paused]
    assert alone.ask(Resume("shop")) is True
    assert alone.recorder.take() == [tracked]
    assert alone.ask(Untrack("shop")) is True
    assert alone.owner.take() == [Release("shop")]
    assert alone.recorder.take() == [HealthReported("poller/shop", ""), TargetUntracked("shop")]
    assert [alone.ask(command("shop")) for command in (Pause, Resume, Untrack)] == [False] * 3
    assert (alone.owner, alone.recorder) == ([], [])


def test_a_target_that_becomes_a_heartbeat_has_no_problem_of_a_poller(shop):
    alone = Alone(shop(every="1h"))
    alone.recorder.clear()
    alone.track(shop(every="2h"))
    assert alone.reported() == []
    alone.track(shop(tcp=None, heartbeat=Heartbeat(grace="1h")))
    assert alone.reported() == [("poller/shop", "")]


# Blindness.


def test_a_clock_that_is_set_is_recorded_and_doubts_no_sample(shop):
    alone = Alone(shop(every="1h", timeout="50m"))
    request = alone.run_to_start()
    before = alone.clock.read()
    alone.clock.step_wall(CLOCK_STEP_NS)
    alone.answer(request, Outcome.DOWN)
    interval = BlindInterval(before.wall_ns, alone.clock.read().wall_ns, "clock_stepped")
    assert alone.sink.of(RecordBlindness) == [RecordBlindness(interval)]
    assert alone.recorder.of(BlindnessSeen) == [BlindnessSeen(interval)]
    assert alone.owner[-1][1].sample.outcome is Outcome.DOWN


@pytest.mark.parametrize(("outcome", "looks"), [(Outcome.DOWN, 1), (Outcome.TIMED_OUT, 1), (Outcome.UP, 0)])
def test_the_clocks_are_compared_before_a_bad_sample_counts(shop, outcome, looks):
    alone = Alone(shop(every="1h", timeout="50m"))
    request = alone.run_to_start()
    alone.clock.suspend(SUSPEND_NS)
    alone.answer(request, outcome)
    assert len(alone.sink.of(RecordBlindness)) == looks
    alone.run("5s")
    assert len(alone.sink.of(RecordBlindness)) == 1


# Ends.


def test_a_supervisor_that_crashes_cancels_what_runs_and_its_alarm_and_gives_the_roster_back(shop):
    alone = Alone(shop(every="1h", timeout="50m"), shop("mail", every="1h", timeout="50m"))
    request = alone.run_to_start()
    alone.run_to_start("mail")
    alone.answer(alone.requests("mail")[0])
    with pytest.raises(ValueError, match="belongs to a supervisor"):
        alone.handover.look()
    alone.crash()
    assert alone.ends[-1] is ExitReason.CRASHED
    assert alone.pollers["shop"].of(CancelAttempt) == [CancelAttempt(request.attempt)]
    assert alone.pollers["mail"].of(CancelAttempt) == []
    assert [alarm for alarm in alone.alarms if alarm.armed] == []
    assert alone.handover.look() is alone.roster


def test_the_next_supervisor_watches_on_under_numbers_of_its_own(shop):
    alone = Alone(shop(every="1h"))
    assert alone.owner.of(Adopt) == []
    first = alone.run_to_start()
    alone.crash()
    for listener in (alone.owner, alone.sink, alone.recorder, alone.pollers["shop"]):
        listener.clear()
    alone.start()
    assert alone.owner.take() == [Adopt(shop(every="1h")), ExpireAcknowledgements()]
    assert alone.recorder.take() == [
        TargetTracked("shop", "tcp", False, shop(every="1h").stale_after_ns),
        HealthReported("network", ""),
        HealthReported("targets", ""),
    ]
    assert alone.sink.take() == [ResumeRetries()]
    assert alone.starts == [(0, "shop")]
    assert first.attempt.number == (1 << 40) + 1
    assert alone.run_to_start().attempt.number == (2 << 40) + 1


def test_a_supervisor_that_stops_leaves_no_alarm(alone):
    alone.supervisor.stop()
    alone.settle()
    assert alone.ends[-1] is ExitReason.NORMAL
    assert [alarm for alarm in alone.alarms if alarm.armed] == []


def test_one_alarm_is_set_at_any_time_and_none_anew_for_a_later_timer(shop):
    alone = Alone(shop(every="1h", timeout="50m"))
    assert [alarm.armed for alarm in alone.alarms] == [True]
    request = alone.run_to_start()
    alone.run("1s")
    before = len(alone.alarms)
    alone.answer(request)
    assert [alarm.armed for alarm in alone.alarms].count(True) == 1
    assert len(alone.alarms) <= before + 1
    alone.run("1h")
    assert [alarm.armed for alarm in alone.alarms].count(True) == 1


def test_a_wake_up_that_was_not_planned_does_what_is_due(alone):
    alone.clock.advance(4 * S)
    alone.tell(Woke(NOON.monotonic_ns))
    assert alone.sink.of(Commit) == []
    alone.clock.advance(S)
    alone.tell(Woke(NOON.monotonic_ns))
    assert alone.sink.of(Commit) == [Commit()]
    assert alone.owner.of(FlushSamples) == []
