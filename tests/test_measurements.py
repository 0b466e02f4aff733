"""The measurement of one check has a row for every kind of probe that asks something outside."""

import json
import subprocess
import sys
from pathlib import Path

from watchkeeper.domain.specification.probes.kinds import KINDS, NETWORKED, UNPROBED

ROOT = Path(__file__).parents[1]
WITHIN_S = 240


def test_every_kind_of_probe_is_measured():
    command = [sys.executable, str(ROOT / "bench" / "polls.py"), "--list"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=WITHIN_S)
    measured = set(json.loads(done.stdout).values())

    assert measured >= NETWORKED
    # A call costs what the function of the host costs.
    assert measured == KINDS.keys() - UNPROBED - {"call"}
