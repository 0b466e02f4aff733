"""The tries to deliver notices in SQLite: one row each, written when the try begins and again with its answer."""

from typing import Any

import apsw

from .....domain import limits
from .....domain.errors import StoreCorrupt
from .....domain.incidents.delivery_try import DeliveryTry
from .....domain.incidents.record import Batch
from ...record_rows import forgotten_tries, try_of, try_row
from ..connection import digest, rows

_COLUMNS = "key, attempt, channel, at_ns, took_ns, result, detail"
_WRITE = f"INSERT OR REPLACE INTO delivery ({_COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant
_FORGET = "DELETE FROM delivery WHERE key = ? AND attempt > 1 AND attempt <= ?"
_LAST = "ORDER BY at_ns DESC, key DESC, attempt DESC LIMIT ?2"
_OF_INCIDENT = f"WHERE key IN (SELECT key FROM outbox WHERE incident = ?1 UNION SELECT key FROM member WHERE incident = ?1) {_LAST}"  # noqa: S608 - constants
_OF_KEY = f"WHERE key = ?1 {_LAST}"


class TryTable:
    """Rows that no restart builds on: they are the account of what was tried, and go with their retention."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def record(self, batch: Batch) -> None:
        """Writes tries inside the caller's transaction; of a notice that is tried for days, the first and the newest stay."""
        if batch.tries:
            self._connection.executemany(_WRITE, ((*row, digest(*row)) for row in map(try_row, batch.tries)))
            self._connection.executemany(_FORGET, forgotten_tries(batch))

    def of_incident(self, incident: str) -> tuple[DeliveryTry, ...]:
        """The newest tries of the notices of an incident, oldest first."""
        return self._newest(_OF_INCIDENT, incident)

    def of_key(self, key: str) -> tuple[DeliveryTry, ...]:
        """The newest tries of one notice, oldest first."""
        return self._newest(_OF_KEY, key)

    def _newest(self, where: str, of: str) -> tuple[DeliveryTry, ...]:
        found = self._read(where, of, limits.READ_TRIES_MAX)
        return tuple(try_of(row) for row in reversed(found))

    def verify(self) -> None:
        """Reads them. Raises: StoreCorrupt where a row does not read back as it was written."""
        self._read("ORDER BY key, attempt")

    def _read(self, rest: str, *bindings: str | int) -> list[tuple[Any, ...]]:
        query = f"SELECT {_COLUMNS}, digest FROM delivery {rest}"  # noqa: S608 - constants
        found = rows(self._connection, query, bindings)
        for *said, seen in found:
            if digest(*said) != seen:
                raise StoreCorrupt(f"try {said[1]} of notice {said[0]} does not read back as it was written")
        return [row[:-1] for row in found]
