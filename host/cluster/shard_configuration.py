"""The configuration of one shard: its targets, and only once in the cluster what must happen once."""

from collections.abc import Iterable

from msgspec import UNSET
from msgspec.structs import replace

from ...domain.cluster.placement import Placement
from ...domain.incidents.record import Batch
from ...domain.specification.configuration import Configuration
from ...domain.specification.target import Target

FIRST_SHARD = 0
"""The shard whose engine tells of the runtime's own problems, sends the dead-man's ping and keeps announcements."""
_OF_TARGETS = ("samples", "evidence", "checkpoints", "heard", "pauses")


class ShardedConfiguration:
    """Divides a configuration among the shards.

    The targets of `connectivity` are probed by every shard, as each judges by them whether its own network is down; only the shard on
    which such a target lies has its rules and keeps its record.
    """

    def __init__(self, configuration: Configuration, placement: Placement) -> None:
        self._configuration, self.placement = configuration, placement
        connectivity = configuration.runtime.connectivity
        self._connectivity = frozenset(() if connectivity is None else connectivity.targets)

    def of(self, shard: int, targets: Iterable[Target] | None = None) -> Configuration:
        """Returns the configuration of a shard, with these targets in place of those that it was made with."""
        whole = self._configuration
        found = self.targets_of(shard, whole.targets) if targets is None else targets
        options = whole.runtime
        if shard != FIRST_SHARD:
            options = replace(options, ping=None, notify=())
        elif options.notify is None:
            # By default every channel that is told of anything: also of the targets on other shards.
            told = {channel for target in whole.targets for channel in target.notify}
            routed = {channel for route in whole.routes for channel in route.named}
            options = replace(options, notify=tuple(sorted(told | routed)))
        return replace(whole, runtime=options, targets=tuple(found))

    def targets_of(self, shard: int, targets: Iterable[Target]) -> Iterable[Target]:
        """Yields the targets that the engine of a shard watches."""
        for target in targets:
            if self.placement.shard_of(target.id) == shard:
                yield target
            elif target.id in self._connectivity:
                yield _unjudged(target)

    def probe_only_on(self, shard: int) -> frozenset[str]:
        """Returns the targets that the engine of a shard only probes: they lie on another one, which judges and records them."""
        return frozenset(name for name in self._connectivity if self.placement.shard_of(name) != shard)


def _unjudged(target: Target) -> Target:
    return replace(target, rules=(), default_rules=False, notify=(), depends_on=UNSET, renamed_from=UNSET)


def without_probe_only(batch: Batch, probe_only: frozenset[str]) -> Batch:
    """Returns a batch without the records of some targets."""
    if not probe_only:
        return batch
    kept = {
        name: tuple(each for each in getattr(batch, name) if each.target not in probe_only)
        for name in _OF_TARGETS
    }
    return replace(batch, **kept)
