"""The `plugin` prober: what becomes of each way in which a package may behave at an attempt."""

import asyncio
import threading
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
from packages import package
from watchkeeper import Plugin
from watchkeeper.adapters.callables.results import TimedOut
from watchkeeper.adapters.plugins.installed import load_plugin
from watchkeeper.adapters.plugins.loops import PluginLoop
from watchkeeper.adapters.probes.local.plugin import PluginProber, RunningPlugin
from watchkeeper.domain.observation.attempt import AttemptId, CancelOutcome, ProbeRequest
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Call
from watchkeeper.domain.time.moment import Deadline

from tests.adapters.calling import CLOCK, LONG_NS, SOON_NS
from tests.adapters.timing import call_at_of
from tests.support.left_behind import threads_since

WAYS = """
import asyncio
import threading
import time

GATE, BEGUN = threading.Event(), threading.Event()
HEARD = []

async def ways(settings, deadline):
    HEARD.append((settings, deadline - time.monotonic(), threading.current_thread().name))
    BEGUN.set()
    match settings.get("way"):
        case "waits":
            await asyncio.Event().wait()
        case "holds on":
            while not GATE.is_set():
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    continue
        case "blocks":
            GATE.wait(20)
        case "raises":
            raise ConnectionError("no route to the queue")
        case "exits":
            raise SystemExit(3)
        case "nonsense":
            return object()
        case "returns":
            return settings["value"]
        case "changes":
            settings["list"].append(1)

class Ways:
    async def probe(self, settings, deadline):
        return 7

def sync(settings, deadline):
    if settings.get("way") == "blocks":
        GATE.wait(20)
    return deadline > time.monotonic()
"""
POINTS = {"ways": "ways", "of-a-class": "Ways", "sync": "sync"}


@pytest.fixture
def module(tmp_path):
    with package(tmp_path, WAYS, POINTS) as name:
        module = import_module(name)
        yield module
        module.GATE.set()


def request(way=None, name="ways", target="t", timeout_ns=LONG_NS, **settings):
    now = CLOCK.read()
    return ProbeRequest(
        attempt=AttemptId(target, 1, 1),
        probe=Plugin(name=name, settings={**settings, **({"way": way} if way else {})}),
        deadline=Deadline.after(now, timeout_ns),
        started=now,
    )


@contextmanager
def probing():
    loop = asyncio.get_running_loop()
    prober = PluginProber(loop, CLOCK, call_at_of(loop, CLOCK))
    try:
        yield prober
    finally:
        prober.close()


def begin(prober, *way, **fields):
    answered = asyncio.get_running_loop().create_future()
    attempt = prober.start(request(*way, **fields), answered.set_result)
    assert not answered.done(), "done was called from within start"
    return attempt, answered


async def warmed_up(prober):
    """Has a first attempt, which waits for the import and for the loop of the kind, so that none with a short deadline does."""
    assert (await begin(prober, "returns", value=1, target="other")[1]).outcome is Outcome.UP


async def outlasted(prober, *way):
    """The observation of an attempt that only its deadline ends: a short one, doubled while a busy machine begins the attempt too late."""
    timeout_ns = SOON_NS
    while (found := await begin(prober, *way, timeout_ns=timeout_ns)[1]).outcome is not Outcome.TIMED_OUT:
        assert timeout_ns < LONG_NS, found
        timeout_ns *= 2
    return found


def seen(run, *way, **fields):
    async def main():
        with probing() as prober:
            return await begin(prober, *way, **fields)[1]

    return run(main)


def test_an_attempt_gets_its_settings_and_its_deadline_on_a_thread_of_its_kind(run, module):
    found = seen(run, "returns", value=2.5, hosts=["a", "b"])

    assert (found.outcome, [each.value for each in found.measurements]) == (Outcome.UP, [2.5])
    (settings, left_s, thread) = module.HEARD[-1]
    assert settings == {"way": "returns", "value": 2.5, "hosts": ["a", "b"]}
    assert 5 < left_s <= 10
    assert thread == "watchkeeper-ways"


