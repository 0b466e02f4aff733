"""The leg without Linux's own calls: it hides all that the package chooses by, in child processes too."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from watchkeeper.adapters.clock import boot_clock

HERE = Path(__file__).parent

CHOICES = """
import time
from watchkeeper.adapters import clock, kernel_timer
from watchkeeper.adapters.http.curl import wire
from watchkeeper.adapters.net import readiness, sockets
from watchkeeper.adapters.programs import program_end
print(readiness.make_events.__name__, program_end.watch_end.__name__, kernel_timer.has_kernel_timer(),
      bool(sockets.NONBLOCKING), wire.TCP_INFO is not None, hasattr(time, "CLOCK_BOOTTIME"))
"""


def choices(path):
    done = subprocess.run(
        [sys.executable, "-c", CHOICES],
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


def test_the_leg_takes_the_portable_way_of_everything():
    assert choices(str(HERE)) == ["LoopEvents", "WaitedEnd", "False", "False", "False", "False"]


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system is not Linux")
def test_linux_takes_its_own_way_of_everything():
    assert choices("") == ["KernelEvents", "PidfdEnd", "True", "True", "True", "True"]


def test_the_clock_that_shows_a_suspend_is_each_systems_own():
    linux = SimpleNamespace(CLOCK_MONOTONIC=1, CLOCK_MONOTONIC_RAW=4, CLOCK_BOOTTIME=7)
    macos = SimpleNamespace(CLOCK_MONOTONIC=6, CLOCK_MONOTONIC_RAW=4, CLOCK_UPTIME_RAW=8)
    other = SimpleNamespace(CLOCK_MONOTONIC=3)
    assert [boot_clock(names) for names in (linux, macos, other)] == [7, 4, 3]
