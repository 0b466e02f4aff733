"""The output that all verbs share: exit statuses, counts in words, and tables."""

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
    FAILED = 1, "failed while running, could not write its output, or lost work at the stop"
    CONFIGURATION = 2, "the configuration or the command line is not valid; nothing was started"
    STORE = 3, "another process holds the store, or its record does not verify"
    INTERRUPTED = 130, "a second SIGINT ended the process at once"
    TERMINATED = 143, "a second SIGTERM ended the process at once"


def count_of(count: int, noun: str) -> str:
    """Returns `1 target` or `2 targets`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_DECIMALS = {"latency_ms": 1, "uptime_24h": 5}
"""The keys of rows whose values are rounded."""
_STATES = frozenset({"outcome", "severity", "state", "status"})
"""The keys of rows whose values are states, which have colours."""
_COLOURS = {
    **dict.fromkeys(("up", "resolved"), "green"),
    **dict.fromkeys(("degraded", "acknowledged", "warning"), "yellow"),
    **dict.fromkeys(("down", "timed_out", "opened", "changed", "critical"), "red"),
    **dict.fromkeys(("unknown", "cancelled"), "dim"),
    "info": "blue",
}


def print_table(keys: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Prints these keys of the rows to standard output."""
    cells = [[_text(key, row[key]) for key in keys] for row in rows]
    titles = [key.replace("_", " ") for key in keys]
    if sys.stdout is not None and sys.stdout.isatty():
        _print_drawn(keys, titles, cells)
    else:
        _print_plain([[title.upper() for title in titles], *cells])


def _text(key: str, value: Any) -> str:
    """Returns the value as one printable line; a hyphen for None and for an empty text."""
    if value is None or value == "":
        return "-"
    if key in _DECIMALS:
        return f"{value:.{_DECIMALS[key]}f}".rstrip("0").rstrip(".")
    return "".join(letter if letter.isprintable() else " " for letter in str(value))


def _print_drawn(keys: Sequence[str], titles: list[str], cells: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*titles)
    for line in cells:
        pairs = zip(keys, line, strict=True)
        table.add_row(*(Text(text, _COLOURS.get(text, "") if key in _STATES else "") for key, text in pairs))
    Console().print(table)


def _print_plain(lines: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
