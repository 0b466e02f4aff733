"""The lifecycle of a runtime: start, stop, restart and fork, and the engine that answers in between."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol, TypeAlias

from msgspec.structs import replace
from pykka import ActorDeadError

from ..actors.dispatch.run.future import AwaitAnswer, DispatchedFuture, awaiting, blocking, run_blocking
from ..actors.ports import Clock
from ..adapters.clock import SystemClock
from ..adapters.real_threads import require_real_threads
from ..adapters.stores.memory import MemoryStore
from ..domain.errors import UsageError, WatchkeeperError
from ..domain.incidents.record import PauseMark
from ..domain.limits import ANSWER_WITHIN_NS
from ..domain.line import listed
from ..domain.read_model.status import AbandonedWork
from ..domain.specification.configuration import Configuration
from ..domain.specification.target import Target
from ..domain.specification.web import Anonymous, Web
from ..domain.time.duration import Duration, duration_ns
from ..domain.time.moment import Deadline
from ..protocol.message import Message
from ..protocol.owner import Acknowledge, Unacknowledge
from ..protocol.sink import Mute, Unmute
from ..protocol.supervisor import Beat, Pause, Resume, Track, Untrack
from .access.doors import Doors
from .composition import make_engine
from .configured import ConfiguredTargets
from .restart_buffer import HostReport, RestartBuffer
from .subscriptions import Subscriptions

ConfigurationCommand: TypeAlias = Track | Untrack | Pause | Resume
"""Changes the configured targets: without an engine the next start applies it."""
logger = logging.getLogger(__name__)


class RunningEngine(Protocol):
    """The part of an engine that a lifecycle uses; a test's runtime has a world in its place."""

    @property
    def pauses(self) -> Iterable[PauseMark]: ...

    def start(self) -> None: ...

    def tell(self, command: ConfigurationCommand | HostReport, /) -> None: ...

    async def ask(self, listener: str, question: Message, until_ns: int, wait: AwaitAnswer) -> Any: ...

    async def arrival(
        self, future: DispatchedFuture[None], within_s: float, wait: AwaitAnswer, /
    ) -> None: ...

    def stop(self, within_ns: int) -> AbandonedWork: ...


