"""A second reader of the disk, independent of the connection that writes."""

import apsw
from watchkeeper.adapters.stores.sqlite.chain import Chain
from watchkeeper.adapters.stores.sqlite.connection import connect_reader
from watchkeeper.adapters.stores.sqlite.incidents import IncidentTable
from watchkeeper.adapters.stores.sqlite.marks import MarkTable
from watchkeeper.adapters.stores.sqlite.notices.outbox import OutboxTable
from watchkeeper.adapters.stores.sqlite.notices.told import ToldTable
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.notice import DeliveryState
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
            return _read(connection, now)
        finally:
            connection.execute("COMMIT")

    def close(self) -> None:
        """Closes the file; the next read opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _read(connection: apsw.Connection, now: Moment) -> Restored:
    chain = Chain(connection)
    incidents, knowledge = IncidentTable(connection, chain), ToldTable(connection, chain)
    outbox, marks = OutboxTable(connection, incidents, knowledge), MarkTable(connection)
    live = incidents.live()
    return Restored(
        incidents=live,
        outbox=outbox.all(DeliveryState.PENDING),
        dead=outbox.given_up(),
        given_up=tuple((each.channel, each.dead) for each in outbox.backlogs() if each.dead),
        told=tuple(told for incident in live for told in knowledge.of(incident.id)),
        digests=knowledge.digests(),
        openings=incidents.openings(now.wall_ns - limits.OPENINGS_RESTORED_NS),
        checkpoints=marks.checkpoints(),
        silences=marks.silences(now.wall_ns),
        announcements=marks.announcements(now.wall_ns),
        pauses=marks.pauses(),
    )
