"""Kills the active worker of real web servers while requests come, and counts what fails, what is lost and what is told twice.

    python -m tests.system.workers [--kills 5] [--rate 200] [--only uvicorn gunicorn] [--seed 0]

Four workers of uvicorn (examples/servers/fastapi_app.py), then three of gunicorn (flask_app.py), serve so many requests a second, half of them
commands. They watch targets that fail and recover, with a receiver that keeps ids, answers late, refuses and closes connections.

Each request has a connection of its own and must be answered with 200. The workers share one listening socket: a request that waits in
its queue survives any worker. One that a worker has accepted ends with that worker, whatever the program is, and a client or proxy sends it
again. Such requests are counted apart, as `cut`: the worker is stopped, its connections are listed, then it is killed, and only a
request on one of these connections may be cut. Each is sent once more, and must be answered then.

A takeover lasts from the kill to another process holding the store. Prints the figures as JSON and in one line; the exit status is
0 only when no other request failed, no notice was lost or told twice, and every bar was met.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

from watchkeeper import Record

from tests.support.ports import free_port
from tests.system.audit import MUST_BE_NONE, audit, is_quiet
from tests.system.kill import moody
from tests.system.outside import Receiver, Site
from tests.system.processes import Watch, write_configuration
from tests.system.settling import settle
from tests.system.visits import Visit, Visitors

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "servers"
PATIENT = ROOT / "tests" / "servers" / "patient"
APPLICATION = "tests.system.serving:app"
TARGETS = 4
TAKEOVER_P99_S_MAX = 2.5
LOOK_EVERY_S = 0.01
ANSWERED_WITHIN_S = 15.0
LOG_SHOWN = 4_000
"""Characters of the end of the server's log, beside requests that failed."""
WITHIN_S = 120.0
LISTEN, STOPPED = "0A", "T"
"""States in /proc: of a connection, and of a process."""


class Server(NamedTuple):
    """One real server with workers."""

    example: str
    workers: int
    command: tuple[str, ...]
    """The address follows."""
    address: str


SERVERS = {
    "uvicorn": Server(
        "fastapi_app",
        4,
        (
            "uvicorn",
            APPLICATION,
            "--workers",
            "4",
            "--log-level",
            "warning",
            "--timeout-worker-healthcheck",
            "15",
            "--port",
        ),
        "{port}",
    ),
    "gunicorn": Server(
        "flask_app", 3, ("gunicorn", APPLICATION, "-w", "3", "--timeout", "240", "--bind"), "127.0.0.1:{port}"
    ),
}


def connections_of(process: int, port: int) -> set[int]:
    """Returns the remote ports of the connections that a process has accepted at a port."""
    sockets = set()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        try:
            sockets.add(descriptor.readlink().name)
        except OSError:
            continue  # closed meanwhile
    rows = (line.split() for line in Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:])
    return {
        int(remote.partition(":")[2], 16)
        for _, local, remote, state, *_, inode in (row[:10] for row in rows)
        if state != LISTEN and local.endswith(f":{port:04X}") and f"socket:[{inode}]" in sockets
    }


class Doomed(NamedTuple):
    """A connection that a killed worker had accepted."""

    port: int
    """The port of the client."""
    killed_s: float

    def is_of(self, visit: Visit) -> bool:
        return visit.port == self.port and visit.began_s <= self.killed_s <= visit.began_s + visit.took_s


