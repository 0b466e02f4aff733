"""How long a stand-by takes to be the active process after the active one was killed or frozen.

    python bench/takeover.py [--kills 40] [--freezes 10] [--processes 3] [--quick]

Prints one JSON object. Each process is a program with one runtime on the same store, with a check each second and a heartbeat. A
take-over is timed from the signal until another process answers that it is active. One of the stand-bys
sends a heartbeat every 20 ms while others are killed; `slowest_command_ms` is the longest of them, and `failed_commands` counts those that raised.
A killed process is replaced; a frozen one thaws after its take-over and must stand by.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import apsw
from machine import describe

KILLED_P99_S = 2.5
"""The limit of the 99th percentile after a kill."""
FROZEN_MAX_S = 6.0
"""A lease of 3 s, the looks of the stand-by, and the start."""
WITHIN_S = 60.0
SETTLED_S = 0.5
"""The time between two faults, in which commands show what they cost without one."""
HOST = """
import sys
from watchkeeper import Heartbeat, Runtime, Target
runtime = Runtime(store=sys.argv[1], targets=[Target(id="job", every="1h", heartbeat=Heartbeat())])
runtime.check("queue", every="1s", rules=())(lambda: 3)
runtime.start()
for line in sys.stdin:
    try:
        said = runtime.role if line == "role\\n" else runtime.heartbeat("job")
    except Exception as error:
        said = repr(error)
    print(said, flush=True)
"""


class Host:
    """One process."""

    def __init__(self, store: Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", HOST, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._asking = threading.Lock()

    def ask(self, word: str) -> str:
        with self._asking:
            self.popen.stdin.write(f"{word}\n")
            self.popen.stdin.flush()
            return self.popen.stdout.readline().strip()

    def end(self) -> None:
        self.popen.kill()
        with self.popen:
            pass


class Reporter:
    """Sends heartbeats by processes that are not to be killed next, and times them."""

    def __init__(self, hosts: list[Host]) -> None:
        self.hosts = hosts
        self.took_s: list[float] = []
        self.failed: list[str] = []
        self.is_paused = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.02):
            if self.is_paused:
                continue
            host = self.hosts[-1]
            began = time.monotonic()
            said = host.ask("report")
            self.took_s.append(time.monotonic() - began)
            if said != "None":
                self.failed.append(said)

    def end(self) -> None:
        self._over.set()
        self._thread.join()


def started(store: Path) -> Host:
    """Returns a process whose runtime has started."""
    host = Host(store)
    host.ask("role")
    return host


def until_active(hosts: list[Host], began: float) -> tuple[Host, float]:
    """Returns the process that is active, which goes to the front, and the seconds since `began`."""
    while time.monotonic() - began < WITHIN_S:
        for host in tuple(hosts):
            if host.ask("role") == "active":
                hosts.remove(host)
                hosts.insert(0, host)
                return host, time.monotonic() - began
        time.sleep(0.002)
    raise TimeoutError("no process took over")


def killed(hosts: list[Host], active: Host, store: Path) -> tuple[Host, float]:
    hosts.remove(active)
    began = time.monotonic()
    active.popen.kill()
    following, took_s = until_active(hosts, began)
    active.end()
    hosts.append(started(store))
    return following, took_s


def is_locked(store: Path) -> bool:
    """Whether another process is in the middle of a write."""
    connection = apsw.Connection(str(store))
    try:
        connection.execute("BEGIN IMMEDIATE; ROLLBACK")
    except apsw.BusyError:
        return True
    finally:
        connection.close()
    return False


def freeze(active: Host, store: Path) -> float:
    """Stops a process between two writes, as one in the middle of a write keeps its store. Returns the moment."""
    while True:
        began = time.monotonic()
        os.kill(active.popen.pid, signal.SIGSTOP)
        # The signal goes to one thread; the others go on until that one has run.
        os.waitid(os.P_PID, active.popen.pid, os.WSTOPPED)
        if not is_locked(store):
            return began
        os.kill(active.popen.pid, signal.SIGCONT)
        time.sleep(0.1)


def frozen(hosts: list[Host], active: Host, store: Path) -> tuple[Host, float]:
    hosts.remove(active)
    began = freeze(active, store)
    try:
        following, took_s = until_active(hosts, began)
    finally:
        os.kill(active.popen.pid, signal.SIGCONT)
    thawed = time.monotonic()
    while active.ask("role") != "standby":
        if time.monotonic() - thawed > WITHIN_S:
            raise TimeoutError("a process that thawed does not stand by")
        time.sleep(0.01)
    hosts.append(active)
    return following, took_s


def figures(took_s: list[float]) -> dict[str, float]:
    ordered = sorted(took_s)
    return {
        "count": len(ordered),
        "p50_s": round(statistics.median(ordered), 3),
        "p99_s": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 3),
        "max_s": round(ordered[-1], 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--freezes", type=int, default=10)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    kills, freezes = (3, 1) if given.quick else (given.kills, given.freezes)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "watch.db"
        hosts = [Host(store)]
        active, _ = until_active(hosts, time.monotonic())
        hosts += [started(store) for _ in range(given.processes - 1)]
        reporter = Reporter(hosts)
        took: dict[str, list[float]] = {"killed": [], "frozen": []}
        try:
            for kind, count in (("killed", kills), ("frozen", freezes)):
                # Commands would find no active process for a whole lease.
                reporter.is_paused = kind == "frozen"
                for number in range(count):
                    active, took_s = (
                        killed(hosts, active, store) if kind == "killed" else frozen(hosts, active, store)
                    )
                    took[kind].append(took_s)
                    time.sleep(SETTLED_S)
                    print(f"{kind} {number + 1} of {count}: {took_s:.2f} s", file=sys.stderr)
        finally:
            reporter.end()
            for host in hosts:
                host.end()
    result = {
        "machine": describe(),
        "quick": given.quick,
        **{kind: figures(each) for kind, each in took.items() if each},
        "commands": len(reporter.took_s),
        "failed_commands": reporter.failed,
        "slowest_command_ms": round(max(reporter.took_s) * 1000),
        "command_p50_ms": round(statistics.median(reporter.took_s) * 1000, 1),
        "bars": {"killed_p99_s": KILLED_P99_S, "frozen_max_s": FROZEN_MAX_S},
    }
    print(json.dumps(result, indent=2))
    met = not reporter.failed
    met = met and (not took["killed"] or result["killed"]["p99_s"] <= KILLED_P99_S)
    return 0 if met and (not took["frozen"] or result["frozen"]["max_s"] <= FROZEN_MAX_S) else 1


if __name__ == "__main__":
    sys.exit(main())
