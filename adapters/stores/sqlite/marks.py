"""Checkpoints, silences, blind intervals and other marks in SQLite, each row with a digest of its other columns."""

from collections.abc import Iterator
from typing import Any

import apsw
import msgspec

from ....domain.errors import StoreCorrupt
from ....domain.incidents.announcement import Announcement
from ....domain.incidents.record import (
    BlindInterval,
    Checkpoint,
    HeardMark,
    LatestFinding,
    PauseMark,
    Silence,
)
from .connection import digest

_KEYS = {
    "checkpoint": "target",
    "silence": "id",
    "announcement": "id, created_at_ns",
    "heard": "target",
    "latest": "incident",
    "pause": "target",
}
"""The tables that a restart builds on, with their keys."""
SILENCES = msgspec.json.Decoder(Silence)
ANNOUNCEMENTS = msgspec.json.Decoder(Announcement)


class MarkTable:
    """Small records that are overwritten in place."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def keep(self, checkpoints: tuple[Checkpoint, ...]) -> None:
        """The newest of each target stays; an empty one takes it away."""
        for checkpoint in checkpoints:
            if checkpoint.state:
                said = msgspec.structs.astuple(checkpoint)
                self._write("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?)", said)
            else:
                self._connection.execute("DELETE FROM checkpoint WHERE target = ?", (checkpoint.target,))

    def note_heard(self, marks: tuple[HeardMark, ...]) -> None:
        """The newest of each target stays; one without a time takes it away."""
        for mark in marks:
            if mark.at_ns is None:
                self._connection.execute("DELETE FROM heard WHERE target = ?", (mark.target,))
            else:
                said = msgspec.structs.astuple(mark)
                self._write("INSERT OR REPLACE INTO heard VALUES (?, ?, ?, ?, ?, ?)", said)

    def pause(self, marks: tuple[PauseMark, ...]) -> None:
        """The newest of each target stays; one without a time takes it away."""
        for mark in marks:
            if mark.at_ns is None:
                self._connection.execute("DELETE FROM pause WHERE target = ?", (mark.target,))
            else:
                said = msgspec.structs.astuple(mark)
                self._write("INSERT OR REPLACE INTO pause VALUES (?, ?, ?, ?)", said)

    def follow(self, findings: tuple[LatestFinding, ...]) -> None:
        """The newest of each incident stays, until its next step is recorded."""
        for finding in findings:
            said = msgspec.structs.astuple(finding)
            self._write("INSERT OR REPLACE INTO latest VALUES (?, ?, ?)", said)

    def mute(self, silences: tuple[Silence, ...]) -> None:
        for silence in silences:
            said = (silence.id, silence.until_ns, msgspec.json.encode(silence).decode())
            self._write("INSERT OR REPLACE INTO silence VALUES (?, ?, ?, ?)", said)

    def announce(self, announcements: tuple[Announcement, ...]) -> None:
        """The newest state of each stays."""
        for each in announcements:
            said = (each.id, each.created_at_ns, each.until_ns, msgspec.json.encode(each).decode())
            self._write("INSERT OR REPLACE INTO announcement VALUES (?, ?, ?, ?, ?)", said)

    def note_blind(self, intervals: tuple[BlindInterval, ...]) -> None:
        for interval in intervals:
            self._write("INSERT OR IGNORE INTO blind VALUES (?, ?, ?, ?)", msgspec.structs.astuple(interval))

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """All of them, by target."""
        return tuple(Checkpoint(*said) for said in self._read("checkpoint", "target"))

    def heard(self) -> tuple[HeardMark, ...]:
        """All of them, by target."""
        return tuple(HeardMark(*said) for said in self._read("heard", "target"))

    def pauses(self) -> tuple[PauseMark, ...]:
        """All of them, by target."""
        return tuple(PauseMark(*said) for said in self._read("pause", "target"))

    def latest(self) -> tuple[LatestFinding, ...]:
        """All of them, by incident."""
        return tuple(LatestFinding(*said) for said in self._read("latest", "incident"))

    def silences(self, now_ns: int) -> tuple[Silence, ...]:
        """Those that end after `now_ns`, by id."""
        # All are read: a damaged end must not hide its row.
        return tuple(
            SILENCES.decode(body) for _, until_ns, body in self._read("silence", "id") if until_ns > now_ns
        )

    def announcements(self, since_ns: int) -> tuple[Announcement, ...]:
        """Those that stand at `since_ns` or end after it, by id."""
        read = (ANNOUNCEMENTS.decode(body) for *_, body in self._read("announcement", "id, created_at_ns"))
        return tuple(each for each in read if each.stands(since_ns))

    def blind(self, since_ns: int) -> tuple[BlindInterval, ...]:
        """Those that end after `since_ns`, by their start."""
        rows = self._read("blind", "started_at_ns, ended_at_ns, cause")
        found = (BlindInterval(*said) for said in rows)
        return tuple(interval for interval in found if interval.ended_at_ns > since_ns)

    def verify(self) -> None:
        """Raise StoreCorrupt when a checkpoint, a silence or a mark is damaged: a restart builds on them."""
        for table, key in _KEYS.items():
            list(self._read(table, key))

    def _write(self, statement: str, said: tuple[Any, ...]) -> None:
        self._connection.execute(statement, (*said, digest(*said)))

    def _read(self, table: str, order: str) -> Iterator[list[Any]]:
        """The rows without their digests. Raises StoreCorrupt when one does not read back as it was written."""
        query = f"SELECT * FROM {table} ORDER BY {order}"  # noqa: S608 - constants
        for *said, seen in self._connection.execute(query):
            if digest(*said) != seen:
                raise StoreCorrupt(f"the {table} of {said[0]} does not read back as it was written")
            yield said
