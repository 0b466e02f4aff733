"""docs/not-done.md claims of nothing that it is missing which is there, and names every monitor of a peer that has no probe."""

import re
from pathlib import Path

from watchkeeper.adapters.importing.kuma.keys import WITHOUT_PROBE
from watchkeeper.domain.specification.probes.kinds import KINDS

TEXT = (Path(__file__).parents[2] / "docs/not-done.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| not there")
]


def words(cell):
    return re.findall(r"`([^`]+)`", cell)


def test_the_kinds_that_there_are_are_those_of_the_code():
    listed = re.search(r"The kinds that there are:(.*?)\. \[probes", TEXT, re.DOTALL)
    assert {*words(listed[1])} <= {*KINDS} | {"plugin"}
    assert {*KINDS} - {"plugin"} <= {*words(listed[1])}


def test_nothing_that_is_there_is_said_to_be_missing():
    said = {word for row in ROWS for word in words(row[0]) if not row[0].startswith(f"`{word}` without")}
    assert not said & {*KINDS}


def test_every_row_has_its_peer_its_reason_and_what_stands_in():
    assert len(ROWS) > 30
    assert all(len(row) == 4 and all(row) for row in ROWS)


def test_every_monitor_without_a_probe_has_a_row():
    said = {word for row in ROWS for word in words(row[0])}
    assert {*WITHOUT_PROBE} <= said | {"kafka-producer"}
