"""The record writer: the sink's way to the store, and what becomes of a commit that the store did not take."""

from typing import NamedTuple

from ..domain.errors import StoreError
from ..domain.incidents.notice import Delivery
from ..domain.incidents.outbox import OutboxEntry
from ..domain.incidents.record import Batch, Restored
from ..domain.time.moment import Moment
from ..protocol.recorder import NoticeSettled
from ..protocol.supervisor import StoreFailed, SupervisorMessage
from .ports import Listener, Store


class DispatchedNotice(NamedTuple):
    """A notice whose attempt is in the batch that is being committed."""

    entry: OutboxEntry
    delivery: Delivery


class CommitUnit(NamedTuple):
    """One commit: what is written, and what is told once it is."""

    batch: Batch
    handed: list[DispatchedNotice]
    settled: list[NoticeSettled]


class RecordWriter:
    """Owned by the sink. After a failure nothing is believed and nothing is written until the store was opened anew."""

    def __init__(self, store: Store, supervisor: Listener[SupervisorMessage]) -> None:
        self._store = store
        self._supervisor = supervisor
        self._failed_commit: CommitUnit | None = None
        self._left_out = 0

    @property
    def is_stuck(self) -> bool:
        """Whether the store waits to be opened anew."""
        return self._failed_commit is not None

    @property
    def unwritten(self) -> Batch:
        """What could not be committed."""
        return Batch() if self._failed_commit is None else self._failed_commit.batch

    def open(self, now: Moment) -> Restored:
        """Open the store and say what it remembers. Raises what opening it raises."""
        # An incarnation that crashed has left the store open; it is the sink's alone, so it may be closed first.
        self._store.close()
        return self._store.open(now)

    def write(self, unit: CommitUnit) -> bool:
        """True when the page is durable. Else it is kept, and the supervisor decides when the store is reopened."""
        try:
            self._left_out += self._store.commit(unit.batch)
        except StoreError as error:
            self._failed(unit, str(error))
            return False
        return True

    def take_left_out(self) -> int:
        """How many samples the store did not keep since this was last asked: their clock is outside its range."""
        count, self._left_out = self._left_out, 0
        return count

    def _failed(self, unit: CommitUnit, detail: str) -> None:
        self._failed_commit = unit
        self._supervisor.tell(StoreFailed(detail))

    def say_again(self) -> None:
        """Tell a supervisor that has just begun what it cannot know."""
        if self._failed_commit is not None:
            self._supervisor.tell(StoreFailed("the record could not be written; it is tried again"))

    def reopen(self, now: Moment) -> CommitUnit | None:
        """Close, open, verify, and the same batch once more, by its keys. The page once it is durable, else None."""
        unit = self._failed_commit
        if unit is None:
            return None
        try:
            self.open(now)
        except StoreError as error:
            self._failed(unit, str(error))
            return None
        self._failed_commit = None
        return unit if self.write(unit) else None

    def recall(self, key: str) -> Restored | None:
        """A dead letter with what belongs to it; None when there is none, and while the store cannot be asked."""
        if self._failed_commit is not None:
            return None
        try:
            return self._store.recall(key)
        except StoreError as error:
            self._failed(CommitUnit(Batch(), [], []), str(error))
            return None

    def run_maintenance(self, now: Moment) -> str | None:
        """One slice of housekeeping. What is wrong with the file, empty where nothing is; None while nothing can be said."""
        if self._failed_commit is not None:
            return None
        try:
            self._store.run_maintenance(now)
        except StoreError as error:
            self._failed(CommitUnit(Batch(), [], []), str(error))
            return None
        return self._store.file_problem()

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()
