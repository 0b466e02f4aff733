"""`run` in a process of its own: signals, reloads, a store that is held, and how each ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import pytest

from tests.adapters.commands.test_killing import is_gone

CONFIG = "runtime: {{store: watch.db}}\nchannels: [{{id: ops, log: {{}}}}]\ntargets: [{targets}]\n"
TARGET = "{{id: t{0}, every: 100ms, tcp: {{host: 127.0.0.1, port: 1}}, notify: [ops]}}"
WITHIN_S = 60


def write(folder, targets=1):
    path = folder / "watch.yaml"
    path.write_text(CONFIG.format(targets=", ".join(TARGET.format(number) for number in range(targets))))
    return path


@contextmanager
def running(
    path, stdout=subprocess.PIPE, command=(sys.executable, "-m", "watchkeeper", "run"), first="watching: "
):
    """A process that has printed that it watches; killed at the end if it still lives."""
    process = subprocess.Popen(
        [*command, str(path)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=path.parent,
    )
    try:
        if first:
            said_until(process, first)
        yield process
    finally:
        process.kill()
        process.wait(WITHIN_S)
        for stream in filter(None, (process.stdout, process.stderr)):
            stream.close()


def said_until(process, wanted):
    """The line of standard error that has `wanted` in it."""
    for line in process.stderr:
        if wanted in line:
            return line
    pytest.fail(f"the process ended with {process.wait(WITHIN_S)} and never said {wanted!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_drains_and_ends_well(number, tmp_path):
    with running(write(tmp_path)) as process:
        assert "ERROR opened: t0/down (critical)" in process.stdout.readline()
        process.send_signal(number)
        assert process.wait(WITHIN_S) == 0


DEAF = """
runtime: {{{}}}
channels: [{{id: ops, webhook: {{url: "http://127.0.0.1:1/"}}}}]
targets: [{{id: t0, every: 100ms, tcp: {{host: 127.0.0.1, port: 1}}, notify: [ops]}}]
"""
WAITING = "/watch.db, and sent by the next run: 1 notice: "
LOST = "abandoned: notices left in the outbox: "


@pytest.mark.parametrize(
    ("store", "status", "said", "unsaid"),
    [("store: watch.db", 0, WAITING, "abandoned: "), ("", 1, LOST, "kept in ")],
)
def test_notices_that_are_left_wait_in_a_file_or_are_lost(tmp_path, store, status, said, unsaid):
    path = tmp_path / "watch.yaml"
    path.write_text(DEAF.format(store))
    with running(path) as process:
        assert "ERROR opened: t0/down (critical)" in process.stdout.readline()
        process.terminate()
        assert process.wait(WITHIN_S) == status
        errors = process.stderr.read()
        assert said in errors
        assert unsaid not in errors


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path):
    with Path("/dev/full").open("w") as full, running(write(tmp_path), stdout=full) as process:
        said_until(process, "incident.opened")
        process.terminate()
        assert process.wait(WITHIN_S) == 0
        assert "Traceback" not in process.stderr.read()


CLOSED = ("sh", "-c", 'exec "$0" -m watchkeeper run "$1" <&- >&-', sys.executable)


def test_a_command_without_standard_streams_ends_well(tmp_path):
    with running(write(tmp_path), command=CLOSED) as process:
        said_until(process, "incident.opened")
        process.terminate()
        assert process.wait(WITHIN_S) == 0


@pytest.mark.parametrize(
    "streams", [">&- 2>&-", "<&- >&- 2>&-", "> /dev/full 2> /dev/full", "> /dev/full 2>&-"]
)
def test_a_command_that_has_lost_both_streams_goes_on_watching_and_ends_well(tmp_path, streams):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(WITHIN_S)
        path = write(tmp_path)
        path.write_text(path.read_text().replace("port: 1}", f"port: {server.getsockname()[1]}}}"))
        script = f'exec "$0" -m watchkeeper run "$1" {streams}'
        process = subprocess.Popen(["sh", "-c", script, sys.executable, str(path)])
        try:
            for _ in range(3):
                server.accept()[0].close()
            process.terminate()
            assert process.wait(WITHIN_S) == 0
        finally:
            process.kill()
            process.wait(WITHIN_S)


TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"


def test_every_line_of_a_run_begins_with_its_time_in_utc(tmp_path, monkeypatch):
    """Events, notices of the log channel, words of the command and the problems of a file alike."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    path = write(tmp_path)
    with running(path) as process:
        said = [said_until(process, "incident.opened")]
        path.write_text("targets: [{id: t0, tpc: {}}, {id: t1, cal: {}}]")
        process.send_signal(signal.SIGHUP)
        said.append(said_until(process, "in force"))
        process.terminate()
        assert process.wait(WITHIN_S) == 0
        said += process.stderr.read().splitlines()
        said += process.stdout.read().splitlines()
    now = datetime.now(UTC)
    assert len(said) > 4
    for line in said:
        stamp = re.match(TIME, line)
        assert stamp is not None, line
        assert abs(now - datetime.fromisoformat(stamp[0])) < timedelta(minutes=5)


