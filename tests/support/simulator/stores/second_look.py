"""A second reader of the disk, independent of the connection that writes."""

import apsw
from watchkeeper.adapters.stores.sqlite.connection import connect_reader
from watchkeeper.adapters.stores.sqlite.record import RecordTables
from watchkeeper.domain.incidents.record import Restored
from watchkeeper.domain.time.moment import Moment


class SecondLook:
    """A read-only connection to the database of a store, through the real file system."""

    def __init__(self) -> None:
        self._connection: apsw.Connection | None = None

    def restored(self, path: str, now: Moment) -> Restored:
        """Returns the state that a restart would restore now, in one read transaction."""
        connection = self._connection = self._connection or connect_reader(path)
        connection.execute("BEGIN")
        try:
            return RecordTables(connection).restored(now)
        finally:
            connection.execute("COMMIT")

    def close(self) -> None:
        """Closes the file; the next read opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
