"""A runtime in virtual time, for tests of the programs that embed one."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from ..actors.dispatch.run.future import AwaitAnswer, DispatchedFuture
from ..actors.ports import Clock
from ..adapters.masking import secrets_in
from ..domain.errors import StoreFenced, UsageError
from ..domain.incidents.record import PauseMark
from ..domain.read_model.status import AbandonedWork
from ..domain.specification.channel import Channel
from ..domain.specification.configuration import Configuration
from ..host.lifecycle import Lifecycle
from ..host.restart_buffer import HostReport
from ..host.sharing.engine_access import RunningEngine
from ..protocol.message import Message
from ..protocol.supervisor import Pause, Resume, Track, Untrack
from ..runtime import Runtime
from .clock import ManualClock
from .world import World


class _WorldEngine:
    """Stands for the engine of a runtime: the actors of a world, which have no thread and no real time."""

    def __init__(self, world: World, configuration: Configuration, *, is_whole: bool) -> None:
        self._world = world
        self._configuration = configuration
        self._is_whole = is_whole

    @property
    def pauses(self) -> Iterable[PauseMark]:
        return self._world.pauses

    def start(self) -> None:
        self._world.start(self._configuration, is_whole=self._is_whole)

    def tell(self, command: Track | Untrack | Pause | Resume | HostReport) -> None:
        self._world.tell(command)

    async def ask(self, listener: str, question: Message, until_ns: int, wait: AwaitAnswer) -> Any:
        return self._world.ask(listener, question)

    async def arrival(self, future: DispatchedFuture[None], within_s: float, wait: AwaitAnswer) -> None:
        # Virtual time passes while it is waited for.
        future.driver = self._world.dispatcher
        future.get(timeout=within_s)

    def on_end(self, callback: Callable[[StoreFenced], None]) -> None:
        """Nothing claims the record of a world."""

    def stop(self, within_ns: int) -> AbandonedWork:
        return AbandonedWork(self._world.stop(within_ns))


class WorldLifecycle(Lifecycle):
    """The lifecycle of a runtime whose engine is a world."""

    _opens_doors: ClassVar[bool] = False
    _world: World | None = None
    _channels: tuple[Channel, ...] = ()

    @property
    def world(self) -> World:
        """The world of the runtime. Raises: UsageError before the first start."""
        if self._world is None:
            raise UsageError(
                "the world of a FakeRuntime begins with its start: use it in `with`, or call start()"
            )
        return self._world

    def _make(
        self, configuration: Configuration, host_loop: asyncio.AbstractEventLoop | None
    ) -> RunningEngine:
        configured = self._configured
        configured.mask.learn(secrets_in(configuration))
        if self._world is None:
            clock, functions = self._clock, configured.callables
            assert isinstance(clock, ManualClock)  # noqa: S101 - a FakeRuntime has no other
            self._world = World(
                configuration, clock=clock, feed=self.feed, functions=functions, discreet=configured.mask
            )
            # The engine starts it again: a start is the same whether it is the first.
            self._world.stop()
            self._channels = configuration.channels
        elif configuration.channels != self._channels:
            raise UsageError("a FakeRuntime keeps its channels: test other channels with another one")
        return _WorldEngine(self._world, configuration, is_whole=configured.is_whole)


class FakeRuntime(Runtime):
    """A `Runtime` in virtual time: the same methods, checks and errors, and time passes only in `world.run`.

    with FakeRuntime(targets=[shop], channels=[ops]) as runtime:
        runtime.world.script("shop", "ok 10m, down 5m, ok")
        runtime.world.run("1h")
        assert runtime.world.delivered("ops") == ["shop/down opened", "shop/down resolved"]

    Targets follow their scripts, and nothing is probed or sent. Functions of `check`, `call` targets and `call` channels are
    called at their virtual moment, unless a script stands in their place. The record is kept in memory, whatever `store`
    says, and survives `stop` and `start`. A reload with other channels raises UsageError. No port is opened: `web` has no
    effect, `serve` raises UsageError, and `asgi` is the API.
    """

    _clock_type: ClassVar[type[Clock]] = ManualClock
    _lifecycle_type: ClassVar[type[Lifecycle]] = WorldLifecycle

    @property
    def world(self) -> World:
        """The world: its time, its scripts and what its channels received. Raises: UsageError before the first start."""
        lifecycle = self._lifecycle
        assert isinstance(lifecycle, WorldLifecycle)  # noqa: S101 - the type above
        return lifecycle.world
