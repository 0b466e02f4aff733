"""The seeded bugs still fit the code, a sample of them is caught, and a bug that nobody catches is reported."""

import subprocess
import sys
from pathlib import Path

import pytest
import watchkeeper

ROOT = Path(watchkeeper.__file__).parent
TEETH = ROOT / "tests" / "teeth"
sys.path.insert(0, str(TEETH))

from catalogue import Bug, Edit, catalogue, changed  # noqa: E402  # the scripts lie beside their table
from run import Row, summary  # noqa: E402  # as above

BUGS = catalogue()
SAMPLE = 8


def name_of(bug):
    return bug.id


@pytest.mark.parametrize("bug", BUGS, ids=name_of)
def test_a_seeded_bug_fits_the_code_as_it_is(bug):
    source = (ROOT / bug.file).read_text()
    assert changed(bug, source) != source
    assert all((ROOT / path.split("::")[0]).exists() for path in bug.tests)
    assert bug.says.endswith(".")
    assert bug.breaks


def test_there_are_at_least_fifty_seeded_bugs():
    assert len(BUGS) >= 50
    assert sum(not bug.beyond for bug in BUGS) >= 50


def test_a_bug_whose_code_has_gone_is_refused():
    bug = Bug(
        id="gone", says="", breaks=("S1",), file="domain/retry.py", edits=(Edit("never there", ""),), tests=()
    )
    with pytest.raises(ValueError, match="0 times, not once"):
        changed(bug, "some code")
    with pytest.raises(ValueError, match="2 times, not once"):
        changed(bug, "never there, never there")


def teeth(*arguments):
    return subprocess.run(
        [sys.executable, str(TEETH / "run.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=480,
        check=False,
    )


def test_a_sample_of_seeded_bugs_is_caught():
    ended = teeth("--sample", str(SAMPLE), "--by", "tests", "--no-control", "--jobs", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f'"caught": {SAMPLE}' in ended.stdout


def test_a_bug_that_nobody_catches_is_reported():
    row = Row(id="harmless", breaks=("S1",), tests=None, simulator=None, seconds=0.0)
    assert not row.caught
    assert "NOT CAUGHT" in row.line()
    assert summary([row], 0.0)["not_caught"] == ["harmless"]


def test_a_bug_of_an_unknown_name_is_refused():
    ended = teeth("--only", "no-such-bug")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "no bug is called no-such-bug" in ended.stderr
