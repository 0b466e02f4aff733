"""The store of one shard, as its engine has it: without records of targets that the engine only probes."""

from ...adapters.stores.opening import OwnedStore
from ...domain.incidents.record import Batch, Restored
from ...domain.time.moment import Moment
from .shard_configuration import without_probe_only


class ShardStore:
    """Passes everything on but the records of `probe_only`, which the shard of each of them keeps."""

    def __init__(self, store: OwnedStore, probe_only: frozenset[str]) -> None:
        self._store, self._probe_only = store, probe_only

    @property
    def lease_ns(self) -> int:
        return self._store.lease_ns

    def open(self, now: Moment) -> Restored:
        return self._store.open(now)

    def beat(self) -> None:
        self._store.beat()

    def commit(self, batch: Batch) -> int:
        return self._store.commit(without_probe_only(batch, self._probe_only))

    def recall(self, key: str) -> Restored | None:
        return self._store.recall(key)

    def run_maintenance(self, now: Moment) -> bool:
        return self._store.run_maintenance(now)

    def file_problem(self) -> str:
        return self._store.file_problem()

    def close(self) -> None:
        self._store.close()
