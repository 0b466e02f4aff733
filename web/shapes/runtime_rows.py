"""The answers about the runtime itself: its parts, its nodes and what it could not see."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from ...domain.public_value import PublicValue
from ...domain.read_model.node_status import NodeStatus
from ...domain.time.moment import utc


class ProblemRow(PublicValue, frozen=True, kw_only=True):
    """A part of the runtime that has a problem."""

    part: str
    detail: str


class NodeRow(PublicValue, frozen=True, kw_only=True):
    """One process among those that share the shards of a store."""

    name: str
    process: str
    """The process and its host, for people."""
    this: bool
    """Whether it is the process that answers."""
    alive: bool
    """Whether it has shown a sign of life within the lease, by the clock of the database."""
    seen_at: datetime
    """When it last did."""
    newest: bool
    """Whether no living node has a newer configuration; one with an older one takes no shard."""
    shards: list[int]
    """The shards that it runs."""
    targets: int
    """The number of targets on them."""
    older: bool = False
    """Whether its version is older than the schema of the database: no shard starts on it, and it takes over from no other until it is upgraded."""


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The state of everything in a few figures."""

    as_of: datetime
    healthy: bool
    """Whether no part of the runtime has a problem."""
    targets: dict[str, int]
    """How many targets have each status; `paused` ones are counted there alone."""
    open_incidents: int
    silences: int
    problems: list[ProblemRow]
    nodes: list[NodeRow] = []
    """The processes that share the shards of the store; empty where one process has all of it."""


class BlindRow(msgspec.Struct, frozen=True, kw_only=True):
    """An interval in which the runtime could not observe its targets."""

    started_at: datetime
    ended_at: datetime
    cause: str


class LatenessRow(msgspec.Struct, frozen=True, kw_only=True):
    """The time from due to started, over all attempts."""

    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


class SelfAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the runtime itself."""

    as_of: datetime
    healthy: bool
    problems: list[ProblemRow]
    lateness: LatenessRow
    blind: list[BlindRow]
    counters: dict[str, int]
    pinged_at: datetime | None
    """When the service of the dead-man's ping last answered one well; null before that in this run."""


def node_rows(nodes: Iterable[NodeStatus]) -> list[NodeRow]:
    """Returns the rows of nodes, by name."""
    return [
        NodeRow(
            name=each.name,
            process=each.process,
            this=each.is_this,
            alive=each.is_alive,
            seen_at=utc(each.seen_at_ns),
            newest=each.has_newest,
            shards=list(each.shards),
            targets=each.targets,
            older=each.is_older,
        )
        for each in nodes
    ]
