"""The store of one simulated process: the real store inside, faults around it, every commit shown to the auditor."""

from collections.abc import Callable
from typing import Protocol

from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.record import Batch, Restored
from watchkeeper.domain.time.moment import Moment

from ..cases.faults import Fault
from ..surroundings.aim import Aim
from ..surroundings.hub import Hub
from ..surroundings.micro_faults import ProcessDied, Site
from ..surroundings.mishaps import Mishaps
from .legs import Leg

STORE_FAULTS = (Fault.STORE_FULL, Fault.STORE_IN_DOUBT, Fault.STORE_UNOPENABLE)


class StoreObserver(Protocol):
    """Observes the openings, commits and failures of the record."""

    def opened(self, restored: Restored, now: Moment) -> None: ...

    def committing(self, batch: Batch) -> None: ...

    def committed(self, batch: Batch) -> None: ...

    def commit_failed(self, batch: Batch, *, certain: bool) -> None:
        """`certain`: nothing of it was written; otherwise only the next opening shows whether it was."""
        ...

    def closed(self) -> None: ...

    def happened(self, what: str) -> None: ...


class Disk:
    """The times at which the store can be written and opened. It outlives the processes of a run."""

    def __init__(self, mishaps: Mishaps) -> None:
        self.mishaps = mishaps
        self.full_until_ns = 0
        self.unopenable = 0
        """The number of openings that will fail."""


class WatchedStore:
    """Implements the store port of the sink. After its process has died, every call raises ProcessDied."""

    def __init__(
        self,
        inner: Leg,
        hub: Hub,
        disk: Disk,
        aim: Aim,
        observer: StoreObserver,
        lived_ns: Callable[[], int],
    ) -> None:
        self._inner = inner
        self._aim = aim
        self._hub = hub
        self._disk = disk
        self._observer = observer
        self._lived_ns = lived_ns

    def open(self, now: Moment) -> Restored:
        self._require_life()
        if self._disk.unopenable:
            self._disk.unopenable -= 1
            self._observer.happened("store not openable")
            raise StoreError("injected: it cannot be opened")
        restored = self._inner.open(now)
        for batch in self._inner.found():
            self._observer.committed(batch)
        self._observer.opened(restored, now)
        return restored

    def commit(self, batch: Batch) -> int:
        self._require_life()
        self._observer.committing(batch)
        self._hub.pass_site(Site.PORT)
        self._aim.committing(batch, self._hub)
        mishap = self._disk.mishaps.next()
        if mishap is Fault.STORE_UNOPENABLE:
            self._disk.unopenable = 2
        if mishap in {Fault.STORE_FULL, Fault.STORE_UNOPENABLE} or self._full():
            self._observer.happened("store full")
            self._observer.commit_failed(batch, certain=True)
            raise StoreError("injected: the disk is full")
        left_out = self._write(batch)
        if mishap is Fault.STORE_IN_DOUBT:
            self._observer.happened("commit in doubt")
            self._observer.commit_failed(batch, certain=False)
            raise StoreError("injected: it was written, and the answer was lost")
        self._hub.pass_site(Site.PORT)
        self._aim.committed(batch, self._hub)
        return left_out

    def _full(self) -> bool:
        return self._lived_ns() < self._disk.full_until_ns

    def _write(self, batch: Batch) -> int:
        try:
            left_out = self._inner.commit(batch)
        except StoreError:
            self._observer.happened("store error")
            self._observer.commit_failed(batch, certain=False)
            if self._inner.killed:
                self._hub.die("disk")
            raise
        self._observer.committed(batch)
        return left_out

    @property
    def lease_ns(self) -> int:
        return self._inner.lease_ns

    def beat(self) -> None:
        self._require_life()
        self._inner.beat()

    def recall(self, key: str) -> Restored | None:
        self._require_life()
        return self._inner.recall(key)

    def run_maintenance(self, now: Moment) -> bool:
        self._require_life()
        return self._inner.run_maintenance(now)

    def file_problem(self) -> str:
        return self._inner.file_problem()

    def close(self) -> None:
        if not self._hub.dead:
            self._hub.pass_site(Site.PORT)
            self._observer.closed()
            self._inner.close()

    def _require_life(self) -> None:
        if self._hub.dead:
            raise ProcessDied("store")