@pytest.mark.parametrize("name", ["of-a-class", "sync"])
def test_a_class_and_a_function_that_may_block_are_kinds_too(run, module, name):
    assert seen(run, name=name).outcome is Outcome.UP


BLOCKING = f"own_probes.py:{WAYS[: WAYS.index('GATE.wait(20)')].count(chr(10)) + 1}"
ENDS = [
    ("raises", Outcome.DOWN, Reason.EXCEPTION, "ConnectionError: no route to the queue"),
    ("exits", Outcome.DOWN, Reason.EXCEPTION, "SystemExit: 3"),
    ("nonsense", Outcome.UNKNOWN, Reason.INVALID_MEASUREMENT, "it returned object: return None"),
    ("waits", Outcome.TIMED_OUT, Reason.TIMED_OUT, "it did not come back in time"),
    ("holds on", Outcome.TIMED_OUT, Reason.TIMED_OUT, "it did not come back in time"),
    ("blocks", Outcome.TIMED_OUT, Reason.TIMED_OUT, f"it did not come back in time: it holds the event loop of its kind at {BLOCKING}, which"),
]  # fmt: skip


@pytest.mark.parametrize(("way", "outcome", "reason", "detail"), ENDS)
def test_each_way_to_fail_has_its_own_reason(run, module, way, outcome, reason, detail):
    async def main():
        with probing() as prober:
            await warmed_up(prober)
            lasts = outcome is Outcome.TIMED_OUT
            found = await (outlasted(prober, way) if lasts else begin(prober, way)[1])
            module.GATE.set()
            return found

    found = run(main)

    assert (found.outcome, found.reason) == (outcome, reason)
    assert found.detail.startswith(detail)


class LateCalls:
    """Calls that end at a deadline of which the attempt has heard before, as the thread of its loop may be the faster one."""

    def __init__(self, home):
        self._home = home

    def call(self, name, function, arguments, read, deadline, done):
        async def cut_off():
            task = asyncio.create_task(function(*arguments))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

        asyncio.run_coroutine_threadsafe(cut_off(), self._home.loop).result(20)
        done(TimedOut())


def test_an_attempt_that_has_heard_of_its_deadline_is_no_fault_of_others(module):
    home, said = PluginLoop("watchkeeper-ways"), []
    asked = request("waits")
    try:
        running = RunningPlugin(load_plugin("ways"), LateCalls(home), home)
        running.start(asked, asked.probe, lambda *ended: said.append(ended))
    finally:
        home.close()

    assert said == [(TimedOut(), None)]


