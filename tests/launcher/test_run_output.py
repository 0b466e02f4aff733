"""The output of `run`, on a pipe and on a terminal, in a process of its own; times and ids are made alike."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from watchkeeper import Configuration
from watchkeeper.launcher.operate.scene import scene_of

from tests.launcher.test_running import WITHIN_S, running, said_until, write

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SHORT = re.compile(r"\b[0-9a-f]{8}\b")
NO_ADDRESS = 'no address; web: {listen: "127.0.0.1:8080"} in the configuration gives it one'
REFUSED = "connection_refused: 127.0.0.1 port 1: Connection refused"


def alike(lines, folder):
    """The lines without what differs from run to run."""
    return [
        SHORT.sub("ID", STAMP.sub("TIME", line)).replace(str(folder), "FOLDER").rstrip() for line in lines
    ]


def test_plain_lines_are_the_same_at_every_start(tmp_path):
    with running(write(tmp_path), first="") as process:
        begun = []
        for line in process.stderr:
            begun.append(line)
            if "watching: " in line:
                break
        events = [process.stdout.readline() for _ in range(2)]
        process.terminate()
        assert process.wait(WITHIN_S) == 0
        end = process.stderr.read().splitlines()
    assert alike(begun, tmp_path) == [
        "TIME INFO configuration: FOLDER/watch.yaml",
        "TIME INFO store: FOLDER/watch.db",
        f"TIME INFO page and API: {NO_ADDRESS}",
        "TIME INFO verbs: by the socket FOLDER/watch.db.sock",
        "TIME INFO watching: 1 target (1 tcp), 1 channel (ops by log)",
    ]
    assert alike(events, tmp_path) == [
        f"TIME ERROR opened: t0/down (critical) ID: {REFUSED}",
        "TIME INFO notice delivered: ops: opened of t0/down (critical) ID",
    ]
    assert alike(end, tmp_path)[-1] == "TIME INFO stopping (a second signal would end the process at once)"


def test_the_address_of_the_page_is_told_once(tmp_path):
    path = write(tmp_path)
    path.write_text(f'web: {{listen: "127.0.0.1:0"}}\n{path.read_text()}')
    with running(path, first="") as process:
        begun = []
        for line in process.stderr:
            begun.append(line)
            if "watching: " in line:
                break
        process.terminate()
        assert process.wait(WITHIN_S) == 0
    assert [line for line in begun if "http://127.0.0.1:" in line] == [begun[2]]


JSON = (sys.executable, "-m", "watchkeeper", "run", "--log", "json")


def test_every_line_of_json_has_a_time_a_level_and_a_message(tmp_path):
    path = write(tmp_path)
    with running(path, command=JSON) as process:
        events = [json.loads(process.stdout.readline()) for _ in range(2)]
        path.write_text("targets: [{id: t0, tpc: {}}]")
        process.send_signal(signal.SIGHUP)
        said = [said_until(process, "in force")]
        process.terminate()
        assert process.wait(WITHIN_S) == 0
        said += process.stderr.read().splitlines()
    for line in (documents := [*events, *map(json.loads, said)]):
        assert STAMP.fullmatch(line["time"])
        assert line["level"] in {"info", "warning", "error"}
        assert line["message"]
    opened, told = events
    assert (opened["event"], opened["level"]) == ("incident.opened", "error")
    assert (opened["incident"]["target"], opened["incident"]["rule"]) == ("t0", "down")
    assert (told["event"], told["channel"], told["attempts"]) == ("notice.delivered", "ops", 1)
    assert told["incident"]["id"] == opened["incident"]["id"]
    assert documents[-1]["event"] == "stop"


def test_the_first_object_of_json_names_what_is_watched(tmp_path):
    path = write(tmp_path)
    with running(path, command=JSON, first="") as process:
        begun = json.loads(said_until(process, '"started"'))
        process.terminate()
        assert process.wait(WITHIN_S) == 0
    del begun["time"]
    assert begun == {
        "level": "info",
        "event": "started",
        "message": "watching: 1 target (1 tcp), 1 channel (ops by log)",
        "configuration": str(path),
        "targets": 1,
        "kinds": {"tcp": 1},
        "channels": {"ops": "log"},
        "store": f"{tmp_path}/watch.db",
        "api": [],
        "control": f"{tmp_path}/watch.db.sock",
    }


@pytest.mark.parametrize(
    ("text", "status"), [("targets: [{id: t0, tpc: {}}]", 2), ("runtime: {store: bad.db}", 3)]
)
def test_an_error_that_ends_the_command_is_an_object_too(tmp_path, text, status):
    (tmp_path / "bad.db").write_text("this is no database")
    path = tmp_path / "watch.yaml"
    path.write_text(text)
    done = subprocess.run([*JSON, str(path)], capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert done.returncode == status
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["level"] for line in said} == {"error"}
    assert said[-1]["event"] == "run"


LOGGED = """
import logging, threading, warnings
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.launcher.operate.outputs import JsonOutput, take_logging
output = JsonOutput(SystemClock())
take_logging(output.handler)
logging.getLogger("watchkeeper.web.audit").info("%s %s by %s", "PUT", "/x", "anna", extra={"audit": {"by": "anna"}})
warnings.warn("old", DeprecationWarning, stacklevel=1)
def fails():
    raise ValueError("two\\nlines")
