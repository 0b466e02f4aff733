"""Checkpoints, silences, blind intervals and other marks in SQLite, each row with a digest of its other columns."""

from collections.abc import Iterable, Iterator
from typing import Any

import apsw
import msgspec

from ....domain.errors import StoreCorrupt
from ....domain.incidents.record import BlindInterval, HeardMark
from ..marks import HEARD, MARKS, Mark, MarkReader, mark_rows
from ..record_state import RecordDraft
from .connection import digest

_BLIND = Mark("blind", ("started_at_ns", "ended_at_ns", "cause"), "started_at_ns, ended_at_ns, cause")
_WRITE = {
    mark: f"INSERT OR REPLACE INTO {mark.table} VALUES ({', '.join('?' * len(mark.columns))}, ?)"  # noqa: S608 - constants
    for mark in MARKS.values()
}


class MarkTable(MarkReader):
    """Small records that are overwritten in place."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def write(self, draft: RecordDraft) -> None:
        """Writes what a draft has changed of the marks."""
        for mark, kept, gone in mark_rows(draft):
            if gone:
                self._connection.executemany(f"DELETE FROM {mark.table} WHERE {mark.key} = ?", gone)  # noqa: S608 - constants
            if kept:
                self._connection.executemany(_WRITE[mark], ((*row, digest(*row)) for row in kept))

    def hear(self, marks: Iterable[HeardMark]) -> None:
        """Writes marks of what was heard as `write` would; of two of a target the later one stays."""
        rows = map(msgspec.structs.astuple, marks)
        self._connection.executemany(_WRITE[HEARD], ((*row, digest(*row)) for row in rows))

    def note_blind(self, intervals: tuple[BlindInterval, ...]) -> None:
        said = map(msgspec.structs.astuple, intervals)
        self._connection.executemany(
            "INSERT OR IGNORE INTO blind VALUES (?, ?, ?, ?)", ((*row, digest(*row)) for row in said)
        )

    def blind(self, since_ns: int) -> tuple[BlindInterval, ...]:
        """Those that end after `since_ns`, by their start."""
        found = (BlindInterval(*said) for said in self.rows(_BLIND))
        return tuple(interval for interval in found if interval.ended_at_ns > since_ns)

    def verify(self) -> None:
        """Reads them. Raises: StoreCorrupt where a checkpoint, a silence or a mark is damaged: a restart builds on them."""
        for mark in MARKS.values():
            list(self.rows(mark))

    def rows(self, mark: Mark) -> Iterator[list[Any]]:
        """Yields the rows without their digests. Raises: StoreCorrupt where one does not read back as it was written."""
        query = f"SELECT * FROM {mark.table} ORDER BY {mark.key}"  # noqa: S608 - constants
        for *said, seen in self._connection.execute(query):
            if digest(*said) != seen:
                raise StoreCorrupt(f"the {mark.table} of {said[0]} does not read back as it was written")
            yield said
