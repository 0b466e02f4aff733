"""docs/internal/faults.md names, for each fault that was mended, tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_fault_names_tests_that_are_there():
    rows = [line for line in (ROOT / "docs/internal/faults.md").read_text().splitlines() if ".py`" in line]
    present = {path.name for path in (ROOT / "tests").rglob("test_*.py")}

    assert len(rows) > 25
    for row in rows:
        named = re.findall(r"`(?:[a-z_]+/)*(test_[a-z_0-9]+\.py)`", row)
        assert named, row
        assert set(named) <= present, row
