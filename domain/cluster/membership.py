"""Membership: the nodes and shards as one node sees them, and the shards that it is to take and to give away by that."""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec

from .. import limits
from ..errors import StoreBusy, UsageError
from ..specification.problem import quoted
from ..specification.text import NAME_FORM, NAME_PATTERN
from .assignment import assigned
from .stamp import ConfigurationStamp

NEWER_CONFIGURATION = "another node has a newer configuration: reload this one"
OLDER_VERSION = "older than the schema: upgrade it"
NAME_A_NEW_NODE = "give it one, or leave it out for that of its host and process"
NAME_A_RUNNING_NODE = "name one that runs, as `status` shows them, or leave it out for any on this machine"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A node as its row says."""

    name: str
    incarnation: str
    """A random text for each start of a node."""
    process: str
    """The process and its host, for people."""
    stamp: ConfigurationStamp
    is_able: bool = True
    """Whether it can run shards: False for a while after it failed to start some."""
    is_older: bool = False
    """Whether its version is older than the schema of the store: no shard starts on it any more, whatever becomes of the others."""
    is_alive: bool = True
    """Whether it has shown a sign of life within the lease, by the clock of the store."""
    silent_ns: int = 0
    """The time since its last sign of life, by that clock."""
    skew_ns: int = 0
    """How far its wall clock was ahead of that of the store when it last showed a sign of life; negative: behind."""


class ShardRow(msgspec.Struct, frozen=True, kw_only=True):
    """A shard as its row says."""

    shard: int
    incarnation: str = ""
    """The incarnation of the node that runs it; empty where none does."""
    owner: str = ""
    """The owner for people."""
    epoch: int = 0
    stamp: ConfigurationStamp = ConfigurationStamp()
    """That of the configuration of the owner, or of the last one."""
    is_silent: bool = False
    """Whether the owner has shown no sign of life for a whole lease, by the clock of the store."""
    position: int = 0
    """The end of its chain: it grows with each step of an incident."""
    has_left: bool = False
    """Whether it has left an open incident for the shard on which the target lies by the configuration of its owner."""

    @property
    def is_free(self) -> bool:
        return not self.incarnation


class ClusterView(msgspec.Struct, frozen=True, kw_only=True):
    """All nodes and all shards at one moment."""

    members: tuple[Member, ...] = ()
    shards: tuple[ShardRow, ...] = ()

    def alive(self) -> tuple[Member, ...]:
        """Returns the nodes that live, by name."""
        return tuple(sorted((each for each in self.members if each.is_alive), key=lambda each: each.name))

    def newest(self) -> tuple[Member, ...]:
        """Returns the living nodes that have the newest configuration among them."""
        alive = self.alive()
        if not alive:
            return ()
        latest = max(alive, key=lambda each: each.stamp.given_at_ns)
        return tuple(each for each in alive if each.stamp.digest == latest.stamp.digest)

    def wanted(self) -> dict[int, str]:
        """Returns the name of the node that is to run each shard."""
        nodes = self.newest()
        able = [each.name for each in nodes if each.is_able] or [each.name for each in nodes]
        return assigned(len(self.shards), able)

    def name_of(self, row: ShardRow) -> str:
        """Returns the owner of a shard for people: a node by its name."""
        found = next((each.name for each in self.members if each.incarnation == row.incarnation), None)
        return row.owner if found is None else f"node {found}"

    def require_free(self, node: str, store: str) -> None:
        """Raises: StoreBusy where a living node has a name."""
        for each in self.alive():
            if each.name == node:
                raise StoreBusy(name_taken(node, each.process, store))


def require_node_name(name: str, instead: str = NAME_A_NEW_NODE) -> None:
    """Raises: UsageError for a name that no node may have; `instead` says what to do in place of an empty one."""
    is_good = (
        re.fullmatch(NAME_PATTERN, name) and name.isprintable() and len(name) <= limits.NAME_CHARACTERS_MAX
    )
    if not is_good:
        raise UsageError(
            f"no node may be called {quoted(name)}: a name has {NAME_FORM}{'' if name else f': {instead}'}"
        )


def name_taken(node: str, process: str, store: str) -> str:
    """Returns what is said where another process is the living node of a name."""
    return f"{process} is the node {node!r} of {store}: give this one another name (--node NAME)"


def not_shared(node: str, store: str | None) -> str:
    """Returns what is said where a node is to share a store that is not shared; None for one in memory."""
    said = "the store is in memory" if store is None else f"one process at a time runs {store}"
    return (
        f"{said}, and a node shares a database that has more than one shard:"
        f" leave the name {node!r} out, or name a database that was made without shards=1"
    )


class NodePlan(NamedTuple):
    """The next steps of a node."""

    claim: tuple[int, ...] = ()
    release: tuple[int, ...] = ()


class StartRetries:
    """When shards that did not start are tried again, and how long the node leaves its shards to others. Any thread may use it."""

    def __init__(self) -> None:
        self._pauses_ns: dict[int, int] = {}
        self._tried_at_ns: dict[int, int] = {}
        self._unable_ns = 0
        self._unable_until_ns = 0

    def failed(self, shard: int, now_ns: int, *, is_of_shard: bool, is_lasting: bool = False) -> None:
        """Notes a start that failed; `is_of_shard`: it would fail on every node, so that no other one is to take the rest over.

        `is_lasting`: it fails on this node as long as its process runs, and each further try costs the shards a change of hands.
        """
        pause_ns = min(2 * self._pauses_ns.get(shard, limits.NODE_TRY_NS // 2), limits.TENURE_TRY_NS_MAX)
        self._pauses_ns[shard], self._tried_at_ns[shard] = pause_ns, now_ns
        if not is_of_shard and now_ns >= self._unable_until_ns:
            next_ns = limits.NODE_UNABLE_NS_MAX if is_lasting else 2 * self._unable_ns
            self._unable_ns = min(max(next_ns, limits.NODE_UNABLE_NS), limits.NODE_UNABLE_NS_MAX)
            self._unable_until_ns = now_ns + self._unable_ns

    def started(self, shard: int) -> None:
        """Notes a start that succeeded."""
        self._pauses_ns.pop(shard, None)
        self._tried_at_ns.pop(shard, None)
        self._unable_ns = 0

    def is_able(self, now_ns: int) -> bool:
        """Whether the node may be given shards."""
        return now_ns >= self._unable_until_ns

    def waiting(self, now_ns: int) -> frozenset[int]:
        """Returns the shards that are not tried now."""
        tried = self._tried_at_ns.copy().items()
        return frozenset(shard for shard, at_ns in tried if now_ns < at_ns + self._pauses_ns.get(shard, 0))


def plan(
    view: ClusterView,
    me: str,
    running: Collection[int],
    *,
    may_take_over: bool,
    abandoned: Collection[int] = (),
) -> NodePlan:
    """Returns the shards that the node of an incarnation claims and releases now.

    `running` has those that it runs, is starting or is stopping, and those that it is not to try now. It claims free shards that are its own by the assignment, and those
    of a silent owner only where it is `may_take_over`: it has shown signs of life itself for a whole lease. Else, after a time in which
    the store was away for all, the first to come back would take everything from owners that live. A shard whose last owner had a newer
    configuration is claimed only once it is `abandoned`: nobody has run it for a while.

    It releases a shard once another living node is to run it. A shard that is nobody's to run stays where it is.
    """
    mine = next((each for each in view.members if each.incarnation == me), None)
    if mine is None:
        return NodePlan()
    wanted = view.wanted()
    return NodePlan(
        tuple(
            shard
            for shard in _claimable(view, mine, wanted, running, may_take_over=may_take_over)
            if shard in abandoned or not view.shards[shard].stamp.is_newer_than(mine.stamp)
        ),
        tuple(sorted(shard for shard in running if wanted.get(shard, mine.name) != mine.name)),
    )


def _claimable(
    view: ClusterView, mine: Member, wanted: dict[int, str], running: Collection[int], *, may_take_over: bool
) -> Iterable[int]:
    for row in view.shards:
        is_mine = wanted.get(row.shard) == mine.name and row.shard not in running
        if is_mine and (row.is_free or (may_take_over and row.is_silent)):
            yield row.shard
