"""The constrained texts that specifications are written in."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import msgspec

from .. import limits

# The end is `(?![\s\S])`, not `$`: that would let a trailing line end through, and `\Z` is unknown to JSON Schema.
NAME_PATTERN = r"^[^\s\x00-\x1f\x7f/]([^\x00-\x1f\x7f/]*[^\s\x00-\x1f\x7f/])?(?![\s\S])"
NAME_FORM = (
    f"1 to {limits.NAME_CHARACTERS_MAX} characters, no slash, no control character, no blank at either end"
)

Name = Annotated[
    str,
    msgspec.Meta(
        max_length=limits.NAME_CHARACTERS_MAX, pattern=NAME_PATTERN, description=f"An id: {NAME_FORM}."
    ),
]

DurationText = Annotated[
    str,
    msgspec.Meta(
        max_length=limits.DURATION_CHARACTERS_MAX,
        pattern=r"^(([0-9]+(\.[0-9]+)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d|w))+(?![\s\S])",
        description="A duration such as 500ms, 30s, 1m30s, 48h or 7d.",
    ),
]

Pairs: TypeAlias = Mapping[str, str] | tuple[tuple[str, str], ...]
"""Written as a mapping; a specification keeps it as sorted pairs, so that it stays immutable and hashable."""


def as_pairs(value: Pairs) -> tuple[tuple[str, str], ...]:
    """The sorted pairs of a mapping, or the pairs as they are."""
    pairs = sorted(value.items()) if isinstance(value, Mapping) else value
    return tuple((str(name), str(text)) for name, text in pairs)


MASK = "***"
