"""The store of one shard, as its engine has it: nothing of guests is kept."""

from ...adapters.stores.opening import OwnedStore
from ...domain.incidents.record import Batch, Restored
from ...domain.time.moment import Moment
from .shard_configuration import without_guests


class ShardStore:
    """Passes everything on but the records of guests."""

    def __init__(self, store: OwnedStore, guests: frozenset[str]) -> None:
        self._store, self._guests = store, guests

    @property
    def lease_ns(self) -> int:
        return self._store.lease_ns

    def open(self, now: Moment) -> Restored:
        return self._store.open(now)

    def beat(self) -> None:
        self._store.beat()

    def commit(self, batch: Batch) -> int:
        return self._store.commit(without_guests(batch, self._guests))

    def recall(self, key: str) -> Restored | None:
        return self._store.recall(key)

    def run_maintenance(self, now: Moment) -> bool:
        return self._store.run_maintenance(now)

    def file_problem(self) -> str:
        return self._store.file_problem()

    def close(self) -> None:
        self._store.close()
