"""The verb `simulate`: what it prints, how far it says it is, and how it ends."""

import pytest
from click.testing import CliRunner
from watchkeeper.domain.auditing.violation import Violation
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.simulating import HOUR_NS, Progress, in_plain_words
from watchkeeper.testing import ManualClock
from watchkeeper.testing.simulation.configured import Foreseen
from watchkeeper.testing.simulation.run import Result

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
    def run(script, expect=USUAL):
        path = tmp_path / "watch.yaml"
        path.write_text(CONFIG % expect)
        arguments = ["simulate", str(path), "--hours", "0.5", "--script", f"shop={script}"]
        return CliRunner().invoke(cli, arguments)

    return run


def test_a_sound_script_ends_with_a_sentence(simulate):
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
    result = simulate("ok", '["1 == 2"]')
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == ("target 'shop' can never be `ok`: the condition '1 == 2' never holds\n")


def test_progress_is_told_every_few_seconds():
    clock, lines = ManualClock(), []
    progress = Progress(clock, 24 * HOUR_NS, lines.append)
    for hour in range(1, 9):
        clock.advance(NS_PER_S)
        progress.passed(hour * HOUR_NS)
    assert lines == ["3.0 of 24.0 hours are simulated", "6.0 of 24.0 hours are simulated"]


def test_a_broken_rule_is_called_a_defect_of_ours():
    result = Result(
        seed=1,
        violations=(Violation("S17", "", 0),),
        trace="",
        simulated_ns=HOUR_NS,
        steps=0,
        sites=0,
        processes=1,
        real_ns=1,
        sometimes={},
    )
    says = in_plain_words(Foreseen((), {}, result))
    assert says.startswith("After 1.0 simulated hours watchkeeper violated an invariant of its own (S17)")
