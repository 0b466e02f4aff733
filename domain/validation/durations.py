"""Durations within bounds."""

from collections.abc import Iterator

from ..specification.problem import Path, Problem
from ..time.duration import format_duration, parse_duration


def length_ns(text: str | None) -> int | None:
    """The length, None where none is written or the text is no duration."""
    try:
        return parse_duration(text or "")
    except ValueError:
        return None


def span_problems(text: str, path: Path, low_ns: int, high_ns: int) -> Iterator[Problem]:
    """The problem of a duration that lies outside [low, high] or is none."""
    try:
        length = parse_duration(text)
    except ValueError as error:
        yield Problem(path, str(error))
        return
    if not low_ns <= length <= high_ns:
        low, high = format_duration(low_ns), format_duration(high_ns)
        yield Problem(path, f"{text} is out of range: write {low} to {high}")
