"""The record writer: writes the sink's commits to the store, and keeps a commit that failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..domain import limits
from ..domain.errors import StoreError, StoreFenced
from ..domain.incidents.delivery_try import TryResult
from ..domain.incidents.notice import Delivery
from ..domain.incidents.outbox import Outbox, OutboxEntry
from ..domain.incidents.record import Batch, Restored
from ..domain.time.moment import Moment
from ..protocol.recorder import CommitFinished, HealthReported, NoticeSettled
from ..protocol.sink import ContinueMaintenance, RenewTenure
from ..protocol.supervisor import (
    NextSliceRequested,
    RenewalRequested,
    StoreAnswered,
    StoreAsked,
    StoreFailed,
    SupervisorMessage,
)
from .ports import Listener, Neighbours, Store


class CommitUnit(NamedTuple):
    """One transaction, and the notices and results to send once it is durable."""

    batch: Batch
    handed: list[tuple[OutboxEntry, Delivery]]
    """The notices that may be sent once the batch with their attempts is committed."""
    settled: list[NoticeSettled]


def written(batch: Batch, took_ns: int, outbox: Outbox) -> CommitFinished:
    """Returns the figures of a durable commit for the read model."""
    tries = tuple((one.channel, one.result) for one in batch.tries if one.result is not TryResult.UNKNOWN)
    return CommitFinished(took_ns, tries, outbox.backlogs() if batch.notices or batch.deliveries else ())


class WentBack(NamedTuple):
    """A reopened store that has lost writes, as after a copy or a fail-over: the runtime goes on from what is there."""

    restored: Restored
    lost: int
    """The number of lost writes."""
    unwritten: Batch


class RecordWriter:
    """Writes for the sink, which owns it. After a failure it reads and writes nothing until the store was reopened.

    A store that another process has claimed is no failure: every method raises StoreFenced, which ends the sink.
    """

    def __init__(self, store: Store, supervisor: Listener[SupervisorMessage]) -> None:
        self._store = store
        self._supervisor = supervisor
        self._failed_commit: CommitUnit | None = None
        self._left_out = 0
        self._writes = 0
        """How many writes the record has, as far as this process knows."""
        self._renewed_ns = 0
        """The start of the last commit or beat: from there no other process claims the store for a whole lease."""

    @property
    def is_stuck(self) -> bool:
        """True where a commit failed and the store waits to be reopened."""
        return self._failed_commit is not None

    @property
    def unwritten(self) -> Batch:
        """The batch of the failed commit, or an empty one."""
        return Batch() if self._failed_commit is None else self._failed_commit.batch

    def open(self, now: Moment) -> Restored:
        """Opens the store and returns its state. Blocks.

        Raises: StoreError where the store cannot be opened.
        """
        # A crashed incarnation left the store open; no other actor uses it, so it may be closed first.
        self._store.close()
        restored = self._store.open(now)
        self._writes = restored.writes or 0
        self._renewed_ns = now.monotonic_ns
        self._request_renewal()
        return restored

    def write(self, unit: CommitUnit, now: Moment) -> bool:
        """Commits a unit and returns True; after a failure keeps it until the supervisor asks to reopen the store."""
        with self._asking():
            try:
                self._left_out += self._store.commit(unit.batch)
            except StoreError as error:
                self._failed(unit, error)
                return False
        self._writes += unit.batch.is_counted
        self._renewed_ns = now.monotonic_ns
        # A commit is a sign of life: it puts the next beat off.
        self._request_renewal()
        return True

    @property
    def lease_ends_ns(self) -> int | None:
        """Until when (monotonic) no other process may claim the store; None where none ever can."""
        return self._renewed_ns + self._store.lease_ns if self._store.lease_ns else None

    def renew(self, now: Moment) -> None:
        """Renews the lease where the last commit is not recent, and lets the supervisor ask again."""
        self._request_renewal()
        if now.monotonic_ns - self._renewed_ns >= limits.TENURE_BEAT_NS // 2:
            self._beat(now)

    def renew_if_over(self, now: Moment) -> None:
        """Renews the lease where the commit itself took longer: notices that were handed out late may still leave."""
        ends_ns = self.lease_ends_ns
        if ends_ns is not None and now.monotonic_ns >= ends_ns:
            self._beat(now)

    def _beat(self, now: Moment) -> None:
        if self.is_stuck or not self._store.lease_ns:
            return
        with self._asking():
            try:
                self._store.beat()
            except StoreError as error:
                self._failed(CommitUnit(Batch(), [], []), error)
                return
        self._renewed_ns = now.monotonic_ns

    def _request_renewal(self) -> None:
        if self._store.lease_ns:
            self._supervisor.tell(RenewalRequested())

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Lets the supervisor, which owns time, watch a call that blocks; it hears of a failure before the answer."""
        self._supervisor.tell(StoreAsked())
        try:
            yield
        finally:
            self._supervisor.tell(StoreAnswered())

    def take_left_out(self) -> int:
        """How many samples the store did not keep since this was last asked: their clock is outside its range."""
        count, self._left_out = self._left_out, 0
        return count

    def _failed(self, unit: CommitUnit, error: StoreError) -> None:
        if isinstance(error, StoreFenced):
            raise error
        self._failed_commit = unit
        self._supervisor.tell(StoreFailed(str(error)))

    def resume_timers(self) -> None:
        """Asks a new supervisor for the renewals, and for the reopening after a failed commit: it has no timers yet."""
        self._request_renewal()
        if self._failed_commit is not None:
            self._supervisor.tell(StoreFailed("the record could not be written; the store is reopened soon"))

    def reopen(self, now: Moment) -> CommitUnit | WentBack | None:
        """Reopens and verifies the store and commits the failed unit again.

        Returns the unit where it is durable, None where it is not yet, and WentBack where the store has lost writes: the unit
        builds on them, and would be refused for ever.
        """
        unit, known = self._failed_commit, self._writes
        if unit is None:
            return None
        with self._asking():
            try:
                restored = self.open(now)
            except StoreError as error:
                self._failed(unit, error)
                return None
        self._failed_commit = None
        if restored.writes is not None and restored.writes < known:
            return WentBack(restored, known - restored.writes, unit.batch)
        # The first commit may have reached the disk although it failed: keys make the repetition harmless.
        return unit if self.write(unit, now) else None

    def recall(self, key: str) -> Restored | None:
        """Returns a dead letter with its incident and last delivered step; None where the record has none. Blocks.

        Raises: StoreError where the record cannot say, also after a failed commit until the store was reopened.
        """
        if self._failed_commit is not None:
            raise StoreError("the store was not reopened yet after a failure")
        with self._asking():
            try:
                return self._store.recall(key)
            except StoreError as error:
                self._failed(CommitUnit(Batch(), [], []), error)
                raise

    def run_maintenance(self, now: Moment) -> bool:
        """Does one slice of maintenance. Returns whether work is left; False while the store waits to be reopened."""
        if self._failed_commit is not None:
            return False
        with self._asking():
            try:
                return self._store.run_maintenance(now)
            except StoreError as error:
                self._failed(CommitUnit(Batch(), [], []), error)
                return False

    def file_problem(self) -> str | None:
        """Returns the file's problem or an empty text; None while the store waits to be reopened."""
        return None if self._failed_commit is not None else self._store.file_problem()

    def close(self) -> None:
        """Closes the store and releases its lock."""
        self._store.close()


class StoreUpkeep:
    """The work on the store that no record asks for: rounds of maintenance, the look at its file, and the lease."""

    def __init__(self, writer: RecordWriter, neighbours: Neighbours) -> None:
        self._writer, self._to = writer, neighbours

    def begin(self, now: Moment) -> None:
        """Begins a round of maintenance, and reports the file's problem or its end."""
        self._run_maintenance(now)
        self.report_file()

    def go_on(self, message: ContinueMaintenance | RenewTenure, now: Moment) -> None:
        """Does the next slice of a round, or shows that the owner of the store lives."""
        if isinstance(message, RenewTenure):
            self._writer.renew(now)
        else:
            self._run_maintenance(now)

    def _run_maintenance(self, now: Moment) -> None:
        """Does one slice. The supervisor paces the next: commits and deliveries come between two slices."""
        if self._writer.run_maintenance(now):
            self._to.supervisor.tell(NextSliceRequested())

    def report_file(self) -> None:
        """Reports the problem of the file, empty without any."""
        problem = self._writer.file_problem()
        if problem is not None:
            # Repeated each round for a recorder that was restarted meanwhile; it publishes a repeated problem again, and
            # ignores an empty one that ends no problem.
            self._to.recorder.tell(HealthReported("store", problem))
