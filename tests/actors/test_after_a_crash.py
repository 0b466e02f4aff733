"""After the crash of an actor nothing that it started runs on, and no answer is taken for another's."""

import pytest
from records import notice_of, opened
from watchkeeper.actors.courier import Courier
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import spawn
from watchkeeper.actors.poller import Poller, PollerContext
from watchkeeper.domain.conditions.judgement import Expectation
from watchkeeper.domain.incidents.notice import Answer
from watchkeeper.domain.observation.attempt import AttemptId, CancelOutcome, ProbeRequest
from watchkeeper.domain.observation.outcome import Reason
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S, Deadline
from watchkeeper.protocol.courier import Deliver
from watchkeeper.protocol.poller import StartAttempt
from watchkeeper.protocol.sink import DeliveryAnswered
from watchkeeper.testing.clock import ManualClock
from watchkeeper.testing.world import World

HTTP = Http(url="http://shop.example/")
SHOP = Target(id="shop", every="10s", http=HTTP, rules=(Consecutive(id="down", after=1),), notify=("ops",))


class Told(list):
    """A listener that records its messages."""

    tell = list.append


class Edge:
    """A prober and a messenger whose answers come on request of the test."""

    def __init__(self):
        self.answers, self.cancelled = [], []

    def start(self, request, done):
        return self.under_way(done)

    def send(self, notice, attempt, deadline, done, memory=""):
        return self.under_way(done)

    def under_way(self, done):
        self.answers.append(done)
        return Running(self, len(self.answers) - 1)


class Running:
    """One of them."""

    def __init__(self, edge, number):
        self.edge, self.number = edge, number

    def cancel(self):
        self.edge.cancelled.append(self.number)
        return CancelOutcome.WITHOUT_EFFECT


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def dispatcher(clock):
    return SimulatedDispatcher(clock)


@pytest.fixture
def edge():
    return Edge()


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def poller(clock, dispatcher, edge, told):
    context = PollerContext(told, {Http: edge}, lambda target: Expectation(()))
    return spawn(Poller, clock, context, Expectation(()), dispatcher=dispatcher, on_exit=lambda *_: None)


@pytest.fixture
def courier(clock, dispatcher, edge, told):
    address = spawn(Courier, clock, "ops", edge, told, dispatcher=dispatcher, on_exit=lambda *_: None)
    dispatcher.run_until_idle()
    told.clear()
    return address


def attempt(clock, number, within_ns=NS_PER_S):
    now = clock.read()
    return StartAttempt(
        ProbeRequest(
            attempt=AttemptId("shop", 1, number),
            probe=HTTP,
            deadline=Deadline.after(now, within_ns),
            started=now,
        )
    )


def test_a_second_attempt_ends_the_first(clock, dispatcher, poller, edge):
    for number in (1, 2):
        poller.tell(attempt(clock, number))
    dispatcher.run_until_idle()
    assert edge.cancelled == [0]


def test_an_attempt_without_time_is_not_begun(clock, dispatcher, poller, edge, told):
    poller.tell(attempt(clock, 1))
    clock.advance(NS_PER_S)
    dispatcher.run_until_idle()
    assert edge.answers == []
    assert told[0].sample.reason is Reason.OVERLOADED


@pytest.mark.parametrize(("name", "message"), [("poller", "nonsense"), ("courier", "nonsense")])
def test_a_crash_stops_what_is_under_way(request, clock, dispatcher, edge, name, message):
    address = request.getfixturevalue(name)
    first = attempt(clock, 1) if name == "poller" else Deliver(notice_of(opened()), 1, NS_PER_S)
    for said in (first, message):
        address.tell(said)
    dispatcher.run_until_idle()
    assert not address.alive
    assert edge.cancelled == [0]


def test_a_delivery_in_flight_answers_for_the_newest_attempt(dispatcher, courier, edge, told):
    notice = notice_of(opened())
    courier.tell(Deliver(notice, 1, NS_PER_S))
    courier.tell(Deliver(notice, 2, NS_PER_S))
    dispatcher.run_until_idle()
    assert len(edge.answers) == 1, "it is not sent twice at once"
    edge.answers[0](Answer(accepted=True))
    assert told == [DeliveryAnswered(notice.key, 2, Answer(accepted=True))]


def test_a_second_answer_of_a_channel_is_nobodys(dispatcher, courier, edge, told):
    notice = notice_of(opened())
    for number in (1, 2):
        courier.tell(Deliver(notice, number, NS_PER_S))
        dispatcher.run_until_idle()
        edge.answers[0](Answer(accepted=False))
    assert [answer.attempt for answer in told] == [1]


def test_a_name_tracked_again_numbers_its_attempts_on():
    world = World([SHOP])
    world.run("1m")
    before = world.status().targets[0].sample.attempt
    world.untrack("shop")
    world.track(SHOP)
    world.run("15s")
    assert world.status().targets[0].sample.attempt > before


def test_a_clock_set_back_ends_nothing_before_it_began():
    world = World([SHOP])
    world.script("shop", "down 5m, ok")
    world.run("1m")
    world.step_wall(-3_600 * NS_PER_S)
    world.acknowledge(world.incidents()[0].id)
    world.run("10m")
    (incident,) = world.incidents()
    assert incident.opened_at_ns <= incident.acknowledged_at_ns <= incident.resolved_at_ns
