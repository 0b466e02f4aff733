"""The jobs of housekeeping that every kind of database has in common, done a slice at a time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from itertools import groupby
from operator import itemgetter
from struct import Struct
from typing import TypeAlias

import msgspec

from ....domain import limits
from ....domain.observation.outcome import Outcome, Reason
from .chunks import STATUS_MAX, pack, unpack
from .stored import ROLLUPS, FoundRow, merged, roll_up

HELD_ROW = Struct("<IIiI")
"""Microsecond within the hour, finding, status or NO_STATUS, and latency plus one or 0."""
NO_STATUS = -STATUS_MAX - 1
_NO_CEILING = 2**62
HeldRows: TypeAlias = dict[int, bytearray]
"""The rows of each target, packed."""
Writing: TypeAlias = Callable[[], AbstractContextManager[None]]
"""A transaction of the owner of the store."""


class HourSeal(ABC):
    """One hour being sealed, into one chunk and one roll-up for each target: it is read in the order of writing, held packed by
    target, and written target by target.

    When more is held than may be, the upper half of the targets is put off to another pass over the hour.
    """

    def __init__(self, hour: int, findings: Mapping[int, tuple[Outcome, Reason]], writing: Writing) -> None:
        self._hour, self._findings, self._writing = hour, findings, writing
        self.hours = range(hour, hour + 1)
        self._floor, self._is_reading = -1, True
        self._begin_pass()

    def work(self) -> bool:
        """One slice; returns whether the hour is sealed."""
        if self._is_reading:
            self._is_reading = self._read()
            if self._rows_held > limits.SEAL_ROWS_HELD_MAX:
                self._put_off_half()
            return False
        self._write_some()
        return not self._held and self._end_pass()

    @abstractmethod
    def _begin_reading(self) -> None:
        """Puts the reading back to the begin of the hour."""

    @abstractmethod
    def _read(self) -> bool:
        """Holds the rows of a slice of the targets above the floor and up to the ceiling. Returns whether more may follow."""

    @abstractmethod
    def _write(self, taken: HeldRows) -> None:
        """Writes targets inside a transaction."""

    @abstractmethod
    def _end(self) -> None:
        """Marks the hour as sealed inside a transaction."""

    def _begin_pass(self) -> None:
        self._ceiling = _NO_CEILING
        self._held: HeldRows = {}
        self._rows_held = 0
        self._is_reading = True
        self._begin_reading()

    def _hold(self, target: int, row: bytes) -> None:
        packed = self._held.get(target)
        if packed is None:
            packed = self._held[target] = bytearray()
        packed += row
        self._rows_held += 1

    def _put_off_half(self) -> None:
        numbers = sorted(self._held)
        kept = numbers[: max(len(numbers) // 2, 1)]
        self._ceiling = kept[-1]
        self._held = {number: self._held[number] for number in kept}
        self._rows_held = sum(len(packed) for packed in self._held.values()) // HELD_ROW.size

    def _write_some(self) -> None:
        """Writes as many targets as have the rows of a slice."""
        taken: HeldRows = {}
        count = 0
        while self._held and count < limits.HOUSE_ROWS_MAX:
            target, packed = self._held.popitem()
            taken[target] = packed
            count += len(packed) // HELD_ROW.size
        with self._writing():
            self._write(taken)

    def _end_pass(self) -> bool:
        if self._ceiling == _NO_CEILING:
            with self._writing():
                self._end()
            return True
        self._floor = self._ceiling
        self._begin_pass()
        return False

    def _sealed(self, packed: bytearray, sealed: bytes | None) -> tuple[bytes, bytes]:
        """Returns the chunk and the roll-up of a target, merged with what was sealed before."""
        rows = _merged(packed, sealed)
        return pack(rows), msgspec.msgpack.encode(roll_up(rows, self._findings))


def _merged(packed: bytearray, sealed: bytes | None) -> list[FoundRow]:
    """Merges rows with what was sealed before: the samples of an hour may come late, and may come again."""
    found: dict[int, tuple[int, int | None, int | None]] = {}
    for at_us, finding, status, latency in HELD_ROW.iter_unpack(packed):
        row = (finding, None if status == NO_STATUS else status, latency - 1 if latency else None)
        found.setdefault(at_us, row)
    if sealed is not None:
        found |= {row[0]: row[1:] for row in zip(*unpack(sealed), strict=True)}
    return [(at_us, *rest) for at_us, rest in sorted(found.items())]


class DaySummary(ABC):
    """One day being summed up, whose hours are all sealed."""

    def __init__(self, day: int, writing: Writing) -> None:
        self.day, self._writing = day, writing
        self.hours = range(day * 24, day * 24 + 24)
        self._floor = 0

    def work(self) -> bool:
        """One slice; returns whether it was the last."""
        ceiling = self._floor + max(limits.HOUSE_ROWS_MAX // len(self.hours), 1)
        is_last = ceiling >= self._newest()
        with self._writing():
            found = self._read(self._floor, ceiling)
            self._write(
                [
                    (target, msgspec.msgpack.encode(merged([ROLLUPS.decode(row[1]) for row in of_target])))
                    for target, of_target in groupby(found, itemgetter(0))
                ]
            )
            if is_last:
                self._end()
        self._floor = ceiling
        return is_last

    @abstractmethod
    def _newest(self) -> int:
        """Returns the highest number of a target."""

    @abstractmethod
    def _read(self, floor: int, ceiling: int) -> Iterable[tuple[int, bytes]]:
        """Returns the hours of the targets above the floor and up to the ceiling, in the order of targets."""

    @abstractmethod
    def _write(self, sums: list[tuple[int, bytes]]) -> None: ...

    @abstractmethod
    def _end(self) -> None:
        """Marks the day as summed up."""
