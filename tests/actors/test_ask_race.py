"""A small count of what stress/ask_race.py does a hundred thousand times."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_question_is_lost_in_a_race_with_the_stop():
    result = subprocess.run(
        [sys.executable, "-m", "tests.stress.ask_race", "--races", "900"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stdout.endswith(" 0 wrong, 0 lost\n"), result.stderr
    assert result.returncode == 0
