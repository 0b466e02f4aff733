"""pykka's own suite passes on every execution model (see conformance/run.py)."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.run import SUITE, run, unpacked

RUN = Path(__file__).parent / "conformance" / "run.py"
CACHE = Path(__file__).parents[1] / "build" / "conformance"
DEADLINE_S = 300


@pytest.mark.parametrize("model", ["loop", "pool", "simulated"])
def test_the_suite_of_pykka_passes_on_the_model(model):
    result = subprocess.run(
        [sys.executable, RUN, model, "--cache", CACHE],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert result.stdout == f"{model}: 152 passed\n", result.stderr
    assert result.returncode == 0


def test_a_model_that_does_not_exist_is_refused():
    result = subprocess.run([sys.executable, RUN, "gevent"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "no such model: gevent" in result.stderr


def test_an_archive_that_was_changed_is_not_taken(tmp_path):
    (tmp_path / SUITE.file).write_bytes(b"a suite whose tests were emptied")
    assert not SUITE.is_in(tmp_path)


SPOILED = {
    "a test file that was emptied": (lambda _: "", r"1[0-4]\d passed"),
    "a run that ends badly after its last test": (
        lambda source: f"{source}\nimport atexit, os\natexit.register(os._exit, 3)\n",
        "152 passed, exit status 3",
    ),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_suite_that_was_spoiled_does_not_pass(how, tmp_path):
    spoil, verdict = SPOILED[how]
    suite, mock = unpacked(CACHE, tmp_path)
    tests = suite / "tests" / "test_actor.py"
    tests.write_text(spoil(tests.read_text()))

    assert re.fullmatch(verdict, run("simulated", suite, mock))
