"""docs/internal/web.md says for each control and fault of the web which test holds it, or why none does."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
WANTED = {f"C{number}" for number in range(15, 44)} | {f"F{number}" for number in range(99, 121)}


def rows_of(text):
    return dict(re.findall(r"^\| ([CF]\d+(?:, [CF]\d+)*) \|.*\| (.*) \|$", text, re.MULTILINE))


def held(rows):
    """The rows that name a test or say why there is none."""
    return {
        row
        for names, cell in rows.items()
        for row in names.split(", ")
        if "::test_" in cell or cell.startswith("not here: ")
    }


def test_every_row_of_the_web_stands_here():
    assert held(rows_of((ROOT / "docs/internal/web.md").read_text())) == WANTED


def test_a_row_without_a_test_is_noticed():
    assert held(rows_of("| C15 | one door |  |\n| C16 | x | `tests/a.py::test_b` |\n")) == {"C16"}
