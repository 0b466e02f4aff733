"""Descriptions: what the source says of each field, for `help`, the schema and the reference."""

import ast
import inspect
import re
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any

import msgspec

from .shape_words import plain_types


@cache
def descriptions(specification: Any) -> dict[str, str]:
    """The sentences that stand under each field in the source, by its name; empty where the sources were not shipped."""
    found: dict[str, str] = {}
    for part in reversed(specification.__mro__):
        if issubclass(part, msgspec.Struct) and part is not msgspec.Struct:
            found |= _own_sentences(part)
    return found


def explained(specification: Any) -> str:
    """The docstring of a class with a line for each field."""
    own = inspect.cleandoc(vars(specification).get("__doc__") or "")
    lines = [f"{name}: {sentence}" for name, sentence in descriptions(specification).items()]
    return "\n\n".join(filter(None, [own, "\n".join(lines)]))


def signature_of(specification: type[Any]) -> inspect.Signature:
    """How a specification is written: the annotations as the source has them, the defaults of the fields."""
    annotations = _annotations(specification)
    return inspect.Signature(
        [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_default_of(field),
                annotation=annotations[field.name],
            )
            for field in msgspec.structs.fields(specification)
        ]
    )


def _default_of(field: msgspec.structs.FieldInfo) -> Any:
    """The default of a field; of those that messages may leave out, a switch is on, and others are not stated."""
    if field.required:
        return inspect.Parameter.empty
    if field.default is not msgspec.UNSET:
        return field.default
    choices = plain_types(msgspec.inspect.type_info(field.type))
    return True if any(isinstance(choice, msgspec.inspect.BoolType) for choice in choices) else None


class _Source(str):
    """An annotation as it stands in the source: `help` shows texts in quotes otherwise."""

    __slots__ = ()
    __repr__ = str.__str__


def _annotations(specification: type[Any]) -> dict[str, _Source]:
    found: dict[str, Any] = {}
    for part in reversed(specification.__mro__):
        found |= inspect.get_annotations(part)
    written = vars(specification)["_written"]
    for name, annotation in inspect.get_annotations(written).items() if written else ():
        several = re.fullmatch(r"Unpack\[(\w+)\]", annotation)
        found |= inspect.get_annotations(written.__globals__[several[1]]) if several else {name: annotation}
    # A TypedDict wraps the texts that the source has.
    texts = {name: getattr(annotation, "__forward_arg__", annotation) for name, annotation in found.items()}
    return {name: _Source(text) for name, text in texts.items()}


def _own_sentences(specification: type[Any]) -> dict[str, str]:
    try:
        source = inspect.getsource(specification)
    except OSError:
        return {}
    classes = (node for node in ast.parse(dedent(source)).body if isinstance(node, ast.ClassDef))
    found: dict[str, str] = {}
    for field, after in (pair for node in classes for pair in pairwise(node.body)):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text)):
                found[name] = " ".join(text.split())
            case _:
                pass
    return found
