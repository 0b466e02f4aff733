"""Shapes: where a plain value (mappings, lists, texts, numbers) does not fit a specification, field by field."""

import re
from collections.abc import Iterator, KeysView, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import inspect

from ...time.duration import parse_duration
from ..problem import Path, Problem, meant, nearest, not_one, path_text, quoted, suggestion
from ..text import FORMS
from .other_words import meant_by
from .shape_words import is_duration, kind_of, mismatch, plain_types, wanted


class Unreadable:
    """Stands for a value whose problem has been told already, so that it is not told twice."""


UNREADABLE: Final = Unreadable()
_DROPPED: Final = Unreadable()
_TEXT = ("text",)
_ACCEPTED: dict[type[inspect.Type], tuple[str, ...]] = {
    inspect.NoneType: ("null",),
    inspect.StructType: ("mapping",),
    inspect.DictType: ("mapping",),
    inspect.VarTupleType: ("list",),
    inspect.BoolType: ("truth",),
    inspect.IntType: ("whole number",),
    inspect.FloatType: ("whole number", "number"),
}
"""The kinds of plain value in which a choice of a union may find one that fits; any other choice: a text."""
SECRETS = frozenset(
    {"secret", "password", "key_password", "bearer", "headers", "environment", "body", "send", "argv", "url"}
    | {"cookies", "key", "sha256", "token", "routing_key", "topic", "urls", "smtp", "metadata", "settings"}
    | {"client_secret", "parameters", "token_url", "nats", "credentials"}
)
"""Under these keys no value is ever shown."""


