"""Anchors of one file: the parts that aliases and merge keys repeat, with what a repetition costs."""

from typing import Any, NamedTuple

from ...domain.specification.problem import Path


class Anchor(NamedTuple):
    """A part of a file with a name. Its size includes everything that aliases inside of it repeat."""

    value: Any
    path: Path
    nodes: int
    characters: int
    """At most; the text that writes it counts as a whole."""
    height: int
    """Its levels of lists and mappings."""


def unshared(data: Any) -> Any:
    """Returns plain data in which each list and mapping stands once, so that filling in one place changes no other."""
    match data:
        case dict():
            return {key: unshared(value) for key, value in data.items()}
        case list():
            return [unshared(value) for value in data]
        case _:
            return data
