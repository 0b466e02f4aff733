"""The composition root: a runtime is put together here, started, asked, and stopped. Reading starts here."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from pykka import ActorDeadError, Timeout

from .actors.dispatch import Address, LoopDispatcher, PoolDispatcher
from .actors.ports import Store
from .actors.system import SINK, Parts, Plan, System, shut_down
from .adapters.async_surface import AsyncSurface
from .adapters.clock import SystemClock
from .adapters.configuration import load
from .adapters.expectations import Expectations
from .adapters.feed import Feed, Subscription
from .adapters.host_side import HostSide, require_sound
from .adapters.outside import Outside
from .adapters.own_thread import in_own_thread
from .adapters.stores.memory import MemoryStore
from .adapters.stores.sqlite import SqliteStore
from .adapters.surface import async_only, bridge, sync_only
from .domain.attempt import AttemptRecord
from .domain.channel import Channel
from .domain.configuration import Configuration, RuntimeOptions
from .domain.duration import parse_duration
from .domain.errors import StoreError, UsageError
from .domain.incident import Incident
from .domain.moment import NS_PER_S
from .domain.outcome import Outcome
from .domain.probe import Call
from .domain.record import Silence
from .domain.status import AbandonedWork, RuntimeStatus
from .domain.target import Target
from .protocol.message import Message
from .protocol.owner import Acknowledge
from .protocol.recorder import GetAbandoned, GetAttempts, GetIncidents, GetStatus
from .protocol.sink import Commit, Mute, Redrive
from .protocol.supervisor import Beat, GetHeard, Pause, Resume, Track, Untrack

ANSWER_WITHIN_S = 10.0
"""How long a question to the runtime may take before it raises."""
START_WITHIN_S = 60.0
"""Opening a large store and verifying it takes its time."""
DEFAULT_OPTIONS = RuntimeOptions()
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


class Engine:
    """What exists only while a runtime runs: threads, adapters and actors."""

    def __init__(
        self,
        configuration: Configuration,
        callables: Mapping[str, Callable[..., Any]],
        feed: Feed,
        host_loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self._configuration = configuration
        self.clock = SystemClock()
        self.dispatcher = LoopDispatcher(monotonic_ns=self.clock.monotonic_ns)
        self._sink_thread = PoolDispatcher(threads=1, name="watchkeeper-sink")
        self._changed = threading.Condition()
        self.dispatcher.start()
        loop = self.dispatcher.loop
        self._outside = self._on_loop(lambda: Outside(loop, self.clock, configuration, callables, host_loop))
        self.system = System(self._parts(feed), self._plan())

    def _on_loop(self, work: Callable[[], R]) -> R:
        """Run something on the runtime's loop and wait for it."""

        async def run() -> R:
            return work()

        future = asyncio.run_coroutine_threadsafe(run(), self.dispatcher.loop)
        return future.result(START_WITHIN_S)

    def _parts(self, feed: Feed) -> Parts:
        return Parts(
            clock=self.clock,
            dispatcher=self.dispatcher,
            sink_dispatcher=self._sink_thread,
            set_alarm=self.dispatcher.call_at,
            probers=self._outside.probers,
            messengers=self._outside.messengers,
            store=self._store(),
            publisher=feed,
            expectation_of=Expectations(),
            dice=SystemRandom().random,
            changed=self._notify,
        )

    def _store(self) -> Store:
        options = self._configuration.runtime
        return SqliteStore(options.store, options.retention) if options.store else MemoryStore()

    def _plan(self) -> Plan:
        options = self._configuration.runtime
        return Plan(
            self._configuration.targets, self._configuration.channels, options.in_flight_max, options.debug
        )

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _wait(self, done: Callable[[], bool], until_ns: int) -> bool:
        left_s = (until_ns - self.clock.read().monotonic_ns) / NS_PER_S
        with self._changed:
            return self._changed.wait_for(done, max(left_s, 0.0))

    def start(self) -> None:
        """Start every actor; raises what the store says against being opened."""
        self.system.start()
        try:
            # The sink answers once it has opened the store; if it could not, its address is closed.
            self.system.sink.ask(Commit(), START_WITHIN_S)
        except (ActorDeadError, Timeout):
            self.stop(NS_PER_S)
            raise self.system.ended.get(SINK) or StoreError("the store did not open in time") from None

    def stop(self, within_ns: int) -> AbandonedWork:
        """Stop everything in reverse; nothing is left but what cannot be stopped, and that is said."""
        now = self.clock.read()
        late = shut_down(self.system, self._wait, now, within_ns)
        abandoned = self.system.recorder.ask(GetAbandoned(), ANSWER_WITHIN_S)
        self.system.stop_recorder()
        self._wait(lambda: self.system.has_ended("recorder"), self.clock.read().monotonic_ns + NS_PER_S)
        left = [(each.what, each.names) for each in abandoned]
        left += self._close()
        if late:
            left.append(("actors that did not end in time", late))
        return AbandonedWork(tuple(left))

    def _close(self) -> list[tuple[str, tuple[str, ...]]]:
        calls = self._on_loop(self._outside.close)
        threads = self._sink_thread.stop(1.0) + self.dispatcher.stop(1.0)
        left = [("callables that still run", calls), ("threads that did not end", threads)]
        return [(what, names) for what, names in left if names]


