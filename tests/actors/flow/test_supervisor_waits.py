"""Samples that are doubted, heartbeats, and the wait for evidence, by a supervisor that is alone with listeners."""

import pytest
from watchkeeper.domain.limits import COMMIT_SAMPLES_NS, LAG_LOOK_NS, STALL_NS, SUSPEND_NS
from watchkeeper.domain.observation.attempt import AttemptState
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.rule import NoData, RuleState
from watchkeeper.domain.supervision.last_heard import LastHeard
from watchkeeper.protocol.owner import FlushSamples, SamplesMissing
from watchkeeper.protocol.sink import RecordHeard
from watchkeeper.protocol.supervisor import (
    Beat,
    Pause,
    Resume,
    Untrack,
    Woke,
)

from tests.actors.flow.alone import Alone, beating

S = 1_000_000_000
MS = 1_000_000
DOWN, UP, TIMED_OUT = Outcome.DOWN, Outcome.UP, Outcome.TIMED_OUT


# Samples that the runtime itself may have caused.


@pytest.mark.parametrize(("outcome", "doubted"), [(DOWN, True), (TIMED_OUT, True), (UP, False)])
def test_a_bad_sample_of_an_attempt_that_ran_while_blind_is_unknown(shop, outcome, doubted):
    alone = Alone(shop(timeout="9s"))
    request = alone.run_to_start()
    alone.clock.suspend(SUSPEND_NS)
    alone.tell(Woke(alone.clock.read().monotonic_ns))
    alone.answer(request, outcome, failed=("[STATUS] == 200",))
    sample, _ = alone.last()
    assert (sample.outcome is Outcome.UNKNOWN, sample.reason is Reason.BLIND) == (doubted, doubted)
    if doubted:
        assert sample.failed == ()
        assert (
            sample.detail == "the runtime was blind while it ran; its sample was timed_out: [STATUS] == 200"
        )


@pytest.mark.parametrize(("after_ns", "doubted"), [(0, True), (1, False)])
def test_only_what_was_started_after_a_blind_interval_is_believed(shop, after_ns, doubted):
    alone = Alone(shop())
    alone.answer(alone.run_to_start())
    alone.run(f"{10 * S - 1}ns")
    alone.clock.suspend(SUSPEND_NS)
    if after_ns:
        alone.tell(Woke(alone.clock.read().monotonic_ns))
        request = alone.run_to_start()
        assert request.started.monotonic_ns == alone.clock.read().monotonic_ns
    else:
        request = alone.run_to_start()
    alone.answer(request, DOWN)
    assert (alone.last()[0].outcome is Outcome.UNKNOWN) is doubted


def test_an_attempt_that_was_due_while_blind_and_started_after_it_is_believed(shop):
    alone = Alone(shop("a", timeout="10s"), shop("b", timeout="10s"), in_flight_max=1)
    alone.run(f"{10 * S - 1}ns")
    (first,) = [name for name in "ab" if alone.requests(name)]
    alone.clock.suspend(SUSPEND_NS)
    alone.tell(Woke(alone.clock.read().monotonic_ns))
    alone.clock.advance(1)
    alone.answer(alone.requests(first)[0])
    second = {"a": "b", "b": "a"}[first]
    alone.answer(alone.requests(second)[0], DOWN)
    assert alone.last(second)[0].outcome is DOWN


@pytest.mark.parametrize(
    ("lag_ns", "outcome", "doubted"),
    [(S, TIMED_OUT, False), (S + MS, TIMED_OUT, True), (S + MS, DOWN, False)],
)
def test_a_timeout_is_believed_unless_the_loop_stood_still_for_a_quarter_of_it(
    shop, lag_ns, outcome, doubted
):
    alone = Alone(shop(timeout="4s"))
    request = alone.run_to_start()
    alone.tell(Woke(alone.clock.read().monotonic_ns))
    alone.clock.advance(lag_ns)
    alone.tell(Woke(alone.clock.read().monotonic_ns - lag_ns))
    alone.answer(request, outcome)
    sample, _ = alone.last()
    assert (sample.outcome is Outcome.UNKNOWN) is doubted
    if doubted:
        assert sample.reason is Reason.OVERLOADED
        assert sample.detail.startswith("the runtime's own loop was blocked for 1001 ms; its sample was")


