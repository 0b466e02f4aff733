"""The messages of a poller to its supervisor, and the driver that it starts and cancels."""

import pytest
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import spawn
from watchkeeper.actors.poller import Poller, PollerContext
from watchkeeper.domain.conditions.judgement import Expectation
from watchkeeper.domain.observation.attempt import AttemptId, CancelOutcome, ProbeRequest
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.sample import sample_without_answer
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S, Deadline
from watchkeeper.protocol.poller import CancelAttempt, Reconfigure, StartAttempt
from watchkeeper.protocol.supervisor import AttemptCancelled, AttemptFinished
from watchkeeper.testing.clock import ManualClock

TCP = Tcp(host="a", port=1)
UP = Observation(connected=True)


class Told(list):
    """A listener that records its messages."""

    tell = list.append

    def take(self):
        taken = list(self)
        self.clear()
        return taken


class Judge(Expectation):
    """An expectation whose samples carry its name; it cannot judge the observations that it is told to."""

    def __init__(self, name, unable=()):
        self.name, self.unable = name, unable

    def asked_of(self, probe):
        return probe

    def judge(self, attempt, at, observation):
        if observation in self.unable:
            raise ZeroDivisionError("cannot judge")
        outcome = observation.outcome or Outcome.UP
        return sample_without_answer(attempt, at, outcome, observation.reason or Reason.OK, self.name)


class Driver:
    """A prober whose answers come on request of the test."""

    def __init__(self):
        self.answers, self.cancelled, self.error = [], [], None

    def start(self, request, done):
        if self.error is not None:
            raise self.error
        self.answers.append(done)
        return Running(self, len(self.answers))


class Running:
    def __init__(self, driver, number):
        self.driver, self.number = driver, number

    def cancel(self):
        self.driver.cancelled.append(self.number)
        return CancelOutcome.UNKNOWN


class PollerAlone:
    """One poller between a driver and a listener."""

    def __init__(self, expectation=None):
        self.clock, self.told, self.driver = ManualClock(), Told(), Driver()
        self.dispatcher = SimulatedDispatcher(self.clock)
        context = PollerContext(self.told, {Tcp: self.driver}, lambda target: Judge(target.id))
        self.address = spawn(
            Poller,
            self.clock,
            context,
            expectation or Judge("first"),
            dispatcher=self.dispatcher,
            on_exit=lambda *_: None,
        )

    def tell(self, *messages):
        for message in messages:
            self.address.tell(message)
        self.dispatcher.run_until_idle()

    def start(self, number, probe=TCP):
        now = self.clock.read()
        request = ProbeRequest(
            attempt=attempt(number), probe=probe, deadline=Deadline.after(now, NS_PER_S), started=now
        )
        self.tell(StartAttempt(request))
        return now

    def samples(self):
        return [said.sample for said in self.told.take() if isinstance(said, AttemptFinished)]


def attempt(number):
    return AttemptId("shop", 1, number)


@pytest.fixture
def alone():
    return PollerAlone()


def test_an_answer_is_judged_as_of_the_start_and_reported(alone):
    began = alone.start(1)
    assert alone.told == []
    alone.clock.advance(7)
    alone.driver.answers[0](UP)
    assert alone.told == [
        AttemptFinished(attempt(1), sample_without_answer(attempt(1), began, Outcome.UP, Reason.OK, "first"))
    ]


def test_a_running_attempt_is_cancelled_once_and_the_answer_of_its_driver_passed_on(alone):
    alone.start(1)
    alone.tell(CancelAttempt(attempt(2)))
    assert (alone.told.take(), alone.driver.cancelled) == (
        [AttemptCancelled(attempt(2), CancelOutcome.COMPLETED_ANYWAY)],
        [],
    )
    alone.tell(CancelAttempt(attempt(1)), CancelAttempt(attempt(1)))
    assert alone.driver.cancelled == [1]
    assert alone.told == [
        AttemptCancelled(attempt(1), CancelOutcome.UNKNOWN),
        AttemptCancelled(attempt(1), CancelOutcome.COMPLETED_ANYWAY),
    ]


def test_an_attempt_that_was_answered_is_cancelled_no_more(alone):
    alone.start(1)
    alone.driver.answers[0](UP)
    alone.told.clear()
    alone.tell(CancelAttempt(attempt(1)))
    assert alone.told.take() == [AttemptCancelled(attempt(1), CancelOutcome.COMPLETED_ANYWAY)]
    alone.start(2)
    assert alone.driver.cancelled == []


def test_a_late_answer_to_an_earlier_attempt_leaves_the_newer_one_running(alone):
    alone.start(1)
    alone.start(2)
    assert alone.driver.cancelled == [1]
    alone.driver.answers[0](UP)
    alone.tell(CancelAttempt(attempt(2)))
    assert alone.driver.cancelled == [1, 2]
    alone.driver.answers[1](UP)
    assert [type(said) for said in alone.told] == [AttemptFinished, AttemptCancelled, AttemptFinished]


@pytest.mark.parametrize("unknown", [False, True])
def test_a_driver_that_cannot_start_costs_one_sample(alone, unknown):
    alone.driver.error = LookupError("no such driver")
    began = alone.start(1, probe=Target if unknown else TCP)
    (sample,) = alone.samples()
    assert (sample.outcome, sample.reason, sample.at) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED, began)
    alone.driver.error = None
    alone.start(2)
    alone.driver.answers[0](UP)
    assert [sample.outcome for sample in alone.samples()] == [Outcome.UP]


def test_a_judgement_that_fails_costs_one_sample():
    alone = PollerAlone(Judge("first", unable=(UP,)))
    alone.start(1)
    alone.driver.answers[0](UP)
    (sample,) = alone.samples()
    assert (sample.outcome, sample.reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert alone.address.alive


@pytest.mark.parametrize("late_ns", [NS_PER_S - 1, NS_PER_S])
def test_an_attempt_whose_deadline_has_passed_is_not_started(alone, late_ns):
    now = alone.clock.read()
    request = ProbeRequest(attempt=attempt(1), probe=TCP, deadline=Deadline.after(now, NS_PER_S), started=now)
    alone.clock.advance(late_ns)
    alone.tell(StartAttempt(request))
    expired = late_ns == NS_PER_S
    assert (len(alone.driver.answers) == 0) is expired
    assert [sample.reason for sample in alone.samples()] == [Reason.OVERLOADED] * expired


def test_a_new_specification_judges_the_attempts_that_start_after_it(alone):
    alone.start(1)
    alone.tell(Reconfigure(Target(id="second", every="10s", tcp=TCP)))
    alone.driver.answers[0](UP)
    alone.start(2)
    alone.driver.answers[1](UP)
    assert [sample.detail for sample in alone.samples()] == ["first", "second"]


@pytest.mark.parametrize("crashes", [False, True])
def test_a_poller_that_ends_cancels_its_attempt(alone, crashes):
    alone.start(1)
    if crashes:
        alone.tell(object())
    else:
        alone.address.stop()
        alone.dispatcher.run_until_idle()
    assert (alone.address.alive, alone.driver.cancelled) == (False, [1])