class Workers:
    """One server with its store, its targets, its receiver and its visitors."""

    def __init__(self, server: Server, folder: Path, dice: Random, rate: float, *, is_timed: bool) -> None:
        self.server, self.dice, self._is_timed = server, dice, is_timed
        self.site, self.receiver = Site(), Receiver()
        self.store, self.log = folder / "watch.db", folder / "server.log"
        self.takeovers_s: list[float] = []
        self.doomed: set[Doomed] = set()
        self._pause = threading.Event()
        self.path = write_configuration(
            folder / "watch.yaml", site=self.site.url, receiver=self.receiver.url, targets=TARGETS
        )
        self.port = free_port()
        self._is_over = threading.Event()
        with ExitStack() as made:
            made.callback(self.receiver.close)
            made.callback(self.site.close)
            self._popen = self._started(self.path)
            made.callback(self._kill)
            self.until(self._is_listening, "the server listens")
            self.visitors = Visitors(self.port, rate, ANSWERED_WITHIN_S if is_timed else WITHIN_S)
            made.callback(self.visitors.end)
            self._changing = threading.Thread(target=self._change_targets)
            self._changing.start()
            made.callback(self._end_changes)
            self._made = made.pop_all()

    def _started(self, configuration: Path) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "LIFE": "1",
            "WATCH_STORE": str(self.store),
            "WATCH_CONFIG": str(configuration),
            "WATCH_EXAMPLE": self.server.example,
            "PYTHONPATH": f"{ROOT}:{EXAMPLES}" + ("" if self._is_timed else f":{PATIENT}"),
        }
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *self.server.command, self.server.address.format(port=self.port)],
                cwd=EXAMPLES,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def until(self, look: Callable[[], object], wanted: str, within_s: float = WITHIN_S) -> None:
        """Waits until a look is true."""
        ends_s = time.monotonic() + within_s
        while not look():
            assert self._popen.poll() is None, self.log.read_text()
            assert time.monotonic() < ends_s, f"{wanted}: not in time\n{self.log.read_text()}"
            self.pause(LOOK_EVERY_S)

    def pause(self, seconds: float) -> None:
        self._pause.wait(seconds)

    @property
    def active(self) -> int:
        """The process that runs the store; 0 while none does."""
        said = Record(self.store).run_by()
        return int(said.split()[1]) if said and said.startswith("process") else 0

    def until_complete(self) -> None:
        """Waits until every worker answers, also the one that replaces a killed one."""
        began_s = time.monotonic()
        wanted = f"{self.server.workers} workers answer"
        self.until(lambda: len(self.visitors.workers_since(began_s)) >= self.server.workers, wanted)

    def _change_targets(self) -> None:
        """Lets some targets fail and others recover all the time, so that notices are under way at every kill."""
        names, dice = [f"t{number}" for number in range(TARGETS)], Random(self.dice.random())
        while not self._is_over.wait(dice.uniform(0.1, 1.0)):
            self.site.down = {name for name in names if dice.random() < 0.5}

    def _end_changes(self) -> None:
        self._is_over.set()
        self._changing.join()
        self.site.down = set()

    def kill(self) -> None:
        """Kills the active worker and waits for the takeover, and until every worker answers."""
        self.pause(self.dice.uniform(0.1, 1.0))
        found: list[int] = []
        self.until(lambda: found.append(self.active) or found[-1], "a worker runs the store")
        former = found[-1]
        os.kill(former, signal.SIGSTOP)
        self.until(lambda: state_of(former) == STOPPED, "the worker is stopped")
        killed_s = time.monotonic()
        self.doomed |= {Doomed(port, killed_s) for port in connections_of(former, self.port)}
        os.kill(former, signal.SIGKILL)
        self.until(lambda: self.active not in {0, former}, "another worker takes over")
        self.takeovers_s.append(time.monotonic() - killed_s)
        self.until_complete()

    def settle(self) -> bool:
        """Lets all targets recover until nothing is open or pending, and ends the server. Returns whether that went well."""
        self._end_changes()
        self.receiver.mood = lambda: 200
        self.site.wait_for_questions(2)
        self.until(lambda: is_quiet(self.store), "nothing is open or pending")
        self.visitors.end()
        self._popen.send_signal(signal.SIGTERM)
        if self._popen.wait(WITHIN_S):
            return False
        # A check that ended too late while the server stopped may have opened an incident since.
        return is_quiet(self.store) or settle(self.store, self.site, lambda: Watch(self.path))

    def _kill(self) -> None:
        """Kills every process of the server."""
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def close(self) -> None:
        self._made.close()


class Figures(NamedTuple):
    """The counts and times of one server."""

    counts: Counter[str]
    takeovers_s: list[float]
    took_s: list[float]
    """The time of each request."""
    problems: list[str]
    """The requests that failed otherwise than by the end of their worker."""


