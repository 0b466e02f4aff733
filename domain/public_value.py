"""Values that hosts receive: as plain data, as JSON, short in a log, as a table in a notebook, from a route of a web framework."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET

from .limits import NOTEBOOK_ROWS_MAX, REPR_CHARACTERS_MAX
from .line import one_line
from .time.moment import Moment, utc, wall_ns_of, wall_text
from .units import NS_PER_MS

_TIMES = ("at_ns", "since_ns", "until_ns")
_ATOMS = frozenset({str, int, float, bool, type(None)})


class PublicValue(msgspec.Struct, frozen=True):
    """A value that hosts receive. `dict(value)` is `to_dict()`, so that web frameworks can return it."""

    mappings: ClassVar[frozenset[str]] = frozenset()
    """Fields that are pairs of a name and a value, and a mapping as plain data."""

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data: times as RFC 3339 in UTC, lengths of time as milliseconds under `_ms`, enumerations as texts."""
        return document_of(self)

    def to_json(self) -> str:
        """Returns `to_dict()` as one JSON document."""
        return msgspec.json.encode(self.to_dict()).decode()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        yield from self.to_dict().items()

    def __repr__(self) -> str:
        return one_line(super().__repr__(), REPR_CHARACTERS_MAX)

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        return html_table(("", type(self).__name__), self.to_dict().items())

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> dict[str, Any]:
        """Lets pydantic, and so FastAPI, take this class as the type of an answer; a plain mapping, so nothing is imported."""
        said = {"type": "function-plain", "function": cls.to_dict, "return_schema": {"type": "dict"}}
        return {"type": "is-instance", "cls": cls, "serialization": said}


def document_of(value: msgspec.Struct) -> dict[str, Any]:
    """Returns the fields of a struct as plain data; a field that is UNSET is left out."""
    return {
        key: made(field)
        for name, key, made in _plan_of(type(value))
        if (field := getattr(value, name)) is not UNSET
    }


@cache
def _plan_of(kind: type[msgspec.Struct]) -> tuple[tuple[str, str, Callable[[Any], Any]], ...]:
    """For each field of a class: its name, its key as plain data, and the function that makes it plain."""
    mappings = getattr(kind, "mappings", ())
    plan: list[tuple[str, str, Callable[[Any], Any]]] = []
    for name in kind.__struct_fields__:
        stem, _, bound = name.partition("_ns_")
        stem = f"{stem}_{bound}" if bound else name.removesuffix("_ns")
        if name in mappings:
            plan.append((name, name, _mapping))
        elif stem == name:
            plan.append((name, name, _plain))
        elif name.endswith(_TIMES):
            plan.append((name, stem, _time_text))
        else:
            plan.append((name, f"{stem}_ms", milliseconds))
    return tuple(plan)


def _plain(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    match value:
        case PublicValue():
            return value.to_dict()
        case Moment():
            return wall_text(value.wall_ns)
        case msgspec.Struct():
            return document_of(value)
        case Enum():
            return value.value
        case tuple() | list():
            return [_plain(each) for each in value]
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case datetime():
            return wall_text(wall_ns_of(value.isoformat()))
        case _:
            return value


def _mapping(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in pairs}


def _time_text(wall_ns: int | None) -> str | None:
    return None if wall_ns is None else wall_text(wall_ns)


def html_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a table of bounded length whose every text is escaped."""
    lines = [_row("th", head)]
    for number, row in enumerate(rows):
        if number >= NOTEBOOK_ROWS_MAX:
            lines.append(_row("td", ["...", *[""] * (len(head) - 1)]))
            break
        lines.append(_row("td", row))
    return f"<table>{''.join(lines)}</table>"


def _row(cell: str, texts: Iterable[Any]) -> str:
    # A late import: its table of entities takes a millisecond, and only notebooks need it.
    from html import escape

    shown = ("" if text is None else escape(str(text)) for text in texts)
    return f"<tr>{''.join(f'<{cell}>{text}</{cell}>' for text in shown)}</tr>"


def milliseconds(length_ns: int | None) -> float | None:
    """Returns a length of time in milliseconds; None for none."""
    return None if length_ns is None else length_ns / NS_PER_MS


def moment_of(wall_ns: int | None) -> datetime | None:
    """Returns a wall time as a datetime in UTC, to the microsecond; None for none."""
    return None if wall_ns is None else utc(wall_ns)