PLUGIN = """
runtime: {allow_exec: true}
channels: [{id: ops, log: {}}]
targets: [{id: plugin, every: 100ms, timeout: 90ms, exec: {argv: [/bin/sh, left.sh], directory: FOLDER}, notify: [ops]}]
"""


@pytest.mark.needs("pidfd")
def test_an_orphan_that_a_plugin_has_hidden_is_gone_when_the_command_ends(tmp_path):
    os.mkfifo(tmp_path / "pid")
    (tmp_path / "left.sh").write_text("env -i setsid sh -c 'echo $$ > pid; exec sleep 1000' & echo OK")
    path = tmp_path / "watch.yaml"
    path.write_text(PLUGIN.replace("FOLDER", str(tmp_path)))
    with running(path) as process:
        pids = (tmp_path / "pid").read_text().split()
        process.terminate()
        assert process.wait(WITHIN_S) == 0
        assert all(is_gone(pid) for pid in pids)


def test_a_bad_file_at_a_reload_is_reported_and_changes_nothing(tmp_path):
    path = write(tmp_path)
    with running(path) as process:
        path.write_text("targets: [{id: t0, tpc: {}}]")
        process.send_signal(signal.SIGHUP)
        said_until(process, f"{path}:1:20: targets[0].tpc: unknown key, did you mean tcp")
        assert "the running configuration stays in force" in said_until(process, "in force")
        write(tmp_path, targets=3)
        process.send_signal(signal.SIGHUP)
        assert "3 targets" in said_until(process, "configuration reloaded: ")
        process.terminate()
        assert process.wait(WITHIN_S) == 0


def test_a_change_of_an_included_file_is_read_by_itself(tmp_path):
    path = write(tmp_path)
    more = tmp_path / "more.yaml"
    more.write_text("targets: []")
    path.write_text(path.read_text() + "include: [more.yaml]\n")
    command = (sys.executable, "-m", "watchkeeper", "run", "--reload-on-change")
    with running(path, command=command) as process:
        more.write_text("targets: [{id: t9, tpc: {}}]")
        said_until(process, "a file of the configuration has changed")
        said_until(process, f"{more}:1:20: targets[0].tpc: unknown key, did you mean tcp")
        said_until(process, "the running configuration stays in force")
        more.write_text("targets: [{id: t9, tcp: {host: 127.0.0.1, port: 1}}]")
        # The bad file was told of once: what follows is about the new one.
        lines = iter(process.stderr.readline, "")
        said = list(takewhile(lambda line: "configuration reloaded: 2 targets" not in line, lines))
        assert sum("a file of the configuration has changed" in line for line in said) == 1
        assert not any("unknown key" in line for line in said)
        process.terminate()
        assert process.wait(WITHIN_S) == 0


def test_a_reload_after_which_nothing_runs_ends_the_command(tmp_path):
    path = write(tmp_path)
    with running(path) as process:
        (tmp_path / "watch.db").rename(tmp_path / "aside")
        (tmp_path / "watch.db").write_text("this is no database")
        path.write_text(path.read_text().replace("channels: [", "channels: [{id: more, log: {}}, "))
        process.send_signal(signal.SIGHUP)
        assert "the new configuration did not start: " in said_until(process, "configuration")
        assert "the old one did not start again: " in process.stderr.readline()
        assert process.stderr.readline().endswith("Z ERROR the runtime has stopped\n")
        assert process.wait(WITHIN_S) == 1
        assert "stays in force" not in process.stderr.read()


@pytest.mark.parametrize("replaced", [True, False])
def test_a_store_that_was_replaced_under_the_command_is_an_exit_of_its_own(tmp_path, replaced):
    with running(write(tmp_path)) as process:
        assert "ERROR opened: t0/down (critical)" in process.stdout.readline()
        (tmp_path / "watch.db").rename(tmp_path / "aside")
        if replaced:
            (tmp_path / "watch.db").write_bytes((tmp_path / "aside").read_bytes())
        process.terminate()
        assert process.wait(WITHIN_S) == 3
        assert "abandoned: the store is not in its place: " in process.stderr.read()


