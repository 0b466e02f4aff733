"""The system: all actors of one runtime, started from the recorder to the supervisor and stopped in reverse."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from ..domain.conditions.judgement import Expectation
from ..domain.errors import StoreFenced
from ..domain.incidents.own_problems import WithOthers
from ..domain.incidents.record import PauseMark, present_pauses
from ..domain.limits import TENURE_BEAT_NS
from ..domain.read_model.metrics import PartMetrics
from ..domain.specification.channel import Channel
from ..domain.specification.configuration import Configuration
from ..domain.specification.probes.kinds import Probe
from ..domain.specification.target import Target
from ..domain.supervision.blindness import BlindnessDetector
from ..domain.supervision.restart import RestartHistory
from ..domain.suppression.suppression import Suppression
from ..domain.time.moment import NS_PER_S, Moment
from ..protocol.recorder import HealthReported
from ..protocol.sink import DrainSink, EndSink, GetResumed, RecordPause, RenewTenure
from ..protocol.supervisor import TIMING, ChildExited, Drain, StoreFailed, Track, Untrack
from .behaviour import Behaviour, through_bytes
from .courier import Courier
from .dispatch.actor import DispatchedActor
from .dispatch.mailbox.address import Address
from .dispatch.mailbox.dead_letters import DeadLetters
from .dispatch.mailbox.mailbox import ExitReason
from .dispatch.run.dispatcher import Dispatcher
from .dispatch.run.loop import LoopDispatcher
from .dispatch.run.simulated import SimulatedDispatcher
from .dispatch.spawning import address_for, spawn
from .owner import AggregateOwner
from .policies import ACTORS, supervisor_policies
from .poller import Poller, PollerContext
from .ports import Clock, Messenger, Neighbours, Pinger, Prober, Publisher, Store
from .recorder import Recorder
from .sink import IncidentSink
from .supervisor.poller_registry import PollerRegistry, Roster, RosterHandover
from .supervisor.restart_tracker import Child
from .supervisor.supervisor import RECORDER, Supervisor

SUPERVISOR = "supervisor"
OWNER = "owner"
SINK = "sink"
COURIER = "courier/"


MakeAddress = Callable[[type[DispatchedActor], str, DeadLetters], Address]
"""Makes the address of an actor before any incarnation lives."""


def never() -> bool:
    """Returns False."""
    return False


class SystemDependencies(NamedTuple):
    """The ports that the actors use; the simulator gives the same actors other ones."""

    clock: Clock
    dispatcher: LoopDispatcher | SimulatedDispatcher
    sink_dispatcher: Dispatcher
    probers: Mapping[type[Probe], Prober]
    messengers: Mapping[str, Messenger]
    store: Store
    publisher: Publisher
    expectation_of: Callable[[Target], Expectation]
    dice: Callable[[], float]
    changed: Callable[[], None]
    """Called on a dispatcher's thread after an actor has ended."""
    lost_store: Callable[[StoreFenced], None] = lambda _: None
    """Called on a dispatcher's thread after another process has claimed the store: every actor but the recorder ends."""
    address_for: MakeAddress = address_for
    """Makes the addresses; the simulator observes every message through its own."""
    asked: "Asked | None" = None
    """Reads the targets that the host wants now, for a supervisor that may have crashed on a command."""
    discreet: Callable[[str], str] = str
    """Masks the known secrets in a foreign text."""
    located: Callable[[Target], Prober | None] = lambda _: None
    """Makes the prober of a target that is probed from several locations; None for any other."""
    pinger: Pinger | None = None
    """Sends the dead-man's ping; None where there is none."""
    is_wall_steady: bool = False
    """Whether nothing sets the wall clock, and no crash comes between two commits, as in a course of virtual time: the supervisor
    then wakes up seldom."""
    is_whole: bool = False
    """Whether the configuration names every target: an incident of another ends at the start, and not a minute later."""
    is_outdated: Callable[[], bool] = never
    """Whether a newer configuration is known to be elsewhere: then no incident of a target ends because this one lacks it."""
    with_others: WithOthers = tuple
    """Adds to the own problems of this engine those of other engines of which it tells; called once a minute."""


