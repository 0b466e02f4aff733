"""The composition of a node: the only place that joins its membership, its way to other nodes and the engines of its shards."""

import asyncio
import threading
from collections.abc import Callable

from ...adapters.clock import SystemClock
from ...adapters.stores.opening import database_nodes
from ...domain.cluster.stamp import ConfigurationStamp, StampTimes
from ..configured import ConfiguredTargets
from ..subscriptions import Subscriptions
from .cluster_engine import ClusterEngine, NodeParts
from .problem_exchange import ProblemExchange
from .shard_engines import ShardEngines
from .shard_feed import NodeFeed


def make_node(
    store: str,
    name: str,
    configured: ConfiguredTargets,
    feed: Subscriptions,
    host_loop: asyncio.AbstractEventLoop | None,
    stamp: Callable[[], ConfigurationStamp],
) -> ClusterEngine:
    """Returns a node of a store that is ready to start, with a name or without; `stamp` returns that of the present configuration.

    Raises: StoreError without the extra `postgres`.
    """
    clock, nodes = SystemClock(), database_nodes(store)
    membership = nodes.membership(name, clock.read())
    owners = nodes.command_sender(clock, threading.Event().wait)
    node_feed = NodeFeed(feed)
    times = StampTimes()

    def stamp_by_store() -> ConfigurationStamp:
        return times.by_store(stamp(), membership.skew_ns)

    problems = ProblemExchange(membership, clock)
    engines = ShardEngines(
        configured, node_feed, host_loop, membership.incarnation, lambda: stamp_by_store().text, problems
    )
    parts = NodeParts(store, membership, owners, clock, engines, node_feed, stamp_by_store, problems)
    return ClusterEngine(configured, parts)
