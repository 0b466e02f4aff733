"""The output that all verbs share: exit statuses, counts in words, and tables."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

import click
import msgspec


class ExitStatus(IntEnum):
    """An exit status; `meaning` explains it in one line."""

    FINE = 0
    FAILED = 1
    CONFIGURATION = 2
    STORE = 3
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    ExitStatus.FINE: "done; `run` drained after a signal, and notices that it left in its store wait for the next run",
    ExitStatus.FAILED: "failed while running, could not write its output, or lost work at the stop",
    ExitStatus.CONFIGURATION: "the configuration or the command line is not valid; nothing was started",
    ExitStatus.STORE: "another process holds the store, or its record does not verify",
    ExitStatus.INTERRUPTED: "a second SIGINT ended the process at once",
    ExitStatus.TERMINATED: "a second SIGTERM ended the process at once",
}


def count_of(count: int, noun: str) -> str:
    """Returns `1 target` or `2 targets`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Column(msgspec.Struct, frozen=True):
    """One key of the rows, with the format of its values."""

    key: str
    decimals: int | None = None
    states: bool = False
    """Whether the values are states, which have colours."""

    @property
    def title(self) -> str:
        return self.key.replace("_", " ")

    def text(self, row: Mapping[str, Any]) -> str:
        """Returns the value as one printable line; a hyphen for None and for an empty text."""
        value = row[self.key]
        if value is None or value == "":
            return "-"
        if self.decimals is not None:
            return f"{value:.{self.decimals}f}".rstrip("0").rstrip(".")
        return "".join(letter if letter.isprintable() else " " for letter in str(value))


_COLOURS = {
    "up": "green",
    "degraded": "yellow",
    "down": "red",
    "timed_out": "red",
    "unknown": "dim",
    "cancelled": "dim",
    "opened": "red",
    "changed": "red",
    "acknowledged": "yellow",
    "resolved": "green",
    "critical": "red",
    "warning": "yellow",
    "info": "blue",
}


def print_table(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> None:
    """Prints the rows to standard output."""
    cells = [[column.text(row) for column in columns] for row in rows]
    if sys.stdout is not None and sys.stdout.isatty():
        _print_drawn(columns, cells)
    else:
        _print_plain(columns, cells)


def _print_drawn(columns: Sequence[Column], cells: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*(column.title for column in columns))
    for line in cells:
        pairs = zip(columns, line, strict=True)
        table.add_row(
            *(Text(text, _COLOURS.get(text, "") if column.states else "") for column, text in pairs)
        )
    Console().print(table)


def _print_plain(columns: Sequence[Column], cells: list[list[str]]) -> None:
    lines = [[column.title.upper() for column in columns], *cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
