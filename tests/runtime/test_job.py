"""Runs of a job as blocks: their end is a heartbeat, and their errors are the caller's."""

import asyncio

import pytest
from logged import messages
from watchkeeper import Heartbeat, Http, Runtime, Status, Surface, Target, UnknownName, UsageError, surface_of
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.host.job import Job
from watchkeeper.testing import FakeRuntime

TARGETS = [
    Target(id="etl", every="1h", heartbeat=Heartbeat(grace="5m")),
    Target(id="shop", http=Http(url="http://h/")),
]


@pytest.fixture
def runtime():
    with FakeRuntime(targets=TARGETS) as made:
        yield made


def last(runtime):
    """Outcome and detail of the newest heartbeat."""
    sample = runtime.status()["etl"].sample
    return sample.outcome, sample.detail


def figures(runtime):
    """The measurements of the newest heartbeat."""
    return {each.name: each.value for each in runtime.status()["etl"].sample.measurements}


def test_a_run_that_ends_is_a_heartbeat_with_its_time(runtime):
    with runtime.job("etl") as job:
        runtime.world.run("3s")
    assert last(runtime) == (Outcome.UP, "took 3s")
    assert job.took_ns == 3 * 10**9
    runtime.world.run("1m")
    assert job.took_ns == 3 * 10**9
    assert runtime.status()["etl"].status is Status.UP


def test_a_run_says_what_it_did(runtime):
    with runtime.job("etl") as job:
        job.detail = "7 rows\nand more"
    assert last(runtime) == (Outcome.UP, "took 0s: 7 rows")


def test_an_exception_is_a_failed_run_and_the_callers(runtime):
    def work():
        with runtime.job("etl"):
            runtime.world.run("1500ms")
            raise ValueError("no rows\nat all")

    with pytest.raises(ValueError, match="no rows"):
        work()
    assert last(runtime) == (Outcome.DOWN, "ValueError: no rows after 1.5s")


def test_an_exception_that_cannot_be_shown_is_a_failed_run(runtime):
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    with pytest.raises(MuteError), runtime.job("etl"):
        raise MuteError
    assert last(runtime) == (Outcome.DOWN, "MuteError after 0s")


@pytest.mark.parametrize(
    ("code", "outcome", "detail"),
    [
        (None, Outcome.UP, "took 0s"),
        (0, Outcome.UP, "took 0s"),
        (3, Outcome.DOWN, "exit status 3 after 0s"),
        ("disk full", Outcome.DOWN, "exit status 1 after 0s: disk full"),
    ],
)
def test_an_exit_is_judged_by_its_status(runtime, code, outcome, detail):
    with pytest.raises(SystemExit), runtime.job("etl"):
        raise SystemExit(code)
    assert last(runtime) == (outcome, detail)


def test_the_status_of_a_program_may_be_handed_on(runtime):
    with runtime.job("etl") as job:
        job.exit_status = -9
    assert last(runtime) == (Outcome.DOWN, "exit status -9 after 0s")
    assert figures(runtime)["exit_status"] == -9
    with runtime.job("etl") as job:
        job.exit_status = "3"
    assert last(runtime) == (Outcome.DOWN, "exit status 3 after 0s")
    assert set(figures(runtime)) == {"run_time"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
def test_a_run_that_is_broken_off_has_failed(runtime, error):
    with pytest.raises(error), runtime.job("etl"):
        raise error
    assert last(runtime) == (Outcome.DOWN, f"{error.__name__} after 0s")


def test_a_job_of_an_event_loop_is_awaited():
    async def host():
        async with FakeRuntime(targets=TARGETS) as runtime:
            async with runtime.job("etl"):
                await asyncio.sleep(0)
                runtime.world.run("2s")
            return (await runtime.aio.status())["etl"].sample.detail

    assert asyncio.run(host()) == "took 2s"


def test_a_task_that_is_cancelled_has_failed():
    async def host():
        async with FakeRuntime(targets=TARGETS) as runtime:
            begun = asyncio.Event()

            async def work():
                async with runtime.job("etl"):
                    begun.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return (await runtime.aio.status())["etl"].sample.outcome

    assert asyncio.run(host()) is Outcome.DOWN


def test_a_job_needs_a_target_that_takes_heartbeats(runtime):
    with pytest.raises(UnknownName, match="elt"):
        runtime.job("elt")
    with pytest.raises(UsageError, match="takes no heartbeats"):
        runtime.job("shop")


def test_a_run_begins_once(runtime):
    with runtime.job("etl") as job:
        pass
    with pytest.raises(UsageError, match="has begun already"), job:
        pass


def test_a_runtime_that_is_stopped_fails_no_job(runtime, caplog):
    with runtime.job("etl"):
        runtime.stop()
    (line,) = messages(caplog)
    assert line.startswith("The end of a job was not reported: etl: this runtime is not running")
    runtime.start()

    def work():
        with runtime.job("etl"):
            runtime.stop()
            raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        work()


def test_its_methods_are_labelled():
    assert surface_of(Runtime.job) is Surface.BRIDGE
    assert surface_of(Job.__enter__) is surface_of(Job.__exit__) is Surface.BRIDGE
    assert surface_of(Job.__aenter__) is surface_of(Job.__aexit__) is Surface.ASYNC


def test_a_job_says_where_it_stands(runtime):
    job = runtime.job("etl")
    assert (repr(job), job.took_ns) == ("<Job 'etl': not begun>", 0)
    with job:
        assert repr(job) == "<Job 'etl': running>"
    assert repr(job) == "<Job 'etl': ended>"


def test_a_job_reports_to_a_real_runtime():
    with Runtime(targets=TARGETS[:1]) as runtime:
        with runtime.job("etl") as job:
            job.detail = "7 rows"
        sample = runtime.status()["etl"].sample
    assert sample.outcome is Outcome.UP
    assert sample.detail.startswith("took ")
    assert sample.detail.endswith(": 7 rows")
