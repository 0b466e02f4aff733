"""`top` on a real terminal of 40 columns, against a real `run`; its screen and keys."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from watchkeeper.client.answers import NodeRow, ProblemRow, RemoteStatus, TargetRow
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.launcher.see.board import HELP, Board, Order, Sort
from watchkeeper.launcher.see.live import keys_in

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


def row(name, status=Status.UP, ago_s=90, **fields):
    plain = dict.fromkeys(("group", "name", "description", "link", "runbook", "public", "explanation"), "")
    said = {
        "kind": "http",
        "labels": {},
        "raw": status,
        "paused": False,
        "open_incidents": [],
        "silences": [],
        "missed": 0,
    }
    return TargetRow(
        id=name,
        status=status,
        since=NOW - timedelta(seconds=ago_s),
        **plain
        | said
        | {"sampled_at": None, "outcome": None, "reason": None, "latency_ms": None, "samples": 1}
        | fields,
    )


def board(*rows, nodes=(), problems=()):
    made = Board()
    made.status = RemoteStatus(
        at=NOW, healthy=not problems, targets=rows, incidents=(), silences=(), problems=problems, nodes=nodes
    )
    return made


def node(name, shards, targets=4, ago_s=0, **fields):
    said = {
        "process": f"process 7 on {name}1",
        "this": name == "a",
        "alive": ago_s < 3,
        "newest": True,
    } | fields
    return NodeRow(name=name, shards=shards, targets=targets, seen_at=NOW - timedelta(seconds=ago_s), **said)


SHOP = (
    row("api", latency_ms=3.0),
    row("shop", Status.DOWN, 7_500, open_incidents=["inc_1"], explanation="timed_out", latency_ms=30.0),
    row("x" * 60, Status.DEGRADED, 200_000),
    row("nap", paused=True),
)


def texts(made, width=40, height=8):
    return [text for text, _ in made.lines(width, height, NOW)]


def test_the_screen_has_the_worst_first_within_40_columns():
    shown = texts(board(*SHOP))
    assert [text.split() for text in shown[1:5]] == [
        [">", "down", "shop", "2h"],
        ["degraded", "x" * 21 + "…", "2d"],
        ["paused", "nap", "1m"],
        ["up", "api", "1m"],
    ]
    assert shown[0] == "12:30:00 UTC  1 down, 1 degraded, 1 pau…"
    assert shown[-1] == "q quit  / find  s sort  a ack  z silenc…"
    assert (len(shown), max(map(len, shown))) == (8, 40)


def test_a_wide_screen_has_latency_and_finding():
    shown = texts(board(*SHOP), width=100)
    assert shown[1].startswith("> down     shop ")
    assert shown[1].endswith("2h     30.0 ms  timed_out")
    assert all(len(text) <= 100 for text in shown)
    assert shown[-1] == HELP


@pytest.mark.parametrize(
    ("nodes", "width", "line", "style"),
    [
        ([], 80, "", ""),
        ([node("a", [0, 1])], 80, "", ""),
        (
            [node("a", [0, 1, 3]), node("b", [2], 1)],
            80,
            "nodes: a has 4 targets on shards 0, 1, 3; b has 1 target on shard 2",
            "dim",
        ),
        ([node("a", [0, 1, 3]), node("b", [2], 1)], 40, "targets of nodes: a 4, b 1", "dim"),
        ([node(f"host-{at}", [at], 100) for at in range(9)], 80, "9 nodes", "dim"),
        (
            [node("a", [0, 1, 2, 3], 5), node("b", [], 0, 12)],
            80,
            "nodes: a has 5 targets on shards 0-3; b is silent for 12 s",
            "bold yellow",
        ),
        (
            [node("a", [0, 1, 2, 3], 5), node("b", [], 0, newest=False)],
            80,
            "nodes: a has 5 targets on shards 0-3; b has an older configuration",
            "bold yellow",
        ),
        ([node(f"host-{at}", [], 0, 99) for at in range(9)], 80, "9 nodes: 9 silent", "bold yellow"),
    ],
)
def test_the_nodes_of_a_store_are_one_line_above_the_targets(nodes, width, line, style):
    made = board(*SHOP, nodes=nodes)
    second = made.lines(width, 12, NOW)[1]
    assert (second == (line, style)) if line else second[0].startswith("> down")
    assert len(made.lines(width, 12, NOW)) == 12
    assert max(map(len, texts(made, width, 12))) <= width


def test_problems_of_the_runtime_itself_are_marked_above_the_targets_as_far_as_there_is_room():
    problems = [
        ProblemRow(part="nodes", detail="1 node silent:\x1b[2J b"),
        ProblemRow(part="store", detail="gone"),
    ]
    made = board(*SHOP, nodes=[node("a", [0]), node("b", [], 0, 12)], problems=problems)
    assert texts(made, 80, 20)[2:4] == [r"! nodes: 1 node silent:\x1b[2J b", "! store: gone"]
    for height, marked in ((20, 2), (14, 1), (8, 0), (3, 0)):
        shown = texts(made, 80, height)
        assert (sum(text.startswith("!") for text in shown), len(shown)) == (marked, height)
    made.evidence = ["12:00 opened"]
    assert texts(made, 80, 20)[1] == "12:00 opened"


def test_keys_choose_find_and_sort():
    made = board(*SHOP)
    for key in ("down", "j", "k"):
        made.press(key)
    assert made.chosen().id == "x" * 60
    made.press("s")
    assert (made.sort, [each.id for each in made.rows()][:2]) == (Sort.NAME, ["api", "nap"])
    made.press("s")
    assert made.rows()[0].id == "shop"
    for key in ("/", "A", "P", "q", "backspace", "enter"):
        made.press(key)
    assert ([each.id for each in made.rows()], made.is_over) == (["api", "nap"], False)
    made.press("/")
    assert texts(made)[-1] == "/_"
    for key in "nothing":
        made.press(key)
    assert texts(made)[1] == "nothing is found"
    assert made.press("enter") is None
    assert made.press("a") is None
    made.press("escape")
    assert len(made.rows()) == 4
    made.press("q")
    assert made.is_over


def test_keys_order_commands_for_the_chosen_row():
    made = board(*SHOP)
    assert made.press("a") == Order("ack", "shop")
    assert made.press("z") == Order("silence", "shop")
    assert made.press("enter") == Order("evidence", "shop")
    made.press("down")
    assert (made.press("a"), made.said) == (None, f"{'x' * 60} has no open incident")


def test_evidence_takes_the_place_of_the_rows_and_scrolls():
    made = board(*SHOP)
    made.evidence = [f"line {at}\x1b[2J" for at in range(9)]
    assert texts(made)[1] == "line 0\\x1b[2J"
    made.press("down")
    assert texts(made)[1].startswith("line 1")
    made.press("q")
    assert (made.evidence, made.is_over) == (None, False)


def test_a_screen_that_is_not_live_says_since_when():
    made = board(*SHOP)
    made.problem = "since 12:29:02 UTC: no process runs watch.db"
    assert texts(made, width=80)[0] == "NOT LIVE: since 12:29:02 UTC: no process runs watch.db"


@pytest.mark.parametrize("rows", [1, 3, 200])
def test_the_chosen_row_is_on_the_screen_however_many_there_are(rows):
    made = board(*(row(f"t{at:03}") for at in range(rows)))
    for _ in range(rows + 5):
        shown = texts(made, height=7)
        assert len(shown) == 7
        assert sum(text.startswith("> ") for text in shown) == 1
        made.press("down")
    assert made.chosen().id == f"t{rows - 1:03}"


def test_keys_are_told_from_the_bytes_of_a_terminal():
    assert list(keys_in(b"a\x1b[A\x1bOB\r\x7f\xc3\xb6\xff\x01\x1b")) == [
        "a",
        "up",
        "down",
        "enter",
        "backspace",
        "ö",
        "escape",
    ]


class Terminal:
    """The other side of a terminal of 40 columns."""

    def __init__(self, descriptor, process):
        self._descriptor = descriptor
        self.process = process
        self.seen = ""

    def until(self, text):
        """Reads until this text has been drawn; fails after a minute."""
        while text not in self.seen:
            ready, _, _ = select.select([self._descriptor], [], [], 60)
            assert ready, f"{text!r} was not drawn: {self.seen!r}"
            self.seen += os.read(self._descriptor, 65_536).decode("utf-8", "replace")

    def press(self, keys):
        self.seen = ""
        os.write(self._descriptor, keys.encode())


@contextmanager
def terminal(folder, *arguments):
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 40, 0, 0))
    command = [sys.executable, "-P", "-m", "watchkeeper", "top", *arguments]
    environment = {**os.environ, "TERM": "xterm", "LOGNAME": "otto"}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environment.pop(name, None)
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    try:
        yield Terminal(ours, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_top_shows_a_run_in_40_columns_and_acts_by_keys(down, verb, folder):
    with terminal(folder) as screen:
        screen.until("> down     backup")
        screen.press("a")
        screen.until("backup: acknowledged")
        screen.press("z")
        screen.until("silence s-")
        screen.press("\r")
        screen.until("opened")
        screen.press("q")
        screen.until("> down     backup")
        screen.press("q")
        assert screen.process.wait(60) == 0
    assert "otto acknowledged it before" in verb("ack", "backup")[1]
    assert verb("unsilence", "s-")[0] == 0


def test_a_silence_by_a_key_takes_no_longer_one_away(down, verb, folder):
    assert verb("silence", "backup", "--until", "2099-01-31T12:30:00Z")[0] == 0
    with terminal(folder) as screen:
        screen.until("> down     backup")
        screen.press("z")
        screen.until("stays, until 2099-01-31")
        screen.press("q")
        assert screen.process.wait(60) == 0
    assert "silenced by otto until 2099-01-31 12:30Z" in verb("status")[1]
    assert verb("unsilence", "s-")[0] == 0


def test_top_ends_with_4_without_a_run_and_with_2_without_a_terminal(quiet, tmp_path):
    with terminal(tmp_path) as screen:
        screen.until("watchkeeper: no process runs")
        assert screen.process.wait(60) == 4
    status, says = quiet("top")
    assert (status, "top needs a terminal: `watchkeeper status` prints the same once" in says) == (2, True)