thread = threading.Thread(target=fails)
thread.start()
thread.join()
output.close()
"""


def test_lines_of_logging_warnings_and_threads_are_objects():
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", LOGGED],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    audit, warned, failed = map(json.loads, done.stderr.splitlines())
    assert (audit["level"], audit["logger"], audit["message"]) == (
        "info",
        "watchkeeper.web.audit",
        "PUT /x by anna",
    )
    assert audit["audit"] == {"by": "anna"}
    assert (warned["level"], warned["logger"]) == ("warning", "py.warnings")
    assert failed["level"] == "critical"
    assert "ValueError: two\nlines" in failed["traceback"]


@contextmanager
def on_a_terminal(path, *options, columns=80, **environment):
    """`run` with a terminal for its standard streams; gives the process and a function that reads until a word."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "watchkeeper", "run", *options, str(path)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=path.parent,
        env={
            **os.environ,
            "COLUMNS": str(columns),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "LC_ALL": "",
            **environment,
        },
    )
    os.close(theirs)
    seen = ""

    def until(wanted):
        nonlocal seen
        while wanted not in seen:
            try:
                seen += os.read(ours, 4096).decode()
            except OSError:  # the process has closed the terminal
                break
        return seen

    try:
        yield process, until
    finally:
        process.kill()
        process.wait(WITHIN_S)
        os.close(ours)


CLOCK = re.compile(r"\d\d:\d\d:\d\dZ")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def calm(text, folder):
    text = re.sub(r"it is .*", "it is NOW", CLOCK.sub("CLOCK", COLOUR.sub("", text)))
    text = re.sub(r"began \d+s ago", "began AGO", re.sub(r"t0/down [0-9a-f]{4}", "t0/down ID", text))
    return [line.rstrip() for line in text.replace(str(folder), "FOLDER").splitlines()]


def test_a_terminal_shows_what_is_watched_and_then_each_event(tmp_path):
    with on_a_terminal(write(tmp_path), columns=200) as (process, until):
        until("told")
        process.send_signal(signal.SIGINT)
        text = until("stopping (a")
        assert process.wait(WITHIN_S) == 0
    assert "\x1b[31m\x1b[1mcritical\x1b[0m" in text
    lines = calm(text, tmp_path)
    assert re.fullmatch(r"watchkeeper [0-9.]+ is watching", lines[0])
    assert lines[1:] == [
        "  targets        1: 1 tcp",
        "  channels       ops by log",
        "  configuration  FOLDER/watch.yaml",
        "  store          FOLDER/watch.db",
        f"  page and API   {NO_ADDRESS}",
        "  verbs          by the socket FOLDER/watch.db.sock",
        "  times          in UTC; it is NOW",
        "Ctrl-C drains within 10s and ends; a second one ends at once. SIGHUP reads the configuration again.",
        "",
        f"CLOCK  critical   t0/down ID opened: {REFUSED}",
        "CLOCK  told       ops: t0/down ID opened",
        "CLOCK  stop       stopping (a second signal would end the process at once)",
    ]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours_gets_no_escape(tmp_path, environment):
    with on_a_terminal(write(tmp_path), columns=40, LANG="C", **environment) as (_, until):
        text = until("told")
    assert "\x1b" not in text
    assert text.isascii()
    assert all(len(line) <= 40 for line in text.splitlines())


