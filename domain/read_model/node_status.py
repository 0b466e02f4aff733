"""The nodes of a cluster: the processes that share the shards of one store."""

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
