"""How the kinds of plain values are called when one stands where another is wanted."""

from collections.abc import Iterator
from math import log10
from typing import Any

import msgspec
from msgspec import inspect

from ...time.duration import duration_ns
from ..problem import quoted, suggestion
from ..text import DURATION_PATTERN, MOMENT_PATTERN

_TRUE = frozenset({"yes", "on", "true", "y"})
_FALSE = frozenset({"no", "off", "false", "n"})
_KINDS: dict[type[Any] | tuple[type[Any], ...], str] = {
    type(None): "null",
    bool: "truth",
    int: "whole number",
    float: "number",
    str: "text",
    (dict, msgspec.Struct): "mapping",
    (list, tuple): "list",
}
_KEYS_SHOWN = 8
_WANTED: dict[type[inspect.Type], str] = {
    inspect.StrType: "a text",
    inspect.BoolType: "true or false",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.DictType: "a mapping of texts",
}


def plain_types(kind: inspect.Type) -> Iterator[inspect.Type]:
    """The types of which one must be met: those of a union, without their descriptions."""
    match kind:
        case inspect.Metadata():
            yield from plain_types(kind.type)
        case inspect.UnionType():
            for choice in kind.types:
                yield from plain_types(choice)
        case _:
            yield kind


def is_duration(kind: inspect.Type) -> bool:
    """Whether a length of time may stand there."""
    return _takes_text(kind, DURATION_PATTERN)


def is_moment(kind: inspect.Type) -> bool:
    """Whether a moment may stand there."""
    return _takes_text(kind, MOMENT_PATTERN)


def _takes_text(kind: inspect.Type, pattern: str | None) -> bool:
    return any(isinstance(one, inspect.StrType) and one.pattern == pattern for one in plain_types(kind))


def kind_of(value: Any) -> str:
    """The word for what a plain value is."""
    words = (word for types, word in _KINDS.items() if isinstance(value, types))
    return next(words, "value of another kind")


def mismatch(value: Any, kind: inspect.Type, *, secret: bool = True) -> str:
    """One sentence when `value` is not of `kind`, with what to write instead; empty when it is."""
    found = kind_of(value)
    if is_duration(kind) and found in {"whole number", "number"}:
        return _not_a_text(value)
    match kind:
        case inspect.NoneType() if value is None:
            return ""
        case inspect.StrType() if found == "text":
            return ""
        case inspect.BoolType() if found == "truth":
            return ""
        case inspect.IntType() if found == "whole number":
            return _out_of_range(value, kind)
        case inspect.FloatType() if found in {"whole number", "number"}:
            return ""
        case inspect.EnumType() | inspect.LiteralType() if found == "text":
            return _no_choice(value, _choices(kind))
        case _:
            return f"expected {wanted(kind)}, got {_got(value, secret=secret)}{_hint(value, kind)}"


def _not_a_text(seconds: float) -> str:
    """A number where a duration stands: seconds, if it can be a length at all."""
    try:
        duration_ns(seconds)
    except ValueError:
        return (
            f"{_number(seconds)} is no duration: write a length from 0s to 100 years, like 500ms, 1m30s or 7d"
        )
    written = f"write {_number(seconds)}s" if seconds else "write a length with its unit, such as 30s"
    return f"expected a duration, got the number {_number(seconds)}: {written}"


def wanted(kind: inspect.Type) -> str:
    """Returns a description of the expected value."""
    match kind:
        case inspect.Metadata():
            return wanted(kind.type)
        case inspect.StrType(pattern=pattern) if pattern == DURATION_PATTERN:
            return "a duration such as 30s"
        case inspect.EnumType() | inspect.LiteralType():
            return f"one of {', '.join(_choices(kind))}"
        case inspect.StructType():
            names = [field.encode_name for field in kind.fields]
            return f"a mapping with {', '.join(names[:_KEYS_SHOWN])}{' and others' if names[_KEYS_SHOWN:] else ''}"
        case inspect.UnionType():
            return _either(kind)
        case _:
            return _WANTED.get(type(kind), "a list")


