"""The tenancy of a store: start, stop, fork, and the change between an engine and a stand-by."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from msgspec.structs import replace

from ..actors.ports import Clock
from ..adapters.clock import SystemClock
from ..adapters.real_threads import require_real_threads
from ..adapters.stores.memory import MemoryStore
from ..adapters.stores.opening import holder_of
from ..adapters.stores.ownership.forks import FORKS
from ..domain.errors import ConfigurationError, StoreBusy, StoreFenced, UsageError
from ..domain.read_model.event import RoleChanged
from ..domain.read_model.status import AbandonedWork
from ..domain.specification.configuration import Configuration
from ..domain.specification.target import Target
from ..domain.specification.web import Web
from ..domain.time.duration import Duration, duration_ns
from ..domain.time.moment import NS_PER_S
from ..protocol.supervisor import Pause, Track, Untrack
from .access.doors import Door, Doors
from .configured import ConfiguredTargets
from .engine_maker import EngineMaker
from .restart_buffer import RestartBuffer
from .sharing.engine_access import RunningEngine, prepare_for_forks
from .sharing.late_doors import LateDoors
from .sharing.standby import ActiveLink, RuntimeRole, Standby, runs
from .subscriptions import Subscriptions

logger = logging.getLogger(__name__)


class Tenancy(EngineMaker):
    """Starts and ends the engine of one runtime, stands by while another process runs the store, and knows the doors.

    Two locks, always taken in this order: `_changing` for a whole start, stop, reload or take-over (seconds), then the
    buffer's guard for one hand-over (microseconds). A command takes `configured.guard` before the second and never the
    first, so that a heartbeat never waits for a reload.
    """

    def __init__(
        self,
        configured: ConfiguredTargets,
        outdated: Callable[[], None],
        forked: Callable[[], None],
        clock: Clock | None = None,
        doors: Doors | None = None,
        link: ActiveLink | None = None,
        node: str | None = None,
    ) -> None:
        """With `link`, which reaches the process that runs the store, a start stands by instead of being refused.

        `node` is the name of this process among those that share the shards of a database; None for that of its host and process.
        """
        super().__init__(configured, outdated, clock or SystemClock(), link, node)
        self._doors = doors if doors is not None and self._opens_doors else Doors(None)
        self._forked = forked
        self._grace = configured.given.runtime.grace
        self._host_loop: asyncio.AbstractEventLoop | None = None
        self._changing = threading.RLock()
        self._is_beginning = False
        """True while the thread that has `_changing` starts or reloads: a stop in between comes from a signal handler."""
        self._stop_asked: Duration | None = None
        self._late = LateDoors(self._doors)
        self._child_guard = threading.Lock()
        """Replaced in every forked child, where the first use of the runtime takes it."""
        prepare_for_forks(self)

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the API is served now; see `Doors`."""
        return self._doors.urls

    # Start and stop.

    def start(self, host_loop: asyncio.AbstractEventLoop | None, *, stands_by: bool = True) -> None:
        """Starts an engine, and opens its doors; async checks run on `host_loop`. Blocks until every target is scheduled.

        Where another process runs the store, it stands by instead and returns at once; without `stands_by` it is refused.

        Raises: StoreBusy then; UsageError while one runs, for a node of a store that is not shared, and where a library has replaced threads; ConfigurationError for a configuration
        that cannot run, and for an address that cannot be listened on; StoreError for a store that does not open.
        """
        require_real_threads()
        if os.getpid() != self._pid:
            self._leave_to_parent()
            self._pid = os.getpid()
        with self._beginning():
            if self._engine is not None or self._standby is not None:
                raise UsageError("this runtime is running already: call stop() first, or reload()")
            configuration = self._configured.configuration()
            self._find_shards(configuration)
            store = self._shared_store(configuration) if stands_by else None
            if store is not None and (holder := holder_of(store)):
                self._stand_by(store, host_loop, runs(holder, store))
                return
            try:
                self._run(configuration, host_loop)
            except StoreBusy as busy:
                if store is None:
                    raise
                holder = holder_of(store)
                self._stand_by(store, host_loop, runs(holder, store) if holder else str(busy))

    def _run(self, configuration: Configuration, host_loop: asyncio.AbstractEventLoop | None) -> None:
        """Makes and starts an engine, and opens the doors.

        Raises: what keeps it from running, and then nothing of it is left.
        """
        # Of several processes that start at once one gets the store, and it alone may bind the address of the API.
        is_shared = self._shared_store(configuration) is not None
        door = None if is_shared else self._doors.bound(configuration.web)
        try:
            with FORKS.importing():
                engine = self._make(configuration, host_loop)
            engine.start()
            if is_shared:
                door = self._bound_by_owner(engine, configuration.web)
        except BaseException:
            self._doors.discard(door)
            raise
        self._host_loop = host_loop
        self._grace = configuration.runtime.grace
        self.ended.clear()
        self._activate(engine, configuration)
        engine.on_end(partial(self._lost, engine))
        # After the start: the lock of the store shows that a control socket beside it is nobody's any more.
        self._doors.use(door, configuration.web, configuration.runtime.store, self.node_name)

    def _bound_by_owner(self, engine: RunningEngine, web: Web | None) -> Door | None:
        """Returns the door over TCP of the process that has the store.

        Raises: ConfigurationError where a start cannot listen; a take-over goes on, and opens the door later.
        """
        self._late.is_missing = False
        try:
            return self._doors.bound(web)
        except ConfigurationError as error:
            if self._standby is None:
                engine.stop(duration_ns(self._grace))
                raise
            self._late.miss(error)
            return None

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
        self._is_beginning, self._stop_asked, self._standby = False, None, None
        self.ended = threading.Event()
        self._forked()
        self._doors.forked()

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
                standby, self._standby = self._standby, None
                for report in self._restart_buffer.end():
                    engine.tell(report)
        if standby is not None:
            standby.end()

    def stop(self, within: Duration | None = None) -> AbandonedWork:
        """Drains and ends within a length (empty: the configured grace) and a margin.

        Blocks; returns the work left undone. Called by a signal handler inside a start or a reload of the same thread, it
        returns at once, and the runtime stops when that ends.
        """
        within_ns = duration_ns(self._grace if within is None else within)
        if os.getpid() != self._pid:
            return AbandonedWork()
        standby = self._standby
        left = self._stop(within, within_ns)
        if standby is not None:
            # Without the lock, for which a take-over may wait.
            standby.join()
        return left

    def _stop(self, within: Duration | None, within_ns: int) -> AbandonedWork:
        with self._changing:
            if self._is_beginning:
                self._stop_asked = self._grace if within is None else within
                return AbandonedWork()
            if self._standby is not None:
                return self._stop_waiting()
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

    def _tell_changes(self, engine: RunningEngine, removed: Iterable[str], changed: Iterable[Target]) -> None:
        for name in removed:
            engine.tell(Untrack(name))
        for target in changed:
            engine.tell(Track(target))
        self._outdated()

    # Standing by.

    def _stand_by(self, store: str, host_loop: asyncio.AbstractEventLoop | None, why: str) -> None:
        """Begins to wait for the store, which another process runs. The caller has `_changing`."""
        link = self._link
        assert link is not None  # noqa: S101  # a runtime without one has no shared store
        self._host_loop = host_loop
        self.ended.clear()
        with self._restart_buffer.guard:
            kept = self._restart_buffer.end()
            self._standby = Standby(store, link, self._clock, self._stamp(), self._take_over, kept)
        self._change_role("standby", why)
        self._standby.start()

    def _take_over(self, standby: Standby) -> bool:
        """Makes this process the active one. Returns False where another one was faster.

        Raises: what keeps the engine from starting.
        """
        with self._beginning():
            if self._standby is not standby:
                return True  # stopped or started anew meanwhile
            try:
                self._run(self._configured.configuration(), self._host_loop)
            except StoreBusy as busy:
                standby.refuse(busy)
                return False
            self._late.open_asked()
            # Last: a subscriber that hears of it finds the doors open.
            self._change_role("active", runs("", standby.store))
        self._late.open_soon(self._web_opened, self.ended)
        return True

    def _lost(self, engine: RunningEngine, error: StoreFenced) -> None:
        """Hears from a thread of the engine that it has ended by itself, as another process has claimed the store."""
        threading.Thread(
            target=self._step_down, args=(engine, error), name="watchkeeper-step-down", daemon=True
        ).start()

    def _step_down(self, engine: RunningEngine, error: StoreFenced) -> None:
        """Throws a fenced engine away, and stands by again. Without a stand-by the runtime ends."""
        with self._changing:
            if self._engine is not engine:
                return
            self._doors.close()
            store = self._shared_store(self._configured.given)
            with self._configured.guard:
                self._withdraw(restarts=store is not None)
            try:
                engine.stop(NS_PER_S)
            finally:
                if store is None:
                    logger.error("The runtime has ended: %s", error)
                    self._finish()
                else:
                    self._stand_by(store, self._host_loop, str(error))

    def _web_opened(self) -> bool:
        """Opens the door over TCP where its address is free by now. Returns whether there is nothing left to try."""
        with self._changing:
            configuration = self._configured.given
            if self._engine is None or not self._late.is_missing:
                return True
            try:
                door = self._doors.bound(configuration.web)
            except ConfigurationError:
                return False
            self._late.is_missing = False
            self._doors.use(door, configuration.web, configuration.runtime.store, self.node_name)
            return True

    def _stop_waiting(self) -> AbandonedWork:
        self._end_wait()
        self._late.forget()
        self._finish()
        return AbandonedWork()

    def _end_wait(self) -> None:
        standby, self._standby = self._standby, None
        if standby is not None:
            standby.end()

    def _wait_elsewhere(self) -> None:
        """Leaves the store that this process waited for: a reload names another one."""
        self._end_wait()
        self.start(self._host_loop)

    def _change_role(self, role: RuntimeRole, detail: str) -> None:
        self._outdated()
        logger.info("%s: %s", "Active" if role == "active" else "Standing by", detail)
        self.feed.publish(RoleChanged(role, detail))

    def _stand_by_in_child(self) -> None:
        with self._child_guard:
            if os.getpid() == self._pid:
                return
            configuration, parent = self._configured.given, self._pid
            store = self._shared_store(configuration)
            if store is None or (self._engine is None and self._standby is None):
                return  # `engine` says what to do
            self._leave_to_parent()
            with self._beginning():
                self._stand_by(store, None, runs(holder_of(store) or f"process {parent}", store))
            # Last: until then other threads wait for the guard.
            self._pid = os.getpid()

    def in_child(self) -> None:
        """Prepares a forked child: nothing of it waits for a thread of the parent, and no address stays taken by it."""
        self._child_guard = threading.Lock()
        self._doors.let_go()
