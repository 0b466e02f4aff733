"""The engines of a node's shards: what each watches, and what it is given when the configuration changes."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from msgspec.structs import replace

from ...actors.driver_loop import CLOSE_SLACK_NS, DriverLoop
from ...actors.engine import Engine
from ...adapters.stores.opening import make_store
from ...domain.cluster.placement import Placement
from ...domain.errors import StoreBusy
from ...domain.read_model.status import AbandonedWork
from ...domain.specification.configuration import Configuration
from ...domain.specification.target import Target
from ...domain.time.duration import duration_ns
from ...domain.units import NS_PER_S
from ...protocol.supervisor import Pause, Track, Untrack
from ..composition import EngineUses, driver_loop, engine_on, outdated_until_reload
from ..configured import ConfiguredTargets
from .problem_exchange import ProblemExchange
from .shard_configuration import ShardedConfiguration
from .shard_feed import NodeFeed, ShardFeed
from .shard_store import ShardStore


class ShardEngines:
    """Makes the engines of shards. All of its state is under the guard of the configured targets."""

    def __init__(
        self,
        configured: ConfiguredTargets,
        feed: NodeFeed,
        host_loop: asyncio.AbstractEventLoop | None,
        incarnation: str,
        stamp: Callable[[], str],
        problems: ProblemExchange,
    ) -> None:
        """`stamp` returns that of the configuration as a text, for other nodes; the threads of sinks call it."""
        self._configured, self._feed, self._host_loop = configured, feed, host_loop
        self._incarnation, self._stamp, self._problems = incarnation, stamp, problems
        self._shards = 1
        self._given: Configuration | None = None
        self._sharded = ShardedConfiguration(configured.given, Placement(configured.given, 1))
        self._watched: dict[int, dict[str, Target]] = {}
        """The targets that each engine was told to watch."""
        self._placed: dict[int, Placement] = {}
        """The placement by which each engine was made, or has been told since."""
        self._engines: dict[int, Engine] = {}
        self._loop: DriverLoop | None = None
        self._told_of: Configuration | None = None
        """The configuration of which all engines were told."""

    def share(self, shards: int) -> None:
        """Takes the number of shards, before the first engine is made, and makes the loop and the drivers that all of them share."""
        self._shards, self._given, self._told_of = shards, None, None
        self._loop = driver_loop(self._configured.snapshot(), self._configured, self._host_loop)

    def close(self) -> AbandonedWork:
        """Closes the drivers and ends their loop, once no engine runs. Returns what still runs, or could not be closed."""
        loop, self._loop = self._loop, None
        if loop is None:
            return AbandonedWork()
        left = loop.close(CLOSE_SLACK_NS / NS_PER_S)
        left.append(("threads that did not end", loop.stop()))
        return AbandonedWork(tuple((what, names) for what, names in left if names))

    @property
    def sharded(self) -> ShardedConfiguration:
        """The configuration by shards, as it is now."""
        with self._configured.guard:
            given = self._configured.given
            if self._given is not given:
                whole = self._configured.snapshot()
                self._given, self._sharded = (
                    given,
                    ShardedConfiguration(whole, Placement(whole, self._shards)),
                )
            return self._sharded

    def targets_of(self, shard: int) -> tuple[Target, ...]:
        """Returns the targets that the engine of a shard is to watch now."""
        with self._configured.guard:
            return tuple(self.sharded.targets_of(shard, self._configured.snapshot().targets))

    # As the node asks for it.

    def make(self, shard: int, *, is_outdated: bool, known_epoch: int) -> Engine:
        """Returns the engine of a shard, not started yet; see `EngineFactory`. Raises: StoreBusy at the end of the node."""
        with self._configured.guard:
            sharded, targets, loop = self.sharded, self.targets_of(shard), self._loop
            if loop is None:
                raise StoreBusy("this node ends")
            self._watched[shard] = {target.id: target for target in targets}
            configuration, probe_only = sharded.of(shard, targets), sharded.probe_only_on(shard)
            self._placed[shard] = sharded.placement
        options = configuration.runtime
        store = make_store(
            options.store or "",
            options.retention,
            configuration=self._stamp,
            shard=shard,
            node=self._incarnation,
            known_epoch=known_epoch,
            targets=lambda: self.sharded.placement.names_on(shard),
        )
        return engine_on(
            loop,
            ShardStore(store, probe_only),
            configuration,
            self._configured,
            EngineUses(
                ShardFeed(self._feed, shard, probe_only),
                asked=lambda listener: self._show(shard, listener),
                # No node takes a target by command: what it has is all, however it was made.
                is_whole=not is_outdated,
                is_outdated=outdated_until_reload(self._stamp, is_outdated=is_outdated),
                owns_loop=False,
                with_others=partial(self._problems.with_others, shard),
            ),
        )

    def _show(self, shard: int, listener: Callable[[Iterable[Target]], None]) -> None:
        with self._configured.guard:
            listener(self.targets_of(shard))

    def activate(self, shard: int, engine: Engine, begin: Callable[[], None]) -> bool:
        """Hands commands to a started engine from now on, and what has changed since it was made; see `EngineFactory`."""
        with self._configured.guard:
            watched = self._watched.setdefault(shard, {})
            for mark in engine.pauses:
                if mark.target in watched:
                    watched[mark.target] = replace(watched[mark.target], paused=True)
            self._configured.keep_paused(engine.pauses)
            self._engines[shard] = engine
            begin()
            if shard in self._moving():
                return False
            self._tell(shard, engine)
            for target, by in self._configured.commanded_pauses():
                if target in self._watched[shard]:
                    engine.tell(Pause(target, by))
            return True

    def left(self, shard: int) -> None:
        """Forgets an engine, and what was commanded here: the record alone says what holds when the shard comes back."""
        with self._configured.guard:
            watched, placement = self._watched.pop(shard, {}), self.sharded.placement
            if self._engines.pop(shard, None) is not None:
                # That of a target which has moved to another shard of this node is as new there as here.
                self._configured.forget_pauses(name for name in watched if placement.shard_of(name) == shard)
        self._problems.forget(shard)
        self._feed.forget(shard)

    def grace_ns(self) -> int:
        return duration_ns(self._configured.given.runtime.grace)

    def reconfigured(self) -> frozenset[int]:
        """Tells every engine what the present configuration changes for it. Returns the shards that are to begin anew instead.

        A reload calls this for each target that it changes: the first call does it all.
        """
        with self._configured.guard:
            given = self._configured.given
            if self._told_of is given:
                return frozenset()
            self._told_of = given
            moving = self._moving()
            # Those that give a target away come first: it is watched by none for a moment, and never by two.
            for is_taking in (False, True):
                for shard, engine in self._engines.items():
                    if shard not in moving:
                        self._tell(shard, engine, is_taking=is_taking)
            return moving

    def _moving(self) -> frozenset[int]:
        """Returns the shards of engines that a target has left since they were made, or to which it has come.

        They have to begin anew: the marks of such a target are taken over at the opening of its shard.
        """
        placement = self.sharded.placement
        earlier = {*self._placed.values()} - {placement}
        moved = {before: placement.moved_since(before) for before in earlier}
        return frozenset(shard for shard in self._engines if shard in moved.get(self._placed[shard], ()))

    def _tell(self, shard: int, engine: Engine, *, is_taking: bool | None = None) -> None:
        before, self._placed[shard] = self._watched[shard], self.sharded.placement
        after = {target.id: target for target in self.targets_of(shard)}
        if is_taking is not True:
            for name in [name for name in before if name not in after]:
                engine.tell(Untrack(name))
                del before[name]
        if is_taking is not False:
            for name, target in after.items():
                if before.get(name) != target:
                    engine.tell(Track(target))
                    before[name] = target
