"""The nodes of a cluster: the processes that share the shards of one store."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..cluster.membership import OLDER_VERSION, ClusterView, Member
from ..line import count_of
from ..public_value import PublicValue


class NodeStatus(PublicValue, frozen=True, kw_only=True, gc=False):
    """One process among those that share a store."""

    name: str
    process: str
    """The process and its host, for people."""
    is_this: bool
    """Whether it is the process that answers."""
    is_alive: bool
    """Whether it has shown a sign of life within the lease, by the clock of the store."""
    seen_at_ns: int
    """Wall time of its last sign of life."""
    has_newest: bool
    """Whether no living node has a newer configuration."""
    shards: tuple[int, ...]
    """The shards that it runs."""
    targets: int
    """The number of targets on them, by the configuration of the process that answers."""
    is_older: bool = False
    """Whether its version is older than the schema of the store: no shard starts on it, and it takes over from no other until it is upgraded."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks beside its figures: whether it is silent, is older than the schema, has an older configuration, or is the one that answers."""
        return tuple(
            words
            for is_so, words in (
                (not self.is_alive, "silent"),
                (self.is_older, OLDER_VERSION),
                (not self.has_newest, "older configuration"),
                (self.is_this, "this one"),
            )
            if is_so
        )


class ShardCounts(NamedTuple):
    """The nodes and shards of a store in figures, as one node sees them."""

    node: str
    """The name of that node."""
    alive: int
    """The nodes that live."""
    silent: int
    """The nodes that are known and do not."""
    owned: int
    """The shards that this node runs."""
    unserved: int
    """The shards that no living node runs."""
    shards: int
    """All shards of the store."""
    older: int = 0
    """The nodes that live and are older than the schema of the store."""

    @property
    def words(self) -> str:
        """This node and its part of the shards, in a few words."""
        others = f", with {count_of(self.alive - 1, 'other node')}" if self.alive > 1 else ""
        return f"{self.node} runs {self.owned} of {count_of(self.shards, 'shard')}{others}"


def counts_of(view: ClusterView, node: str, owned: int) -> ShardCounts:
    """Returns the figures of all nodes and shards, as a node sees them that runs `owned` shards."""
    alive = len(view.alive())
    unserved = sum(each.is_free or each.is_silent for each in view.shards)
    older = sum(each.is_older for each in view.alive())
    return ShardCounts(node, alive, len(view.members) - alive, owned, unserved, len(view.shards), older)


def node_statuses(
    view: ClusterView,
    seen_at_ns: int,
    targets_on: Callable[[int], int],
    incarnation: str = "",
    running: tuple[int, ...] = (),
) -> tuple[NodeStatus, ...]:
    """Returns all nodes as they were seen at a wall time; `targets_on` returns the number of targets on a shard.

    `incarnation` is that of the node that answers, empty for any other process, and `running` the shards that it runs by now.
    """
    newest = view.newest()
    found = []
    for each in view.members:
        is_this = each.incarnation == incarnation
        recorded = (row.shard for row in view.shards if row.incarnation == each.incarnation)
        shards = running if is_this else tuple(shard for shard in recorded if shard not in running)
        found.append(
            NodeStatus(
                name=each.name,
                process=each.process,
                is_this=is_this,
                is_alive=each.is_alive,
                seen_at_ns=seen_at_ns - each.silent_ns,
                has_newest=each in newest if each.is_alive else not _is_older(each, newest),
                shards=shards,
                targets=sum(map(targets_on, shards)),
                is_older=each.is_older,
            )
        )
    return tuple(found)


def _is_older(silent: Member, newest: Sequence[Member]) -> bool:
    """Whether a silent node has an older configuration than the living ones."""
    return any(each.stamp.is_newer_than(silent.stamp) for each in newest)


def shards_text(shards: Sequence[int]) -> str:
    """Returns numbers of shards with runs of neighbours drawn together: `0-3, 7`."""
    runs: list[list[int]] = []
    for shard in sorted(shards):
        if runs and runs[-1][-1] == shard - 1:
            runs[-1].append(shard)
        else:
            runs.append([shard])
    return ", ".join(_run_text(run) for run in runs)


def _run_text(run: Sequence[int]) -> str:
    if len(run) > 2:
        return f"{run[0]}-{run[-1]}"
    return ", ".join(map(str, run))
