"""The types of places in a configuration: a text from outside becomes the number or truth that its place takes."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import inspect

from ...domain.specification.configuration import Configuration
from ...domain.specification.construction.shape import type_of
from ...domain.specification.construction.shape_words import is_duration, plain_types
from ...domain.specification.problem import Path
from .scalars import resolve

_TEXTS = inspect.StrType | inspect.EnumType | inspect.LiteralType
_TAKEN: dict[type, tuple[type[inspect.Type], ...]] = {
    bool: (inspect.BoolType,),
    int: (inspect.IntType, inspect.FloatType),
    float: (inspect.FloatType,),
}
"""The types of places that take a value of each type."""


def give_types(data: Any, paths: Iterable[Path]) -> None:
    """Turns the texts at these paths of plain data into numbers and truths where their places take no other text."""
    for path in paths:
        holder = data
        kinds = [type_of(Configuration)]
        for step in path[:-1]:
            kinds, holder = _below(kinds, holder, step), holder[step]
        if path:
            kinds = _below(kinds, holder, path[-1])
            holder[path[-1]] = _typed(holder[path[-1]], kinds)


def _below(kinds: list[inspect.Type], holder: Any, step: str | int) -> list[inspect.Type]:
    """Returns the types that the part under `step` may have; none where the specification has no such part."""
    return [part for kind in kinds for choice in plain_types(kind) for part in _parts(choice, holder, step)]


def _parts(choice: inspect.Type, holder: Any, step: str | int) -> Iterator[inspect.Type]:
    match choice:
        case inspect.StructType(fields=fields, tag=tag, tag_field=tag_field):
            # A probe is known by the key it stands under, and has no tag in a file.
            if isinstance(holder, dict) and holder.get(tag_field, tag) == tag:
                yield from (field.type for field in fields if field.encode_name == step)
        case inspect.VarTupleType():
            yield choice.item_type
        case inspect.DictType():
            yield choice.value_type
        case _:
            pass


def _typed(value: Any, kinds: list[inspect.Type]) -> Any:
    """Returns the number or truth that a text is; the text itself where a text may stand, or where it is neither."""
    if not isinstance(value, str) or any(_takes_text(kind) for kind in kinds):
        return value
    try:
        found = resolve(value)
    except ValueError:
        return value
    taken = _TAKEN.get(type(found), ())
    return (
        found if any(isinstance(choice, taken) for kind in kinds for choice in plain_types(kind)) else value
    )


def _takes_text(kind: inspect.Type) -> bool:
    """Whether other texts than durations may stand there; no duration is a plain number."""
    return not is_duration(kind) and any(isinstance(choice, _TEXTS) for choice in plain_types(kind))
