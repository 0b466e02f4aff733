"""Targets that have lain on several shards, each of which has numbered them: for a reader they have one number."""

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

import msgspec

from ...history.chunks import pack, unpack
from ...history.stored import ROLLUPS, merged

KeyedRows: TypeAlias = Iterable[tuple[int, bytes]]


class MovedTargets:
    """Stands the newest number of a target for all of its numbers. Empty where no target has moved, and then it changes nothing."""

    def __init__(self, numbers: Iterable[Sequence[int]]) -> None:
        """`numbers` has those of each target that has several, the oldest first."""
        self._all = {found[-1]: tuple(found) for found in numbers}
        self._newest = {number: newest for newest, found in self._all.items() for number in found[:-1]}

    def __bool__(self) -> bool:
        return bool(self._all)

    def newest(self, number: int) -> int:
        """Returns the number that stands for a target."""
        return self._newest.get(number, number)

    def all_of(self, targets: Collection[int]) -> list[int]:
        """Returns every number of some targets."""
        return sorted(number for target in targets for number in self._all.get(target, (target,)))


def one_chunk(found: KeyedRows) -> list[tuple[int, bytes]]:
    """Returns chunks by hour or by target with those of one key joined. They come ordered by their keys."""
    return [(key, _joined([data for _, data in of_key])) for key, of_key in groupby(found, itemgetter(0))]


def one_sum(found: KeyedRows) -> list[tuple[int, bytes]]:
    """Returns sums by hour or by day with those of one key added up. They come ordered by their keys."""
    return [(key, _added([body for _, body in of_key])) for key, of_key in groupby(found, itemgetter(0))]


def _joined(chunks: list[bytes]) -> bytes:
    if len(chunks) == 1:
        return chunks[0]
    rows = {row[0]: row for data in chunks for row in zip(*unpack(data), strict=True)}
    return pack([row for _, row in sorted(rows.items())])


def _added(bodies: list[bytes]) -> bytes:
    if len(bodies) == 1:
        return bodies[0]
    return msgspec.msgpack.encode(merged([ROLLUPS.decode(body) for body in bodies]))
