"""The making of the engine that fits the store: of a file and of memory, or of a node of a database."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

from ..actors.ports import Clock
from ..adapters.stores.memory import MemoryStore
from ..adapters.stores.opening import count_shards
from ..domain.cluster.membership import not_shared, require_node_name
from ..domain.cluster.stamp import ConfigurationStamp, stamp_of
from ..domain.errors import UsageError
from ..domain.specification.configuration import Configuration
from ..domain.store_place import shown_store
from .cluster.composition import make_node
from .composition import Claim, make_engine
from .configured import ConfiguredTargets
from .sharing.engine_access import EngineAccess, RunningEngine
from .sharing.standby import ActiveLink


class EngineMaker(EngineAccess):
    """Makes engines, and knows the stamp of the configuration by which they claim a store."""

    _opens_doors: ClassVar[bool] = True
    """False where the engine is a world in virtual time, which has no store of others and answers in its own process."""

    def __init__(
        self,
        configured: ConfiguredTargets,
        outdated: Callable[[], None],
        clock: Clock,
        link: ActiveLink | None,
        node: str | None,
    ) -> None:
        """`link` and `node` are those of `Tenancy`. Raises: UsageError for a name that no node may have."""
        if node is not None:
            require_node_name(node)
        super().__init__(configured, outdated, clock)
        self._link = link if self._opens_doors else None
        self._node_name = node or ""
        self._given_at_ns = clock.read().wall_ns
        """When the configuration was given: by the program, or by the last reload."""
        self._stamp_text, self._stamp_now = "", ConfigurationStamp()
        self._memory = MemoryStore()
        """The record of a runtime without a file: it ends with the process, and a reload continues it."""

    def _find_shards(self, configuration: Configuration) -> None:
        """Learns whether several processes run the shards of the store together.

        Raises: StoreError; UsageError where they do not and this one is to be a node: two that were started so would not share their work.
        """
        store = configuration.runtime.store
        self._shares_shards = self._opens_doors and store is not None and count_shards(store) > 1
        if self._node_name and self._opens_doors and not self._shares_shards:
            raise UsageError(not_shared(self._node_name, store and shown_store(store)))

    def _shared_store(self, configuration: Configuration) -> str | None:
        """Returns the store for which this process may stand by; None where it is in memory, where its shards are shared, and where this
        one never stands by.
        """
        return configuration.runtime.store if self._link is not None and not self._shares_shards else None

    def _make(
        self, configuration: Configuration, host_loop: asyncio.AbstractEventLoop | None
    ) -> RunningEngine:
        self._cluster = None
        if self._shares_shards and configuration.runtime.store is not None:
            return self._make_node(configuration.runtime.store, host_loop)
        standby = self._standby
        lapsed, is_outdated = (None, False) if standby is None else (standby.lapsed, standby.is_outdated)
        self._stamp()
        claim = Claim(lapsed, lambda: self._stamp_text, is_outdated)
        return make_engine(configuration, self._configured, self.feed, host_loop, self._memory, claim)

    def _make_node(self, store: str, host_loop: asyncio.AbstractEventLoop | None) -> RunningEngine:
        self._stamp()
        self._cluster = make_node(
            store, self._node_name, self._configured, self.feed, host_loop, lambda: self._stamp_now
        )
        return self._cluster

    def _stamp(self) -> ConfigurationStamp:
        stamp = stamp_of(self._configured.stated(), self._given_at_ns)
        # Replaced whole: the sink's thread reads it with every write.
        self._stamp_text, self._stamp_now = stamp.text, stamp
        return stamp