Asked = Callable[[Callable[[Iterable[Target]], None]], None]
"""Calls back with the targets that the host wants, under the lock that keeps it from changing them meanwhile."""


class System:
    """Owns the addresses of all actors. The supervisor restarts the others; the system restarts the supervisor.

    The roster of targets belongs to the system only while no supervisor lives; see RosterHandover.
    """

    def __init__(self, parts: SystemDependencies, configuration: Configuration) -> None:
        self._parts = parts
        self._channels = configuration.channels
        self._routing = replace(configuration, targets=())
        """The routes, windows and maintenance. The targets change by commands, and are told apart from it."""
        self._debugged = {each: through_bytes(each) for each in ACTORS} if configuration.runtime.debug else {}
        # The supervisor ends first. Its own alarm, and timers that other actors request or cancel while they drain, are not
        # logged as dead letters: without a supervisor nothing is timed. A lease that was to be renewed just before needs it no more, and
        # nothing opens the store again after a last commit that failed: the end itself says what is lost.
        self.dead_letters = DeadLetters(
            lambda: parts.clock.read().monotonic_ns, unlogged=(*TIMING, StoreFailed, RenewTenure)
        )
        self.supervisor = self._address(Supervisor, SUPERVISOR)
        self.owner = self._address(AggregateOwner, OWNER)
        self.sink = self._address(IncidentSink, SINK)
        self.recorder = self._address(Recorder, RECORDER)
        self.couriers = {
            channel.id: self._address(Courier, COURIER + channel.id) for channel in self._channels
        }
        self._neighbours = Neighbours(self.supervisor, self.owner, self.sink, self.recorder, self.couriers)
        targets = {target.id: target for target in configuration.targets}
        self._poller_context = PollerContext(
            self.supervisor, parts.probers, parts.expectation_of, parts.located
        )
        registry = PollerRegistry(lambda name: self._address(Poller, name), self._start_poller)
        self._handover = RosterHandover(Roster(targets, registry, {}, BlindnessDetector()))
        self._policies = supervisor_policies(self._channels, configuration.runtime)
        if parts.is_wall_steady:
            self._policies = self._policies._replace(flush_every_ns=60 * NS_PER_S)
        self._told_of_problems = configuration.runtime.notify
        self._routed = frozenset(name for route in configuration.routes for name in route.to)
        self._supervisor_history = RestartHistory(self._policies.children)
        self._ending: set[str] = set()
        self.ended: dict[str, BaseException | None] = {}
        """Actors that ended for good, each with the error that ended it, or None."""

    def _address(self, actor_class: type[Behaviour[Any]], name: str) -> Address:
        return self._parts.address_for(actor_class, name, self.dead_letters)

    # Start.

    def start(self, pauses: Callable[[], Iterable[PauseMark]] = tuple) -> None:
        """Starts every actor, each after those that it sends messages to while it starts.

        `pauses` waits for the pauses of the record, so that a paused target is not probed before they are known.
        """
        self._start_recorder()
        for channel in self._channels:
            self._start_courier(channel)
        self._start_sink(self._handover.look().targets.values())
        self._keep_paused(pauses())
        self._start_owner(self._handover.look().targets.values())
        self._start_supervisor()

    def _keep_paused(self, marks: Iterable[PauseMark]) -> None:
        """Pauses targets before a supervisor lives. The pause of a target that is gone has ended with it."""
        targets = self._handover.look().targets
        recorded = tuple(marks)
        for name, mark in present_pauses(recorded, targets).items():
            targets[name] = replace(targets[name], paused=True)
            if name != mark.target:
                self.sink.tell(RecordPause(PauseMark(name, mark.at_ns, mark.by)))
        for mark in recorded:
            if mark.target not in targets:
                self.sink.tell(RecordPause(PauseMark(mark.target, None)))

    def _spawn(
        self, address: Address, actor_class: type[Behaviour[Any]], *arguments: object, **named: object
    ) -> None:
        on_sink_thread = actor_class is IncidentSink
        spawn(
            self._debugged.get(actor_class, actor_class),
            self._parts.clock,
            *arguments,
            **named,
            dispatcher=self._parts.sink_dispatcher if on_sink_thread else self._parts.dispatcher,
            address=address,
            on_exit=self._exited,
        )

    def _start_poller(self, address: Address, target: Target) -> None:
        expectation, located = self._parts.expectation_of(target), self._parts.located(target)
        self._spawn(address, Poller, self._poller_context, expectation, located)

    def _start_recorder(self) -> None:
        self._ask_to_resume(self.recorder)
        parts = self._parts
        shown = (parts.discreet, self._loads, parts.with_others)
        self._spawn(self.recorder, Recorder, parts.publisher, self._losses, self.owner, *shown)

    def _ask_to_resume(self, listener: Address) -> None:
        """Asks the sink to resume a new incarnation. Sent before the start: the starter may crash right after it."""
        if listener.epoch > 0:
            self.sink.tell(GetResumed())

    def _losses(self) -> dict[str, int]:
        """Returns the counts of dropped messages and dead letters by name, without those that are 0."""
        lost = {f"dropped_by_{address.name}": address.dropped for address in self.addresses()}
        lost["dead_letters"] = self.dead_letters.total
        return {name: count for name, count in lost.items() if count}

    def _loads(self) -> Iterator[PartMetrics]:
        """Yields the mailbox and the restarts of each permanent actor."""
        for address in self.addresses():
            yield PartMetrics(
                part=address.name,
                queued=len(address),
                shed=address.dropped,
                restarts=max(address.epoch - 1, 0),
            )

    def _start_courier(self, channel: Channel) -> None:
        address, parts = self.couriers[channel.id], self._parts
        self._spawn(
            address,
            Courier,
            channel.id,
            parts.messengers[channel.id],
            self.sink,
            room=channel.in_flight_max,
            discreet=parts.discreet,
        )

    def _start_sink(self, targets: Iterable[Target]) -> None:
        self._spawn(
            self.sink,
            IncidentSink,
            self._parts.store,
            self._channels,
            self._neighbours,
            lambda: Suppression(self._routing, targets),
        )

    def _start_owner(self, targets: Iterable[Target]) -> None:
        self._ask_to_resume(self.owner)
        self._spawn(
            self.owner,
            AggregateOwner,
            targets,
            self.sink,
            self.recorder,
            self.supervisor,
            self._told_of_problems,
            self._routed,
        )

    def _start_supervisor(self) -> None:
        self._spawn(
            self.supervisor,
            Supervisor,
            handover=self._handover,
            policies=self._policies,
            neighbours=self._neighbours,
            children=self._children(),
            call_at=self._parts.dispatcher.call_at,
            dice=self._parts.dice,
            discreet=self._parts.discreet,
            is_outdated=self._parts.is_outdated,
            is_whole=self._parts.is_whole,
            pinger=self._parts.pinger,
        )

    def _children(self) -> Iterator[Child]:
        def courier(channel: Channel) -> Child:
            return Child(self.couriers[channel.id], lambda _: self._start_courier(channel))

        yield Child(self.recorder, lambda _: self._start_recorder())
        yield Child(self.sink, self._start_sink)
        yield Child(self.owner, self._start_owner)
        yield from map(courier, self._channels)

    # Exits, requested and unexpected.

    def _exited(self, address: Address, epoch: int, reason: ExitReason, error: BaseException | None) -> None:
        name = address.name
        if isinstance(error, StoreFenced) and name not in self._ending:
            self.ended[name] = error
            self.dead_letters.hush()
            address.close()
            self._lose_store(error)
        elif name in self._ending or (name == SINK and epoch == 1 and reason is ExitReason.START_FAILED):
            # A store that cannot be opened at the first start is raised to the host and not retried.
            self.ended[name] = error
            if reason is ExitReason.START_FAILED:
                self.dead_letters.hush()
            address.close()
        elif name == SUPERVISOR:
            self._supervisor_exited(error)
        elif SUPERVISOR not in self.ended:
            self.supervisor.tell(ChildExited(name, epoch, reason.value, repr(error) if error else ""))
        self._parts.changed()

    def _lose_store(self, error: StoreFenced) -> None:
        """Ends the actors at once: another process has the store, and probes, records and notifies in their place."""
        self.recorder.tell(HealthReported("store", str(error)))
        self.drain_supervisor(1)
        self.stop(self.owner)
        for courier in self.couriers.values():
            self.stop(courier)
        self._parts.lost_store(error)

    def _supervisor_exited(self, error: BaseException | None) -> None:
        """Restarts the supervisor after a backoff and reports the problem until then."""
        now_ns = self._parts.clock.read().monotonic_ns
        restart = self._supervisor_history.decide(now_ns, self._parts.dice())
        self.recorder.tell(HealthReported(SUPERVISOR, repr(error)))
        self._parts.dispatcher.call_at(now_ns + restart.after_ns, self._restart_supervisor)

    def _restart_supervisor(self) -> None:
        if SUPERVISOR in self._ending:
            return
        if self._parts.asked is not None:
            self._parts.asked(self._ask_again)
        self._start_supervisor()
        self.recorder.tell(HealthReported(SUPERVISOR, ""))

    def _ask_again(self, targets: Iterable[Target]) -> None:
        """Repeats the commands that a crash may have lost: compares the wanted targets with the watched ones."""
        wanted, watched = {target.id: target for target in targets}, self._handover.look().targets
        for name in [name for name in watched if name not in wanted]:
            self.supervisor.tell(Untrack(name))
        for name, target in wanted.items():
            if watched.get(name) != target:
                self.supervisor.tell(Track(target))

    def drain_supervisor(self, within_ns: int) -> None:
        """Stops polling: half of `within_ns` is left for running attempts to end, then they are cancelled."""
        self._ending |= {SUPERVISOR, OWNER, SINK}
        self.end(self.supervisor, lambda: self.supervisor.tell(Drain(within_ns)))

    def stop(self, address: Address) -> None:
        """Stops an actor after its queued messages, for good."""
        self._ending.add(address.name)
        self.end(address, address.stop)

    def end(self, address: Address, ask: Callable[[], None]) -> None:
        """Asks an actor to end; one that has crashed and waits for its restart has ended already."""
        if address.alive:
            ask()
        else:
            self.ended.setdefault(address.name, None)
            address.close()

    def addresses(self) -> tuple[Address, ...]:
        """Returns the addresses of all actors except the pollers."""
        return (self.supervisor, self.owner, self.sink, self.recorder, *self.couriers.values())


