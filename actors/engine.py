"""The engine: the threads, drivers and actors of one run, made, started and stopped together."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, assert_never

from pykka import ActorDeadError, Timeout

from ..domain.conditions.judgement import Expectation
from ..domain.errors import StoreError, StoreFenced
from ..domain.incidents.own_problems import WithOthers
from ..domain.incidents.record import PauseMark
from ..domain.limits import ANSWER_WITHIN_NS, EXPLANATION_CHARACTERS_MAX, START_WITHIN_S
from ..domain.line import first_line
from ..domain.read_model.status import AbandonedWork
from ..domain.specification.configuration import Configuration
from ..domain.specification.target import Target
from ..domain.store_place import shown_store
from ..domain.time.moment import NS_PER_S, Deadline
from ..protocol.message import Message
from ..protocol.owner import Acknowledge, BeginDrill, EndDrill, FlushSamples, OfDrills, Unacknowledge
from ..protocol.recorder import (
    CounterIncreased,
    GetAbandoned,
    GetIncidents,
    GetMetrics,
    HealthReported,
    RecorderMessage,
)
from ..protocol.sink import Announce, Commit, EndAnnouncement, GetPauses, Mute, Redrive, SendTest, Unmute
from ..protocol.supervisor import Barrier, Beat, CheckNow, Pause, Resume, Track, Untrack
from .checked import Checks
from .dispatch.mailbox.address import Address
from .dispatch.run.future import AwaitAnswer, DispatchedFuture
from .dispatch.run.pool import PoolDispatcher
from .driver_loop import CLOSE_SLACK_NS, DriverLoop, EngineClock, Left
from .ports import Listener, Publisher, Store
from .supervisor.supervisor import RECORDER
from .system import SINK, Asked, System, SystemDependencies, never, shut_down

logger = logging.getLogger(__name__)


class EngineDependencies(NamedTuple):
    """The parts that an engine is given besides the configuration."""

    clock: EngineClock
    loop: DriverLoop
    store: Store
    publisher: Publisher
    expectation_of: Callable[[Target], Expectation]
    dice: Callable[[], float]
    asked: Asked
    discreet: Callable[[str], str] = str
    """Masks the known secrets in a foreign text."""
    is_whole: bool = False
    """Whether the configuration names every target; see `SystemDependencies`."""
    is_outdated: Callable[[], bool] = never
    """Whether a newer configuration is known to be elsewhere; see `SystemDependencies`."""
    owns_loop: bool = True
    """Whether the loop and its drivers end with this engine; False where others share them."""
    with_others: WithOthers = tuple
    """Adds the own problems of other engines; see `SystemDependencies`."""


class LocationHealth(NamedTuple):
    """Tells the recorder how locations answer."""

    recorder: Listener[RecorderMessage]

    def counted(self, counter: str, by: int) -> None:
        self.recorder.tell(CounterIncreased(f"location_{counter}", by))

    def problem(self, location: str, detail: str) -> None:
        self.recorder.tell(HealthReported(f"location {location}", detail))


class Engine:
    """Owns the actors and the sink's thread of one run, and the loop with its drivers unless other engines share it."""

    def __init__(self, configuration: Configuration, dependencies: EngineDependencies) -> None:
        self.clock = dependencies.clock
        self._loop, self._owns_loop = dependencies.loop, dependencies.owns_loop
        self._sink_thread = PoolDispatcher(threads=1, name="watchkeeper-sink")
        self._store = configuration.runtime.store
        self._changed = threading.Condition()
        self._lost_store: StoreFenced | None = None
        self._on_end: Callable[[StoreFenced], None] | None = None
        self.pauses: tuple[PauseMark, ...] = ()
        """The pauses of the record as this engine started."""
        self._commanded = self._obeyed = object()
        self._book: Checks | None = None
        """The second book of debug mode, which is told what is said of targets."""
        self._checks_waiting: set[str] = set()
        """The targets whose CheckNow the supervisor has not handled yet."""
        self.system = System(self._parts(dependencies, configuration), configuration)
        self._location_health = LocationHealth(self.system.recorder)
        self._loop.drivers.report_locations(self._location_health)

    def _parts(self, dependencies: EngineDependencies, configuration: Configuration) -> SystemDependencies:
        store, messengers = dependencies.store, self._loop.drivers.messengers
        if configuration.runtime.debug:
            # Logged once: a check costs several times more in debug mode, and nothing else shows the mode.
            logger.info("Debug mode is on: messages are encoded and decoded, a second book checks the record")
            checks = Checks(configuration.channels, self._report, maintenance=configuration.maintenance)
            store, messengers = checks.store(store), checks.messengers(messengers)
            checks.record.waits.described(configuration.targets)
            self._book = checks
        return SystemDependencies(
            clock=self.clock,
            dispatcher=self._loop.dispatcher,
            sink_dispatcher=self._sink_thread,
            probers=self._loop.drivers.probers,
            messengers=messengers,
            located=self._loop.drivers.located,
            pinger=self._loop.drivers.pinger,
            store=store,
            publisher=dependencies.publisher,
            expectation_of=dependencies.expectation_of,
            dice=dependencies.dice,
            changed=self._notify,
            asked=dependencies.asked,
            discreet=dependencies.discreet,
            is_whole=dependencies.is_whole,
            is_outdated=dependencies.is_outdated,
            with_others=dependencies.with_others,
            lost_store=self._end_by_itself,
        )

    def on_end(self, callback: Callable[[StoreFenced], None]) -> None:
        """Calls back once when this engine has ended by itself, as another process has claimed its store; at once where it has.

        The callback runs on a thread of the engine: it must not block, and `stop` is to be called from another thread.
        """
        with self._changed:
            self._on_end, lost = callback, self._lost_store
        if lost is not None:
            callback(lost)

    def _end_by_itself(self, error: StoreFenced) -> None:
        with self._changed:
            self._lost_store, callback = error, self._on_end
        if callback is not None:
            callback(error)

    def _report(self, invariant: str, says: str) -> None:
        """Logs, counts and shows an internal fault that debug mode found; the work goes on."""
        logger.error("Invariant %s is broken: %s", invariant, first_line(says, EXPLANATION_CHARACTERS_MAX))
        self.system.recorder.tell(CounterIncreased("invariants_broken", 1))
        self.system.recorder.tell(HealthReported("invariants", first_line(f"{invariant}: {says}")))

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _wait(self, done: Callable[[], bool], until_ns: int) -> bool:
        with self._changed:
            return self._changed.wait_for(done, self._left_s(until_ns))

    def _left_s(self, until_ns: int) -> float:
        return Deadline(until_ns).remaining_s(self.clock.read())

    def start(self) -> None:
        """Starts every actor and schedules every target. Blocks until the store is open, at most `START_WITHIN_S`.

        Raises: StoreError, or a subclass, where the store cannot be opened or does not open in time.
        """
        try:
            self.system.start(self._restored_pauses)
            # The sink answers once it has opened the store; where it could not, its address is closed and `ask` raises.
            self.system.sink.ask(Commit(), START_WITHIN_S)
            # The first question waits for what the start itself changes: ends of removed targets, new names of renamed ones.
            self._commanded = object()
            with suppress(ActorDeadError, Timeout):
                # `start` returns once every target is scheduled; a supervisor that fails here is restarted as usual.
                self.system.supervisor.ask(Barrier(), START_WITHIN_S)
                # Behind the open incidents of the record, so that a host may acknowledge one as soon as it has started.
                self.system.recorder.ask(GetIncidents(open_only=True), START_WITHIN_S)
        except (ActorDeadError, Timeout):
            self.stop(NS_PER_S)
            raise self.system.ended.get(SINK) or StoreError("the store did not open in time") from None
        except BaseException:
            # An interrupt: the host has no runtime object yet with which it could stop this engine.
            self.stop(NS_PER_S)
            raise

    def _restored_pauses(self) -> tuple[PauseMark, ...]:
        """Waits for the store to be open. Raises: ActorDeadError where it does not open; Timeout where it is late."""
        self.pauses = self.system.sink.ask(GetPauses(), START_WITHIN_S)
        return self.pauses

    def tell(
        self,
        command: Track
        | Untrack
        | Pause
        | Resume
        | CheckNow
        | Beat
        | Acknowledge
        | Unacknowledge
        | OfDrills
        | Mute
        | Unmute
        | Announce
        | EndAnnouncement,
    ) -> None:
        """Sends a host's command to the actor that handles it. Never blocks."""
        if isinstance(command, Track) and self._book is not None:
            self._book.look(self._book.record.waits.described, (command.target,))
        match command:
            case Track() | Untrack() | Pause() | Resume() | Beat():
                self.system.supervisor.tell(command)
            case CheckNow(target):
                self._check_now(target, command)
            case Acknowledge() | Unacknowledge() | BeginDrill() | EndDrill():
                self.system.owner.tell(command)
            case Mute() | Unmute() | Announce() | EndAnnouncement():
                self.system.sink.tell(command)
            case _:
                assert_never(command)
        # After the message: a question that sees this mark finds the command in its actor's mailbox.
        self._commanded = object()

    def _check_now(self, target: str, command: CheckNow) -> None:
        """Sends the command, unless one for the same target waits: a flood would push heartbeats out of the mailbox."""
        if target not in self._checks_waiting:
            self._checks_waiting.add(target)
            answer = self.system.supervisor.question(command)
            answer.add_done_callback(lambda: self._checks_waiting.discard(target))

    async def ask(self, listener: str, question: Message, until_ns: int, wait: AwaitAnswer) -> Any:
        """Returns the answer of the recorder or the sink, after every earlier command of this host is applied and durable.

        Waits at most until `until_ns` (monotonic), which bounds every step. Raises: the errors of `Address.ask`.
        """
        # Figures show no command, and are read while the disk stands still.
        if not isinstance(question, GetMetrics):
            commanded = self._commanded
            for address, message in self._barrier(commanded):
                await wait(address.question(message), self._left_s(until_ns))
            self._obeyed = commanded
        address = self.system.sink if listener == SINK else self.system.recorder
        asked = address.question(question)
        if isinstance(question, Redrive | SendTest):
            # These change the record, too: the next question waits for it, as for that of a command.
            self._commanded = object()
        return await wait(asked, self._left_s(until_ns))

    async def arrival(self, future: DispatchedFuture[None], within_s: float, wait: AwaitAnswer) -> None:
        """Waits until a future is set that an event of this engine sets. Raises: Timeout where it is not in time."""
        await wait(future, within_s)

    def _barrier(self, commanded: object) -> Iterator[tuple[Address, Message]]:
        """The actors that a command passes through, in the order of the flow, each with a message that it answers when it
        has passed on everything before it. The recorder, behind the sink, hears the question itself.

        Nothing where nothing was commanded since the last one: a status page is answered while the disk stands still.
        An actor that waits to be restarted is left out, for as long as a quarantine may take: the status says so.
        Marks are compared and never cleared, so that threads that command and ask at once need no lock: what
        overlaps costs one barrier too many and never one too few.
        """
        if commanded is self._obeyed:
            return
        system = self.system
        for address, message in (
            (system.supervisor, Barrier()),
            (system.owner, FlushSamples()),
            (system.sink, Commit()),
            # It tells the recorder of a commit that the store has refused: without this the question could be faster.
            (system.supervisor, Barrier()),
        ):
            if address.alive:
                yield address, message

    def stop(self, within_ns: int) -> AbandonedWork:
        """Stops everything in reverse order of the start. Blocks at most `within_ns`, and a few seconds for closing.

        Returns the work that was left undone and the parts that could not be stopped or closed; these raise nothing.
        """
        ends_ns = self.clock.read().monotonic_ns + within_ns
        try:
            late = shut_down(self.system, self._wait, self.clock.read(), within_ns)
            closed_by_ns = max(ends_ns, self.clock.read().monotonic_ns) + CLOSE_SLACK_NS
            left = self._left_undone(closed_by_ns)
            self.system.stop(self.system.recorder)
            self._wait(lambda: RECORDER in self.system.ended, closed_by_ns)
        except BaseException:
            # An interrupt: the host waits no longer. Stop within a second, so that no thread and no open store remain.
            try:
                shut_down(self.system, self._wait, self.clock.read(), NS_PER_S)
            finally:
                self._close(self.clock.read().monotonic_ns + CLOSE_SLACK_NS)
            raise
        left += self._close(closed_by_ns)
        if late:
            left.append(("actors that did not end in time", late))
        return AbandonedWork(tuple(left), None if self._store is None else shown_store(self._store))

    def _left_undone(self, until_ns: int) -> Left:
        try:
            abandoned = self.system.recorder.ask(
                GetAbandoned(), min(self._left_s(until_ns), ANSWER_WITHIN_NS / NS_PER_S)
            )
        except (ActorDeadError, Timeout):
            # The recorder has crashed or is late; the threads must end all the same.
            return [("unknown work, as the recorder did not answer", ("recorder",))]
        return [(each.what, each.names) for each in abandoned]

    def _close(self, until_ns: int) -> Left:
        """Closes the drivers, unless others share them, and ends the threads, these also where closing fails."""
        self._loop.drivers.forget_locations(self._location_health)
        try:
            left = self._loop.close(self._left_s(until_ns)) if self._owns_loop else []
        finally:
            threads = self._stop_threads()
        left.append(("threads that did not end", threads))
        return [(what, names) for what, names in left if names]

    def _stop_threads(self) -> tuple[str, ...]:
        late = self._sink_thread.stop(CLOSE_SLACK_NS / NS_PER_S)
        return late + self._loop.stop() if self._owns_loop else late
