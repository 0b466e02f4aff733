"""Parameters of a path and fields of a form: read as a struct, each given once unless the struct has a list of it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

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
        raise Refusal(400, f"a {what} is wrong", [fault_of(error)]) from None
