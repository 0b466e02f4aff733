"""Figures of the machine and of running processes, shared by every script."""

import contextlib
import json
import os
import platform
import statistics
import textwrap
import time
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from string import Template

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
NICENESS = -20
PAUSES = 100
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PACKAGES = ("pykka", "msgspec", "msgpack", "pycurl", "uvloop", "apsw")


def describe() -> dict[str, object]:
    """The machine and the versions that figures were taken with."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def pause_cost() -> dict[str, float]:
    """Returns the microseconds of the same Python code in a loop, and after a pause in which others used the core's caches."""

    def work() -> None:
        json.loads(json.dumps({"a": [1, 2, 3], "b": {"c": "x" * 50}}))
        textwrap.fill("hello world " * 3)
        datetime.fromisoformat("2026-01-01T00:00:00")
        Template("$a and $b").substitute(a=1, b=2)

    def took_us(pause_s: float) -> float:
        took = []
        for _ in range(PAUSES):
            time.sleep(pause_s)
            began_ns = time.perf_counter_ns()
            work()
            took.append((time.perf_counter_ns() - began_ns) / 1e3)
        return round(statistics.median(took), 1)

    work()
    return {"in_a_loop_us": took_us(0.0), "after_10_ms_us": took_us(0.01)}


def cpu_us(pid: int) -> float:
    """User and system time of all threads of a process, children that have ended included, in microseconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) * 1e6 / TICKS_PER_S


def waited_ms(pid: int) -> float:
    """How long the threads of a process were ready to run and another program had the core, in milliseconds."""
    waits = (path.read_text().split()[1] for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(wait) for wait in waits) / 1e6


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def descriptors(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  # names alone are wanted


def stay_on(core: int) -> None:
    """Run this process, and every one it starts, on one core (-1: on any); of fewer cores, on the last."""
    with contextlib.suppress(PermissionError):
        # Where it is allowed: other programs of the machine should not be measured with it.
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    if core < 0:
        return
    os.sched_setaffinity(0, {min(core, (os.cpu_count() or 1) - 1)})


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile of sorted values; 0 of none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0