class Lifecycle:
    """Owns the engine of one runtime, the lock around its start and end, and the buffer that bridges a restart.

    Two locks, always taken in this order: `_changing` for a whole start, stop or reload (seconds), then the buffer's
    guard for one hand-over (microseconds). A command takes `configured.guard` before the second and never the first, so
    that a heartbeat never waits for a reload. Calls `outdated` whenever a cached status is no longer valid.
    """

    _opens_doors: ClassVar[bool] = True
    """False where the engine is a world in virtual time, which answers in its own process alone."""

    def __init__(
        self,
        configured: ConfiguredTargets,
        outdated: Callable[[], None],
        forked: Callable[[], None],
        clock: Clock | None = None,
        doors: Doors | None = None,
    ) -> None:
        self._configured = configured
        self._doors = doors if doors is not None and self._opens_doors else Doors(None)
        self._outdated = outdated
        self._forked = forked
        self._clock = clock or SystemClock()
        self._grace = configured.given.runtime.grace
        self._engine: RunningEngine | None = None
        self._host_loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()
        self._changing = threading.RLock()
        self._is_beginning = False
        """True while the thread that has `_changing` starts or reloads: a stop in between comes from a signal handler."""
        self._stop_asked: Duration | None = None
        self.ended = threading.Event()
        """Set while no engine runs and none follows, once one has run."""
        self._restart_buffer = RestartBuffer()
        self.feed = Subscriptions()
        self._memory = MemoryStore()
        """The record of a runtime without a file: it ends with the process, and a reload continues it."""

    @property
    def started(self) -> bool:
        """True between a start and a stop; False while a reload replaces the engine."""
        return self._engine is not None

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the API is served now; see `Doors`."""
        return self._doors.urls

    @property
    def engine(self) -> RunningEngine:
        """The running engine. Raises: UsageError where none runs, and in a child forked from the engine's process."""
        engine = self._engine
        if engine is None:
            raise UsageError("this runtime is not running: use it in `with`, or call start()")
        if os.getpid() != self._pid:
            raise UsageError(
                f"this runtime was started by process {self._pid}: start it again in this one after forking"
            )
        return engine

    # Start and stop.

    def start(self, host_loop: asyncio.AbstractEventLoop | None) -> None:
        """Starts an engine, and opens its doors; async checks run on `host_loop`. Blocks until every target is scheduled.

        Raises: UsageError while one runs, and where a library has replaced threads; ConfigurationError for a configuration
        that cannot run, and for an address that cannot be listened on; StoreError for a store that does not open.
        """
        require_real_threads()
        if os.getpid() != self._pid:
            self._leave_to_parent()
        with self._beginning():
            if self._engine is not None:
                raise UsageError("this runtime is running already: call stop() first, or reload()")
            configuration = self._configured.configuration()
            door = self._doors.bound(configuration.web)
            try:
                engine = self._make(configuration, host_loop)
                engine.start()
            except BaseException:
                self._doors.discard(door)
                raise
            self._host_loop = host_loop
            self._grace = configuration.runtime.grace
            self.ended.clear()
            self._activate(engine, configuration)
            # After the start: the lock of the store shows that a control socket beside it is nobody's any more.
            self._doors.use(door, configuration.web, configuration.runtime.store)

    def _make(
        self, configuration: Configuration, host_loop: asyncio.AbstractEventLoop | None
    ) -> RunningEngine:
        return make_engine(configuration, self._configured, self.feed, host_loop, self._memory)

    @contextmanager
    def _beginning(self) -> Iterator[None]:
        """Holds the lock of a start or a reload. A `stop` that a signal handler calls inside takes effect at its end."""
        with self._changing:
            is_outermost = not self._is_beginning
            self._is_beginning = True
            try:
                yield
            finally:
                if is_outermost:
                    self._is_beginning = False
                    within, self._stop_asked = self._stop_asked, None
                    if within is not None:
                        self.stop(within)

    def _leave_to_parent(self) -> None:
        """Resets a forked child: the engine is the parent's, and a thread that exists only there may hold a lock."""
        # Kept, because dropping the last reference would close descriptors that the parent still uses.
        self._inherited, self._engine = self._engine, None
        self._changing, self._configured.guard = threading.RLock(), threading.RLock()
        self._configured.mask.guard = threading.Lock()
        self.feed, self._restart_buffer = Subscriptions(), RestartBuffer()
        self._memory = MemoryStore()
        self._is_beginning, self._stop_asked = False, None
        self.ended = threading.Event()
        self._forked()
        self._doors.forked()
        self._pid = os.getpid()

    def _activate(self, engine: RunningEngine, configuration: Configuration) -> None:
        """Hands commands to this engine from now on, first those that arrived during its start."""
        with self._configured.guard:
            started_with = {target.id: target for target in configuration.targets}
            for mark in engine.pauses:
                if mark.target in started_with:
                    started_with[mark.target] = replace(started_with[mark.target], paused=True)
            self._configured.keep_paused(engine.pauses)
            self._tell_changes(engine, *self._configured.since(started_with))
            # Commanded while no engine ran: the record knows nothing of these yet.
            for target, by in self._configured.commanded_pauses():
                engine.tell(Pause(target, by))
            # Under the guard no report can overtake the buffered ones.
            with self._restart_buffer.guard:
                self._engine = engine
                for report in self._restart_buffer.end():
                    engine.tell(report)

    def stop(self, within: Duration | None = None) -> AbandonedWork:
        """Drains and ends within a length (empty: the configured grace) and a margin.

        Blocks; returns the work left undone. Called by a signal handler inside a start or a reload of the same thread, it
        returns at once, and the runtime stops when that ends.
        """
        within_ns = duration_ns(self._grace if within is None else within)
        if os.getpid() != self._pid:
            return AbandonedWork()
        with self._changing:
            if self._is_beginning:
                self._stop_asked = self._grace if within is None else within
                return AbandonedWork()
            # First, so that no request meets an engine that drains.
            self._doors.close()
            # Changes of targets that arrive while the engine drains apply at the next start.
            with self._configured.guard:
                engine = self._withdraw()
            if engine is None:
                return AbandonedWork()
            try:
                return engine.stop(within_ns)
            finally:
                self._finish()

    def _withdraw(self, *, restarts: bool = False) -> RunningEngine | None:
        """Takes the engine out of service. With `restarts`, reports and questions wait for the next engine."""
        with self._restart_buffer.guard:
            if restarts:
                self._restart_buffer.begin()
            engine, self._engine = self._engine, None
        self._outdated()
        return engine

    def _finish(self) -> None:
        """Ends the buffer, the subscriptions and every `wait`: no engine runs and none follows."""
        with self._restart_buffer.guard:
            lost = self._restart_buffer.end()
        if lost:
            logger.error(
                "The restart failed: %d commands that arrived during it are lost, send them again", len(lost)
            )
        self.feed.close()
        self.ended.set()

    # Reload.

    def reload(self, new: Configuration) -> None:
        """Applies a valid configuration. Blocks; restarts the engine where channels or options differ.

        Raises: ConfigurationError for a rule that would go back in its lifecycle, and for an address that cannot be
        listened on; any error of the new engine's start,
        and then the old configuration runs on; WatchkeeperError where the old one does not start again either.
        """
        with self._beginning():
            with self._configured.guard:
                self._configured.require_legal(new)
                old, diff, engine = self._configured.snapshot(), self._configured.diff(new), self._engine
                door = None if engine is None else self._doors.bound(new.web)
                if engine is not None and diff.needs_restart:
                    self._withdraw(restarts=True)
                elif engine is not None:
                    self._tell_changes(engine, diff.removed, diff.changed)
                self._configured.apply(diff)
            if engine is not None and diff.needs_restart:
                # Bound once to learn that it can be; the start binds it again.
                self._doors.discard(door)
                self._restart_or_keep(engine, old)
            elif engine is not None:
                self._doors.use(door, new.web, new.runtime.store)

    def serve(self, listen: str, anonymous: Anonymous | None) -> str:
        """Opens one more door over TCP, until the stop; returns its URL. The tokens of the configuration open it.

        Raises: UsageError where no engine runs; ConfigurationError where it cannot listen, or must not.
        """
        with self._changing:
            _ = self.engine
            configured = self._configured.given.web
            tokens = configured.tokens if configured else ()
            return self._doors.serve(Web(listen=listen, anonymous=anonymous, tokens=tokens))

    def login_url(self) -> str:
        """Returns the URL at which a browser of this machine finds a door. Raises: UsageError where none is open."""
        return self._doors.local_url()

    def _restart_or_keep(self, engine: RunningEngine, old: Configuration) -> None:
        """Stops and starts.

        Where the new engine cannot start (another process holds its store), the old one runs on.
        """
        try:
            for what, names in engine.stop(duration_ns(self._grace)).left:
                logger.warning("Abandoned at a restart: %s: %s", what, listed(names))
            self.start(self._host_loop)
        except Exception as error:
            self._go_back(old, error)
            raise
        finally:
            if self._engine is None:
                self._doors.close()
                self._finish()

    def _go_back(self, old: Configuration, error: Exception) -> None:
        """Starts with the former configuration.

        Raises: WatchkeeperError where that fails too: the runtime has ended.
        """
        with self._configured.guard:
            self._configured.apply(self._configured.diff(old))
        try:
            self.start(self._host_loop)
        except Exception as again:
            says = f"the new configuration did not start: {error}\nthe old one did not start again: {again}"
            raise WatchkeeperError(f"{says}\nthe runtime has stopped") from again

    def _tell_changes(self, engine: RunningEngine, removed: Iterable[str], changed: Iterable[Target]) -> None:
        for name in removed:
            engine.tell(Untrack(name))
        for target in changed:
            engine.tell(Track(target))
        self._outdated()

    # Commands and questions.

    def change(self, change: ConfigurationCommand) -> None:
        """Hands over a change of the targets, under `configured.guard`; without an engine the next start applies it."""
        if self._engine is not None:
            self.engine.tell(change)
        self._outdated()  # last: the answer to a question that was asked before is not kept

    def report(self, report: HostReport) -> None:
        """Hands over a report, or keeps it while a reload restarts the engine.

        Raises: UsageError where no engine runs.
        """
        if os.getpid() != self._pid:
            # In a forked child the guard may be held for ever; `self.engine` raises there.
            self.engine.tell(report)
        with self._restart_buffer.guard:
            if not self._restart_buffer.keep(report):
                self.engine.tell(report)
        if not isinstance(report, Beat):
            # A heartbeat changes one target as any sample does, and a host may report thousands a second.
            self._outdated()

    def acknowledge(self, seen: Acknowledge | Unacknowledge) -> None:
        """Reports that somebody has seen an incident, or withdraws that.

        Raises: UsageError where no engine runs; UnknownName for an incident that is not open.
        """
        # Without an engine `report` says so, or keeps the report of an incident that the next engine may resume.
        if self._engine is not None:
            self.feed.require_open(seen.incident)
        self.report(seen)

    def silence(self, mute: Mute) -> None:
        """Reports a silence, which `unsilence` knows at once. Raises: UsageError where no engine runs."""
        self.report(mute)
        self.feed.silences.note(mute.silence, self._clock.read())

    def unsilence(self, unmute: Unmute) -> None:
        """Reports the end of a silence.

        Raises: UsageError where no engine runs; UnknownName where none in force has this id.
        """
        if self._engine is not None:
            self.feed.silences.require(unmute.id, self._clock.read())
        self.report(unmute)
        self.feed.silences.forget(unmute.id)

    def ask(self, listener: str, question: Message) -> Any:
        """Asks the recorder or the sink; during a reload, those of the next engine. Blocks for a bounded time.

        Raises: UsageError where no engine runs; TimeoutError without an answer in time.
        """
        return run_blocking(self.answer(listener, question, blocking))

    async def ask_async(self, listener: str, question: Message) -> Any:
        """Asks as `ask` does, from an event loop, which it never blocks."""
        return await self.answer(listener, question, awaiting)

    async def answer(self, listener: str, question: Message, wait: AwaitAnswer) -> Any:
        """Asks as `ask` does, and waits by `wait`."""
        until = Deadline.after(self._clock.read(), ANSWER_WITHIN_NS)
        while True:
            # A next engine may follow; never in a forked child, even where the parent was in a restart.
            if self._engine is None and os.getpid() == self._pid:
                await self._restart_buffer.wait(until.remaining_s(self._clock.read()), wait)
            engine = self.engine
            try:
                return await engine.ask(listener, question, until.monotonic_ns, wait)
            except ActorDeadError:
                # A dead actor of an engine that a reload has just replaced is asked again at the next one.
                if engine is self._engine:
                    raise