def shut_down(system: System, wait: "Wait", now: Moment, within_ns: int) -> tuple[str, ...]:
    """Stops all actors but the recorder in reverse order of their start. Returns the names of those that did not end.

    Blocks at most `within_ns`; a shorter time is a second for the couriers.
    """
    # Each step has its own deadline before the common one, so that a step that hangs leaves time for the next ones.
    ends_ns = now.monotonic_ns + within_ns
    names = []

    def ended(name: str, until_ns: int) -> None:
        if not wait(lambda: name in system.ended, until_ns):
            names.append(name)

    system.drain_supervisor(max(within_ns // 2, 1))
    ended(SUPERVISOR, ends_ns - within_ns // 4)
    system.stop(system.owner)  # after the last sample
    ended(OWNER, ends_ns - within_ns // 5)
    # The sink commits, waits for the notices that couriers hold, and ends.
    system.end(system.sink, lambda: system.sink.tell(DrainSink()))
    if not _await_sink(system, wait, now, ends_ns - within_ns // 10):
        # Couriers are late: the sink commits and ends, and their notices stay in the outbox.
        system.sink.tell(EndSink())
        ended(SINK, ends_ns)
    for address in system.couriers.values():
        system.stop(address)
    for address in system.couriers.values():
        ended(address.name, max(ends_ns, now.monotonic_ns + NS_PER_S))
    return tuple(names)


def _await_sink(system: System, wait: "Wait", now: Moment, until_ns: int) -> bool:
    """Waits while couriers answer. Renews the lease in place of the supervisor, which has ended."""
    at_ns = now.monotonic_ns
    while at_ns < until_ns:
        at_ns = min(at_ns + TENURE_BEAT_NS, until_ns)
        if wait(lambda: SINK in system.ended, at_ns):
            return True
        system.sink.tell(RenewTenure())
    return SINK in system.ended


Wait = Callable[[Callable[[], bool], int], bool]
"""Waits until a condition is true, at most until a monotonic time; returns whether it is true."""
