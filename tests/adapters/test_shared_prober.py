import msgspec
import pytest
from manual_timers import ManualTimers
from watchkeeper.adapters.probes.shared import SharedProber
from watchkeeper.domain.observation.attempt import AttemptId, CancelOutcome, ProbeRequest
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.time.moment import NS_PER_S, Deadline
from watchkeeper.testing.clock import ManualClock

URL = "http://127.0.0.1/"
DOWN = Observation(status=500, outcome=Outcome.DOWN, reason=Reason.CONNECTION_REFUSED)
TIMED_OUT = Observation(outcome=Outcome.TIMED_OUT, reason=Reason.TIMED_OUT)
OVERLOADED = Observation(outcome=Outcome.UNKNOWN, reason=Reason.OVERLOADED)


class Probes:
    """A prober whose probes end on request of the test."""

    def __init__(self):
        self.requests, self.answers, self.closed = [], [], False
        self.outcome, self.cancelled = CancelOutcome.WITHOUT_EFFECT, 0
        self.fault = None

    def start(self, request, done):
        if self.fault:
            raise self.fault
        self.requests.append(request)
        self.answers.append(done)
        return self

    def cancel(self):
        self.cancelled += 1
        return self.outcome

    def close(self):
        self.closed = True


def shared(observation, age_ns):
    return msgspec.structs.replace(observation, shared_age_ns=age_ns)


class Bench:
    def __init__(self):
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.probes = Probes()
        self.prober = SharedProber(self.probes, self.clock, self.timers.call_at)

    def ask(self, target="t", url=URL, max_age_ns=10 * NS_PER_S, timeout_ns=5 * NS_PER_S, receiver=None):
        now = self.clock.read()
        request = ProbeRequest(
            attempt=AttemptId(target, 1, 1),
            probe=Http(url=url),
            deadline=Deadline.after(now, timeout_ns),
            started=now,
            max_age_ns=max_age_ns,
        )
        seen = []
        attempt = self.prober.start(request, receiver or seen.append)
        assert seen == [], "done was called from within start"
        return attempt, seen

    def after(self, by_ns):
        self.timers.advance(by_ns)


@pytest.fixture
def bench():
    return Bench()


def test_equal_probes_in_flight_are_run_once(bench):
    asked = [bench.ask(f"t{number}")[1] for number in range(5)]

    bench.probes.answers[0](DOWN)

    assert asked == [[DOWN], *[[shared(DOWN, 0)]] * 4]
    assert len(bench.probes.requests) == 1


def test_a_young_result_answers_without_a_probe(bench):
    bench.ask()
    bench.probes.answers[0](DOWN)
    bench.after(10 * NS_PER_S)

    _, seen = bench.ask("other")
    bench.after(0)

    assert seen == [shared(DOWN, 10 * NS_PER_S)]
    assert len(bench.probes.requests) == 1


def test_a_reader_cannot_change_what_the_next_one_reads(bench):
    _, seen = bench.ask()
    bench.probes.answers[0](DOWN)

    with pytest.raises(AttributeError):
        seen[0].status = 200
    _, later = bench.ask("later")
    bench.after(0)

    assert later == [shared(DOWN, 0)]


def test_a_result_older_than_max_age_is_not_used(bench):
    bench.ask()
    bench.probes.answers[0](DOWN)
    bench.after(10 * NS_PER_S + 1)

    _, seen = bench.ask("other")
    bench.after(0)

    assert seen == []
    assert len(bench.probes.requests) == 2


def test_a_probe_under_way_that_began_too_early_is_not_joined(bench):
    bench.ask(max_age_ns=NS_PER_S)
    bench.after(NS_PER_S + 1)

    _, seen = bench.ask("other", max_age_ns=NS_PER_S)
    bench.probes.answers[0](DOWN)

    assert len(bench.probes.requests) == 2
    assert seen == []
    bench.probes.answers[1](DOWN)
    assert seen == [DOWN]


def test_the_age_of_a_result_counts_from_the_beginning_of_its_probe(bench):
    bench.ask()
    bench.after(4 * NS_PER_S)
    bench.probes.answers[0](DOWN)
    bench.after(6 * NS_PER_S + 1)

    bench.ask("other")

    assert len(bench.probes.requests) == 2


def test_different_specifications_share_nothing(bench):
    bench.ask(url="http://127.0.0.1/a")
    bench.ask(url="http://127.0.0.1/b")

    assert len(bench.probes.requests) == 2


