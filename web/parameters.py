"""Parameters of a path and fields of a form: read as a struct, each given once unless the struct has a list of it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from .problems import Fault, Refusal, fault_of

S = TypeVar("S", bound=msgspec.Struct)


def read_pairs(pairs: Iterable[tuple[str, str]], into: type[S], *, what: str = "parameter") -> S:
    """Returns the struct. Raises: Refusal with every name that is repeated, and the first value that is wrong."""
    lists = {field.name for field in msgspec.structs.fields(into) if field.default == ()}
    given: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for name, value in pairs:
        if name in lists:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
            counts[name] += 1
    if repeated := sorted(name for name, count in counts.items() if count > 1):
        raise Refusal(400, f"each {what} is given once", [Fault(name, "is repeated") for name in repeated])
    try:
        return msgspec.convert(given, into, strict=False)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise Refusal(400, f"a {what} is wrong", [_with_choices(fault_of(error), into)]) from None


def _with_choices(fault: Fault, into: type[msgspec.Struct]) -> Fault:
    """Returns the fault of a value; where only some words are allowed, it says which."""
    place = fault.pointer.removeprefix("/")
    kinds = {field.name: field.type for field in inspect.type_info(into).fields}  # type: ignore[attr-defined]
    words = _choices(kinds[place]) if place in kinds else []
    return Fault(fault.pointer, f"choose one of {', '.join(words)}") if words else fault


def _choices(kind: inspect.Type) -> list[str]:
    match kind:
        case inspect.EnumType(cls=cls):
            return [str(member.value) for member in cls]
        case inspect.LiteralType(values=values):
            return [str(value) for value in values if value != ""]
        case inspect.Metadata(type=plain):
            return _choices(plain)
        case inspect.UnionType(types=kinds):
            return [word for each in kinds for word in _choices(each)]
        case _:
            return []
