"""The sums of a day: the hourly roll-ups of each target merged into one, a slice of targets at a time."""

from itertools import groupby
from operator import itemgetter

import apsw
import msgspec

from ....domain import limits
from ..sqlite.connection import rows, transaction
from .stored import ROLLUPS, merged

TARGETS_PER_SLICE = limits.HOUSE_ROWS_MAX // 24

_READ = f"""
SELECT target, body FROM hourly WHERE hour IN ({", ".join("?" * 24)}) AND target > ? AND target <= ?
ORDER BY target, hour
"""  # noqa: S608 - question marks


class DaySum:
    """One day being summed up, whose hours are all sealed."""

    def __init__(self, connection: apsw.Connection, day: int) -> None:
        self._connection = connection
        self._day = day
        self.hours = range(day * 24, day * 24 + 24)
        self._floor = 0

    def work(self) -> bool:
        """One slice; returns whether it was the last."""
        newest = self._connection.execute("SELECT coalesce(max(id), 0) FROM target").get
        ceiling = self._floor + TARGETS_PER_SLICE
        with transaction(self._connection):
            found = rows(self._connection, _READ, (*self.hours, self._floor, ceiling))
            self._connection.executemany(
                "INSERT OR REPLACE INTO daily VALUES (?, ?, ?)",
                [
                    (
                        self._day,
                        target,
                        msgspec.msgpack.encode(merged([ROLLUPS.decode(row[1]) for row in of_target])),
                    )
                    for target, of_target in groupby(found, itemgetter(0))
                ],
            )
            if ceiling >= newest:
                self._connection.execute("INSERT OR IGNORE INTO rolled_day VALUES (?)", (self._day,))
        self._floor = ceiling
        return bool(ceiling >= newest)
