"""The findings of `check`, written for people, for programs, and as annotations of GitHub."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import click
import msgspec
from msgspec import UNSET, UnsetType

from ...adapters.configuration.document import DocumentFault
from ...domain.limits import PROBLEMS_MAX
from ...domain.line import count_of, listed
from ...domain.specification.problem import path_text

Level = Literal["error", "warning", "note"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know about a configuration; without a line about the whole file."""

    level: Level
    file: str | UnsetType = UNSET
    """The included file in which it is."""
    line: int | None = None
    column: int | None = None
    path: str = ""
    message: str

    @classmethod
    def of(cls, level: Level, fault: DocumentFault) -> "Finding":
        """Returns the finding of a problem with its place."""
        problem = fault.problem
        return cls(
            level=level,
            file=fault.file or UNSET,
            line=fault.line,
            column=fault.column,
            path=path_text(problem.path),
            message=fault.said,
        )

    @property
    def said(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The findings in one file, and the counts of a valid one."""

    file: str
    targets: int = 0
    channels: int = 0
    findings: tuple[Finding, ...] = ()
    left_out: int = 0
    included: tuple[str, ...] = ()
    """The files that it includes, in the order in which they were read."""

    def has(self, level: Level) -> bool:
        return any(finding.level == level for finding in self.findings)

    @property
    def summary(self) -> str:
        files = f" in {1 + len(self.included):,} files, with {listed(self.included)}" if self.included else ""
        return f"ok: {count_of(self.targets, 'target')}, {count_of(self.channels, 'channel')}{files}"


def _write_text(checked: Sequence[Checked]) -> None:
    """Writes findings to standard error, and each valid file to standard output."""
    for one in checked:
        if not one.has("error"):
            click.echo(f"{one.file}: {one.summary}" if len(checked) > 1 else one.summary)
        for line in _lines(one):
            click.echo(line, err=True)


def _lines(checked: Checked) -> Iterator[str]:
    for finding in checked.findings:
        place = f":{finding.line}:{finding.column}" if finding.line else ""
        # An error is what `check` looks for, and needs no word for it.
        level = "" if finding.level == "error" else f"{finding.level}: "
        yield f"{finding.file or checked.file}{place}: {level}{finding.said}"
    if checked.left_out:
        yield f"and {checked.left_out:,} more problem{'s' if checked.left_out > 1 else ''}"


def _write_json(checked: Sequence[Checked]) -> None:
    click.echo(json.dumps({"files": [_row(one) for one in checked]}, indent=2, ensure_ascii=False))


def _row(checked: Checked) -> dict[str, Any]:
    return {"file": checked.file, "valid": not checked.has("error"), **msgspec.to_builtins(checked)}


def _write_github(checked: Sequence[Checked]) -> None:
    """Writes workflow commands, which GitHub shows beside the lines of the file."""
    for one in checked:
        for finding in one.findings:
            place = {
                "file": finding.file or one.file,
                "line": finding.line,
                "col": finding.column,
                "title": "watchkeeper",
            }
            given = ",".join(f"{name}={_property(value)}" for name, value in place.items() if value)
            command = "notice" if finding.level == "note" else finding.level
            click.echo(f"::{command} {given}::{_data(finding.said)}")
        if not one.has("error"):
            click.echo(f"{one.file}: {one.summary}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: object) -> str:
    return _data(str(value)).replace(":", "%3A").replace(",", "%2C")


FORMATS: Final[dict[str, Callable[[Sequence[Checked]], None]]] = {
    "text": _write_text,
    "json": _write_json,
    "github": _write_github,
}
"""How to write what was found, by the name of the format."""


def _place_of(finding: Finding) -> tuple[str, int, int]:
    return finding.file or "", finding.line or 0, finding.column or 0


def bounded(findings: Sequence[Finding], left_out: int) -> tuple[tuple[Finding, ...], int]:
    """Returns as many findings as are told at once, in the order of the file, and how many more there are."""
    ordered = sorted(dict.fromkeys(findings), key=_place_of)
    return tuple(ordered[:PROBLEMS_MAX]), left_out + max(0, len(ordered) - PROBLEMS_MAX)
