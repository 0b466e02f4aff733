"""The composition root: a runtime is put together here, started, asked, and stopped. Reading starts here."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Any, Self

import msgspec
from pykka import ActorDeadError

from .actors.dispatch.alarm_clock import MillisecondTimer
from .actors.engine import ANSWER_WITHIN_S, Engine, Fittings
from .actors.policies import ActorPolicy, actor_policies
from .actors.ports import Store
from .actors.supervisor import RECORDER
from .actors.system import SINK
from .adapters import expectations, outside, snapshots
from .adapters.async_surface import AsyncSurface
from .adapters.clock import SystemClock
from .adapters.commands import Change, Commands, Report
from .adapters.configuration import load
from .adapters.expectations import Expectations
from .adapters.feed import Feed, Subscription
from .adapters.host_side import HostSide, require_sound
from .adapters.kernel_timer import KernelTimer, has_kernel_timer
from .adapters.meanwhile import Meanwhile
from .adapters.outside import Outside
from .adapters.own_thread import in_own_thread
from .adapters.snapshots import Snapshots
from .adapters.stores.memory import MemoryStore
from .adapters.stores.sqlite import SqliteStore
from .adapters.surface import async_only, bridge, sync_only
from .domain.attempt import AttemptRecord
from .domain.channel import Channel
from .domain.configuration import Configuration, RuntimeOptions
from .domain.duration import parse_duration
from .domain.errors import UsageError, WatchkeeperError
from .domain.incident import Incident
from .domain.moment import NS_PER_S, Deadline
from .domain.policy import CachePolicy
from .domain.status import AbandonedWork, RuntimeStatus
from .domain.target import Target
from .protocol.message import Message
from .protocol.recorder import GetAttempts, GetIncidents, GetStatus
from .protocol.sink import Redrive
from .protocol.supervisor import Track, Untrack

ANSWER_WITHIN_NS = int(ANSWER_WITHIN_S * NS_PER_S)
DEFAULT_OPTIONS = RuntimeOptions()
CACHES = (*outside.CACHES, expectations.POLICY, snapshots.POLICY)
"""The policy of every cache that a runtime has."""
logger = logging.getLogger(__name__)


class Runtime(Commands):
    """Polls targets, judges them, and tells channels about incidents, on threads of its own.

    Use it in `with` or `async with`, or call `start` and `stop`. What is commanded (`track`, `pause`, `heartbeat`, ...)
    is handed to the runtime's own thread and returns at once, on any thread and on any event loop. What is asked
    (`status`, ...) blocks for a bounded time and is refused on an event loop: await its namesake in `runtime.aio`.
    It installs no signal handler, configures no logging, and shares nothing with another runtime in the process.
    """

    def __init__(
        self,
        *,
        targets: Iterable[Target] = (),
        channels: Iterable[Channel] = (),
        store: str | Path | None = None,
        options: RuntimeOptions = DEFAULT_OPTIONS,
        callables: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        if store is not None:
            options = msgspec.structs.replace(options, store=str(store))
        configuration = Configuration(runtime=options, channels=tuple(channels), targets=tuple(targets))
        super().__init__(HostSide(configuration, callables or {}))
        self._meanwhile = Meanwhile()
        self._grace = options.grace
        self._read: Callable[[], Configuration] | None = None
        self._engine: Engine | None = None
        self._host_loop: asyncio.AbstractEventLoop | None = None
        self._feed = Feed()
        self._pid = os.getpid()
        self._turning = threading.RLock()
        self._ended = threading.Event()
        self._snapshots = Snapshots(lambda: self._ask(RECORDER, GetStatus()), ANSWER_WITHIN_NS)
        self.aio = AsyncSurface(self, self._snapshots)
        """The awaitable namesakes of what blocks."""

    @classmethod
    def from_config(
        cls,
        path: str | Path,
        environment: Mapping[str, str] | None = None,
        *,
        callables: Mapping[str, Callable[..., Any]] | None = None,
    ) -> Self:
        """A runtime as a configuration file says; `${NAME}` comes from `environment`, by default the process's own, then and
        at every `reload`.

        `callables` are what `call` probes and channels name. Raises ConfigurationError with every problem, each as
        `file:line:column: path: what is wrong`.
        """
        read = partial(load, path, os.environ if environment is None else environment)
        configuration = read()
        runtime = cls(
            targets=configuration.targets,
            channels=configuration.channels,
            options=configuration.runtime,
            callables=callables,
        )
        runtime._host.judged()
        runtime._read = read
        return runtime

    # The beginning and the end.

    @sync_only
    def start(self) -> None:
        """Start polling. Raises ConfigurationError for what cannot be run and StoreBusy where another process runs it."""
        self._start(None)

    def _start(self, host_loop: asyncio.AbstractEventLoop | None) -> None:
        if os.getpid() != self._pid:
            self._leave_to_parent()
        with self._turning:
            if self._engine is not None:
                raise UsageError("this runtime runs already")
            configuration = self._host.configuration()
            engine = Engine(configuration, self._fittings(configuration, host_loop))
            engine.start()
            self._host_loop = host_loop
            self._grace = configuration.runtime.grace
            self._ended.clear()
            self._begin_with(engine, configuration)

    def _leave_to_parent(self) -> None:
        """In a forked child: what the parent started is the parent's, and its locks may be held for ever here."""
        self._inherited, self._engine = self._engine, None
        self._turning, self._host.guard = threading.RLock(), threading.RLock()
        self._feed, self._meanwhile = Feed(), Meanwhile()
        self._pid = os.getpid()

    def _fittings(
        self, configuration: Configuration, host_loop: asyncio.AbstractEventLoop | None
    ) -> Fittings:
        clock, options, functions = SystemClock(), configuration.runtime, self._host.callables
        store: Store = SqliteStore(options.store, options.retention) if options.store else MemoryStore()
        return Fittings(
            clock=clock,
            make_timer=KernelTimer if has_kernel_timer() else MillisecondTimer,
            outside=lambda dispatcher: Outside(dispatcher.loop, clock, configuration, functions, host_loop),
            store=store,
            publisher=self._feed,
            expectation_of=Expectations(),
            dice=SystemRandom().random,
            asked=self._host.show,
        )

    def _begin_with(self, engine: Engine, configuration: Configuration) -> None:
        """From here on commands go to the engine; it is told those that came while it was starting."""
        with self._host.guard:
            started_with = {target.id: target for target in configuration.targets}
            self._tell_changes(engine, *self._host.since(started_with))
            with self._meanwhile.guard:
                self._engine = engine
                for report in self._meanwhile.end():
                    engine.tell(report)

    async def start_async(self) -> None:
        """Start from an event loop; async checks will run on it. A start that is cancelled leaves nothing running."""
        host_loop = asyncio.get_running_loop()
        await in_own_thread("watchkeeper-start", lambda: self._start(host_loop), undo=self.stop)

    @sync_only
    def stop(self, within: str = "") -> AbandonedWork:
        """Drain and end within a length of time (default: the configured grace); says what was left undone."""
        within_ns = parse_duration(within or self._grace)
        if os.getpid() != self._pid:
            return AbandonedWork()
        with self._turning:
            ran = self._engine is not None
            try:
                return self._end(within_ns)
            finally:
                if ran:
                    self._be_over()

    def _end(self, within_ns: int) -> AbandonedWork:
        """Changes are kept for the next start while the engine drains."""
        with self._host.guard:
            engine = self._withdraw()
        return AbandonedWork() if engine is None else engine.stop(within_ns)

    def _withdraw(self, *, restarts: bool = False) -> Engine | None:
        """The engine, of which nobody hears from here on; where another follows at once, reports and questions wait for it."""
        with self._meanwhile.guard:
            if restarts:
                self._meanwhile.begin()
            engine, self._engine = self._engine, None
        self._snapshots.forget()
        return engine

    def _be_over(self) -> None:
        """Nothing runs and nothing is about to: whoever waits or listens hears of it."""
        with self._meanwhile.guard:
            lost = self._meanwhile.end()
        if lost:
            logger.error("Lost with the restart that failed: %d commands that came meanwhile", len(lost))
        self._feed.close()
        self._ended.set()

    @sync_only
    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until somebody stops the runtime; False when the time is up first."""
        return self._ended.wait(timeout_s)

    @sync_only
    def __enter__(self) -> Self:
        self._start(None)
        return self

    @sync_only
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @async_only
    async def __aenter__(self) -> Self:
        await self.start_async()
        return self

    @async_only
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aio.stop()

    @sync_only
    def reload(self, configuration: Configuration | None = None) -> None:
        """Take a new configuration, by default the file's as it is now; a bad one raises and changes nothing.

        Targets come, change and go while the rest runs on, those of `track` too; those of `check` stay, and what was paused by
        command stays so. Other channels or options need a short stop and start, in which nothing durable is lost.
        """
        if configuration is None:
            if self._read is None:
                raise UsageError("reload() without a configuration needs a runtime made by from_config()")
            configuration = self._read()
        configuration = require_sound(configuration, self._host.callables)
        with self._turning:
            self._take(configuration)

    def _take(self, new: Configuration) -> None:
        with self._host.guard:
            self._host.require_legal(new)
            old, turn, engine = self._host.stand(), self._host.turn_to(new), self._engine
            if engine is not None and turn.anew:
                self._withdraw(restarts=True)
            elif engine is not None:
                self._tell_changes(engine, turn.gone, turn.changed)
            self._host.take(turn)
        if engine is not None and turn.anew:
            self._restart_or_keep(engine, old)

    def _restart_or_keep(self, engine: Engine, old: Configuration) -> None:
        """Stop and start; where the new cannot start (its store is held, say), the old goes on and the error is raised."""
        try:
            for what, names in engine.stop(parse_duration(self._grace)).left:
                logger.warning("Abandoned at a restart: %s: %s", what, ", ".join(names))
            self._start(self._host_loop)
        except Exception as error:
            self._go_back(old, error)
            raise
        finally:
            if self._engine is None:
                self._be_over()

    def _go_back(self, old: Configuration, error: Exception) -> None:
        """Start with what ran before. Raises where that fails too: then the runtime has ended."""
        with self._host.guard:
            self._host.take(self._host.turn_to(old))
        try:
            self._start(self._host_loop)
        except Exception as again:
            says = f"the new configuration did not start: {error}\nnor did the old one again: {again}"
            raise WatchkeeperError(f"{says}\nnothing runs any more") from again

    def _tell_changes(self, engine: Engine, gone: Iterable[str], changed: Iterable[Target]) -> None:
        self._snapshots.forget()
        for name in gone:
            engine.tell(Untrack(name))
        for target in changed:
            engine.tell(Track(target))

    @bridge
    def subscribe(self, *, samples: bool = False) -> Subscription:
        """Events as they happen: iterate it from a thread, or with `async for`. `samples` includes every sample."""
        return self._feed.subscribe(samples=samples)

    # Questions: answered within a bounded time.

    @sync_only
    def status(self, max_age: str = "0s") -> RuntimeStatus:
        """How every target and the runtime itself stand: as of now, or for many readers as of at most `max_age` ago."""
        return self._snapshots.status(parse_duration(max_age))

    @bridge
    def policies(self) -> tuple[ActorPolicy | CachePolicy, ...]:
        """Every policy that is applied, by name: retry, restart, cancellation, admission, overflow and cache."""
        options = self._host.options
        return (*actor_policies(self._host.channel_specifications, options.in_flight_max), *CACHES)

    @sync_only
    def incidents(self, *, open_only: bool = False) -> tuple[Incident, ...]:
        """The open incidents, and those that ended lately."""
        answer: tuple[Incident, ...] = self._ask(RECORDER, GetIncidents(open_only))
        return answer

    @sync_only
    def attempts(self, target: str) -> tuple[AttemptRecord, ...]:
        """The newest attempts of a target: due, started, ended, lateness, missed ticks, outcome."""
        self._host.known(target)
        answer: tuple[AttemptRecord, ...] = self._ask(RECORDER, GetAttempts(target))
        return answer

    @sync_only
    def redrive(self, key: str) -> bool:
        """Send a dead letter again under its own key. False when it is none, or its channel has heard something later."""
        return bool(self._ask(SINK, Redrive(key)))

    # Inside.

    @property
    def _running(self) -> Engine:
        engine = self._engine
        if engine is None:
            raise UsageError("this runtime does not run: use it in `with`, or call start()")
        if os.getpid() != self._pid:
            raise UsageError(
                f"this runtime was started by process {self._pid}: start one of its own after forking"
            )
        return engine

    def _ask(self, listener: str, question: Message) -> Any:
        """Ask the recorder or the sink, of the next engine where this one gives way to it meanwhile."""
        until = Deadline.after(self._host_clock.read(), ANSWER_WITHIN_NS)
        while True:
            if self._gives_way():
                self._meanwhile.wait(until.remaining_s(self._host_clock.read()))
            engine = self._running
            try:
                return engine.ask(listener, question, until.monotonic_ns)
            except ActorDeadError:
                if engine is self._engine:
                    raise

    async def ask_async(self, listener: str, question: Message) -> Any:
        """The same from an event loop."""
        until = Deadline.after(self._host_clock.read(), ANSWER_WITHIN_NS)
        while True:
            if self._gives_way():
                await self._meanwhile.wait_async(until.remaining_s(self._host_clock.read()))
            engine = self._running
            try:
                return await engine.ask_async(listener, question, until.monotonic_ns)
            except ActorDeadError:
                if engine is self._engine:
                    raise

    def _gives_way(self) -> bool:
        """Whether another engine may follow; in a forked child none does, whatever its parent was about to do."""
        return self._engine is None and os.getpid() == self._pid

    def _change(self, change: Change) -> None:
        self._snapshots.forget()
        if self._engine is not None:
            self._running.tell(change)

    def _report(self, report: Report) -> None:
        if os.getpid() != self._pid:
            # In a forked child the guard may be held for ever; this raises.
            self._running.tell(report)
        with self._meanwhile.guard:
            if not self._meanwhile.keep(report):
                self._running.tell(report)

    def __repr__(self) -> str:
        state = "stopped" if self._engine is None else "running"
        return f"<Runtime {state}: {len(self._host)} targets, {len(self._host.channels)} channels>"
