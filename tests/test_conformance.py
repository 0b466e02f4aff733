"""pykka's own suite passes on every execution model (see conformance/run.py)."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

RUN = Path(__file__).parent / "conformance" / "run.py"
CACHE = Path(tempfile.gettempdir()) / "watchkeeper-conformance"
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