def test_a_kind_that_is_not_installed_any_more_says_so(run):
    found = seen(run, name="nowhere")

    assert (found.outcome, found.reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert found.detail == "no installed package has a probe of the name 'nowhere' (none is installed)"


HANGING = """
import threading
threading.BEGUN_IN_A_TEST.set()
threading.GATE_OF_A_TEST.wait(20)

async def slow(settings, deadline):
    return None
"""


@pytest.fixture
def hanging(tmp_path):
    """A package that is imported only when a gate is opened."""
    threading.BEGUN_IN_A_TEST, threading.GATE_OF_A_TEST = threading.Event(), threading.Event()
    with package(tmp_path, HANGING, {"slow": "slow"}, "slow-probes"):
        yield
    threading.GATE_OF_A_TEST.set()
    del threading.BEGUN_IN_A_TEST, threading.GATE_OF_A_TEST


def test_a_package_whose_import_hangs_holds_up_nothing_else(run, module, hanging):
    async def main():
        with probing() as prober:
            late = begin(prober, name="slow", timeout_ns=SOON_NS // 2)[1]
            again = begin(prober, name="slow", target="other", timeout_ns=SOON_NS // 2)[1]
            # The import goes on until the gate is opened.
            other = await begin(prober, name="sync")[1]
            found = await late, await again, other
            threading.GATE_OF_A_TEST.set()
            return found

    late, again, other = run(main)

    assert other.outcome is Outcome.UP
    for each in (late, again):
        assert (each.outcome, each.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED)
        assert each.detail == "its package was not imported in time"


def test_an_attempt_that_is_cancelled_while_its_package_is_imported_never_begins(run, module, hanging):
    async def main():
        with probing() as prober:
            attempt, answered = begin(prober, name="slow")
            await asyncio.to_thread(threading.BEGUN_IN_A_TEST.wait, 20)
            assert attempt.cancel() is CancelOutcome.UNKNOWN
            threading.GATE_OF_A_TEST.set()
            return await answered

    assert run(main).reason is Reason.CANCELLED


def test_a_kind_that_blocks_holds_up_no_other_kind(run, module):
    async def main():
        with probing() as prober:
            await begin(prober)[1]
            module.BEGUN.clear()
            _, blocked = begin(prober, "blocks", timeout_ns=2 * SOON_NS)
            await asyncio.to_thread(module.BEGUN.wait, 20)
            _, behind = begin(prober, "returns", value=1, target="other", timeout_ns=SOON_NS)
            # It blocks until the gate is opened.
            other = await begin(prober, name="of-a-class")[1]
            found = other, await behind, await blocked
            module.GATE.set()
            return found

    other, behind, blocked = run(main)

    assert other.outcome is Outcome.UP
    assert (behind.outcome, behind.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED), behind.detail
    assert behind.detail.startswith(f"another target holds the event loop of this kind at {BLOCKING}")
    assert blocked.outcome is Outcome.TIMED_OUT


def test_an_attempt_that_goes_on_delays_those_of_its_own_target_alone(run, module):
    async def main():
        with probing() as prober:
            await warmed_up(prober)
            await outlasted(prober, "holds on")
            again = await begin(prober, "returns", value=1, timeout_ns=SOON_NS // 5)[1]
            other = await begin(prober, "returns", value=1, target="other")[1]
            assert prober.abandoned() == ("task: ways of t",)
            module.GATE.set()
            return again, other

    again, other = run(main)

    assert (again.outcome, again.detail) == (Outcome.TIMED_OUT, "its earlier call has not come back")
    assert other.outcome is Outcome.UP


def test_a_cancelled_attempt_is_cancelled_in_the_package(run, module):
    async def main():
        with probing() as prober:
            attempt, answered = begin(prober, "waits")
            await asyncio.to_thread(module.BEGUN.wait, 20)
            assert attempt.cancel() is CancelOutcome.UNKNOWN
            return await answered

    module.BEGUN.clear()
    assert run(main).reason is Reason.CANCELLED


def test_settings_that_a_package_changes_are_its_own_copy(run, module):
    async def main():
        with probing() as prober:
            asked = request("changes", list=[])
            for _ in range(2):
                answered = asyncio.get_running_loop().create_future()
                prober.start(asked, answered.set_result)
                await answered

    run(main)
    assert [heard[0]["list"] for heard in module.HEARD[-2:]] == [[1], [1]]


def test_a_close_ends_the_threads_and_the_loops(run, module):
    before = set(threading.enumerate())

    async def main():
        with probing() as prober:
            waiting = begin(prober, "waits")[1]
            await begin(prober, name="sync")[1]
            prober.close()
            return await waiting

    assert run(main).reason is Reason.CANCELLED
    assert (
        threads_since(before, lambda name: name.startswith(("watchkeeper-ways", "watchkeeper-sync"))) == set()
    )


def test_failures_in_number_leave_nothing(run, module):
    def descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    async def main():
        with probing() as prober:
            await begin(prober, "raises")[1]
            before = descriptors()
            for _ in range(10):
                found = await asyncio.gather(
                    *[begin(prober, "raises", target=f"t{at}")[1] for at in range(20)]
                )
                assert {each.reason for each in found} == {Reason.EXCEPTION}
            assert descriptors() <= before
            assert prober.abandoned() == ()

    run(main)


def test_the_specification_of_another_kind_is_refused(run):
    async def main():
        other = msgspec.structs.replace(request(), probe=Call(name="a"))
        with probing() as prober, pytest.raises(TypeError, match="was given Call"):
            prober.start(other, print)

    run(main)
