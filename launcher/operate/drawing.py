"""Drawing: how a line of the calm stream looks on a terminal of any width, with colours or without, in UTF-8 or not."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import click

from ...domain.line import cut, escaped
from ...domain.time.duration import NS_PER_HOUR, NS_PER_MINUTE, format_duration
from ...domain.time.moment import NS_PER_S, utc

TEXT_CHARACTERS_MAX = 400
WIDE = 60
"""From this width on, texts stand beside their time and word; below it, under them."""
WORD_WIDTH = 9
_STYLES: Mapping[str, Mapping[str, str | bool]] = {
    "critical": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "info": {"fg": "blue", "bold": True},
    "resolved": {"fg": "green", "bold": True},
    "recovered": {"fg": "green", "bold": True},
    "problem": {"fg": "red", "bold": True},
    "not told": {"fg": "red", "bold": True},
    "blind": {"fg": "yellow", "bold": True},
    "error": {"fg": "red", "bold": True},
    "told": {"dim": True},
    "receiver": {"dim": True},
    "script": {"fg": "cyan"},
    "summary": {"bold": True},
    "quiet": {"dim": True},
}


class Paper(NamedTuple):
    """The abilities of a terminal."""

    width: int
    has_colours: bool
    is_utf8: bool


class Entry(NamedTuple):
    """One line before it is drawn."""

    at_ns: int
    word: str
    """The kind of line, in a column of its own: a severity, or what happened."""
    text: str
    sort: str = ""
    """Lines of one word and one sort are folded together."""
    subject: str = ""
    """The name that a folded line lists."""
    may_fold: bool = True
    ends: tuple[str, str] | None = None
    """The word and sort of lines that this one ends: those that are held back are told before it."""


def age_text(length_ns: int) -> str:
    """Returns a length for people: whole seconds below an hour, whole minutes above; never negative."""
    unit = NS_PER_S if length_ns < NS_PER_HOUR else NS_PER_MINUTE
    return format_duration(max(0, length_ns) // unit * unit)


def drawn(entry: Entry, paper: Paper) -> list[str]:
    """Returns an entry as lines that fit the paper; a text from outside cannot move the cursor."""
    clock = f"{utc(entry.at_ns):%H:%M:%S}Z"
    text = shown(cut(escaped(entry.text), TEXT_CHARACTERS_MAX), paper)
    word = _styled(entry.word, _STYLES.get(entry.word, {}), paper)
    if paper.width < WIDE:
        lines = wrapped(text, paper.width, len(clock) + len(entry.word) + 2, 2)
        return joined(f"{clock} {word} ", lines, 2)
    indent = len(clock) + WORD_WIDTH + 4
    padding = " " * (WORD_WIDTH - len(entry.word))
    return joined(f"{clock}  {word}{padding}  ", wrapped(text, paper.width, indent, indent), indent)


def drawn_facts(title: str, facts: Iterable[tuple[str, str]], end: str, paper: Paper) -> list[str]:
    """Returns the first lines of a run: a title, facts with their names, and how it ends."""
    rows = [*facts]
    width = max(len(name) for name, _ in rows) + 4 if paper.width >= WIDE else 4
    lines = [_styled(line, {"bold": True}, paper) for line in wrapped(shown(title, paper), paper.width, 0, 2)]
    for name, fact in rows:
        text = shown(escaped(fact), paper)
        if paper.width >= WIDE:
            head = "  " + dimmed(name, paper) + " " * (width - 2 - len(name))
            lines += joined(head, wrapped(text, paper.width, width, width), width)
        else:
            pieces = wrapped(text, paper.width - width, 0, 0)
            lines += ["  " + dimmed(name, paper), *(" " * width + piece for piece in pieces)]
    return [*lines, *(dimmed(line, paper) for line in wrapped(end, paper.width, 0, 0)), ""]


def wrapped(text: str, width: int, first: int, others: int) -> list[str]:
    """Returns a text in pieces that fit behind `first` cells on the first line and `others` on the next ones."""
    from rich.cells import cell_len, chop_cells

    lines, room = [""], max(10, width - first)
    for whole in text.split():
        longest = max(10, width - max(first, others))
        for piece in chop_cells(whole, longest) if cell_len(whole) > longest else [whole]:
            longer = f"{lines[-1]} {piece}" if lines[-1] else piece
            if cell_len(longer) <= room:
                lines[-1] = longer
            else:
                lines.append(piece)
                room = max(10, width - others)
    return lines


def shown(text: str, paper: Paper) -> str:
    """Returns a text in the letters that the terminal has; others as escapes."""
    if paper.is_utf8:
        return text
    return text.replace("…", "...").encode("ascii", "backslashreplace").decode("ascii")


def joined(head: str, lines: list[str], indent: int) -> list[str]:
    """Returns lines with a head before the first one and blanks before the others."""
    return [(head + lines[0]).rstrip(), *(" " * indent + line for line in lines[1:])]


def _styled(text: str, style: Mapping[str, str | bool], paper: Paper) -> str:
    return click.style(text, **style) if paper.has_colours and style else text  # type: ignore[arg-type]


def dimmed(text: str, paper: Paper) -> str:
    """Returns a text that stands back."""
    return click.style(text, dim=True) if paper.has_colours else text