def state_of(process: int) -> str:
    """Returns the letter by which the system names the state of a process."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def judged(visitors: Visitors, doomed: set[Doomed]) -> tuple[Counter[str], list[str]]:
    """Counts the requests, those that were cut with the worker that had accepted them, and those that failed otherwise."""
    broken = [visit for visit in visitors.visits if visit.problem]
    cut = [visit for visit in broken if any(each.is_of(visit) for each in doomed)]
    failed = [visit for visit in broken if visit not in cut]
    failed_again = [visit for visit in visitors.again if visit.problem]
    figures = Counter(
        requests=len(visitors.visits),
        requests_cut=len(cut),
        requests_failed=len(failed),
        requests_failed_again=len(failed_again),
    )
    return figures, [f"{visit.problem} after {visit.took_s:.2f} s" for visit in (*failed, *failed_again)]


def strike(
    server: Server, folder: Path, seed: int, kills: int, rate: float, *, is_timed: bool = True
) -> Figures:
    """Serves through so many kills of the active worker. Returns what was counted.

    Without `is_timed` a command waits for its answer as long as a busy machine takes.
    """
    workers = Workers(server, folder, Random(seed), rate, is_timed=is_timed)
    try:
        workers.receiver.mood = moody(workers)
        workers.until_complete()
        for _ in range(kills):
            workers.kill()
        settled = workers.settle()
        counts = audit(workers.store, workers.receiver, [])
        requests, problems = judged(workers.visitors, workers.doomed)
        problems += [workers.log.read_text(errors="replace")[-LOG_SHOWN:]] if problems else []
    finally:
        workers.close()
    # All workers have one name here: a repeat may come from another one than that which was answered.
    del counts["repeated_within_a_life"]
    counts.update(requests)
    counts.update(kills=kills, unsettled=not settled)
    took_s = [visit.took_s for visit in workers.visitors.visits]
    return Figures(counts, workers.takeovers_s, took_s, problems)


def faults_of(figures: Figures) -> dict[str, float]:
    """Returns what should not have happened."""
    wanted = (*MUST_BE_NONE, "unsettled", "requests_failed", "requests_failed_again")
    found: dict[str, float] = {name: figures.counts[name] for name in wanted if figures.counts[name]}
    takeover_s = percentile(figures.takeovers_s, 99)
    if takeover_s >= TAKEOVER_P99_S_MAX:
        found["takeover_p99_s"] = takeover_s
    return found


def percentile(values: list[float], share: int) -> float:
    """Returns the nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * share // 100) - 1]


def summary(name: str, figures: Figures) -> str:
    counts = figures.counts
    lost = counts["notices_lost"] + counts["notices_undelivered"]
    return (
        f"{name}: {counts['requests']} requests through {counts['kills']} kills, {counts['requests_failed']} failed,"
        f" {counts['requests_cut']} cut with their worker and {counts['requests_failed_again']} of these failed again;"
        f" {counts['notices_applied']} notices, {lost} lost, {counts['notices_applied_twice']} told twice;"
        f" takeover p50 {percentile(figures.takeovers_s, 50):.2f} s, p99 {percentile(figures.takeovers_s, 99):.2f} s;"
        f" request p50 {1000 * percentile(figures.took_s, 50):.0f} ms, slowest {max(figures.took_s):.2f} s"
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=SERVERS, default=list(SERVERS), metavar="SERVER")
    wanted = parser.parse_args(arguments)
    said, passed = [], True
    for name in wanted.only:
        with tempfile.TemporaryDirectory() as folder:
            figures = strike(SERVERS[name], Path(folder), wanted.seed, wanted.kills, wanted.rate)
        faults = faults_of(figures)
        passed &= not faults
        takeovers_s = [round(each, 3) for each in figures.takeovers_s]
        shown = {
            **figures.counts,
            "takeovers_s": takeovers_s,
            "problems": figures.problems[:20],
            "faults": faults,
        }
        sys.stdout.write(json.dumps({name: shown}, indent=1) + "\n")
        said.append(summary(name, figures) + (f"; FAULTS {faults}" if faults else ""))
    sys.stdout.write(" | ".join(said) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
