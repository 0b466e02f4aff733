"""The output that all verbs share: exit statuses, and tables that fit their terminal."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Self

import click


class ExitStatus(IntEnum):
    """An exit status; `meaning` explains it in one line."""

    meaning: str

    def __new__(cls, status: int, meaning: str) -> Self:
        member = int.__new__(cls, status)
        member._value_, member.meaning = status, meaning
        return member

    FINE = (
        0,
        "done; `run` drained after a signal, and notices that it left in its store wait for the next run",
    )
    FAILED = 1, "a negative answer (down, not found, lost work), or output that could not be written"
    CONFIGURATION = 2, "the configuration or the command line is not valid; nothing was started"
    STORE = 3, "there is no such store, it is held, lost or does not verify"
    NOT_RUN = 4, "no process runs the store, or it has no control socket, or nothing answers at the URL"
    NOT_ALL_IMPORTED = (
        5,
        "`import` wrote a configuration that lacks something of its source; each part is listed",
    )
    INTERRUPTED = 130, "a second SIGINT ended the process at once"
    TERMINATED = 143, "a second SIGTERM ended the process at once"


_STATES = frozenset({"status", "severity", "state"})
"""The keys of rows whose values are states, which have colours."""
_COLOURS = {
    **dict.fromkeys(("up", "resolved", "delivered"), "green"),
    **dict.fromkeys(("degraded", "warning", "pending"), "yellow"),
    **dict.fromkeys(("down", "open", "critical", "dead"), "red"),
    **dict.fromkeys(("unknown", "paused"), "dim"),
    "info": "blue",
}
_GAP = 2
"""How many blanks are between two columns, and before what stands below a row."""


def print_table(keys: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Prints these keys of the rows; the last one is the text for people.

    Without a terminal each row is one line. A terminal that is too narrow has that text below its row, and one that is
    narrower still has each row as a paragraph.
    """
    cells = [[printable(row[key]) for key in keys] for row in rows]
    titles = [key.replace("_", " ").upper() for key in keys]
    if sys.stdout is not None and sys.stdout.isatty():
        _print_drawn(keys, titles, cells)
    else:
        widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
        for line in (titles, *cells):
            padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
            click.echo((" " * _GAP).join(padded).rstrip())


def printable(value: Any) -> str:
    """Returns the value as one printable line; a hyphen for None and for an empty text."""
    if value is None or value == "":
        return "-"
    return "".join(letter if letter.isprintable() else " " for letter in str(value))


def _print_drawn(keys: Sequence[str], titles: list[str], cells: list[list[str]]) -> None:
    from rich.cells import cell_len
    from rich.console import Console

    console = Console(highlight=False)
    widths = [max(map(cell_len, column)) for column in zip(titles, *cells, strict=True)]
    wide = sum(widths) + _GAP * len(keys[1:])
    if wide <= console.width:
        _print_grid(console, keys, [titles, *cells], widths)
    elif wide - widths[-1] - _GAP <= console.width:
        _print_grid(console, keys, [titles, *cells], widths[:-1])
    else:
        _print_paragraphs(console, keys, titles, cells)


def _print_grid(console: Any, keys: Sequence[str], lines: list[list[str]], widths: list[int]) -> None:
    """Prints aligned lines; the last column goes below its line where it has no width."""
    from rich.cells import set_cell_size

    for at, line in enumerate(lines):
        padded = [set_cell_size(text, width) for text, width in zip(line, widths, strict=False)]
        styles = [_style(key, text) if at else "bold" for key, text in zip(keys, line, strict=True)]
        _print_styled(console, padded, styles)
        if at and len(widths) < len(keys):
            _print_indented(console, line[-1])


def _print_paragraphs(console: Any, keys: Sequence[str], titles: list[str], cells: list[list[str]]) -> None:
    """Prints the cells of each row up to its last state, and below them the others with their titles."""
    head = 1 + max((at for at, key in enumerate(keys) if key in _STATES), default=0)
    for line in cells:
        styles = [_style(key, text) or "bold" for key, text in zip(keys, line, strict=True)]
        _print_styled(console, line[:head], styles[:head])
        named = zip(titles[head:-1], line[head:-1], strict=True)
        _print_below(console, [f"{title.lower()} {text}" for title, text in named if text != "-"], ", ")
        _print_indented(console, line[-1])


def _print_styled(console: Any, texts: Sequence[str], styles: Sequence[str]) -> None:
    from rich.text import Text

    parts = [Text(text, style) for text, style in zip(texts, styles, strict=False)]
    line = Text(" " * _GAP).join(parts)
    line.rstrip()
    console.print(line, soft_wrap=True)


def _print_indented(console: Any, text: str) -> None:
    """Prints a text below a row, broken between words; nothing for a hyphen."""
    if text != "-":
        _print_below(console, text.split(), " ")


def _print_below(console: Any, parts: Sequence[str], between: str) -> None:
    """Prints parts below a row, as many on a line as there is room for."""
    from rich.cells import cell_len

    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{between}{part}" if lines else ""
        if longer and cell_len(longer) + _GAP <= console.width:
            lines[-1] = longer
        else:
            lines.append(part)
    for line in lines:
        _print_styled(console, [" " * _GAP + line], [""])


def _style(key: str, text: str) -> str:
    return _COLOURS.get(text, "") if key in _STATES else ""
