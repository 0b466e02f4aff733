"""The look of a process that waits for a shard: one row, over one connection that is kept between two looks."""

from contextlib import suppress

import psycopg

from ....domain.errors import StoreError
from ....domain.limits import POSTGRES_CONNECT_NS
from ....domain.supervision.tenure import SilenceWatch, Tenure
from ....domain.time.moment import Moment
from ..place import database_place
from .connection import BoundedConnection, connect, explained
from .fence import OwnerRow, read_owner
from .schema import count_shards, version_of
from .store import FIRST_SHARD


class DatabaseWatch:
    """Looks whether the owner of a shard has gone. Called every `TENURE_LOOK_NS`, always by the same thread.

    A free row may be claimed at once. That of a silent owner may be after a whole lease of looks that have succeeded: where the database
    was away for all, its owner has that time to come back.
    """

    def __init__(self, url: str, shard: int = FIRST_SHARD) -> None:
        self._place, self._shard = database_place(url), shard
        self._silence = SilenceWatch()
        self._connection: BoundedConnection | None = None
        self.tenure: Tenure | None = None
        """The row at the last look; None for a store that has none yet."""
        self.lapsed: Tenure | None = None
        """The row where it has not changed for a whole lease."""
        self.is_locked = False
        """Whether an owner is in the row."""
        self.holder = ""
        """The owner for people; empty where there is none."""

    def look(self, now: Moment) -> bool:
        """Returns whether an opening may succeed now. A store that cannot be read for the moment counts as owned."""
        try:
            row = self._read()
        except StoreError:
            self.lapsed = None
            return False
        found = None if row is None else row.tenure
        self.tenure, self.lapsed = found, self._silence.look(found, now.monotonic_ns)
        self.holder = "" if found is None else found.owner
        self.is_locked = bool(self.holder)
        return not self.holder or self.lapsed is not None

    def close(self) -> None:
        """Ends the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def read_unshared(self) -> OwnerRow | None:
        """Returns the row of a store with one shard; None for one with several, which no process holds alone. Raises: StoreError."""
        row = self._read()
        if row is None or self._connection is None:
            return None
        with explained(f"looking at {self._place.shown}"):
            return row if count_shards(self._connection, self._place) == 1 else None

    def _read(self) -> OwnerRow | None:
        with explained(f"looking at {self._place.shown}"):
            if self._connection is None:
                self._connection = connect(self._place, POSTGRES_CONNECT_NS)
            try:
                if version_of(self._connection) is None:
                    return None
                return read_owner(self._connection, self._shard)
            except BaseException:
                self.close()
                raise


def holder_of_database(url: str, shard: int = FIRST_SHARD) -> str | None:
    """Returns the owner that shows signs of life; None without one, and where the database cannot be read."""
    with suppress(StoreError, psycopg.Error):
        watch = DatabaseWatch(url, shard)
        try:
            row = watch.read_unshared()
        finally:
            watch.close()
        if row is not None and row.tenure.owner and not row.is_silent:
            return row.tenure.owner
    return None