# Heartbeats.


def silent_moments(alone, length):
    """The moments, in seconds since the start, of the samples of a missed heartbeat."""
    alone.run(length)
    missed = [sample for sample, _ in alone.judged("job") if sample.reason is Reason.HEARTBEAT_MISSED]
    return [(sample.at.monotonic_ns - alone.began_ns) / S for sample in missed]


def test_silence_is_a_sample_at_each_moment_at_which_a_beat_was_missed(shop):
    alone = Alone(beating(shop))
    assert silent_moments(alone, "200s") == [70, 130, 190]
    sample, record = alone.last("job")
    assert (sample.outcome, sample.detail) == (DOWN, "no heartbeat in time")
    assert (record.state, record.due, record.started) == (AttemptState.FINISHED, sample.at, sample.at)
    assert alone.pollers == {}
    assert alone.owner.moments(FlushSamples) == [at_s * S + COMMIT_SAMPLES_NS for at_s in (70, 130, 190)]


def test_a_beat_is_a_sample_and_begins_the_wait_anew(shop):
    alone = Alone(beating(shop))
    alone.run("30s")
    at = alone.clock.read()
    alone.run("1s")
    assert alone.ask(Beat("job", UP, "done", at)) is True
    sample, record = alone.last("job")
    assert (sample.outcome, sample.reason, sample.detail, sample.at) == (UP, Reason.OK, "done", at)
    assert (record.state, record.due, record.started) == (AttemptState.FINISHED, at, at)
    assert record.ended == alone.clock.read()
    assert silent_moments(alone, "70s") == [100]
    assert alone.owner.moments(FlushSamples)[0] == 31 * S + COMMIT_SAMPLES_NS


def test_a_report_that_comes_again_or_late_moves_nothing(shop):
    alone = Alone(beating(shop))
    alone.run("20s")
    early = alone.clock.read()
    alone.run("10s")
    beat = Beat("job", UP, "", alone.clock.read())
    assert [alone.ask(beat), alone.ask(beat), alone.ask(Beat("job", UP, "", early))] == [True] * 3
    assert len(alone.judged("job")) == 2
    assert alone.ask(Beat("job", DOWN, "", early)) is True
    assert alone.last("job")[0].reason is Reason.REPORTED
    assert silent_moments(alone, "80s") == [100]