def test_plain_lines_can_be_had_on_a_terminal(tmp_path):
    with on_a_terminal(write(tmp_path), "--plain") as (_, until):
        text = until("notice delivered")
    assert "INFO watching: 1 target (1 tcp), 1 channel (ops by log)" in text
    assert "\x1b" not in text


def test_a_second_run_names_the_incidents_that_are_open_from_before(tmp_path):
    path = write(tmp_path)
    with on_a_terminal(path) as (process, until):
        until("told")
        process.terminate()
        process.wait(WITHIN_S)
    with on_a_terminal(path, columns=200) as (_, until):
        text = COLOUR.sub("", until("(critical, for"))
    assert re.search(r"Z  open       from before: t0/down [0-9a-f]{4} \(critical, for \d+s\)", text)


def test_a_reload_on_a_terminal_says_what_it_changed(tmp_path):
    path = write(tmp_path)
    with on_a_terminal(path, columns=200) as (process, until):
        until("told")
        write(tmp_path, targets=3)
        process.send_signal(signal.SIGHUP)
        text = COLOUR.sub("", until("reloaded: 3"))
    assert "Z  reload     configuration reloaded: 3" in text


def test_standard_error_of_a_file_keeps_its_plain_lines(tmp_path):
    ours, theirs = pty.openpty()
    path = write(tmp_path)
    with Path(tmp_path / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "watchkeeper", "run", str(path)],
            stdout=theirs,
            stderr=errors,
            cwd=tmp_path,
        )
        os.close(theirs)
        seen = b""
        while b"told" not in seen:
            seen += os.read(ours, 4096)
        process.terminate()
        assert process.wait(WITHIN_S) == 0
        os.close(ours)
    said = alike((tmp_path / "errors").read_text().splitlines(), tmp_path)
    assert "TIME INFO stopping (a second signal would end the process at once)" in said
    assert all(line.startswith("TIME ") for line in said)


LINK = re.compile(r"Z  browser    http://127\.0\.0\.1:\d+/login/([a-z2-7]{26})\s")


def test_a_terminal_shows_a_link_that_signs_a_browser_in_and_no_file_holds_it(tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text() + "\nweb: {listen: '127.0.0.1:0'}\n")
    with on_a_terminal(path) as (process, until):
        until("told")
        text = COLOUR.sub("", until("/login/"))
        assert "Z  browser    signs in as operator, once and within ten minutes:" in text
        (secret,) = LINK.findall(text)
        process.send_signal(signal.SIGINT)
        assert process.wait(WITHIN_S) == 0
    with running(path) as process:
        process.terminate()
        _, errors = process.communicate(timeout=WITHIN_S)
    assert "/login/" not in errors
    assert not [file for file in tmp_path.iterdir() if secret.encode() in file.read_bytes()]


def test_the_first_lines_of_a_run_and_the_service_manager_name_the_node(tmp_path):
    scene = scene_of(tmp_path / "a.yaml", Configuration(targets=()), (), "a runs 4 of 8 shards")
    assert ("node", "a runs 4 of 8 shards") in scene.facts()
    assert scene.fields()["node"] == "a runs 4 of 8 shards"
    assert scene.service_line == "watching no target, no channel; node a runs 4 of 8 shards"
    alone = scene_of(tmp_path / "a.yaml", Configuration(targets=()), ())
    assert "node" not in {*dict(alone.facts()), *alone.fields()}
    assert alone.service_line == "watching no target, no channel"