class Runtime:
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
        self._host = HostSide(configuration, callables or {})
        self._grace = options.grace
        self._path: Path | None = None
        self._engine: Engine | None = None
        self._feed = Feed()
        self._pid = os.getpid()
        self._ended = threading.Event()
        self.aio = AsyncSurface(self)
        """The awaitable namesakes of what blocks."""

    @classmethod
    def from_config(cls, path: str | Path, environment: Mapping[str, str] | None = None) -> Self:
        """A runtime as a configuration file says; `${NAME}` comes from `environment`, by default the process's own.

        Raises ConfigurationError with every problem, each as `file:line:column: path: what is wrong`.
        """
        configuration = load(path, os.environ if environment is None else environment)
        runtime = cls(
            targets=configuration.targets, channels=configuration.channels, options=configuration.runtime
        )
        runtime._host.judged()
        runtime._path = Path(path)
        return runtime

    # The beginning and the end.

    @sync_only
    def start(self) -> None:
        """Start polling. Raises ConfigurationError for what cannot be run and StoreBusy where another process runs it."""
        self._start(None)

    def _start(self, host_loop: asyncio.AbstractEventLoop | None) -> None:
        with self._host.guard:
            if self._engine is not None:
                raise UsageError("this runtime runs already")
            configuration = self._host.configuration()
            self._pid = os.getpid()
            self._grace = configuration.runtime.grace
            self._ended.clear()
            engine = Engine(configuration, self._host.callables, self._feed, host_loop)
            engine.start()
            self._engine = engine

    async def start_async(self) -> None:
        """Start from an event loop; async checks will run on it."""
        host_loop = asyncio.get_running_loop()
        await in_own_thread("watchkeeper-start", lambda: self._start(host_loop))

    @sync_only
    def stop(self, within: str = "") -> AbandonedWork:
        """Drain and end within a length of time (default: the configured grace); says what was left undone."""
        return self.stop_blocking(within)

    def stop_blocking(self, within: str = "") -> AbandonedWork:
        """What `stop` does, for a thread of one's own."""
        with self._host.guard:
            engine, self._engine = self._engine, None
            if engine is None:
                return AbandonedWork()
            self._require_own_process()
            left = engine.stop(parse_duration(within or self._grace))
            self._feed.close()
            self._ended.set()
            return left

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
        self.stop_blocking()

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

        Targets come, change and go while the rest runs on. Other channels or options need a short stop and start,
        in which nothing durable is lost.
        """
        if configuration is None:
            if self._path is None:
                raise UsageError("reload() without a configuration needs a runtime made by from_config()")
            configuration = load(self._path, os.environ)
        require_sound(configuration, self._host.callables)
        with self._host.guard:
            self._take(configuration)

    def _take(self, new: Configuration) -> None:
        gone, changed, anew = self._host.take(new)
        if self._engine is None:
            return
        if anew:
            self._engine.stop(parse_duration(self._grace))
            self._engine = None
            self._start(None)
            return
        for name in gone:
            self._supervisor.tell(Untrack(name))
        for target in changed:
            self._supervisor.tell(Track(target))

    # Commands: handed over, never waited for.

    @bridge
    def track(self, target: Target) -> None:
        """Watch a target from now on; one of the same id is replaced, its incidents and clocks stay."""
        with self._host.guard:
            self._host.add(target)
            self._command(Track(target))

    @bridge
    def untrack(self, target: str) -> None:
        """Watch it no longer; what is open for it is resolved with the reason `removed`."""
        with self._host.guard:
            self._host.remove(target)
            self._command(Untrack(target))

    @bridge
    def pause(self, target: str) -> None:
        """Start nothing more for a target and cancel the attempt that runs; its incidents stay as they are."""
        with self._host.guard:
            self._host.pause(target, paused=True)
            self._command(Pause(target))

    @bridge
    def resume(self, target: str) -> None:
        """Go on with a paused target."""
        with self._host.guard:
            self._host.pause(target, paused=False)
            self._command(Resume(target))

    @bridge
    def heartbeat(self, target: str, *, ok: bool = True, detail: str = "") -> None:
        """Report that something ran (`ok=False`: that it ran and failed) to a target with `heartbeat`."""
        kind = self._host.known(target).kind
        if kind != "heartbeat":
            raise UsageError(f"target {target!r} takes no heartbeats: it is of kind {kind}")
        outcome = Outcome.UP if ok else Outcome.DOWN
        self._supervisor.tell(Beat(target, outcome, detail, self._running.clock.read()))

    @bridge
    def acknowledge(self, incident: str, by: str) -> None:
        """Say that somebody has seen an incident; one that is not open is left as it is."""
        self._running.system.owner.tell(Acknowledge(incident, by))

    @bridge
    def silence(self, name: str, *, length: str, target: str | None = None, by: str = "") -> None:
        """Mute a target (None: all) for a length of time; probing and judging go on. `0s` ends the silence `name`."""
        if target is not None:
            self._host.known(target)
        until_ns = self._running.clock.read().wall_ns + parse_duration(length)
        self._running.system.sink.tell(Mute(Silence(id=name, target=target, until_ns=until_ns, by=by)))

    @bridge
    def check(self, name: str, *, notify: Iterable[str] | None = None, **fields: Any) -> Callable[[F], F]:
        """Watch a function: `@runtime.check("queue depth", every="5s")`, sync or async, called without arguments.

        `fields` are those of a Target. Without `notify` every channel is told. What the function may return is listed
        at `domain/returned.py`; an exception is a bad sample.
        """

        def register(function: F) -> F:
            channels = self._host.channels if notify is None else notify
            with self._host.guard:
                self._host.callables[name] = function
                self.track(Target(id=name, call=Call(name=name), notify=tuple(channels), **fields))
            return function

        return register

    @bridge
    def subscribe(self, *, samples: bool = False) -> Subscription:
        """Events as they happen: iterate it from a thread, or with `async for`. `samples` includes every sample."""
        return self._feed.subscribe(samples=samples)

    # Questions: answered within a bounded time.

    @sync_only
    def status(self) -> RuntimeStatus:
        """How every target and the runtime itself stand."""
        answer: RuntimeStatus = self._ask(GetStatus())
        return answer

    @sync_only
    def incidents(self, *, open_only: bool = False) -> tuple[Incident, ...]:
        """The open incidents, and those that ended lately."""
        answer: tuple[Incident, ...] = self._ask(GetIncidents(open_only))
        return answer

    @sync_only
    def attempts(self, target: str) -> tuple[AttemptRecord, ...]:
        """The newest attempts of a target: due, started, ended, lateness, missed ticks, outcome."""
        self._host.known(target)
        answer: tuple[AttemptRecord, ...] = self._ask(GetAttempts(target))
        return answer

    @sync_only
    def redrive(self, key: str) -> bool:
        """Send a dead letter again under its own key. False when it is none, or its channel has heard something later."""
        return bool(self._running.system.sink.ask(Redrive(key), ANSWER_WITHIN_S))

    # Inside.

    @property
    def _running(self) -> Engine:
        engine = self._engine
        if engine is None:
            raise UsageError("this runtime does not run: use it in `with`, or call start()")
        self._require_own_process()
        return engine

    @property
    def _supervisor(self) -> Address:
        return self._running.system.supervisor

    def _ask(self, question: Message) -> Any:
        """What the read model says, after everything that this host commanded before."""
        system = self._running.system
        system.supervisor.ask(GetHeard(), ANSWER_WITHIN_S)
        return system.recorder.ask(question, ANSWER_WITHIN_S)

    async def ask_async(self, listener: str, question: Message) -> Any:
        """The same from an event loop, of the recorder or the sink."""
        system = self._running.system
        await system.supervisor.ask_async(GetHeard(), ANSWER_WITHIN_S)
        address = system.sink if listener == SINK else system.recorder
        return await address.ask_async(question, ANSWER_WITHIN_S)

    def _command(self, message: Track | Untrack | Pause | Resume) -> None:
        if self._engine is not None:
            self._supervisor.tell(message)

    def _require_own_process(self) -> None:
        if os.getpid() != self._pid:
            raise UsageError(
                f"this runtime was started by process {self._pid}: start one of its own after forking"
            )

    def __repr__(self) -> str:
        state = "stopped" if self._engine is None else "running"
        return f"<Runtime {state}: {len(self._host)} targets, {len(self._host.channels)} channels>"