class ShapeChecker:
    """Tries one plain value against a specification, gathers every problem, and keeps what is sound."""

    def __init__(
        self,
        spelled: Mapping[str, str] = MappingProxyType({}),
        further: Mapping[Any, tuple[str, ...]] = MappingProxyType({}),
        *,
        is_partial: bool = False,
    ) -> None:
        """`spelled` has the names of fields that Python spells otherwise than files do, `further` keys that files have besides.

        A partial value may lack required keys outside of lists, and holds texts that are not final yet.
        """
        self.problems: list[Problem] = []
        self._spelled = spelled
        self._further = further
        self._is_partial = is_partial
        self._depth = 0
        self.unread: set[Path] = set()
        """Where it is unknown what is meant; `fit` leaves it out, or has a stand-in where it must not be missing."""
        self.ambiguous: set[Path] = set()
        """The missing keys, each beside an unknown key that may have been meant for it."""

    def fit(self, value: Any, specification: Any, path: Path = ()) -> Any:
        """Returns the valid part of `value` as plain data; None without one."""
        self._depth = len(path)
        sound = self._fit(value, type_of(specification), path)
        return None if sound is _DROPPED else sound

    def tell(self, path: Path, text: str) -> Any:
        """A problem that makes the value at `path` worthless."""
        self.problems.append(Problem(path, text))
        return self._already_reported(path)

    def _already_reported(self, path: Path) -> Any:
        self.unread.add(path)
        return _DROPPED

    def _fit(self, value: Any, kind: inspect.Type, path: Path) -> Any:
        if value is UNREADABLE:
            return self._already_reported(path)
        if isinstance(value, msgspec.Struct):
            return self._specification(value, kind, path)
        if self._is_partial and isinstance(value, str) and "${" in value:
            return self._already_reported(path)
        match kind:
            case inspect.Metadata():
                return self._fit(value, kind.type, path)
            case inspect.UnionType():
                return self._union(value, kind, path)
            case inspect.StructType() if isinstance(value, dict):
                return self._struct(value, kind, path)
            case inspect.VarTupleType(item_type=inspect.TupleType() as pair) if isinstance(
                value, list | tuple
            ):
                return self._pairs(value, pair, path)
            case inspect.VarTupleType() if isinstance(value, list | tuple):
                return self._list(value, kind, path)
            case inspect.DictType() if isinstance(value, dict):
                return self._mapping(value, kind, path)
            case _:
                return self._leaf(value, kind, path)

    def _specification(self, value: msgspec.Struct, kind: inspect.Type, path: Path) -> Any:
        """A specification was validated by its constructor: only its class can differ from the expected one."""
        choices = tuple(plain_types(kind))
        asked = tuple(choice.cls for choice in choices if isinstance(choice, inspect.StructType))
        if isinstance(value, asked):
            return value
        names = " or ".join(one.__name__ for one in asked) or wanted(kind)
        hint = ": put it in brackets, [like, this]" if isinstance(choices[0], inspect.VarTupleType) else ""
        return self.tell(path, f"expected {names}, got a {type(value).__name__}{hint}")

    def _leaf(self, value: Any, kind: inspect.Type, path: Path) -> Any:
        holds_more = isinstance(kind, inspect.StructType | inspect.VarTupleType)
        secret = holds_more or not SECRETS.isdisjoint(path)
        text = mismatch(value, kind, secret=secret) or _misread(value, kind, secret=secret)
        return self.tell(path, text) if text else value

    def _union(self, value: Any, kind: inspect.UnionType, path: Path) -> Any:
        found = kind_of(value)
        choices = [choice for choice in plain_types(kind) if found in _ACCEPTED.get(type(choice), _TEXT)]
        match choices:
            case []:
                return self.tell(path, mismatch(value, kind))
            case [choice]:
                return self._fit(value, choice, path)
            case [inspect.IntType() | inspect.FloatType() as choice, *_]:
                # A whole number is a number, too.
                return self._fit(value, choice, path)
            case _:
                return self._tagged(value, choices, path)

    def _tagged(self, value: Any, choices: list[inspect.Type], path: Path) -> Any:
        """One of several specifications that a key such as `kind` tells apart."""
        by_tag = {str(choice.tag): choice for choice in choices if isinstance(choice, inspect.StructType)}
        field = str(next(iter(by_tag.values())).tag_field)
        tag = value.get(field)
        if tag is UNREADABLE:
            return self._already_reported((*path, field))
        if field not in value:
            return self.tell(path, f"has no {field}: it is one of {', '.join(by_tag)}")
        if self._is_partial and isinstance(tag, str) and "${" in tag:
            return self._already_reported((*path, field))
        if not isinstance(tag, str) or tag not in by_tag:
            shown = quoted(tag) if isinstance(tag, str) else "this"
            close = suggestion(tag, by_tag) if isinstance(tag, str) else ""
            return self.tell(
                (*path, field), f"{shown} is no {field}: it is one of {', '.join(by_tag)}{close}"
            )
        return self._struct(value, by_tag[tag], path)

    def _struct(self, value: dict[str, Any], kind: inspect.StructType, path: Path) -> Any:
        sound = dict(self._fields(value, kind, path))
        if self._is_partial and not any(isinstance(step, int) for step in path[self._depth :]):
            return sound
        for field in kind.fields:
            if field.required and field.encode_name not in sound:
                self._required(field, value, path)
                sound[field.encode_name] = _stand_in(field.type, (*path, field.encode_name))
        return self._with_one(sound, kind.cls, path, is_misnamed=_has_unknown_part(value, kind))

    def _with_one(self, sound: dict[str, Any], cls: Any, path: Path, *, is_misnamed: bool) -> Any:
        """Has a harmless one in place of several probes or transports, or of none.

        An unknown key with keys of its own, `slack: {...}`, is the one that is missing, and has been reported.
        """
        given = [name for name in cls.one_of if sound.get(name) is not None]
        if not cls.one_of or len(given) == 1:
            return sound
        names = (*cls.one_of, *self._further.get(cls, ()))
        is_certain = given or (not is_misnamed and self.unread.isdisjoint((*path, name) for name in names))
        name = (*path, "id")
        if is_certain and name not in self.unread:
            empty = next((name for name in cls.one_of if name in sound and not given), "")
            hint = f": {empty} has no value, write its keys or {empty}: {{}}" if empty else ""
            self.problems.append(Problem(path, not_one(given, cls.one_of) + hint))
        return {name: item for name, item in sound.items() if name not in given} | cls.harmless

    def _required(self, field: inspect.Field, value: dict[str, Any], path: Path) -> None:
        place = (*path, field.encode_name)
        if field.encode_name not in value and place not in self.unread:
            said = f"has no {field.encode_name}: it needs {wanted(field.type)}"
            hint = "; its name is for people" if field.encode_name == "id" and "name" in value else ""
            self.problems.append(Problem(path, said + hint))
        self.unread.add(place)

    def _fields(
        self, value: dict[str, Any], kind: inspect.StructType, path: Path
    ) -> Iterator[tuple[str, Any]]:
        fields = {field.encode_name: field.type for field in kind.fields}
        for key, item in value.items():
            if key == kind.tag_field and item == kind.tag:
                yield key, item
            elif key in fields:
                sound = self._fit(item, fields[key], (*path, key))
                if sound is not _DROPPED:
                    yield key, sound
            else:
                known = {**fields, **dict.fromkeys(self._further.get(kind.cls, ()))}
                self._unknown(str(key), known.keys(), value.keys(), path)

    def _unknown(self, key: str, known: KeysView[str], given: KeysView[str], path: Path) -> None:
        """An unknown key may be meant for what it is like, or else for anything that does not stand there."""
        close = meant_by(key, known - given) or nearest(key, known)
        shown = [self._spelled.get(name, name) for name in known]
        known_here = f" (known here: {', '.join(shown)})"
        text = f"unknown key{meant(self._spelled.get(close, close)) or known_here}"
        self.problems.append(Problem((*path, key), text, at_key=True))
        if close and close not in given:
            self.unread.add((*path, close))
        else:
            self.ambiguous.update((*path, name) for name in known - given)

    def _list(self, value: Sequence[Any], kind: inspect.VarTupleType, path: Path) -> Any:
        if kind.max_length is not None and len(value) > kind.max_length:
            return self.tell(path, f"has {len(value):,} entries: {kind.max_length:,} is the most")
        if kind.min_length is not None and len(value) < kind.min_length:
            return self.tell(path, f"has {len(value)} entries: it needs at least {kind.min_length}")
        entries = (self._entry(item, kind.item_type, (*path, at)) for at, item in enumerate(value))
        return [entry for entry in entries if entry is not _DROPPED]

    def _pairs(self, value: Sequence[Any], pair: inspect.TupleType, path: Path) -> Any:
        """A mapping as Python may write it too: a list of names, each with its value."""
        if not all(isinstance(item, list | tuple) and len(item) == len(pair.item_types) for item in value):
            return self.tell(
                path, "expected a mapping, got a list: write each name with its value, {name: value}"
            )
        sound = []
        for at, item in enumerate(value):
            parts = enumerate(zip(item, pair.item_types, strict=True))
            fitting = [self._fit(part, kind, (*path, at, which)) for which, (part, kind) in parts]
            if _DROPPED not in fitting:
                sound.append(fitting)
        return sound

    def _entry(self, item: Any, kind: inspect.Type, path: Path) -> Any:
        sound = self._fit(item, kind, path)
        return _stand_in(kind, path) if sound is _DROPPED else sound

    def _mapping(self, value: dict[Any, Any], kind: inspect.DictType, path: Path) -> Any:
        if kind.max_length is not None and len(value) > kind.max_length:
            return self.tell(path, f"has {len(value):,} entries: {kind.max_length:,} is the most")
        sound = {}
        for key, item in value.items():
            place = (*path, str(key))
            if fault := _misread(key, next(plain_types(kind.key_type))) if isinstance(key, str) else "":
                self.problems.append(Problem(place, fault, at_key=True))
                continue
            fitting = self._fit(item, kind.value_type, place)
            if fitting is not _DROPPED:
                sound[key] = fitting
        return sound


