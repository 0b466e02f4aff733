"""The tables of a record in SQLite together: what a batch is judged by and leaves behind, and what a restart builds on."""

import apsw

from ....domain import limits
from ....domain.incidents.notice import DeliveryState
from ....domain.incidents.record import Batch, Restored
from ....domain.time.moment import Moment
from ..loading import draft_for
from ..record_state import apply
from .chain import Chain
from .head import Head
from .incidents import IncidentTable
from .marks import MarkTable
from .notices.outbox import OutboxTable
from .notices.told import ToldTable
from .notices.tries import TryTable


class RecordTables:
    """The record of one connection. It is a `RecordSource`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.chain, self.incidents = Chain(connection), IncidentTable(connection)
        self.outbox, self.last_delivered = OutboxTable(connection), ToldTable(connection)
        self.marks, self.tries = MarkTable(connection), TryTable(connection)
        self.steps, self.has_steps = self.incidents.steps, self.incidents.has_steps
        self.with_cause, self.standing = self.incidents.with_cause, self.incidents.standing
        self.outgoing = self.outbox.of_keys
        self.told, self.digests = self.last_delivered.known, self.last_delivered.grouped

    def record(self, batch: Batch) -> None:
        """Writes a batch without its samples inside a transaction."""
        draft = draft_for(self, batch)
        written = apply(draft, batch)
        if written:
            self.incidents.move(draft, self.chain.append(written))
        self.outbox.write(draft)
        self.last_delivered.write(draft)
        self.marks.write(draft)
        if touched := draft.unsettled(link.incident_id for link in written):
            self.incidents.settle(touched)
        self.tries.record(batch)
        self.marks.note_blind(batch.blind)

    def verify(self, outside: Head | None) -> None:
        """Verifies all that a restart builds on, before anything is written: bounded in time, whatever the history.

        Raises: StoreCorrupt.
        """
        self.incidents.verify(self.chain.verify(outside))
        self.verify_rows()

    def verify_rows(self) -> None:
        """Reads all rows that a restart builds on. Raises: StoreCorrupt where one does not read back as it was written."""
        self.last_delivered.verify()
        self.outbox.verify()
        self.marks.verify()

    def restored(self, now: Moment) -> Restored:
        """Returns the state that a restart restores."""
        head, incidents, marks = self.chain.head(), self.incidents.live(), self.marks
        return Restored(
            epoch=head.epoch,
            incidents=incidents,
            outbox=self.outbox.all(DeliveryState.PENDING),
            dead=self.outbox.given_up(),
            given_up=tuple((each.channel, each.dead) for each in self.outbox.backlogs() if each.dead),
            told=tuple(told for incident in incidents for told in self.last_delivered.of(incident.id)),
            digests=self.last_delivered.digests(),
            openings=self.incidents.openings(now.wall_ns - limits.OPENINGS_RESTORED_NS),
            checkpoints=marks.checkpoints(),
            silences=marks.silences(now.wall_ns),
            announcements=marks.announcements(now.wall_ns),
            heard=marks.heard(),
            latest=marks.latest(),
            pauses=marks.pauses(),
            writes=head.writes,
        )
