"""A whole life of a runtime with every real clock and the shared dice made to raise for code of the package."""

import subprocess
import sys

import pytest

FORBIDDEN = '''
import datetime, random, sys, time

def forbid(module, name):
    """Raise for callers in the package; what others do with it is their own business."""
    real = getattr(module, name)
    def forbidden(*arguments, **named):
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller.startswith("watchkeeper"):
            raise AssertionError(f"{caller} called {module.__name__}.{name}")
        return real(*arguments, **named)
    setattr(module, name, forbidden)

for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "clock_gettime",
             "clock_gettime_ns", "sleep", "localtime", "gmtime", "thread_time", "process_time"):
    forbid(time, name)
for name in ("random", "randint", "uniform", "choice", "shuffle", "getrandbits"):
    forbid(random, name)

class NoNow(datetime.datetime):
    @classmethod
    def now(cls, *arguments, **named):
        raise AssertionError("datetime.now was called")
    utcnow = today = now

datetime.datetime = NoNow
'''

SCENARIO = """
from watchkeeper.domain.specification.probe import Heartbeat, Tcp
from watchkeeper.domain.specification.rule import Aggregate, Consecutive, NoData, Threshold
from watchkeeper.domain.specification.target import Target
from watchkeeper.testing.world import World

port = Tcp(host="a", port=1)
rules = (
    Consecutive(id="down", after=3, recover=2),
    Threshold(id="slow", value=300, window="1m", aggregate=Aggregate.P95, keep_firing_for="30s"),
    NoData(id="silent", for_="10s"),
)
world = World([
    Target(id="shop", every="10s", timeout="2s", retry_every="2s", tcp=port, rules=rules, notify=("ops",)),
    Target(id="mail", every="30s", tcp=port, rules=rules, notify=("ops", "calm")),
    Target(id="nightly", every="5m", heartbeat=Heartbeat(grace="30s"), rules=(Consecutive(id="down", after=1),),
           notify=("ops",)),
])
world.script("shop", "ok 2m, down 90s, slow 700ms 3m, hang 1m, ok")
world.script_channel("ops", "ok 3m, status 503 4m, hang 1m, ok")
world.run("3m")
world.heartbeat("nightly")
world.silence("mail", "5m")
world.run("10m")
world.pause("mail")
world.suspend("20m")
world.step_wall(3_600 * 10**9)
world.run("10m")
world.resume("mail")
for incident in world.incidents(open_only=True):
    world.acknowledge(incident.id)
world.crash()
world.run("30m")
world.restart()
world.run("10m")
world.untrack("shop")
world.run("1m")
assert world.status().healthy, world.status().problems
print(*world.delivered("ops"), sep="\\n")
"""


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_a_complete_run_reads_no_real_clock_and_no_shared_dice():
    ran = run(FORBIDDEN + SCENARIO)
    assert ran.returncode == 0, ran.stderr
    said = ran.stdout.splitlines()
    assert said.count("shop/down opened") == said.count("shop/down resolved") >= 1
    assert "nightly/down opened" in said


@pytest.mark.parametrize(
    ("use", "what"),
    [
        ("from watchkeeper.adapters.clock import SystemClock\nSystemClock().read()", "called time."),
        (
            "from watchkeeper.domain.time import moment\nexec('import random; random.random()', vars(moment))",
            "random.random",
        ),
        ("from watchkeeper.domain.time import moment\nmoment.datetime.now()", "datetime.now was called"),
    ],
)
def test_a_read_that_is_forbidden_is_caught(use, what):
    ran = run(FORBIDDEN + use)
    assert ran.returncode == 1
    assert what in ran.stderr