def test_a_store_that_another_process_holds_is_refused(tmp_path):
    path = write(tmp_path)
    with running(path) as process:
        second = subprocess.run(
            [sys.executable, "-m", "watchkeeper", "run", str(path)],
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert second.returncode == 3
        assert str(process.pid) in second.stderr


TWICE = """
import os, signal
from queue import SimpleQueue
from watchkeeper.launcher.operate.signals import Word, signals_heard
words = SimpleQueue()
with signals_heard(words, "2026-01-01T12:00:00.000Z WARNING {{}}\\n".format):
    os.kill(os.getpid(), signal.{0})
    assert words.get() is Word.STOP
    os.kill(os.getpid(), signal.{0})
    words.get(timeout=30)
"""


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_second_signal_ends_at_once(name, status):
    done = subprocess.run(
        [sys.executable, "-c", TWICE.format(name)], capture_output=True, timeout=WITHIN_S, check=False
    )
    assert done.returncode == status
    assert re.fullmatch(f"{TIME} WARNING ended at once by a second signal\n", done.stderr.decode())


RESTORED = """
import signal
from queue import SimpleQueue
from watchkeeper.launcher.operate.signals import signals_heard
before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
with signals_heard(SimpleQueue(), str):
    pass
assert before == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
"""


def test_handlers_are_given_back_at_the_end():
    subprocess.run([sys.executable, "-c", RESTORED], timeout=WITHIN_S, check=True)


@pytest.mark.slow
def test_the_demonstration_ends_by_itself_and_well(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "watchkeeper", "demo"],
        capture_output=True,
        text=True,
        timeout=2 * WITHIN_S,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2 incidents opened, 2 resolved" in done.stdout
    assert "everything as expected" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_demonstration_stays_until_it_is_stopped_and_shows_its_page(tmp_path):
    """Its script begins anew, so what its servers do is said twice."""
    command = [sys.executable, "-P", "-m", "watchkeeper", "demo", "--stay"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        address = next(process.stdout).partition("the page is at ")[2].strip()
        with urllib.request.urlopen(address + "api/v1/targets", timeout=WITHIN_S) as answer:  # noqa: S310  # http
            assert {each["id"] for each in json.load(answer)["items"]} == {"healthy", "slow", "shop"}
        fires = (line for line in process.stdout if "shop answers 503 from now on" in line)
        next(fires)
        next(fires)
        process.send_signal(signal.SIGINT)
        assert "incidents opened" in process.stdout.read()
        assert process.wait(WITHIN_S) == 0
    assert list(tmp_path.iterdir()) == []


INTERRUPTED = """
import os, signal, sys
class Interrupts:
    def find_spec(self, name, path, target=None):
        if name in {"watchkeeper.launcher.main", "watchkeeper.launcher.operate.running", "watchkeeper.runtime"}:
            os.kill(os.getpid(), signal.SIGNAL)
sys.meta_path.insert(0, Interrupts())
sys.argv = ["watchkeeper", "run", sys.argv[1]]
from watchkeeper.__main__ import main
main()
"""


def test_a_reload_that_is_asked_for_during_the_imports_ends_nothing(tmp_path):
    command = (sys.executable, "-c", INTERRUPTED.replace("SIGNAL", "SIGHUP"))
    with running(write(tmp_path), command=command) as process:
        process.terminate()
        assert process.wait(WITHIN_S) == 0


def as_process_1(*command):
    return ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *command)


@pytest.mark.needs("mount")
def test_process_1_is_ended_by_a_signal_during_the_imports(tmp_path):
    command = as_process_1(
        sys.executable, "-c", INTERRUPTED.replace("SIGNAL", "SIGTERM"), str(write(tmp_path))
    )
    done = subprocess.run(command, timeout=WITHIN_S, check=False)
    assert done.returncode == 143


ORPHANING = """
runtime: {allow_exec: true}
channels: [{id: ops, log: {}}]
targets: [{id: plugin, every: 100ms, timeout: 90ms, exec: {argv: [/bin/sh, -c, "(true &) ; echo OK"]}, notify: [ops]}]
"""


@pytest.mark.slow
@pytest.mark.needs("mount")
@pytest.mark.needs("pidfd")
def test_process_1_obeys_signals_and_reaps_what_programs_leave_behind(tmp_path):
    """A child that its program has left is a zombie until process 1 looks, which it does ten seconds later."""
    path = tmp_path / "watch.yaml"
    path.write_text(ORPHANING)
    with running(path, command=as_process_1(sys.executable, "-m", "watchkeeper", "run")) as process:
        (inside,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        children = Path(f"/proc/{inside}/task/{inside}/children")
        counted = []
        for _ in range(60):
            counted.append(len(children.read_text().split()))
            threading.Event().wait(0.5)
        assert max(counted) < 250, counted
        os.kill(int(inside), signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_demo_leaves_nothing_behind_after_a_signal(tmp_path, number):
    command = [sys.executable, "-P", "-m", "watchkeeper", "demo"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert any("INFO script: healthy" in line for line in process.stdout)
        assert list(tmp_path.iterdir()) != []
        process.send_signal(number)
        process.stdout.read()
        assert process.wait(WITHIN_S) == 1
    assert list(tmp_path.iterdir()) == []
