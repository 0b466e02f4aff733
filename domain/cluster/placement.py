"""Placement: the shard of each target. Targets that are judged or told of together lie on one."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

from msgspec import UNSET

from ..specification.configuration import Configuration
from ..specification.matcher import Selection, Subject, parsed
from ..specification.routing import Route
from ..specification.target import Target

_OF_INCIDENTS = frozenset({"rule", "severity"})
"""Names of a group that say nothing about the target."""


def shard_of_text(text: str, shards: int) -> int:
    """Returns the shard of a text, the same in every process and version."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % shards


class ShardTargets(NamedTuple):
    """The targets of a shard by the configuration."""

    names: Collection[str]
    """Their names, with former ones; targets that the shard probes for others are none of them."""
    shard: int
    taker_of: Callable[[str], int]
    """Returns the shard on which a target lies; this one where it is not configured."""

    def lies_elsewhere(self, target: str) -> bool:
        """Whether a target is configured and lies on another shard."""
        return self.taker_of(target) != self.shard


class Placement:
    """The shard of each target of a configuration.

    A dependency, a composite target and a digest need all of their targets in one engine: these form one unit, which lies on the shard
    of its first name. A target that was renamed keeps the place of its former name.
    """

    def __init__(self, configuration: Configuration, shards: int) -> None:
        self.shards = shards
        units = _Units(configuration.targets)
        for first, second in _joined(configuration):
            units.join(first, second)
        self._shard_of = {
            target.id: shard_of_text(units.name_of(target.id), shards) for target in configuration.targets
        }
        self._former = {
            name: target.id
            for target in configuration.targets
            for name in target.former_names
            if name not in self._shard_of
        }

    def shard_of(self, target: str) -> int:
        """Returns the shard of a target; that of its name for one that is not configured."""
        found = self._shard_of.get(target)
        return shard_of_text(target, self.shards) if found is None else found

    def counts(self) -> Counter[int]:
        """Returns the number of targets on each shard."""
        return Counter(self._shard_of.values())

    def names_on(self, shard: int) -> ShardTargets:
        """Returns the names of the targets on a shard."""
        names = [target for target, at in self._shard_of.items() if at == shard]
        former = [name for name, target in self._former.items() if self._shard_of[target] == shard]
        return ShardTargets((*names, *former), shard, partial(self.taker_of, shard=shard))

    def lies_elsewhere(self, target: str, shard: int) -> bool:
        """Whether a target is configured, under this name or a later one, and lies on another shard."""
        return self.taker_of(target, shard) != shard

    def taker_of(self, target: str, shard: int) -> int:
        """Returns the shard that takes what another one has left of a target, under this name or a later one; that one where none is configured."""
        return self._shard_of.get(self._former.get(target, target), shard)

    def moved_since(self, before: "Placement") -> frozenset[int]:
        """Returns the shards that a target has left since an earlier placement, and those to which it has come; new targets count for none."""
        moved: set[int] = set()
        for target, shard in self._shard_of.items():
            was = before._shard_of.get(target, shard)  # noqa: SLF001 - of the same class
            if was != shard:
                moved |= {was, shard}
        return frozenset(moved)

    def targets_of(self, shard: int) -> frozenset[str]:
        """Returns the targets on a shard."""
        return frozenset(target for target, at in self._shard_of.items() if at == shard)


class _Units:
    """Sets of targets that grow together."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._parent = {target.id: target.id for target in targets}
        self._name = {target.id: min(target.former_names, default=target.id) for target in targets}

    def _root(self, target: str) -> str:
        root = target
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[target] != root:
            self._parent[target], target = root, self._parent[target]
        return root

    def join(self, first: str, second: str) -> None:
        if first not in self._parent or second not in self._parent:
            return
        roots = self._root(first), self._root(second)
        # The unit has the first name of all, whatever the order in which they were joined.
        kept, other = sorted(roots, key=lambda root: self._name[root])
        self._parent[other] = kept

    def name_of(self, target: str) -> str:
        return self._name[self._root(target)]


def _joined(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Yields pairs of targets that lie on one shard."""
    for target in configuration.targets:
        dependency = target.dependency
        if dependency is not None:
            yield from ((target.id, parent) for parent in dependency.targets)
        if target.composite is not UNSET:
            yield from ((target.id, member) for member in target.composite.members)
    for route in configuration.routes:
        if route.group_by and "target" not in route.group_by:
            yield from _gathered(route, configuration.targets)


def _gathered(route: Route, targets: Iterable[Target]) -> Iterator[tuple[str, str]]:
    """Yields the pairs that may be in one digest of a route; those that an earlier route takes are among them."""
    selection = Selection(parsed(route.match))
    names = [name for name in route.group_by if name not in _OF_INCIDENTS]
    first: dict[tuple[str, ...], str] = {}
    for target in targets:
        subject = Subject(target.id, target.metadata)
        if selection.accepts(subject):
            group = tuple(subject.text(name) or "" for name in names)
            yield first.setdefault(group, target.id), target.id
