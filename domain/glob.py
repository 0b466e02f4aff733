"""Globs as conditions have them: `*`, `?`, `[a-z]`, `[^a-z]` and a backslash before a character that is meant itself."""

import re
from typing import Self

import msgspec

from .misread import Misread


class Glob(msgspec.Struct, frozen=True):
    """A compiled glob. Slashes are taken out of pattern and text, so that `*` spans them.

    The stars cut the pattern into segments of fixed width. Each is searched once, leftmost first, after the one
    before it, and never searched again: the time is linear in the text however many stars there are.
    """

    pattern: str
    segments: tuple["Segment", ...]

    @classmethod
    def compile(cls, pattern: str) -> Self:
        """Raises Misread for a class or an escape that does not end."""
        return cls(pattern, _segments(pattern.replace("/", "")))

    def matches(self, text: str) -> bool:
        """True when the whole text matches."""
        text = text.replace("/", "")
        first, *middle = self.segments
        if not middle:
            return len(text) == first.width and first.find(text, 0, first.width) == 0
        last = middle.pop()
        position, end = first.width, len(text) - last.width
        if position > end or first.find(text, 0, position) != 0 or last.find(text, end, len(text)) != end:
            return False
        for segment in middle:
            position = segment.find(text, position, end)
            if position < 0:
                return False
            position += segment.width
        return True


class Segment(msgspec.Struct, frozen=True):
    """What stands between two stars: plain text, or an expression when it has `?` or a class."""

    width: int
    plain: str
    expression: re.Pattern[str] | None = None

    def find(self, text: str, start: int, end: int) -> int:
        """The first place from `start` where the segment fits before `end`, or -1."""
        if self.expression is None:
            return text.find(self.plain, start, end)
        found = self.expression.search(text, start, end)
        return -1 if found is None else found.start()


class _Atom(msgspec.Struct, frozen=True):
    """One character of a segment: itself, or an expression that one character must match."""

    plain: str = ""
    expression: str = ""


_ANY = _Atom(expression=".")


def _segments(pattern: str) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    atoms: list[_Atom] = []
    position = 0
    while position < len(pattern):
        if pattern[position] == "*":
            segments.append(_segment(atoms))
            atoms, position = [], position + 1
        else:
            atom, position = _atom(pattern, position)
            atoms.append(atom)
    return (*segments, _segment(atoms))


def _segment(atoms: list[_Atom]) -> Segment:
    if not any(atom.expression for atom in atoms):
        return Segment(len(atoms), "".join(atom.plain for atom in atoms))
    # No repetition in it: a segment has one width, and nothing to backtrack over.
    expression = "".join(atom.expression or re.escape(atom.plain) for atom in atoms)
    return Segment(len(atoms), "", re.compile(expression, re.DOTALL))


def _atom(pattern: str, position: int) -> tuple[_Atom, int]:
    match pattern[position]:
        case "?":
            return _ANY, position + 1
        case "[":
            return _class(pattern, position)
        case _:
            plain, position = _character(pattern, position)
            return _Atom(plain), position


def _character(pattern: str, position: int) -> tuple[str, int]:
    if pattern[position] != "\\":
        return pattern[position], position + 1
    if position + 1 == len(pattern):
        raise Misread("the pattern ends in a backslash: write \\\\ for the backslash itself", position)
    return pattern[position + 1], position + 2


def _class(pattern: str, start: int) -> tuple[_Atom, int]:
    position = start + 1
    negated = pattern.startswith("^", position)
    position += negated
    ranges: list[str] = []
    nothing_yet = True
    while nothing_yet or not pattern.startswith("]", position):
        low, high, position = _range(pattern, start, position)
        nothing_yet = False
        if low <= high:  # [z-a] is legal and holds nothing
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    if not ranges:
        return (_ANY if negated else _Atom(expression="(?!)")), position + 1
    return _Atom(expression=f"[{'^' * negated}{''.join(ranges)}]"), position + 1


def _range(pattern: str, start: int, position: int) -> tuple[str, str, int]:
    low, position = _class_character(pattern, start, position)
    if not pattern.startswith("-", position):
        return low, low, position
    high, position = _class_character(pattern, start, position + 1)
    return low, high, position


def _class_character(pattern: str, start: int, position: int) -> tuple[str, int]:
    if position >= len(pattern):
        raise Misread("the class [ has no end: close it with ], or write \\[ for the bracket itself", start)
    if pattern[position] in "-]":
        raise Misread(
            f"a class needs a character here: write \\{pattern[position]} for the sign itself", position
        )
    return _character(pattern, position)
