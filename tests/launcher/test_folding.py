"""Lines of one kind that flood are counted; all others are printed at once."""

from records import NOON
from watchkeeper.domain.units import NS_PER_S
from watchkeeper.launcher.operate.folding import (
    KINDS_MAX,
    LINES_MAX,
    SUBJECTS_MAX,
    WINDOW_NS,
    Folded,
    Folding,
)

OPENED, TOLD = ("critical", "opened down"), ("told", "ops")


def admitted(folding, kind, names, now=NOON):
    return [name for name in names if folding.admit(kind, name, f"text of {name}", now)]


def test_the_first_lines_of_a_kind_are_printed_and_the_others_counted():
    folding = Folding()
    names = [f"t{number}" for number in range(LINES_MAX + 3)]
    assert admitted(folding, OPENED, names) == names[:LINES_MAX]
    assert folding.due(NOON) == ()
    end = NOON.shifted(WINDOW_NS)
    assert folding.next_ns == end.monotonic_ns
    assert folding.due(end) == (Folded(OPENED, 3, ("t5", "t6", "t7"), has_others=False, last="text of t7"),)


def test_a_flood_of_one_kind_holds_back_no_other_kind():
    folding = Folding()
    admitted(folding, OPENED, map(str, range(50)))
    assert admitted(folding, TOLD, ["a"]) == ["a"]


def test_a_flood_that_goes_on_costs_one_line_a_window_until_a_window_is_calm():
    folding = Folding()
    now = NOON
    admitted(folding, OPENED, ["t"] * 20, now)
    for _ in range(3):
        now = now.shifted(WINDOW_NS)
        assert [folded.held for folded in folding.due(now)] == [
            20 - LINES_MAX if now == NOON.shifted(WINDOW_NS) else 20
        ]
        assert admitted(folding, OPENED, ["t"] * 20, now) == []
    now = now.shifted(WINDOW_NS)
    assert len(folding.due(now)) == 1
    now = now.shifted(WINDOW_NS)
    assert folding.due(now) == ()
    assert admitted(folding, OPENED, ["t"], now) == ["t"]


def test_a_window_without_held_lines_says_nothing_and_is_forgotten():
    folding = Folding()
    admitted(folding, OPENED, ["a"])
    assert folding.due(NOON.shifted(WINDOW_NS)) == ()
    assert folding.next_ns is None


def test_the_rest_is_told_at_the_end():
    folding = Folding()
    admitted(folding, OPENED, ["a"] * 7, NOON.shifted(NS_PER_S))
    assert folding.rest() == (Folded(OPENED, 2, ("a",), has_others=False, last="text of a"),)
    assert folding.next_ns is None


def test_kinds_and_names_are_bounded():
    folding = Folding()
    for number in range(KINDS_MAX + 5):
        assert folding.admit(("log", str(number)), "", "", NOON)
    assert folding.admit(("log", "beyond"), "", "", NOON)
    folding = Folding()
    admitted(folding, OPENED, map(str, range(500)))
    (folded,) = folding.rest()
    assert (folded.held, len(folded.subjects), folded.has_others) == (495, SUBJECTS_MAX, True)