def _has_unknown_part(value: dict[str, Any], kind: inspect.StructType) -> bool:
    known = {field.encode_name for field in kind.fields}
    return any(isinstance(item, dict) for key, item in value.items() if key not in known)


def stand_in(specification: Any, path: Path) -> Any:
    """Plain data that passes every check, in place of a specification that cannot be read."""
    return _stand_in(type_of(specification), path)


def _text_for(path: Path) -> str:
    """A text that may stand where the one at `path` is missing: it may be an id, unlike any other, and is no plain http."""
    return f"https:{path_text(path)}"


_TEXTS_OF_FORM = ("1m", "99%", "0 0 1 1 *", "a" * 16, "a" * 32, "a" * 64)
"""Texts that may stand where one of a form is missing: a length of time, a share, a schedule, and keys."""


def _stand_in(kind: inspect.Type, path: Path) -> Any:
    match next(plain_types(kind)):
        case inspect.StructType(cls=cls, fields=fields, tag=tag, tag_field=tag_field):
            tagged = {tag_field: tag} if tag_field else {}
            names = {field.encode_name: field.type for field in fields if field.required}
            required = {name: _stand_in(of, (*path, name)) for name, of in names.items()}
            return tagged | required | getattr(cls, "harmless", {})
        case inspect.VarTupleType(item_type=item, min_length=least):
            entry = _stand_in(item, path)
            return [] if entry is _DROPPED else [entry] * max(1, least or 0)
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.EnumType(cls=cls):
            return next(iter(cls)).value
        case inspect.TupleType():
            return _DROPPED  # a pair is known by its key, so that none has to keep the place of another
        case inspect.IntType(ge=int() as least) if least > 1:
            return least
        case inspect.IntType() | inspect.FloatType():
            return 1
        case inspect.StrType(pattern=str() as pattern):
            usual = _text_for(path)
            return next((text for text in (usual, *_TEXTS_OF_FORM) if re.search(pattern, text)), usual)
        case _:
            return _text_for(path)


@cache
def type_of(specification: Any) -> inspect.Type:
    """Returns the type of a specification, which takes 70 ms to make for a whole configuration."""
    return inspect.type_info(specification)


def _misread(value: Any, kind: inspect.Type, *, secret: bool = False) -> str:
    """Returns the fault of a text that has the right type."""
    if not isinstance(kind, inspect.StrType):
        return ""
    if is_duration(kind):
        return _duration_fault(value)
    if kind.max_length is not None and len(value) > kind.max_length:
        return f"a text of {len(value):,} characters: {kind.max_length:,} are the most"
    if kind.min_length is not None and len(value) < kind.min_length:
        return (
            "an empty text" if not value else f"a text of {len(value)} characters: it needs {kind.min_length}"
        )
    if kind.pattern is None or re.search(kind.pattern, value):
        return ""
    return f"{'' if secret else f'{quoted(value)} '}is no {FORMS[kind.pattern]}"


def _duration_fault(value: str) -> str:
    try:
        parse_duration(value)
    except ValueError as error:
        return str(error)
    return f"{quoted(value)} has no unit: write it like 30s" if value == "0" else ""
