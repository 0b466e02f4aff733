"""`job` runs a command: its output and status pass through, and its start, end and time are reported."""

import json
import re
import signal
import subprocess
import sys

import pytest
from asking import Asking
from click.testing import CliRunner
from watchkeeper.launcher.main import cli

RUNS = [
    # Its two streams have no order between them.
    (
        "echo one; echo two >&2; exit 3",
        3,
        "one\n",
        "two\n",
        "exit status 3 after",
        (": one | two", ": two | one"),
    ),
    ("exit 0", 0, "", "", "took", ""),
    ("kill -9 $$", 137, "", "", "exit status 137 after", ""),
    ("printf 'a\\nb\\nc\\nd\\n'; exit 1", 1, "a\nb\nc\nd\n", "", "exit status 1 after", ": b | c | d"),
]


@pytest.mark.parametrize(("script", "status", "out", "err", "begins", "ends"), RUNS)
def test_job_passes_output_and_status_on_and_reports_them(
    run, folder, monkeypatch, script, status, out, err, begins, ends
):
    monkeypatch.chdir(folder)
    ended = CliRunner().invoke(cli, ["job", "etl", "--", "sh", "-c", script])
    assert (ended.exit_code, ended.stdout, ended.stderr) == (status, out, err)
    newest, started = pings_of("etl")
    assert (newest["kind"], started["kind"]) == ("fail" if status else "success", "start")
    assert (newest["run"], newest["duration_ms"] > 0) == (started["run"], True)
    assert (newest["exit_status"], started["exit_status"]) == (status, None)
    assert newest["body"].startswith(begins)
    assert newest["body"].endswith(ends)


def pings_of(target):
    return Asking("watch.db").get(f"/targets/{target}/pings?limit=2").json["items"]


def test_a_command_that_is_not_there_is_a_failed_run(verb, run):
    assert verb("job", "etl", "--", "no-such-program") == (
        127,
        "watchkeeper: no-such-program: No such file or directory\n",
    )
    assert pings_of("etl")[0]["body"].endswith("no-such-program: No such file or directory")
    assert verb("job", "etl", "--", "/")[0] == 126
    assert verb("job", "etl", "--")[0] == 2


def test_a_report_that_cannot_be_made_fails_no_job_and_is_said(verb, run, tmp_path):
    assert verb("job", "elt", "--", "true") == (
        0,
        "watchkeeper: the end of elt is not reported: no target is named 'elt', did you mean etl\n",
    )
    status, says = verb("job", "--store", str(tmp_path / "none.db"), "etl", "--", "sh", "-c", "exit 7")
    assert (status, "the end of etl is not reported: there is no store at" in says) == (7, True)
    assert verb("job", "-c", "none.yaml", "etl", "--", "true")[0] == 0


def test_a_signal_goes_to_the_command_of_a_job(run, folder):
    script = "trap 'echo heard; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    command = [sys.executable, "-P", "-m", "watchkeeper", "job", "etl", "--", "sh", "-c", script]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(signal.SIGTERM)
            assert (process.wait(60), process.stdout.read()) == (5, b"heard\n")
        finally:
            process.terminate()  # the command ends with the verb


def test_a_job_without_a_run_reports_its_end_to_the_store(quiet):
    assert quiet("job", "etl", "--", "sh", "-c", "exit 2")[0] == 2
    (row,) = json.loads(quiet("incidents", "--json")[1])["incidents"]
    assert re.fullmatch(r"reported: exit status 2 after \d+ms", row["cause"])


def test_notify_tests_a_channel_by_the_way_of_every_notice(verb, there, run):
    assert re.fullmatch(r"ops: the test is accepted( in \d+ ms)?(: .*)?\n", verb("notify", "ops")[1])
    assert json.loads(there("notify", "ops", "--json")[1])["result"] == "accepted"
    status, says = verb("notify", "nobody")
    assert (status, says) == (1, "watchkeeper: no channel has the id 'nobody': there are oncall, ops\n")


def test_a_second_run_is_told_of_the_first_and_not_of_its_address(run, folder):
    command = [sys.executable, "-P", "-m", "watchkeeper", "run"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "watch.db is held by process " in ended.stderr) == (3, True), ended.stderr
    assert "cannot be listened on" not in ended.stderr
