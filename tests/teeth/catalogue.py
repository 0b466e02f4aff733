"""The catalogue of seeded bugs: what each changes, what that breaks, and how it is applied to a copy of the tree."""

import ast
import tomllib
from pathlib import Path

import msgspec
from patterns import replaced

BUGS = Path(__file__).with_name("bugs")


class Edit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One replacement, by shape (`patterns.py`). The pattern is there exactly once: no bug outlives its code."""

    within: str = msgspec.field(default="", name="in")
    """The dotted name of the function, class or assignment that holds the code; empty for the whole module."""
    find: str
    put: str = ""


class Bug(Edit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One seeded bug; most are one replacement."""

    id: str
    says: str
    """The defect, in a sentence."""
    breaks: tuple[str, ...]
    """The invariants (S and L), faults (F), controls (C) or promises (B) that it breaks."""
    file: str
    also: tuple[Edit, ...] = ()
    """Further replacements in that file."""
    tests: tuple[str, ...]
    """The tests that are to catch it, cheapest first."""
    beyond: str = ""
    """Why the simulator cannot see it; empty where it is to be tried."""

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All its replacements."""
        return (self, *self.also)


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
    """The source with the bug in it. Raises Misfit when the bug no longer fits the code."""
    for edit in bug.edits:
        source = replaced(source, edit.within, edit.find, edit.put)
    ast.parse(source)
    return source
