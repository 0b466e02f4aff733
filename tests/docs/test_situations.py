"""docs/internal/situations.md says for each of the sixteen situations which test holds it, or why none does yet."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LATER = {14, 16}
"""Locations and workers of a cluster."""


def rows_of(text):
    return {
        int(number): cell for number, cell in re.findall(r"^\| (\d+)\. .* \| (.*) \|$", text, re.MULTILINE)
    }


def held(rows):
    """The rows that name a test of a scenario."""
    return {number for number, cell in rows.items() if "`tests/scenarios/" in cell}


def test_every_situation_has_a_test_in_virtual_time_or_comes_later():
    rows = rows_of((ROOT / "docs/internal/situations.md").read_text(encoding="utf-8"))
    assert set(rows) == set(range(1, 17))
    assert held(rows) == set(rows) - LATER
    assert {number for number, cell in rows.items() if cell.startswith("later: ")} == LATER


def test_a_situation_without_a_test_is_noticed():
    rows = rows_of("| 1. a | b | `tests/scenarios/a.py::test_b` |\n| 2. c | d |  |\n")
    assert held(rows) == {1}
