"""Tables fit their terminal, and figures are rounded honestly."""

import io
import re
from contextlib import redirect_stdout

import pytest
from watchkeeper.launcher.output import print_table
from watchkeeper.launcher.see.tables import percent_text

SHARES = {1.0: "100.00 %", 0.99999: "99.99 %", 0.9712: "97.12 %", 0.0: "0.00 %", None: None}


@pytest.mark.parametrize("share", SHARES)
def test_a_share_is_whole_only_where_nothing_is_missing(share):
    assert percent_text(share) == SHARES[share]


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


ROWS = [
    {"target": "shop", "status": "down", "last": "timed_out", "note": "no answer from 10.0.3.7 in 5 s"},
    {"target": "広い店", "status": "up", "last": "5.0 ms", "note": None},
]
WIDE = """\
TARGET  STATUS  LAST       NOTE
shop    down    timed_out  no answer from 10.0.3.7 in 5 s
広い店  up      5.0 ms     -
"""
MIDDLE = """\
TARGET  STATUS  LAST
shop    down    timed_out
  no answer from 10.0.3.7 in
  5 s
広い店  up      5.0 ms
"""
NARROW = """\
shop  down
  last timed_out
  no answer from
  10.0.3.7 in 5 s
広い店  up
  last 5.0 ms
"""


@pytest.mark.parametrize(("columns", "drawn"), [(57, WIDE), (28, MIDDLE), (18, NARROW)])
def test_a_table_fits_its_terminal(columns, drawn, monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with redirect_stdout(terminal):
        print_table(("target", "status", "last", "note"), ROWS)
    assert re.sub(r"\x1b\[[0-9]*m", "", terminal.getvalue()) == drawn
