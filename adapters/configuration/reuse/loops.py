"""Loops: one target made into several, in whose texts the entries of `for_each` stand."""

import re
from collections.abc import Iterator
from typing import Any

from ....domain import limits
from ....domain.specification.construction.shape import UNREADABLE
from ....domain.specification.problem import Path, Problem, suggestion
from .keys import FOR_EACH
from .layers import EACH, Layer, stating
from .source import ReuseFault

LoopEntry = str | dict[str, str]
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def entries_of(stated: Any, layers: list[Layer], faults: list[ReuseFault]) -> list[tuple[int, LoopEntry]]:
    """Returns the entries of a loop that can be read, each with its number; tells of the others."""
    told = _Teller(layers, faults)
    if stated is UNREADABLE:
        return []
    if not isinstance(stated, list):
        told((), "expected a list of texts or of mappings, of which each makes one target")
        return []
    if not stated:
        told((), "is empty, so that no target is made: write entries, or leave the target out")
    if len(stated) > limits.TARGETS_MAX:
        told((), f"has {len(stated):,} entries: {limits.TARGETS_MAX:,} is the most")
        return []
    entries = ((at, _entry(each, at, told)) for at, each in enumerate(stated))
    return [(at, entry) for at, entry in entries if entry is not None]


def characters_of(entries: list[tuple[int, LoopEntry]]) -> int:
    """Returns how many characters take the place of one reference in all targets together, at most."""
    return sum(
        len(entry) if isinstance(entry, str) else max(map(len, entry.values()), default=0)
        for _, entry in entries
    )


class _Teller:
    def __init__(self, layers: list[Layer], faults: list[ReuseFault]) -> None:
        """Problems stand where the layer is that states the loop."""
        self._layers = layers
        self._faults = faults

    def __call__(self, path: Path, text: str, *, at_key: bool = False) -> None:
        layer, _ = stating(self._layers, (FOR_EACH, *path))
        self._faults.append(ReuseFault(layer.source, Problem(layer.path, text, at_key)))


def _entry(each: Any, at: int, told: _Teller) -> LoopEntry | None:
    if each is UNREADABLE:
        return None
    if not isinstance(each, dict):
        text = _text_of(each)
        if text is None:
            told((at,), "expected a text, a number or a mapping of these")
        return text
    values: dict[str, str] = {}
    for key, value in each.items():
        text = _text_of(value)
        if not _KEY.fullmatch(key):
            told((at, key), "is no name for ${each.NAME}: write letters, digits, - and _", at_key=True)
        elif text is not None:
            values[key] = text
        elif value is not UNREADABLE:
            told((at, key), "expected a text or a number")
    return values


def _text_of(value: Any) -> str | None:
    """Returns a scalar as a text: the place at which it will stand gives it a type again."""
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case _:
            return None


class Filler:
    """Puts one entry into the texts of a target, in place; tells of references that name nothing in it."""

    def __init__(self, entry: LoopEntry, path: Path) -> None:
        """The path is that of the target."""
        self._entry = entry
        self._path = path
        self.filled: list[Path] = []
        self.problems: list[Problem] = []
        """By their paths in the whole."""

    def fill(self, target: dict[str, Any]) -> None:
        for key, value in target.items():
            target[key] = self._fill(value, (*self._path, key))

    def _fill(self, value: Any, path: Path) -> Any:
        match value:
            case str():
                return self._text(value, path) if "${" in value else value
            case dict():
                for key, below in value.items():
                    if any(found[0] != "$${" for found in EACH.finditer(key)):
                        text = "a key takes no ${each}: it stands in values alone"
                        self.problems.append(Problem((*path, key), text, at_key=True))
                    value[key] = self._fill(below, (*path, key))
            case list():
                for at, below in enumerate(value):
                    value[at] = self._fill(below, (*path, at))
            case _:
                pass
        return value

    def _text(self, text: str, path: Path) -> Any:
        problems = [problem for found in EACH.finditer(text) for problem in self._faults(found)]
        if problems:
            self.problems.append(Problem(path, problems[0]))
            return UNREADABLE
        filled = EACH.sub(self._value, text)
        if filled != text:
            self.filled.append(path)
        return filled

    def _faults(self, found: re.Match[str]) -> Iterator[str]:
        """Yields why a reference names nothing in the entry."""
        if found[0] == "$${":
            return
        key = found[1]
        if isinstance(self._entry, str):
            if key is not None:
                yield f"{found[0]} names a key, and the entry of for_each is a text: write ${{each}}"
        elif key is None:
            yield "${each} is a mapping here: write ${each.KEY} with one of its keys"
        elif key not in self._entry:
            yield f"the entry of for_each has no key {key!r}{suggestion(key, self._entry)}"

    def _value(self, found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "$${"
        return self._entry if isinstance(self._entry, str) else self._entry[found[1]]
