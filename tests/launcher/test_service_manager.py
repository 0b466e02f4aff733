"""The messages to the service manager, over a real datagram socket: from the parts, and from `run` in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest
from watchkeeper import UsageError
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.read_model.histogram import Percentiles
from watchkeeper.domain.read_model.status import RuntimeStatus
from watchkeeper.domain.units import NS_PER_S
from watchkeeper.launcher.operate.service_manager import SLACK_NS, ServiceManager, Watchdog

from tests.launcher.test_running import WITHIN_S, running, write

CLOCK = SystemClock()


@contextmanager
def listening(address):
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as heard:
        heard.bind(address)
        heard.settimeout(WITHIN_S)
        yield heard


def next_of(heard):
    """The next datagram as a dictionary."""
    return dict(line.split("=", 1) for line in heard.recv(4096).decode().splitlines())


def until(heard, key):
    """The next datagram that has the key."""
    while key not in (found := next_of(heard)):
        pass
    return found


def status(*problems, **fields):
    return RuntimeStatus(
        at_ns=0,
        targets=(),
        incidents=(),
        silences=(),
        problems=problems,
        blind=(),
        lateness=Percentiles(0, 0, 0, 0, 0),
        counters=(),
        **fields,
    )


def raises(error):
    def ask():
        raise error

    return ask


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_a_manager_hears_the_life_of_a_process(tmp_path, kind):
    name = str(tmp_path / "notify") if kind == "path" else f"@watchkeeper-test-{os.getpid()}"
    with listening(name.replace("@", "\0", 1) if kind == "abstract" else name) as heard:
        manager = ServiceManager({"NOTIFY_SOCKET": name}, CLOCK)
        assert manager.is_there
        manager.waiting("the store is held", 30 * NS_PER_S)
        assert next_of(heard) == {"STATUS": "the store is held", "EXTEND_TIMEOUT_USEC": "40000000"}
        manager.ready("watching 2 targets\nand more")
        assert next_of(heard) == {"READY": "1", "STATUS": "watching 2 targets\\nand more"}
        before_us = CLOCK.monotonic_ns() // 1_000
        manager.reloading()
        said = next_of(heard)
        assert (said["RELOADING"], said["STATUS"]) == ("1", "reading the configuration again")
        assert before_us <= int(said["MONOTONIC_USEC"]) <= CLOCK.monotonic_ns() // 1_000
        manager.stopping(5 * NS_PER_S)
        assert next_of(heard) == {"STOPPING": "1", "STATUS": "draining", "EXTEND_TIMEOUT_USEC": "15000000"}


@pytest.mark.parametrize("name", ["", "/nowhere/at/all", "x" * 300, "vsock:2:1"])
def test_a_manager_that_is_not_there_costs_nothing(name):
    manager = ServiceManager({"NOTIFY_SOCKET": name} if name else {}, CLOCK)
    manager.ready("watching")
    assert manager.is_there is bool(name)


def test_a_manager_that_reads_nothing_holds_nothing_up(tmp_path):
    with listening(str(tmp_path / "notify")):
        manager = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")}, CLOCK)
        for _ in range(2_000):
            manager.ready("watching")


@pytest.mark.parametrize(
    ("environment", "watchdog_ns"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30 * NS_PER_S),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30 * NS_PER_S),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_a_watchdog_is_kept_where_it_is_asked_for_from_this_process(environment, watchdog_ns):
    assert ServiceManager(environment, CLOCK).watchdog_ns == watchdog_ns


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (status, {"WATCHDOG": "1", "STATUS": "0 targets: none; 0 open incidents"}),
        (
            lambda: status(("channel ops", "HTTP 503")),
            {"WATCHDOG": "1", "STATUS": "0 targets: none; 0 open incidents; channel ops: HTTP 503"},
        ),
        (
            lambda: status(("store", "the disk is full")),
            {"WATCHDOG": "1", "STATUS": "store: the disk is full"},
        ),
        (raises(TimeoutError()), {"STATUS": "the runtime does not answer"}),
        (raises(UsageError("this runtime is not running")), {"STATUS": "the runtime does not answer"}),
    ],
    ids=["well", "a channel fails", "the store fails", "the loop stands still", "stopped"],
)
def test_a_process_lives_only_while_its_loop_answers(tmp_path, ask, said):
    with listening(str(tmp_path / "notify")) as heard:
        manager = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")}, CLOCK)
        assert Watchdog(manager, ask, CLOCK).beat() is ("WATCHDOG" in said)
        assert next_of(heard) == said


class SetClock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = CLOCK.read()

    def read(self):
        return self.now


def test_a_process_that_drains_lives_for_its_grace(tmp_path):
    clock = SetClock()
    watchdog = Watchdog(ServiceManager({}, CLOCK), raises(UsageError("stopped")), clock)
    watchdog.draining(5 * NS_PER_S)
    assert watchdog.beat()
    clock.now = clock.now.shifted(5 * NS_PER_S + SLACK_NS)
    assert not watchdog.beat()


def test_run_tells_its_whole_life_to_the_service_manager(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    path = write(tmp_path)
    with listening(str(tmp_path / "notify")) as heard, running(path) as process:
        summary = "1 target (1 tcp), 1 channel (ops by log)"
        assert next_of(heard) == {"READY": "1", "STATUS": f"watching {summary}"}
        for _ in range(2):
            assert until(heard, "WATCHDOG")["STATUS"].startswith("1 target: 1 ")
        process.send_signal(signal.SIGHUP)
        until(heard, "RELOADING")
        assert until(heard, "READY")["STATUS"] == f"watching {summary}"
        path.write_text("targets: [{id: t0, tpc: {}}]")
        process.send_signal(signal.SIGHUP)
        until(heard, "RELOADING")
        assert "the configuration was not read again: " in until(heard, "READY")["STATUS"]
        process.terminate()
        assert until(heard, "STOPPING")["EXTEND_TIMEOUT_USEC"] == "20000000"
        assert process.wait(WITHIN_S) == 0


def test_run_waits_for_a_store_that_another_process_holds(tmp_path):
    path = write(tmp_path)
    with running(path) as first:
        waiting = (sys.executable, "-m", "watchkeeper", "run", "--wait", "30s")
        with running(path, command=waiting, first="waiting for it") as second:
            first.terminate()
            assert first.wait(WITHIN_S) == 0
            begun = []
            for line in second.stderr:
                begun.append(line)
                if "watching: " in line:
                    break
            assert not any("waiting for it" in line for line in begun)
            second.terminate()
            assert second.wait(WITHIN_S) == 0


def test_run_gives_up_on_a_store_that_stays_held(tmp_path):
    path = write(tmp_path)
    with running(path) as first:
        done = subprocess.run(
            [sys.executable, "-m", "watchkeeper", "run", "--wait", "600ms", str(path)],
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 3
        said, error = done.stderr.splitlines()
        assert f"watch.db is held by process {first.pid}" in said
        assert said.endswith(": waiting for it for at most 600ms")
        assert f"watch.db is held by process {first.pid}" in error


def test_run_that_waits_ends_well_by_a_signal(tmp_path):
    path = write(tmp_path)
    with running(path):
        waiting = (sys.executable, "-m", "watchkeeper", "run", "--wait", "1h")
        with running(path, command=waiting, first="waiting for it") as second:
            second.terminate()
            assert second.wait(WITHIN_S) == 0


def test_a_length_to_wait_that_is_none_is_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "watchkeeper", "run", "--wait", "soon", str(write(tmp_path))],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 2
    assert "--wait: 'soon' is no duration" in done.stderr
