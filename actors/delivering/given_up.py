"""Dead letters: the notices that the record has as given up, which leave again by Redrive alone."""

from ...domain.errors import StoreError, StoreFenced
from ...domain.incidents.ledger import Ledger
from ...domain.incidents.notice import Notice
from ...domain.incidents.record import Outgoing
from ..record_writer import RecordWriter


class GivenUpNotices:
    """Finds dead letters in the record, as the ledger forgets an incident that is over. Used by the sink alone."""

    def __init__(self, writer: RecordWriter, ledger: Ledger) -> None:
        self._writer = writer
        self._ledger = ledger

    def lets_go(self, notice: Notice) -> bool:
        """Returns whether a due notice may leave, as its delivery was never given up. Blocks.

        After a failed commit the record cannot say so: the notice is due again with the next Ledger.reconcile.
        """
        try:
            is_dead = self._writer.recall(notice.key) is not None
        except StoreFenced:
            raise
        except StoreError:
            self._ledger.postpone(notice)
            return False
        if is_dead:
            self._ledger.leave_given_up(notice)
        return not is_dead

    def redrive(self, key: str) -> Outgoing | None:
        """Puts a dead letter under way again and returns it; None where there is none, or it may not leave. Blocks."""
        try:
            recalled = self._writer.recall(key)
        except StoreFenced:
            raise
        except StoreError:
            return None
        if recalled is None or not recalled.outbox:
            return None
        outgoing = recalled.outbox[0]
        may_leave = self._ledger.redrive(outgoing.notice, recalled.incidents, recalled.told)
        return outgoing if may_leave else None
