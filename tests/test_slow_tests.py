"""The end of a run shows how many slow tests were left out, and names each test that this machine cannot run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SLOW = "tests/test_teeth.py::test_a_sample_of_seeded_bugs_is_caught"
TRACED = "tests/system/test_processes.py::test_a_start_without_threads_ends_with_a_message[1]"


def run_pytest(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout


def test_slow_tests_are_left_out_and_counted():
    _, said = run_pytest("--collect-only", "tests/test_teeth.py")
    assert SLOW not in said
    assert "slow tests left out: 1; ./launch test --all runs them" in said


def test_slow_tests_are_run_when_all_or_one_is_asked_for():
    for asked in (("--all", "tests/test_teeth.py"), (SLOW,)):
        status, said = run_pytest("--collect-only", *asked)
        assert (status, SLOW in said, "left out" in said) == (0, True, False)


def test_a_test_that_the_machine_cannot_run_is_named(tmp_path):
    status, said = run_pytest(TRACED, PATH=str(tmp_path))
    assert status == 0
    assert f"not run here: {TRACED}: it has system calls fail by strace, which is not installed" in said
