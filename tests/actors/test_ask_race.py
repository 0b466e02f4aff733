"""A small count of what stress/ask_race.py does a hundred thousand times."""

import subprocess
import sys
from pathlib import Path

RACE = Path(__file__).parents[1] / "stress" / "ask_race.py"


def test_no_question_is_lost_in_a_race_with_the_stop():
    result = subprocess.run(
        [sys.executable, RACE, "--races", "900"], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.stdout.endswith(" 0 wrong, 0 lost\n"), result.stderr
    assert result.returncode == 0
