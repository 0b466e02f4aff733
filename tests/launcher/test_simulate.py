"""The verb `simulate`: its output, its progress and its exit status."""

import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner
from watchkeeper.domain.units import NS_PER_HOUR, NS_PER_S
from watchkeeper.launcher.configure.simulate import progress, summary
from watchkeeper.launcher.main import cli
from watchkeeper.testing import ManualClock
from watchkeeper.testing.forecast import SEED_VERSION, Forecast

CONFIG = """
channels: [{id: ops, log: {}}]
targets:
  - id: shop
    every: 30s
    http: {url: "http://shop.example/"}
    expect: %s
    notify: [ops]
"""
USUAL = '["[STATUS] == 201", "[BODY].status == ok", "[CERTIFICATE_EXPIRATION] > 48h"]'


@pytest.fixture
def simulate(tmp_path):
    def run(script, *options, expect=USUAL):
        path = tmp_path / "watch.yaml"
        path.write_text(CONFIG % expect)
        arguments = ["simulate", "-c", str(path), "--hours", "0.5", "--script", f"shop={script}"]
        return CliRunner().invoke(cli, [*arguments, *options])

    return run


def test_a_passing_script_ends_with_a_sentence(simulate):
    result = simulate("ok 10m, down 5m, ok")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "channel ops: 2 notices\n" in result.stdout
    assert result.stdout.splitlines()[-1] == (
        "In 0.5 simulated hours there would be 1 incident, 0 still open at the end, and 2 notices; "
        "watchkeeper kept all its invariants."
    )


def test_usual_conditions_are_met_by_what_is_well(simulate):
    assert "there would be 0 incidents" in simulate("ok").stdout


def test_a_script_that_cannot_be_is_a_usage_error(simulate):
    result = simulate("ok 5")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'5'" in result.stderr


def test_progress_is_shown_every_few_seconds():
    clock, lines = ManualClock(), []
    passed = progress(clock, 24 * NS_PER_HOUR, lines.append)
    for hour in range(1, 9):
        clock.advance(NS_PER_S)
        passed(hour * NS_PER_HOUR)
    assert lines == ["3.0 of 24.0 hours are simulated", "6.0 of 24.0 hours are simulated"]


def test_a_violated_invariant_is_a_defect_of_watchkeeper():
    says = summary(Forecast((), {}, NS_PER_HOUR, "S17: an example"))
    assert says.startswith(
        "After 1.0 simulated hours watchkeeper violated an invariant of its own (S17: an example)"
    )


@pytest.mark.parametrize("seed", range(4))
def test_every_fault_at_once_breaks_no_invariant(tmp_path, seed):
    path = tmp_path / "watch.yaml"
    path.write_text(CONFIG % USUAL)
    arguments = ["simulate", "-c", str(path), "--hours", "24", "--faults", "all", "--seed", str(seed)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.stdout[-500:]
    assert CliRunner().invoke(cli, arguments).stdout.splitlines()[:-2] == result.stdout.splitlines()[:-2]


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--seed", f"{SEED_VERSION - 1}-7"), f"use {SEED_VERSION}-7"),
        (("--faults", "disk_torn"), "no fault is called disk_torn; there are all, none, channel_down"),
        (("--script", "shpo=ok"), "there is no target 'shpo' to follow a script; there are shop"),
        (("--script", "ok"), "'ok' is no script: write TARGET=TEXT"),
    ],
)
def test_a_simulation_that_cannot_be_is_a_usage_error(simulate, option, says):
    result = simulate("ok", *option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_ctrl_c_ends_a_simulation_at_once(tmp_path):
    path = tmp_path / "watch.yaml"
    path.write_text(CONFIG % USUAL)
    command = [sys.executable, "-P", "-m", "watchkeeper", "simulate", "-c", str(path), "--hours", "8784"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert "hours are simulated" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == -signal.SIGINT
        finally:
            process.kill()