def _either(kind: inspect.UnionType) -> str:
    words = [wanted(choice) for choice in kind.types if not isinstance(choice, inspect.NoneType)]
    if all(word.startswith("a mapping with ") for word in words):
        return "a mapping"
    others = [word for word in dict.fromkeys(words) if word != "a list"]
    if others and _takes_list(kind):
        others.insert(0, "a list of texts")
    return " or ".join(others or ["a list"])


def _takes_truth(kind: inspect.Type) -> bool:
    return any(isinstance(choice, inspect.BoolType) for choice in plain_types(kind))


def _takes_list(kind: inspect.Type) -> bool:
    """Whether a list of texts may stand there."""
    return any(
        isinstance(choice, inspect.VarTupleType)
        and isinstance(next(plain_types(choice.item_type)), inspect.StrType)
        for choice in plain_types(kind)
    )


def _choices(kind: inspect.EnumType | inspect.LiteralType) -> list[str]:
    if isinstance(kind, inspect.EnumType):
        return [str(member.value) for member in kind.cls]
    return [str(value) for value in kind.values]


def _no_choice(value: str, choices: list[str]) -> str:
    if value in choices:
        return ""
    return f"{quoted(value)} is not one of {', '.join(choices)}{suggestion(value, choices)}"


def _out_of_range(value: int, kind: inspect.IntType) -> str:
    low = kind.ge if kind.ge is not None else value
    high = kind.le if kind.le is not None else value
    return "" if low <= value <= high else f"{_number(value)} is out of range: it may be {low:,} to {high:,}"


def _got(value: Any, *, secret: bool) -> str:
    match kind_of(value):
        case "null":
            return "nothing (null)"
        case "truth":
            return "true" if value else "false"
        case "text":
            return "a text" if secret else f"the text {quoted(value)}"
        case "whole number" | "number":
            return "a number" if secret else f"the number {_number(value)}"
        case other:
            return f"a {other}"


def _number(value: float) -> str:
    if isinstance(value, int) and value.bit_length() > 80:  # repr() refuses an int of more than 4,300 digits
        return f"of {int(value.bit_length() * log10(2)) + 1} digits"
    return repr(value)


def _is_choice_without_quotes(value: Any, kind: inspect.Type) -> bool:
    """Whether a number is one of the texts that may stand there, such as the version 1.1."""
    literals = (choice for choice in plain_types(kind) if isinstance(choice, inspect.LiteralType))
    return kind_of(value) in {"whole number", "number"} and any(
        str(value) in _choices(each) for each in literals
    )


def _hint(value: Any, kind: inspect.Type) -> str:
    word = value.lower() if isinstance(value, str) else ""
    match kind:
        case inspect.StrType() if kind_of(value) in {"whole number", "number", "truth"}:
            return ": put it in quotes"
        case _ if _is_choice_without_quotes(value, kind):
            return ": put it in quotes"
        case _ if word in _TRUE and _takes_truth(kind):
            return ": write true"
        case _ if word in _FALSE and _takes_truth(kind):
            return ": write false"
        case inspect.IntType() | inspect.FloatType() if word.isdigit():
            return ": write it without quotes"
        case inspect.VarTupleType() if kind_of(value) not in {"mapping", "null"}:
            return ": put it in brackets, [like, this]"
        case inspect.UnionType() if kind_of(value) == "text" and _takes_list(kind):
            return ": put it in brackets, [like, this]"
        case inspect.StructType() | inspect.UnionType() if isinstance(value, str):
            parts = [choice for choice in plain_types(kind) if isinstance(choice, inspect.StructType)]
            names = [field.encode_name for part in parts[:1] for field in part.fields if field.required]
            return (
                f": write its keys, like {{{', '.join(f'{name}: ...' for name in names)}}}" if names else ""
            )
        case _ if value is None:
            return ": leave the key out or give it a value"
        case _:
            return ""
