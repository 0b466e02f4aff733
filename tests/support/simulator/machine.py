"""The machine: the clocks, disk, targets and receivers that outlive a process, and the process that runs now."""

from collections.abc import Callable

import msgspec
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.mailbox.address import Address
from watchkeeper.actors.dispatch.mailbox.dead_letters import DeadLetters
from watchkeeper.actors.system import System, SystemDependencies
from watchkeeper.domain.specification.configuration import Configuration, PingOptions, RuntimeOptions
from watchkeeper.domain.specification.probes.kinds import KINDS
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S, Moment
from watchkeeper.domain.time.timers import Timer
from watchkeeper.host.subscriptions import Subscriptions
from watchkeeper.protocol.owner import EndDrill
from watchkeeper.protocol.sink import Mute
from watchkeeper.testing.clock import ManualClock
from watchkeeper.testing.expectations import ScriptedExpectations
from watchkeeper.testing.script import FOREVER_NS, Script

from .cases.case import Case
from .cases.faults import Fault
from .cases.tape import Tape
from .invariants.auditor import Auditor
from .stores.legs import DiskLeg, MemoryLeg
from .stores.recording import STORE_FAULTS, Disk, WatchedStore
from .surroundings.addresses import WatchedAddress
from .surroundings.aim import Aim
from .surroundings.causality import Causality
from .surroundings.hub import Halt, Hub
from .surroundings.micro_faults import MicroFaults, Site
from .surroundings.mishaps import Mishaps
from .surroundings.pinger import SimulatedPinger
from .surroundings.ports import (
    CHANNEL_FAULTS,
    PROBE_FAULTS,
    Edge,
    SimulatedMessenger,
    SimulatedProber,
    Targets,
)
from .surroundings.receiver import Receiver
from .surroundings.schedules import FewDeviations, Schedule, ScheduledDispatcher, schedule_of

DOWNTIME_NS_MAX = 10 * NS_PER_S
"""Up to two periods of the fastest drawn cadence: ticks pass while no process runs."""
TIGHT = 1
"""The capacity of a mailbox under Fault.TIGHT_MAILBOX."""
SILENCE_NS_MAX = 300 * NS_PER_S
"""Longer than every drawn silence (200 s), and as long as the longest drill: one with more time left was lengthened by a step of the wall clock."""


class HazardousClock:
    """The clock of the actors. Each reading is a site at which a micro fault may strike."""

    def __init__(self, clock: ManualClock, hub: Hub) -> None:
        self._hub = hub
        self._clock = clock
        self.boot_ns = clock.boot_ns

    def read(self) -> Moment:
        self._hub.pass_site(Site.CLOCK)
        return self._clock.now


