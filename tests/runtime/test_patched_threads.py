"""A process in which gevent or eventlet has replaced threads: a start is refused at once, or works as everywhere."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
{patch}
import asyncio
from watchkeeper import Exec, Heartbeat, Runtime, RuntimeOptions, Target, UsageError

targets = [
    Target(id="job", every="1h", heartbeat=Heartbeat()),
    Target(id="true", every="1h", timeout="20s", exec=Exec(argv=("/bin/true",))),
]
runtime = Runtime(targets=targets, options=RuntimeOptions(allow_exec=True))
with runtime.subscribe(samples=True) as events:
    try:
        {start}
        runtime.check_now("true")
    except UsageError as error:
        sys.exit(str(error))
    outcome = next(event.sample.outcome.value for event in events)
print(outcome, runtime.stop().left)
"""
pytestmark = pytest.mark.needs("AF_ALG")
GEVENT = "from gevent import monkey; monkey.patch_all({})"
EVENTLET = "import warnings; warnings.simplefilter('ignore'); import eventlet; eventlet.monkey_patch({})"
SPARED = "thread=False, queue=False, subprocess=False"


def run(patch, start="runtime.start()"):
    script = SCRIPT.format(patch=patch, start=start)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("start", ["runtime.start()", "asyncio.run(runtime.aio.start())"])
@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (GEVENT.format(""), "gevent has replaced Python's thread, queue, subprocess in this process"),
        (GEVENT.format("thread=False"), "gevent has replaced Python's queue, subprocess in this process"),
        (EVENTLET.format(""), "eventlet has replaced Python's thread, subprocess in this process"),
    ],
)
def test_a_start_where_a_library_has_replaced_threads_is_refused_by_name(patch, said, start):
    done = run(patch, start)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "=False, or run watchkeeper in a process of its own" in done.stderr


@pytest.mark.parametrize(
    "patch", ["", GEVENT.format(SPARED), EVENTLET.format("thread=False, subprocess=False")]
)
def test_a_start_where_threads_are_as_they_were_watches_as_everywhere(patch):
    done = run(patch)
    assert (done.returncode, done.stdout, done.stderr) == (0, "up ()\n", "")
