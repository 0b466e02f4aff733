"""Objects that stay ignorant of clock, loop, queue and token: each is made and used here with none of them in reach."""

import inspect
from collections import deque
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import pytest
from records import NOON, notice_of, opened, sample_at
from watchkeeper.domain.conditions.condition import compile_condition
from watchkeeper.domain.conditions.judgement import Expectation
from watchkeeper.domain.incidents.ledger import Ledger
from watchkeeper.domain.incidents.outbox import Outbox
from watchkeeper.domain.incidents.pending_batch import Gathering
from watchkeeper.domain.observation.attempt import AttemptId
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.read_model.histogram import Histogram
from watchkeeper.domain.rules.aggregate import TargetAggregate
from watchkeeper.domain.rules.evaluation import evaluator_of
from watchkeeper.domain.rules.watch import RuleWatch
from watchkeeper.domain.rules.window import SampleWindow, summary_of
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.rule import Aggregate, Consecutive, Threshold
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.supervision.admission import Admission, AdmissionPolicy
from watchkeeper.domain.supervision.blindness import BlindnessDetector, Reading
from watchkeeper.domain.supervision.delivery_backoff import DeliveryBackoff
from watchkeeper.domain.supervision.restart import RestartHistory, RestartPolicy
from watchkeeper.domain.supervision.retry import RetryPolicy
from watchkeeper.domain.supervision.schedule import Scheduled
from watchkeeper.domain.suppression.suppression import Suppression
from watchkeeper.domain.time.cadence import Cadence
from watchkeeper.domain.time.moment import Deadline
from watchkeeper.domain.time.timers import Timers

S = 1_000_000_000
SHOP = Target(id="shop", tcp=Tcp(host="a", port=1), rules=(Consecutive(id="down", after=1),))
CHANNELS = (Channel(id="ops", log=Log()),)
BAD = sample_at(S, outcome=Outcome.DOWN)


def aggregate():
    made = TargetAggregate(SHOP, 1)
    assert len(made.apply(BAD, NOON)) == 1
    return made


def evaluator():
    made = evaluator_of(Threshold(id="slow", value=1.0, window="1m", aggregate=Aggregate.P95))
    made.take(BAD, firing=False)
    return made


def window():
    made = SampleWindow(summary_of(Aggregate.MEAN), count_max=3, length_ns=S)
    made.add(1, 1.0)
    return made


def ledger():
    made = Ledger(CHANNELS, Suppression())
    assert len(made.note(opened(), NOON)) == 1
    return made


def outbox():
    made = Outbox(CHANNELS)
    made.add(notice_of(opened()))
    assert len(made.hand_out(1)) == 1
    return made


def gathering():
    made = Gathering()
    made.add_samples((BAD,))
    assert len(made.take()) == 1
    return made


def schedule():
    made = Scheduled(SHOP)
    made.start(made.enqueue(NOON, NOON), NOON, blind_until_ns=0)
    return made


def timers():
    made = Timers()
    made.arm("a", 1)
    assert list(made.due(1)) == [("a", 1)]
    return made


def admission():
    made = Admission(AdmissionPolicy())
    assert made.enter("a")
    return made


def backoff():
    made = DeliveryBackoff({"ops": RetryPolicy(name="ops")})
    made.next_try_ns("ops", "key", 1, 0, 0.5, None)
    return made


def restarts():
    made = RestartHistory(RestartPolicy(name="any"))
    made.decide(0, 0.5)
    return made


def blindness():
    made = BlindnessDetector()
    made.woke(Reading(NOON, 0), None)
    return made


def expectation():
    made = Expectation([compile_condition("[STATUS] == 200")])
    made.judge(AttemptId("shop", 1, 1), NOON, Observation(connected=True, status=200))
    return made


def histogram():
    made = Histogram()
    made.add(5)
    return made


def watch():
    return RuleWatch(SHOP.rules[0])


def cadence():
    made = Cadence.of("shop", S)
    made.next_after(0)
    return made


def deadline():
    made = Deadline.after(NOON, S)
    assert not made.expired(NOON)
    return made


IGNORANT = (
    aggregate,
    watch,
    evaluator,
    window,
    expectation,
    ledger,
    outbox,
    gathering,
    schedule,
    cadence,
    deadline,
    timers,
    admission,
    backoff,
    restarts,
    blindness,
    histogram,
)
"""Everything that decides: the aggregate and all it calls, and all that the supervisor and the sink decide with."""

PRESSURE = {
    "_asyncio",
    "_queue",
    "_thread",
    "asyncio",
    "concurrent",
    "pykka",
    "queue",
    "random",
    "sched",
    "socket",
}
PRESSURE |= {"_random", "threading", "time", "uvloop"}
WORDS_OF_PRESSURE = {"clock", "loop", "queue", "token", "lock", "dispatcher", "cancel", "sleep", "timer"}


def reachable(start):
    """Every object that can be reached from one, short of code and of what types are made of."""
    seen, waiting = {}, deque([start])
    while waiting:
        thing = waiting.popleft()
        if id(thing) in seen or isinstance(thing, type | ModuleType | FunctionType | BuiltinFunctionType):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, MethodType):
            waiting.append(thing.__self__)
        elif isinstance(thing, dict):
            waiting.extend((*thing.keys(), *thing.values()))
        elif isinstance(thing, list | tuple | set | frozenset | deque):
            waiting.extend(thing)
        waiting.extend(vars(thing).values() if hasattr(thing, "__dict__") else ())
        slots = [slot for kind in type(thing).__mro__ for slot in kind.__dict__.get("__slots__", ())]
        waiting.extend(value for slot in slots if (value := getattr(thing, slot, None)) is not None)
        waiting.extend(getattr(thing, field) for field in getattr(thing, "__struct_fields__", ()))
    return list(seen.values())


def pressure_in(start):
    for thing in reachable(start):
        if type(thing).__module__.split(".")[0] in PRESSURE or (
            hasattr(thing, "boot_ns") and callable(thing.boot_ns)
        ):
            yield type(thing).__qualname__


@pytest.mark.parametrize("use", IGNORANT, ids=lambda use: use.__name__)
def test_an_ignorant_object_reaches_no_clock_loop_queue_or_lock(use):
    assert list(pressure_in(use())) == []


@pytest.mark.parametrize("use", IGNORANT, ids=lambda use: use.__name__)
def test_nothing_it_is_asked_takes_one_as_an_argument(use):
    kind = type(use())
    methods = [kind.__init__, *(method for method in vars(kind).values() if inspect.isfunction(method))]
    asked = {name for method in methods for name in inspect.signature(method).parameters}
    assert asked & WORDS_OF_PRESSURE == set()
    assert not any(inspect.iscoroutinefunction(method) for method in methods)


def test_an_object_that_holds_one_is_caught():
    from threading import Lock

    from watchkeeper.testing.clock import ManualClock

    class Hiding:
        def __init__(self, inner):
            self.inner = {"deep": [(inner,)]}

    for inner, name in (
        (Lock(), "lock"),
        (ManualClock(), "ManualClock"),
        (ManualClock().read, "ManualClock"),
    ):
        assert list(pressure_in(Hiding(inner))) == [name]
