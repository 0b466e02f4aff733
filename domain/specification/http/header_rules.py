"""The options of the `http` probe for what is offered to a server, and for what its answer must be, as they are written."""

from typing import Annotated, Literal, TypeAlias

import msgspec

from ... import limits
from ..construction import Specification

HttpVersion: TypeAlias = Literal["1.0", "1.1", "2", "3"]
HttpVersions: TypeAlias = Annotated[tuple[HttpVersion, ...], msgspec.Meta(min_length=1, max_length=4)]
Encryption: TypeAlias = Literal["any", "required", "forbidden"]
Compression: TypeAlias = Literal["none", "gzip", "deflate", "br", "zstd", "any"]

OFFERED_TOGETHER: tuple[tuple[HttpVersion, ...], ...] = (
    ("1.0",),
    ("1.1",),
    ("2",),
    ("3",),
    ("1.1", "2"),
    ("1.1", "2", "3"),
)
"""The versions that one request can offer and no others; beside 1.1 an answer in 1.0 may be good, too."""


def offered(versions: tuple[HttpVersion, ...]) -> frozenset[HttpVersion]:
    """The versions that a request offers: that of 1.1 is answered in 1.0 by servers that know nothing newer."""
    return frozenset(versions) - ({"1.0"} if "1.1" in versions else frozenset())


class HeaderRule(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule for one header of the last answer, by exactly one regular expression (RE2), which is searched for in its value.

    A header that stands on several lines has a value for each.
    """

    header: str
    """The name of the header, in any case."""
    matches: str | None = None
    """At least one value of the header matches it."""
    not_matches: str | None = None
    """No value of the header matches it; in place of `matches`."""
    may_be_missing: bool = False
    """Whether an answer without the header is good."""

    @property
    def pattern(self) -> str:
        """The regular expression that is given."""
        return (self.matches if self.not_matches is None else self.not_matches) or ""


HeaderRules: TypeAlias = Annotated[tuple[HeaderRule, ...], msgspec.Meta(max_length=limits.HEADER_RULES_MAX)]
