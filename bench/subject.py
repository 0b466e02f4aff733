"""A whole runtime in a process of its own, asked for its figures over its standard input and output.

    python bench/subject.py CORE SLOW_DISK_MS < plan

The first line is a configuration as JSON. Every further line asks something and is answered with one line of JSON.
"""

import gc
import os
import resource
import sys
import threading
import time

import apsw
import msgspec
from machine import descriptors, percentile, resident_bytes, stay_on, waited_ms
from turns import TurnWatch
from watchkeeper import Runtime
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.read_model.status import RuntimeStatus
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probes.web.registration import DomainRegistration

SETTLE_NS = 300_000_000


class Recent:
    """The lateness of what ran since it was last asked for, of the newest attempt of each target."""

    def __init__(self) -> None:
        self._since_ns = 0

    def read(self, status: RuntimeStatus) -> tuple[float, float]:
        """Median and 99th percentile in milliseconds."""
        # Attempts that came due while the question itself held the interpreter say nothing about the load.
        since_ns, self._since_ns = self._since_ns, time.monotonic_ns() + SETTLE_NS
        newest = (target.attempt for target in status.targets if target.attempt is not None)
        late_ms = sorted(one.lateness_ns / 1e6 for one in newest if one.due.monotonic_ns >= since_ns)
        return percentile(late_ms, 0.5), percentile(late_ms, 0.99)


RECENT = Recent()
TURNS = TurnWatch()


def spent() -> dict[str, float]:
    """Returns the CPU time of the process so far, and its peak of memory."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "at_ns": time.monotonic_ns(),
        "cpu_us": (usage.ru_utime + usage.ru_stime) * 1e6,
        "waited_ms": waited_ms(os.getpid()),
        "resident_bytes_max": usage.ru_maxrss * 1024,
    }


def figures(runtime: Runtime) -> dict[str, object]:
    """Returns the cost of the process before this question, and the counters of the runtime."""
    cost = spent()
    pid = os.getpid()
    status = runtime.status()
    counters = dict(status.counters)
    return {
        **cost,
        "recent_lateness_ms": RECENT.read(status),
        "samples": counters.get("samples", 0),
        "counters": counters,
        "resident_bytes": resident_bytes(pid),
        "descriptors": descriptors(pid),
        "threads": threading.active_count(),
    }


def begin(runtime: Runtime) -> dict[str, object]:
    """Returns the same at the begin of a span, without this question's own cost and the garbage collection that it hastens.

    Freezes the present objects, as the launcher does once it has started.
    """
    found = figures(runtime)
    gc.freeze()
    return {**found, **spent()}


def attempts(runtime: Runtime, since_ns: int, until_ns: int, prefix: str = "") -> dict[str, object]:
    """Lateness of the kept attempts that were due in a span, of targets whose names begin with `prefix`."""
    late_ms: list[float] = []
    outcomes: dict[str, int] = {}
    missed = 0
    for target in runtime.status().targets:
        if not target.id.startswith(prefix):
            continue
        for record in runtime.attempts(target.id):
            if not since_ns <= record.due.monotonic_ns < until_ns:
                continue
            outcomes[record.outcome] = outcomes.get(record.outcome, 0) + 1
            missed += record.missed
            if record.started is not None and record.outcome != Outcome.CANCELLED:
                late_ms.append(record.lateness_ns / 1e6)
    late_ms.sort()
    return {
        "attempts": len(late_ms),
        "missed": missed,
        "outcomes": outcomes,
        **{f"lateness_p{share}_ms": percentile(late_ms, share / 100) for share in (50, 90, 99)},
        "lateness_max_ms": late_ms[-1] if late_ms else 0.0,
    }


def states(runtime: Runtime) -> dict[str, object]:
    """Counts the targets of each status, and names the problems of the runtime."""
    status = runtime.status()
    found: dict[str, int] = {}
    for target in status.targets:
        found[target.status.value] = found.get(target.status.value, 0) + 1
    return {"states": found, "incidents": len(status.incidents), "problems": dict(status.problems)}


def threads() -> dict[str, object]:
    """Returns the CPU seconds of each thread so far, by name."""
    return {
        thread.name: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None
    }


def hog(for_s: float) -> dict[str, object]:
    """Begin to compute on another thread, holding the interpreter's lock for as long as it is let."""

    def compute() -> None:
        ends_s = time.monotonic() + for_s
        while time.monotonic() < ends_s:
            sum(range(2_000))

    threading.Thread(target=compute, daemon=True).start()
    return {}


def answer(runtime: Runtime, line: str) -> dict[str, object]:
    question, *arguments = line.split()
    match question:
        case "figures":
            return figures(runtime)
        case "begin":
            return begin(runtime)
        case "attempts":
            return attempts(runtime, int(arguments[0]), int(arguments[1]), *arguments[2:])
        case "states":
            return states(runtime)
        case "threads":
            return threads()
        case "turns":
            return TURNS.take()
        case "hog":
            return hog(float(arguments[0]))
        case _:
            raise ValueError(f"an unknown question: {line!r}")


def take_time(_notice: object) -> None:
    """A channel that is slow."""
    time.sleep(2.0)


def ignore(_notice: object) -> None:
    """A channel that costs nothing."""


CALLABLES = {"slow": take_time, "ignore": ignore}


SYSTEM_FILES = "unix"
"""The default file system of SQLite."""


class SlowFile(apsw.VFSFile):
    """A file of a disk whose syncs are slow."""

    def __init__(self, vfs: str, name: object, flags: list[int], wait_s: float) -> None:
        super().__init__(vfs, name, flags)
        self._wait_s = wait_s

    def xSync(self, flags: int) -> None:  # noqa: N802  # SQLite's name
        time.sleep(self._wait_s)
        super().xSync(flags)


class SlowDisk(apsw.VFS):
    """The system's files with a slow sync."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        super().__init__("slow", SYSTEM_FILES, makedefault=True)

    def xOpen(self, name: object, flags: list[int]) -> SlowFile:  # noqa: N802  # SQLite's name
        return SlowFile(SYSTEM_FILES, name, flags, self._wait_s)


def main() -> None:
    """Runs the configuration of the first line until the input ends."""
    stay_on(int(sys.argv[1]))
    # The registries that are asked here are the measurement's own.
    DomainRegistration.every_ns_min = 0
    disk = SlowDisk(int(sys.argv[2]) / 1e3) if int(sys.argv[2]) else None
    plan = msgspec.json.decode(sys.stdin.readline(), type=Configuration)
    began_ns = time.monotonic_ns()
    runtime = Runtime(
        targets=plan.targets,
        channels=plan.channels,
        routes=plan.routes,
        agents=plan.agents,
        options=plan.runtime,
        callables=_callables(plan),
    )
    # The runtime has copies: a program that keeps its targets, too, takes a kilobyte and a half more for each.
    del plan
    with runtime:
        _say({"started_in_ms": (time.monotonic_ns() - began_ns) / 1e6})
        for line in sys.stdin:
            _say(answer(runtime, line))
        left = runtime.stop()
    _say({"abandoned": [list(each) for each in left.left]})
    del disk


def _callables(plan: Configuration) -> dict[str, object]:
    named = {channel.call.name for channel in plan.channels if channel.call is not None}
    return {name: CALLABLES[name] for name in named}


def _say(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
