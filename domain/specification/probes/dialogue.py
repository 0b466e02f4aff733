"""The places in the texts of a dialogue: `{{name}}` stands for what a step before has captured under this name."""

from collections.abc import Mapping

from ..matcher import compiled_pattern
from ..text import PLACE


def places_in(text: str) -> tuple[str, ...]:
    """Returns the names that a text uses, in its order."""
    return tuple(PLACE.findall(text))


def names_captured(pattern: str) -> frozenset[str]:
    """Returns the names of the groups of a regular expression. Raises: ValueError for one that cannot be used."""
    return frozenset(name.decode() for name in compiled_pattern(pattern).groupindex)


def filled(text: str, captured: Mapping[str, bytes]) -> bytes:
    """Returns a text in UTF-8 with its places filled; one of which nothing was captured stays empty."""
    if "{{" not in text:
        return text.encode()
    parts = PLACE.split(text)
    return b"".join(captured.get(part, b"") if at % 2 else part.encode() for at, part in enumerate(parts))
