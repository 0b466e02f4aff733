"""Checkpoints, silences and blind intervals in SQLite."""

import apsw
import msgspec

from ...domain.errors import StoreCorrupt
from ...domain.record import BlindInterval, Checkpoint, Silence
from .outbox import digest

SILENCES = msgspec.json.Decoder(Silence)


class MarkTable:
    """Small records that are overwritten in place."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def keep(self, checkpoints: tuple[Checkpoint, ...]) -> None:
        """The newest of each target stays; an empty one takes it away."""
        for checkpoint in checkpoints:
            said = msgspec.structs.astuple(checkpoint)
            if checkpoint.state:
                self._connection.execute(
                    "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?)", (*said, digest(*said))
                )
            else:
                self._connection.execute("DELETE FROM checkpoint WHERE target = ?", (checkpoint.target,))

    def mute(self, silences: tuple[Silence, ...]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO silence VALUES (?, ?, ?)",
            ((silence.id, silence.until_ns, msgspec.json.encode(silence).decode()) for silence in silences),
        )

    def note_blind(self, intervals: tuple[BlindInterval, ...]) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO blind VALUES (?, ?, ?)",
            (msgspec.structs.astuple(interval) for interval in intervals),
        )

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """All of them, by target. Raises StoreCorrupt when one does not read back as it was written."""
        found = []
        for *said, seen in self._connection.execute("SELECT * FROM checkpoint ORDER BY target"):
            if digest(*said) != seen:
                raise StoreCorrupt(f"the checkpoint of {said[0]} does not read back as it was written")
            found.append(Checkpoint(*said))
        return tuple(found)

    def silences(self, now_ns: int) -> tuple[Silence, ...]:
        """Those that end after `now_ns`, by id."""
        rows = self._connection.execute("SELECT body FROM silence WHERE until_ns > ? ORDER BY id", (now_ns,))
        return tuple(SILENCES.decode(body) for (body,) in rows)

    def blind(self, since_ns: int) -> tuple[BlindInterval, ...]:
        """Those that end after `since_ns`, by their start."""
        rows = self._connection.execute(
            "SELECT * FROM blind WHERE ended_at_ns > ? ORDER BY started_at_ns, ended_at_ns, cause",
            (since_ns,),
        )
        return tuple(BlindInterval(*row) for row in rows)