class Machine:
    """One simulated machine with one process at a time on it."""

    def __init__(self, case: Case) -> None:
        options = case.options
        self.case = case
        self.tape = Tape(case.seed, case.tape)
        self.clock = ManualClock()
        self.roster: dict[str, Target] = {watched.target.id: watched.target for watched in case.targets}
        self.receivers = {
            reached.channel.id: Receiver(reached.channel.id, self.clock.lived_ns) for reached in case.channels
        }
        self.halt = Halt()
        self.auditor = Auditor(self.roster, self.receivers, self.clock, self.halt, case)
        self.auditor.attempts.in_flight_max = options.in_flight_max
        crashes = Fault.CRASH in options.faults or Fault.STANDSTILL in options.faults
        self.auditor.isolation.applies = not crashes and options.in_flight_max > len(case.targets)
        self.auditor.delivery.room = {
            reached.channel.id: reached.channel.in_flight_max for reached in case.channels
        }
        self.auditor.record.floors = {
            reached.channel.id: reached.channel.min_severity for reached in case.channels
        }
        # The name of a stream is a part of its seed: another name would draw other faults for every saved case.
        self.micro_faults = MicroFaults(
            self.tape.stream("trouble"), options.faults, options.micro_fault_every
        )
        self.targets = Targets(self._mishaps("probes", PROBE_FAULTS, 40), self.clock, self.roster)
        self.messengers_mishaps = self._mishaps("channels", CHANNEL_FAULTS, 8)
        self.aim = Aim(self.tape.stream("aim"), is_on=Fault.DIGEST_DEATH in options.faults)
        self.disk = Disk(self._mishaps("store", STORE_FAULTS, 60))
        self.store = self._leg()
        self.processes = 0
        self.restart_asked = False
        self.reboots_next = False
        """Whether the machine reboots before the next process."""
        self._tight = Fault.TIGHT_MAILBOX in options.faults
        self._is_calm = False
        self._schedule: Schedule | None = None
        self.steps = 0
        self._dice = self.tape.stream("dice")
        for watched in case.targets:
            self.targets.follow(watched.target.id, Script.parse(watched.script))
        for reached in case.channels:
            self.receivers[reached.channel.id].follow(Script.parse(reached.script), self.clock.lived_ns)
        self.boot()

    def _leg(self) -> MemoryLeg | DiskLeg:
        if self.case.options.store == "memory":
            return MemoryLeg()
        auditor = self.auditor
        return DiskLeg(
            self.tape.stream("disk"),
            self.case.options.faults,
            self.clock.read,
            auditor.complain,
            auditor.happened,
        )

    def _mishaps(self, label: str, kinds: tuple[Fault, ...], every: int) -> Mishaps:
        return Mishaps(self.tape.stream(label), self.case.options.faults, kinds, every)

    # Processes.

    def boot(self) -> None:
        """Starts a process on the disk that the previous one left."""
        options = self.case.options
        causality = Causality() if options.schedule.startswith("pct") else None
        schedule = self._schedule or schedule_of(
            options.schedule, self.tape.stream("schedule"), causality or Causality()
        )
        self.processes += 1
        self.dispatcher = ScheduledDispatcher(self.clock, schedule, turn_messages=options.turn_messages)
        self.hub = Hub(
            self.micro_faults,
            self.tape.stream("links"),
            self.auditor,
            self.after,
            causality,
            self.halt,
            lambda: self.clock.lived_ns,
        )
        self.auditor.process_began()
        self.addresses: list[WatchedAddress] = []
        self.system = System(
            self._parts(),
            Configuration(
                runtime=RuntimeOptions(
                    in_flight_max=options.in_flight_max, debug=options.through_bytes, ping=self._ping
                ),
                channels=tuple(reached.channel for reached in self.case.channels),
                targets=self.roster.values(),
                **msgspec.structs.asdict(self.case.policy),
            ),
        )
        self.system.start()

    @property
    def _ping(self) -> PingOptions | None:
        every_s = self.case.options.ping_every_s
        return PingOptions(url="https://switch.example/", every=f"{every_s}s") if every_s else None

    def _parts(self) -> SystemDependencies:
        edge = Edge(self.hub, self.clock, self.dispatcher.call_at, self.auditor)
        prober = SimulatedProber(edge, self.targets)
        return SystemDependencies(
            clock=HazardousClock(self.clock, self.hub),
            dispatcher=self.dispatcher,
            sink_dispatcher=self.dispatcher,
            probers=dict.fromkeys(KINDS.values(), prober),
            messengers={
                channel: SimulatedMessenger(edge, receiver, self.messengers_mishaps, self.aim)
                for channel, receiver in self.receivers.items()
            },
            store=WatchedStore(
                self.store, self.hub, self.disk, self.aim, self.auditor, lambda: self.clock.lived_ns
            ),
            pinger=SimulatedPinger(edge, self.auditor, self.tape.stream("switch")) if self._ping else None,
            publisher=Subscriptions(),
            expectation_of=ScriptedExpectations(),
            dice=self._dice.dice,
            changed=self._changed,
            address_for=self._address_for,
            asked=lambda listener: listener(tuple(self.roster.values())),
        )

    def _changed(self) -> None:
        self.halt.now = self.halt.now or bool(self.system.ended)

    def _address_for(
        self, actor_class: type[DispatchedActor], name: str, dead_letters: DeadLetters
    ) -> Address:
        address = WatchedAddress(actor_class, name, self.hub, dead_letters=dead_letters)
        if self._tight and actor_class.mailbox_policy is not None:
            address.resize(TIGHT)
        self.addresses.append(address)
        return address

    def bury(self) -> None:
        """After a death: posts under way may or may not arrive at receivers; the disk keeps every commit."""
        stream = self.tape.stream("death")
        for channel, receiver in self.receivers.items():
            seen = receiver.due(self.clock.lived_ns)
            for notice in (*seen, *(notice for notice in receiver.due(FOREVER_NS) if stream.below(2))):
                self.auditor.applied(channel, notice, first=receiver.apply(notice))
        self.hub.dead = True
        self.steps += self.dispatcher.steps
        self.store.abandon()
        self.clock.advance(stream.below(DOWNTIME_NS_MAX))
        if self._reboots and stream.below(2):
            self.reboots_next = True
        self._reboot_if_so()

    @property
    def _reboots(self) -> bool:
        return Fault.REBOOT in self.case.options.faults and not self._is_calm

    def _reboot_if_so(self) -> None:
        if self.reboots_next:
            self.reboots_next = False
            self.clock.reboot()
            self.auditor.rebooted()

    def monotonic_ns(self, lived_ns: int) -> int:
        """Converts a time of the world's own clock, which survives reboots, to the monotonic clock of this process."""
        return lived_ns - self.clock.lived_ns + self.clock.read().monotonic_ns

    def after(self, by_ns: int, callback: Callable[[], object]) -> Timer:
        """Calls back after a length of virtual time; never once this process has ended."""
        return self.dispatcher.call_at(self.clock.read().monotonic_ns + by_ns, callback)

    def calm(self) -> None:
        """Ends all faults, except for the receivers that stay dead by the case."""
        self._tight, self._is_calm = False, True
        for address in self.addresses:
            address.resize(address.capacity)
        self._schedule = FewDeviations(self.tape.stream("peace"), 0)
        self.dispatcher.follow(self._schedule)
        self.micro_faults.calm()
        self.targets.mishaps.calm()
        self.messengers_mishaps.calm()
        self.disk.mishaps.calm()
        self.store.calm()
        self.disk.full_until_ns = self.disk.unopenable = self.targets.deaf_until_ns = 0
        self.aim.calm()
        self.hub.doomed.clear()
        self.hub.parked.clear()
        now = self.clock.read()
        for silence in self.auditor.durable.silences.values():
            # A wall clock that was set far back makes a silence last for days; an operator ends it.
            if silence.until_ns > now.wall_ns + SILENCE_NS_MAX:
                ended = msgspec.structs.replace(silence, until_ns=now.wall_ns)
                self.system.sink.tell(Mute(ended))
        for incident in self.auditor.durable.open_incidents():
            # The same is true of a drill.
            if incident.drill and incident.drill.until_ns > now.wall_ns + SILENCE_NS_MAX:
                self.system.owner.tell(EndDrill(incident.id, "operator"))
        for reached in self.case.channels:
            words = "down" if reached.dead else "ok"
            self.receivers[reached.channel.id].follow(Script.parse(words), self.clock.lived_ns)
        for watched in self.case.targets:
            self.targets.follow(watched.target.id, Script.parse(watched.finally_))
