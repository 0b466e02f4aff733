"""Durations within bounds, each text read once."""

from collections.abc import Iterator

from .duration import format_duration, parse_duration
from .problem import Path, Problem


class Spans:
    """Reads the durations of one configuration: a hundred thousand targets say `30s`, it is parsed once."""

    def __init__(self) -> None:
        self._read: dict[str, int | str] = {}

    def length_ns(self, text: str) -> int | None:
        """The length, None where the text is no duration."""
        length = self._length(text)
        return length if isinstance(length, int) else None

    def problems(self, text: str, path: Path, low_ns: int, high_ns: int) -> Iterator[Problem]:
        """What is wrong with a duration that lies outside [low, high] or is none."""
        length = self._length(text)
        if isinstance(length, str):
            yield Problem(path, length)
        elif not low_ns <= length <= high_ns:
            low, high = format_duration(low_ns), format_duration(high_ns)
            yield Problem(path, f"{text} is out of range: write {low} to {high}")

    def _length(self, text: str) -> int | str:
        if text not in self._read:
            try:
                self._read[text] = parse_duration(text)
            except ValueError as error:
                self._read[text] = str(error)
        return self._read[text]
