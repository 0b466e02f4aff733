"""The check of regular expressions that are held against what a peer sends."""

from collections.abc import Iterator

from ...conditions.expression import Expression
from ...conditions.parse_error import ParseError
from ...specification.problem import Path, Problem


def pattern_problems(pattern: str, path: Path) -> Iterator[Problem]:
    """Yields the problem of a pattern that RE2 does not know, or that a hostile text would make too slow."""
    try:
        Expression.compile(pattern)
    except ParseError as error:
        yield Problem(path, error.problem)
