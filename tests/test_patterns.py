"""Code is found by its shape, and another put in its place."""

import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "teeth"))

from patterns import Misfit, replaced  # the scripts lie beside the catalogue

SOURCE = """
LIMIT = 3

class Queue:
    room: int = 1

    def hand_out(self, ready, channel):
        taken = []  # what is handed out
        while ready and self.room[channel] > 0:
            taken.append(ready.popleft())
            self.room[channel] -= 1
        if not taken:
            return None
        elif len(taken) > LIMIT:
            self.warn("many", taken, at=channel, of=
                      ready)
        return taken

    def close(self):
        self.room.clear()
"""


def put(find, template, name="Queue.hand_out", source=SOURCE):
    """The line that is other than before, and its number."""
    new = replaced(source, name, find, template)
    before, after = source.splitlines(), new.splitlines()
    number = next(index for index, (old, line) in enumerate(zip(before, after, strict=False)) if old != line)
    assert after[number + 1 + len(after) - len(before) :] == before[number + 1 :]
    return number + 1, " ".join(
        line.strip() for line in after[number : number + 1 + len(after) - len(before)]
    )


@pytest.mark.parametrize(
    ("name", "find", "template", "number", "line"),
    [
        ("Queue.hand_out", "$room > 0", "$room >= 0", 9, "while ready and (self.room[channel] >= 0):"),
        ("Queue.hand_out", "$ready.popleft()", "$ready[0]", 10, "taken.append((ready[0]))"),
        ("Queue.hand_out", "$queue.popleft()", "$queue[0]", 10, "taken.append((ready[0]))"),
        ("Queue.hand_out", "self.$anything[$channel] -= 1", "", 11, ""),
        ("Queue.hand_out", "return None", "", 13, "pass"),
        (
            "Queue.hand_out",
            "$taken = []",
            "self.seen()\n$taken = []",
            8,
            "self.seen() taken = []  # what is handed out",
        ),
        ("Queue.hand_out", "len($taken) > LIMIT", "True", 14, "elif (True):"),
        ("Queue.close", "self.room.clear()", "if self:\n    return", 20, "if self: return"),
        ("Queue.room", "1", "2", 5, "room: int = (2)"),
        ("LIMIT", "3", "4", 2, "LIMIT = (4)"),
    ],
)
def test_a_match_of_a_pattern_is_replaced_in_its_line(name, find, template, number, line):
    assert put(find, template, name) == (number, line)


def test_a_run_of_arguments_is_kept_in_its_order():
    new = replaced(SOURCE, "Queue.hand_out", "self.warn($what, $$rest)", "self.tell($$rest, $what)")
    assert "(self.tell(taken, 'many', at=channel, of=ready)\n)" in new
    assert new.count("\n") == SOURCE.count("\n")


def test_an_arm_that_is_taken_out_leaves_the_others():
    find = "if len($taken) > LIMIT:\n    ..."
    new = ast.unparse(ast.parse(replaced(SOURCE, "Queue.hand_out", find, "")))
    assert "return None\n        else:\n            pass\n        return taken" in new


def test_statements_change_their_order_around_what_is_kept():
    find = "while $more:\n    $$body\nif $none: $$first\nelse: $$other"
    template = "if $none: $$first\nwhile $more:\n    $$body"
    new = ast.unparse(ast.parse(replaced(SOURCE, "Queue.hand_out", find, template)))
    assert new.index("if not taken") < new.index("while ready") < new.index("ready.popleft()")
    assert "warn" not in new


def test_characters_of_a_string_are_a_run_too():
    source = "SCHEMA = 'a table; a UNIQUE index; a view'\nNAME = f'{SCHEMA} of {SCHEMA} once'"
    find, template = '"$$before UNIQUE $$after"', '"$$before $$after"'
    assert "'a table; a index; a view'" in replaced(source, "SCHEMA", find, template)
    assert "f'{SCHEMA} of {SCHEMA}'" in replaced(
        source, "NAME", 'f"{$$before}$$of once"', 'f"{$$before}$$of"'
    )


def test_names_layout_and_comments_are_no_part_of_a_pattern():
    source = "def take(entry, now):\n    x = (entry.last  # why\n      is None or\n  entry.last<now)\n"
    new = replaced(source, "take", "$e.last is None or $then", "$then")
    assert ast.unparse(ast.parse(new)) == "def take(entry, now):\n    x = entry.last < now"


def test_a_name_used_twice_stands_for_equal_code():
    assert "self.room[channel]" not in replaced("a = b.c + b.c\nd = b.c + b.d", "", "$x + $x", "2 * $x")
    with pytest.raises(Misfit, match="0 times"):
        replaced("d = b.c + b.d", "", "$x + $x", "2 * $x")


def test_a_name_that_nothing_stands_for_is_refused():
    with pytest.raises(Misfit, match=r"\$other is in what is put, but not in what is found"):
        replaced(SOURCE, "LIMIT", "$limit = 3", "$other = 3")
