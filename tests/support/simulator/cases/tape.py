"""The tape: every draw of a run, by labelled stream, so that a run can be replayed and shortened draw by draw.

A zero always means that nothing unusual happens: a tape of zeros is a run without faults, first in, first out.
"""

from collections.abc import Mapping
from random import Random

DICE_SIDES = 1 << 53
"""The precision of a float."""


class Stream:
    """One labelled source of draws. A further draw here changes no other stream."""

    __slots__ = ("_next", "_random", "_recorded", "draws")

    def __init__(self, seed: str, recorded: list[int] | None) -> None:
        self._random = Random(seed).random
        self._recorded = recorded
        self._next = 0
        self.draws: list[int] = []

    def below(self, count: int) -> int:
        """A number from 0 to `count` - 1; beyond the end of a recorded tape, 0."""
        if self._recorded is None:
            value = int(self._random() * count)
        else:
            value = self._recorded[self._next] % count if self._next < len(self._recorded) else 0
            self._next += 1
        self.draws.append(value)
        return value

    def dice(self) -> float:
        """A number from [0, 1)."""
        return self.below(DICE_SIDES) / DICE_SIDES

    def one_in(self, count: int) -> bool:
        """True once in `count` draws, and never on a tape of zeros."""
        return self.below(count) == count - 1

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)


class Tape:
    """Derives streams from one root seed, or plays back recorded draws."""

    def __init__(self, seed: int, recorded: Mapping[str, list[int]] | None = None) -> None:
        self._seed = seed
        self._recorded = recorded
        self._streams: dict[str, Stream] = {}

    def stream(self, label: str) -> Stream:
        """The stream of that label, the same one every time."""
        stream = self._streams.get(label)
        if stream is None:
            # A text seeds by its own bytes: unlike `hash`, it is the same in every process.
            recorded = None if self._recorded is None else self._recorded.get(label, [])
            stream = self._streams[label] = Stream(f"{self._seed}/{label}", recorded)
        return stream

    def recorded(self) -> dict[str, list[int]]:
        """Every draw so far, by label."""
        return {label: list(stream.draws) for label, stream in self._streams.items()}
