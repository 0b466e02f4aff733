"""`diff`: what a change of one configuration into another does: targets, rules, channels and routes, and who is told."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from ...adapters.configuration.loading import Examined
from ...adapters.configuration.reuse.located import locations
from ...domain.comparison.entries import EntryChange, KeyChange, other_changes, restarting, target_changes
from ...domain.comparison.telling import telling_changes
from ...domain.line import count_of, listed, one_line
from ...domain.specification.configuration import Configuration
from ...domain.specification.problem import Path as KeyPath
from ...domain.specification.problem import path_text
from ..output import ExitStatus
from .effective import examined_file
from .redacting import Redaction

_SIGNS = {"added": "+", "removed": "-", "renamed": "~", "changed": "~"}
_COLOURS = {"added": "green", "removed": "red", "renamed": "yellow", "changed": "yellow"}
_CHANGES = ("added", "removed", "renamed", "changed")


def show_difference(old: Path, new: Path, *, as_json: bool, exit_code: bool) -> ExitStatus:
    """Prints the difference of two valid configurations; with `exit_code`, returns 1 where there is one.

    Raises: ConfigurationError with every problem of the first that has one.
    """
    difference = _Difference(examined_file(old), examined_file(new), str(new))
    if as_json:
        click.echo(json.dumps(difference.document(), indent=2, ensure_ascii=False))
    else:
        for line in difference.lines():
            click.echo(line)
    return ExitStatus.FAILED if exit_code and difference.is_one else ExitStatus.FINE


class _Difference:
    """All that differs between two files, with the places in the new one."""

    def __init__(
        self, old: tuple[Examined, Configuration], new: tuple[Examined, Configuration], name: str
    ) -> None:
        """Compares at once; `name` is that of the new file."""
        (before, was), (after, now) = old, new
        self._name = name
        self._now = now
        self._mask = Redaction.of(before, after)
        self._targets, self._others = [*target_changes(was, now)], [*other_changes(was, now)]
        self._told = telling_changes(was, now)
        renamed = any(change.change == "renamed" for change in self._targets)
        self._restarts = (*restarting(was, now), *(["a renamed target"] if renamed else []))
        self._unchanged = len(now.targets) - sum(each.change != "removed" for each in self._targets)
        changes = [each for each in (*self._targets, *self._others) if each.change != "removed"]
        wanted = {self._path(each, key) for each in changes for key in (None, *each.keys)}
        self._places = locations(after.expansion, wanted) if wanted else {}

    @property
    def is_one(self) -> bool:
        return bool(self._targets or self._others)

    # Places.

    def _path(self, change: EntryChange, key: KeyChange | None) -> KeyPath:
        """Returns where the new configuration has an entry, or a key of it."""
        path: KeyPath = (change.group, change.at) if change.id else (change.group,)
        if key is None:
            return path
        match key.path:
            case ("rules", str(rule), *rest) if change.group == "targets":
                own = [each.id for each in self._now.targets[change.at].rules]
                return (*path, "rules", own.index(rule), *rest) if rule in own else path
            case _:
                return (*path, *key.path)

    def _place(self, change: EntryChange, key: KeyChange | None = None) -> tuple[str, int] | None:
        if change.change == "removed":
            return None
        at = self._places[self._path(change, key)]
        return at.file or self._name, at.line

    # For programs.

    def document(self) -> dict[str, Any]:
        """Returns the difference for programs."""
        return {
            "targets": [self._row(change) for change in self._targets],
            "others": [self._row(change) for change in self._others],
            "told": [msgspec.to_builtins(each) for each in self._told],
            "restarts": bool(self._restarts),
            "unchanged": self._unchanged,
        }

    def _row(self, change: EntryChange) -> dict[str, Any]:
        keys = [
            {
                "key": path_text(key.path),
                "before": self._mask(key.path, key.before),
                "after": self._mask(key.path, key.after),
                **_named(self._place(change, key)),
            }
            for key in change.keys
        ]
        row = {"group": change.group, "id": change.id, "change": change.change, "kind": change.kind}
        row |= {"former": change.former} if change.former else {}
        return {**row, **_named(self._place(change)), "keys": keys, "refused": list(change.refused)}

    # For people.

    def lines(self) -> Iterator[str]:
        """Yields the difference for people."""
        if not self.is_one:
            yield f"the same: {count_of(self._unchanged, 'target')}"
            return
        counts = {change: sum(each.change == change for each in self._targets) for change in _CHANGES}
        said = [f"{count:,} {change}" for change, count in counts.items() if count]
        yield f"targets: {', '.join([*said, f'{self._unchanged:,} unchanged'])}"
        for alike in self._alike():
            yield from self._of_entries(alike)
        for change in self._others:
            yield from self._of_entries([change])
        for each in self._told:
            yield f"told: {_channels(each.before)} -> {_channels(each.after)}: {listed(each.incidents)}"
        if self._restarts:
            because = listed(self._restarts)
            yield f"a running watchkeeper restarts shortly, because of {because}: nothing that is recorded is lost"
        else:
            yield "a running watchkeeper takes this over without a restart"

    def _alike(self) -> Iterable[list[EntryChange]]:
        """Returns the targets, those together whose change is the same, as it is after one of their template."""
        found: dict[object, list[EntryChange]] = {}
        for change in self._targets:
            is_alone = change.change != "changed" or change.refused
            keys = [(key, self._place(change, key)) for key in change.keys]
            found.setdefault(change.id if is_alone else (change.kind, repr(keys)), []).append(change)
        return found.values()

    def _of_entries(self, alike: list[EntryChange]) -> Iterator[str]:
        """Yields the lines of entries whose change is the same."""
        change = alike[0]
        what = change.group if not change.id or alike[1:] else change.group.removesuffix("s")
        name = f" {listed([each.id for each in alike])}" if change.id else ""
        name = f" {change.former} -> {change.id}" if change.former else name
        kind = f" ({change.kind})" if change.kind else ""
        head = click.style(f"{_SIGNS[change.change]} {what}{name}{kind}", fg=_COLOURS[change.change])
        yield f"{head}{_said(self._place(change)) if len({*map(self._place, alike)}) == 1 else ''}"
        for key in change.keys:
            values = " -> ".join(_value(self._mask(key.path, value)) for value in (key.before, key.after))
            yield f"    {path_text(key.path)}: {values}{_said(self._place(change, key))}"
        for fault in change.refused:
            yield f"    refused while it runs: {fault}"


def _named(place: tuple[str, int] | None) -> dict[str, Any]:
    return {} if place is None else {"file": place[0], "line": place[1]}


def _said(place: tuple[str, int] | None) -> str:
    return "" if place is None else f"  # {place[0]}:{place[1]}"


def _channels(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
