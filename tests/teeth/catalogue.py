"""The catalogue of seeded bugs: what each changes, what that breaks, and how it is applied to a copy of the tree."""

import ast
import tomllib
from pathlib import Path

import msgspec

BUGS = Path(__file__).with_name("bugs")


class Edit(msgspec.Struct, frozen=True, array_like=True):
    """One replacement. What is replaced must be there exactly once, so that no bug outlives the code it is in."""

    old: str
    new: str


class Bug(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One seeded bug."""

    id: str
    says: str
    """What goes wrong, in a sentence."""
    breaks: tuple[str, ...]
    """The invariants (S and L), faults (F), controls (C) or promises (B) that it breaks."""
    file: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    """The tests that are to catch it, cheapest first."""
    beyond: str = ""
    """Why the simulator cannot see it; empty where it is to be tried."""


class _Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bug: tuple[Bug, ...]


def catalogue() -> tuple[Bug, ...]:
    """All bugs, by topic. Raises ValueError when two share an id."""
    bugs = [bug for path in sorted(BUGS.glob("*.toml")) for bug in _read(path)]
    names = [bug.id for bug in bugs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two bugs are called {', '.join(twice)}")
    return tuple(bugs)


def _read(path: Path) -> tuple[Bug, ...]:
    return msgspec.convert(tomllib.loads(path.read_text()), _Topic).bug


def changed(bug: Bug, source: str) -> str:
    """The source with the bug in it. Raises ValueError when the bug no longer fits the code."""
    for edit in bug.edits:
        found = source.count(edit.old)
        if found != 1:
            raise ValueError(f"in {bug.file} this is there {found} times, not once:\n{edit.old}")
        source = source.replace(edit.old, edit.new)
    ast.parse(source)
    return source