@pytest.mark.parametrize(
    ("late_ns", "missed", "next_s"), [(0, 0, 3), (S // 4, 0, 3), (S, 2, 5), (2 * S, 4, 7)]
)
def test_beats_that_were_missed_while_the_wake_up_was_late_are_counted(shop, late_ns, missed, next_s):
    alone = Alone(beating(shop, every="1s", grace="1s"))
    alone.run(f"{2 * S - 1}ns")
    alone.clock.advance(1 + late_ns)
    alone.settle()
    assert silent_moments(alone, f"{2 * S + late_ns}ns")[:2] == [2, next_s]
    assert [record.missed for _, record in alone.judged("job")][:2] == [0, missed]


def test_a_heartbeat_waits_its_whole_time_from_a_resume_on(shop):
    alone = Alone(beating(shop))
    alone.run("60s")
    alone.tell(Pause("job"))
    assert alone.ask(Beat("job", UP, "", alone.clock.read())) is False
    alone.run("60s")
    alone.tell(Resume("job"))
    assert silent_moments(alone, "70s") == [190]


def test_a_beat_missed_while_the_network_is_gone_is_unknown_and_not_noted_as_missed(shop):
    alone = Alone(beating(shop), shop(every="1h"))
    alone.answer(alone.run_to_start(), Outcome.UNKNOWN, reason=Reason.BLIND)
    alone.run_to(70 * S)
    sample, record = alone.last("job")
    assert (sample.outcome, sample.reason) == (Outcome.UNKNOWN, Reason.BLIND)
    assert sample.detail.startswith("the network of this machine is gone; its sample was heartbeat_missed")
    assert (record.state, record.outcome) == (AttemptState.FINISHED, "unknown")
    assert alone.roster.heard == {"job": LastHeard("job", sample.at, reports=True)}
    assert alone.sink.of(RecordHeard) == [RecordHeard((LastHeard("job", sample.at, reports=True),))]
    assert silent_moments(alone, "60s") == []


def test_a_beat_missed_while_the_network_stands_is_noted_with_its_moment(shop):
    alone = Alone(beating(shop))
    began = alone.clock.read()
    alone.run("71s")
    assert alone.roster.heard == {"job": LastHeard("job", began, began.shifted(70 * S), reports=True)}


def test_a_heartbeat_waits_its_whole_time_from_the_return_of_the_network_on(shop):
    alone = Alone(beating(shop), shop(every="2m"))
    alone.answer(alone.run_to_start(), Outcome.UNKNOWN, reason=Reason.BLIND)
    request = alone.run_to_start()
    back = alone.clock.read()
    alone.answer(request)
    assert alone.roster.heard == {"job": LastHeard("job", back, reports=True)}
    assert silent_moments(alone, "75s") == [(back.monotonic_ns - alone.began_ns) / S + 70]


# Evidence.


SILENT = (NoData(id="silent", after="1m"),)


def missing(alone):
    return [
        (at_ns, said.rule, said.since.monotonic_ns - alone.began_ns)
        for at_ns, said in alone.owner
        if type(said) is SamplesMissing
    ]


def test_a_lack_of_evidence_is_reported_at_its_moment_and_each_period_after(shop):
    alone = Alone(shop(every="40s", rules=SILENT))
    alone.pollers["shop"].alive = False
    alone.run("150s")
    assert missing(alone) == [(at_s * S, "silent", at_s * S) for at_s in (60, 100, 140)]


def test_a_lack_that_is_noticed_late_is_reported_for_its_moment(shop):
    alone = Alone(shop(every="40s", rules=SILENT))
    alone.pollers["shop"].alive = False
    alone.run("59s")
    alone.clock.advance(3 * S)
    alone.run("50s")
    noticed_ns = 64 * S + LAG_LOOK_NS
    assert missing(alone)[0] == (noticed_ns, "silent", 60 * S)
    assert missing(alone)[1] == (noticed_ns + 40 * S, "silent", noticed_ns + 40 * S)


@pytest.mark.parametrize(("outcome", "is_evidence"), [(UP, True), (DOWN, True), (Outcome.UNKNOWN, False)])
def test_only_evidence_begins_the_wait_anew(shop, outcome, is_evidence):
    alone = Alone(shop(every="40s", rules=SILENT))
    request = alone.run_to_start()
    alone.run("1s")
    answered_ns = alone.now_ns()
    alone.answer(request, outcome)
    alone.pollers["shop"].alive = False
    alone.run_to(119 * S)
    assert missing(alone)[0][0] == (answered_ns if is_evidence else 0) + 60 * S


@pytest.mark.parametrize(
    "quiet",
    [
        lambda alone, shop: alone.tell(Pause("shop")),
        lambda alone, shop: alone.tell(Untrack("shop")),
        lambda alone, shop: alone.track(shop(every="40s")),
        lambda alone, shop: alone.track(
            shop(every="40s", rules=(NoData(id="silent", state=RuleState.RETIRED),))
        ),
    ],
    ids=["paused", "untracked", "without the rule", "retired"],
)
def test_no_evidence_is_expected_by_a_rule_that_no_longer_holds(shop, quiet):
    alone = Alone(shop(every="40s", rules=SILENT))
    alone.run("30s")
    quiet(alone, shop)
    alone.run("10m")
    assert missing(alone) == []


# Blindness.


def test_no_wait_counts_a_blind_interval_and_none_begins_for_what_is_paused(shop):
    alone = Alone(beating(shop, "paused", paused=True), beating(shop), shop(every="1h", rules=SILENT))
    # The heartbeat is due after 60 s, which the suspension hides.
    alone.run("58s")
    alone.clock.suspend(SUSPEND_NS)
    alone.tell(Woke(alone.clock.read().monotonic_ns))
    assert silent_moments(alone, "85s") == [128]
    assert missing(alone)[0][0] == 118 * S
    assert alone.judged("paused") == []


def test_a_stall_is_seen_by_the_alarm_that_is_late(shop):
    alone = Alone(beating(shop))
    alone.run("50s")
    alone.clock.advance(STALL_NS + 5 * S)
    assert silent_moments(alone, "69s") == []
    assert silent_moments(alone, "1s") == [130]
