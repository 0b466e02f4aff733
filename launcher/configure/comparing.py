"""`diff`: what a change of one configuration into another does: targets, rules, channels and routes, and who is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ...domain.comparison.entries import EntryChange, KeyChange, other_changes, restarting, target_changes
from ...domain.comparison.telling import TellingChange, telling_changes
from ...domain.line import count_of, listed, one_line
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
    (before, was), (after, now) = examined_file(old), examined_file(new)
    mask = Redaction.of(before, after)
    targets, others = [*target_changes(was, now)], [*other_changes(was, now)]
    told = telling_changes(was, now)
    parts = restarting(was, now)
    renamed = any(change.change == "renamed" for change in targets)
    restarts = (*parts, *(["a renamed target"] if renamed else []))
    if as_json:
        document = {
            "targets": [_row(change, mask) for change in targets],
            "others": [_row(change, mask) for change in others],
            "told": [
                {"before": each.before, "after": each.after, "incidents": each.incidents} for each in told
            ],
            "restarts": bool(restarts),
            "unchanged": _unchanged(len(now.targets), targets),
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for line in _lines(targets, others, told, restarts, _unchanged(len(now.targets), targets), mask):
            click.echo(line)
    return ExitStatus.FAILED if exit_code and (targets or others) else ExitStatus.FINE


def _unchanged(count: int, changes: list[EntryChange]) -> int:
    return count - sum(change.change != "removed" for change in changes)


def _row(change: EntryChange, mask: Redaction) -> dict[str, Any]:
    keys = [
        {"key": path_text(key.path), "before": mask(key.path, key.before), "after": mask(key.path, key.after)}
        for key in change.keys
    ]
    row = {"group": change.group, "id": change.id, "change": change.change, "kind": change.kind, "keys": keys}
    return row | ({"former": change.former} if change.former else {}) | {"refused": list(change.refused)}


def _lines(
    targets: list[EntryChange],
    others: list[EntryChange],
    told: tuple[TellingChange, ...],
    restarts: tuple[str, ...],
    unchanged: int,
    mask: Redaction,
) -> Iterator[str]:
    if not targets and not others:
        yield f"the same: {count_of(unchanged, 'target')}"
        return
    counts = {change: sum(each.change == change for each in targets) for change in _CHANGES}
    said = [f"{count:,} {change}" for change, count in counts.items() if count]
    yield f"targets: {', '.join([*said, f'{unchanged:,} unchanged'])}"
    for change in (*targets, *others):
        yield from _of_entry(change, mask)
    for each in told:
        yield f"told: {_channels(each.before)} -> {_channels(each.after)}: {listed(each.incidents)}"
    if restarts:
        yield f"a running watchkeeper restarts shortly, because of {listed(restarts)}: nothing that is recorded is lost"
    else:
        yield "a running watchkeeper takes this over without a restart"


def _channels(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"


def _of_entry(change: EntryChange, mask: Redaction) -> Iterator[str]:
    what = change.group.removesuffix("s") if change.id else change.group
    name = f" {change.former} -> {change.id}" if change.former else f" {change.id}" if change.id else ""
    kind = f" ({change.kind})" if change.kind else ""
    yield click.style(f"{_SIGNS[change.change]} {what}{name}{kind}", fg=_COLOURS[change.change])
    for key in change.keys:
        yield f"    {path_text(key.path)}: {_shown(key, mask)}"
    for fault in change.refused:
        yield f"    refused while it runs: {fault}"


def _shown(key: KeyChange, mask: Redaction) -> str:
    return " -> ".join(_value(mask(key.path, value)) for value in (key.before, key.after))


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