def test_without_a_max_age_a_probe_is_its_own(bench):
    asked = [bench.ask(max_age_ns=0) for _ in range(3)]

    assert len(bench.probes.requests) == 3
    assert {attempt for attempt, _ in asked} == {bench.probes}


def test_a_joiner_with_less_time_times_out_by_itself(bench):
    _, leader = bench.ask()
    _, joiner = bench.ask("hasty", timeout_ns=NS_PER_S)

    bench.after(NS_PER_S)
    assert (leader, joiner[0].outcome) == ([], Outcome.TIMED_OUT)
    bench.probes.answers[0](DOWN)

    assert leader == [DOWN]
    assert len(joiner) == 1


def test_a_joiner_with_more_time_asks_again(bench):
    _, leader = bench.ask(timeout_ns=NS_PER_S)
    _, patient = bench.ask("patient", timeout_ns=5 * NS_PER_S)
    bench.after(NS_PER_S)

    bench.probes.answers[0](TIMED_OUT)

    assert (leader, patient) == ([TIMED_OUT], [])
    assert bench.probes.requests[1].attempt.target == "patient"
    bench.probes.answers[1](DOWN)
    assert patient == [DOWN]


@pytest.mark.parametrize("seen", [TIMED_OUT, OVERLOADED], ids=["timed out", "overloaded"])
def test_a_result_without_evidence_is_not_kept(bench, seen):
    bench.ask(timeout_ns=0)
    bench.probes.answers[0](seen)

    bench.ask()

    assert len(bench.probes.requests) == 2


def test_a_cancelled_leader_leaves_the_probe_to_the_others(bench):
    leader, leaders = bench.ask()
    _, joiner = bench.ask("other")

    assert leader.cancel() is CancelOutcome.WITHOUT_EFFECT
    assert bench.probes.cancelled == 0
    bench.probes.answers[0](DOWN)

    assert (leaders, joiner) == ([], [shared(DOWN, 0)])
    assert leader.cancel() is CancelOutcome.COMPLETED_ANYWAY


def test_the_last_one_to_cancel_stops_the_probe(bench):
    first, _ = bench.ask()
    second, seen = bench.ask("other")

    first.cancel()
    assert second.cancel() is CancelOutcome.WITHOUT_EFFECT
    bench.after(20 * NS_PER_S)

    assert bench.probes.cancelled == 1
    assert seen == []


def test_a_probe_that_may_go_on_still_answers(bench):
    bench.probes.outcome = CancelOutcome.UNKNOWN
    attempt, seen = bench.ask()

    assert attempt.cancel() is CancelOutcome.UNKNOWN
    bench.probes.answers[0](DOWN)

    assert seen == [DOWN]


def test_a_probe_that_is_being_cancelled_is_not_joined(bench):
    bench.probes.outcome = CancelOutcome.UNKNOWN
    attempt, _ = bench.ask()
    attempt.cancel()

    _, later = bench.ask("later")
    bench.probes.answers[0](DOWN)

    assert len(bench.probes.requests) == 2
    assert later == []


def test_a_probe_that_answers_twice_counts_once(bench):
    _, seen = bench.ask()

    bench.probes.answers[0](DOWN)
    bench.probes.answers[0](TIMED_OUT)
    _, later = bench.ask("later")
    bench.after(0)

    assert (seen, later) == ([DOWN], [shared(DOWN, 0)])


def test_one_faulty_receiver_does_not_silence_the_others(bench):
    def faulty(observation):
        raise ZeroDivisionError

    bench.ask(receiver=faulty)
    _, seen = bench.ask("other")
    with pytest.raises(ZeroDivisionError):
        bench.probes.answers[0](DOWN)

    assert seen == [shared(DOWN, 0)]


def test_cancelling_a_kept_answer_in_time_takes_it_back(bench):
    bench.ask()
    bench.probes.answers[0](DOWN)
    attempt, seen = bench.ask("other")

    assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
    bench.after(0)

    assert seen == []


def test_a_prober_that_cannot_start_is_unknown_for_all(bench):
    bench.probes.fault = ValueError("no\nway")

    _, seen = bench.ask()
    bench.after(0)

    assert (seen[0].outcome, seen[0].reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert seen[0].detail.isprintable()


def test_closing_closes_the_prober_and_forgets(bench):
    bench.ask()
    bench.probes.answers[0](DOWN)

    bench.prober.close()

    assert bench.probes.closed
    assert "entries=0," in repr(bench.prober)


def test_a_value_forgotten_while_it_was_under_way_is_not_kept(bench):
    bench.ask()
    bench.prober.close()

    bench.probes.answers[0](DOWN)

    assert "entries=0," in repr(bench.prober)
