"""A world in virtual time: the production actors with scripted targets and channels. It never sleeps."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace
from pykka import ActorDeadError, Timeout

from ..actors.checked import Checks, InvariantBroken
from ..actors.dispatch.mailbox.address import Address
from ..actors.dispatch.run.simulated import SimulatedDispatcher
from ..actors.system import SINK, System, SystemDependencies, shut_down
from ..domain.incidents.incident import Incident
from ..domain.incidents.notice import Notice
from ..domain.incidents.record import PauseMark
from ..domain.observation.outcome import Outcome
from ..domain.read_model.status import RuntimeStatus
from ..domain.specification.channel import Channel
from ..domain.specification.configuration import Configuration, RuntimeOptions
from ..domain.specification.probes.kinds import KINDS
from ..domain.specification.target import Target
from ..domain.time.duration import Duration, duration_ns
from ..domain.time.moment import NS_PER_S, Moment
from ..domain.time.timers import Timer
from ..host.restart_buffer import HostReport
from ..host.subscriptions import Subscriptions
from ..protocol.owner import Acknowledge, BeginDrill, EndDrill, FlushSamples, Unacknowledge
from ..protocol.recorder import GetAbandoned, GetIncidents, GetStatus
from ..protocol.sink import Announce, Commit, EndAnnouncement, GetPauses, Mute, Unmute
from ..protocol.supervisor import Barrier, Beat, CheckNow, Pause, Resume, Track, Untrack
from .called import CallingMessenger, CallingProber
from .clock import ManualClock
from .expectations import ScriptedExpectations
from .fakes import ScriptedMessenger, ScriptedPinger, ScriptedStore
from .operating import OperatorCommands, require_known
from .script import Script
from .sources import Source, beside_targets, configuration_of, sound_beside

LATE = "actors that did not end in time"


class World(OperatorCommands):
    """A whole runtime on one thread, under one clock that moves only in `run`.

    world = World([Target(id="shop", http=Http(url="http://shop.example/"), notify=("ops",))])
    world.script("shop", "ok 10m, down 5m, ok")
    world.run("1h")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]

    `source` is a configuration, the path of its file, or targets; channels that are only named in them are added.
    Raises ConfigurationError where a runtime would. A target follows its script; a target without one is always
    well, unless `functions` has its function, which is then called. Nothing is probed and no notice leaves the process.
    The record survives `restart`; `crash` drops everything that was not committed.
    """

    def __init__(
        self,
        source: Source,
        channels: Iterable[Channel] = (),
        *,
        seed: int = 0,
        choose: Callable[[int], int] | None = None,
        in_flight_max: int = 1_000,
        through_bytes: bool = False,
        functions: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
        clock: ManualClock | None = None,
        feed: Subscriptions | None = None,
        discreet: Callable[[str], str] = str,
        is_wall_steady: bool = False,
    ) -> None:
        """`is_wall_steady`: neither `step_wall`, `suspend` nor `crash` is called, so that long times cost less."""
        configuration = configuration_of(source, channels)
        self._targets = {target.id: target for target in configuration.targets}
        self._channels = configuration.channels
        self._is_whole = isinstance(source, Configuration | str | Path)
        self._choose, self._functions = choose, functions
        options = replace(configuration.runtime, in_flight_max=in_flight_max, debug=through_bytes)
        self._configuration = replace(configuration, runtime=options)
        self._dice = Random(seed)
        self.expectation_of = ScriptedExpectations()
        self.clock = clock or ManualClock()
        self._feed, self._discreet, self._is_wall_steady = feed, discreet, is_wall_steady
        self.dispatcher = SimulatedDispatcher(self.clock, choose)
        self.store = ScriptedStore(self.clock.read)
        self.prober = CallingProber(self.clock.read, self._call_at, functions, self._known)
        self.messengers: dict[str, ScriptedMessenger] = {}
        self._serve()
        self.pinger = ScriptedPinger(self.clock.read, self._call_at)
        """The receiver of the dead-man's ping."""
        self.pauses: tuple[PauseMark, ...] = ()
        """The commanded pauses of the record as this process started."""
        self._book()
        self.system = self._begin()

    def _serve(self) -> None:
        """Has a receiver for each channel; one that is there already keeps what it has taken."""
        for channel in self._channels:
            if channel.id not in self.messengers:
                self.messengers[channel.id] = self._messenger(channel)

    def _messenger(self, channel: Channel) -> ScriptedMessenger:
        function = self._functions.get(channel.call.name) if channel.call else None
        if function is None:
            return ScriptedMessenger(channel.id, self.clock.read, self._call_at)
        return CallingMessenger(channel.id, self.clock.read, self._call_at, function)

    def _known(self, name: str) -> Target | None:
        return self._targets.get(name)

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the targets that are watched."""
        return tuple(self._targets)

    def _call_at(self, at_ns: int, callback: Callable[[], object], /) -> Timer:
        return self.dispatcher.call_at(at_ns, callback)

    def _book(self) -> None:
        """Starts the second book of the record. It outlives processes, so that a restart that forgets is caught, too."""
        self._booked = self.store
        self._checks = Checks(self._channels, maintenance=self._configuration.maintenance)
        self._checked_store = self._checks.store(self.store)

    def _begin(self) -> System:
        if self._booked is not self.store:
            self._book()
        self._checks.record.described(self._targets.values())
        self.feed = self._feed or Subscriptions()
        parts = SystemDependencies(
            clock=self.clock,
            dispatcher=self.dispatcher,
            sink_dispatcher=self.dispatcher,
            probers=dict.fromkeys(KINDS.values(), self.prober),
            messengers=dict(self._checks.messengers(self.messengers)),
            store=self._checked_store,
            pinger=self.pinger,
            publisher=self.feed,
            expectation_of=self.expectation_of,
            dice=self._dice.random,
            changed=lambda: None,
            discreet=self._discreet,
            is_whole=self._is_whole,
            is_wall_steady=self._is_wall_steady,
        )
        system = System(parts, replace(self._configuration, targets=tuple(self._targets.values())))
        system.start(lambda: self._restored_pauses(system))
        self.dispatcher.run_until_idle()
        return system

    def _restored_pauses(self, system: System) -> tuple[PauseMark, ...]:
        """Returns the pauses of the record; none where its store does not open."""
        self.pauses = ()
        with suppress(ActorDeadError):
            self.pauses = system.sink.ask(GetPauses(), 60.0)
        return self.pauses

    # Events.

    def script(self, target: str, text: str) -> None:
        """Sets the script of a target, which begins now: `ok 10m, down 90s, ok`; `Script` explains each word.

        Raises: KeyError for an unknown target; ValueError for a text that is no script.
        """
        require_known("target", target, self._targets)
        self.prober.script(target, Script.parse(text))

    def script_channel(self, channel: str, text: str) -> None:
        """Sets the script of a channel: `ok 5m, status 503 10m, hang 1m, ok`.

        Raises: KeyError for an unknown channel.
        """
        require_known("channel", channel, self.messengers)
        self.messengers[channel].script(Script.parse(text))

    def script_ping(self, text: str) -> None:
        """Sets the script of the receiver of the dead-man's ping: `ok 5m, status 503 10m, ok`."""
        self.pinger.script(Script.parse(text))

    def run(self, length: Duration) -> None:
        """Lets time pass. Raises: InvariantBroken where watchkeeper itself violated an invariant."""
        self.dispatcher.run_until(self.clock.read().monotonic_ns + duration_ns(length))
        if self._checks.broken:
            raise InvariantBroken(self._checks.broken[0])

    @property
    def now(self) -> Moment:
        """The present moment of the clock."""
        return self.clock.read()

    def step_wall(self, by_ns: int) -> None:
        """Moves the wall clock alone, as an operator or a time server does."""
        # A silence that has ended stays ended when the wall clock goes back, and the second book has to know.
        self._checks.record.time_passed(self.now)
        self.clock.step_wall(by_ns)

    def stall(self, length: Duration) -> None:
        """Lets time pass while the process does not run, as under a debugger."""
        self.clock.advance(duration_ns(length))

    def suspend(self, length: Duration) -> None:
        """Suspends the machine for a length of time."""
        self.clock.suspend(duration_ns(length))

    def fill_store(self, length: Duration) -> None:
        """Refuses every write to the store for a length of time, as a full disk does."""
        self.store.refuse_until(self.clock.read().monotonic_ns + duration_ns(length))

    def crash(self, away: Duration = 0) -> None:
        """Kills the process and starts another after a while: only committed records are left."""
        self._new_process(away)
        self.system = self._begin()

    def restart(self, away: Duration = 0) -> tuple[str, ...]:
        """Stops in order and starts again after a while. Returns the names of the actors that did not end in time."""
        left = dict(self.stop())
        self._new_process(away)
        self.system = self._begin()
        return left.get(LATE, ())

    def stop(self, within_ns: int = 10 * NS_PER_S) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Stops in order. Returns the work that was left undone, and the actors that did not end in time."""
        late = shut_down(self.system, self._wait, self.clock.read(), within_ns)
        left = self.system.recorder.ask(GetAbandoned(), 60.0)
        return (*((each.what, each.names) for each in left), *([(LATE, late)] if late else []))

    def start(self, targets: Iterable[Target] | Configuration, *, is_whole: bool = True) -> None:
        """Starts again after a stop, with these targets, and where a configuration is given its channels and routes, too.

        Incidents of other targets end; where more may come, a minute later.
        """
        self._is_whole = is_whole
        configuration = (
            targets
            if isinstance(targets, Configuration)
            else replace(self._configuration, targets=tuple(targets))
        )
        self._configuration = replace(configuration, runtime=self._options_of(configuration))
        self._targets = {target.id: target for target in configuration.targets}
        self._channels = configuration.channels
        self._serve()
        self._checks.serve(self._channels)
        self._checks.plan(configuration.maintenance)
        self._new_process(0)
        self.system = self._begin()

    def _options_of(self, configuration: Configuration) -> RuntimeOptions:
        """Returns the options of the present process with what another configuration says of notices."""
        new = configuration.runtime
        return replace(
            self._configuration.runtime, notify=new.notify, connectivity=new.connectivity, ping=new.ping
        )

    def reload(self, source: Configuration | str | Path) -> None:
        """Takes over another configuration, as `Runtime.reload` does; where more than targets differ, by a short restart.

        Raises: ConfigurationError where a runtime would.
        """
        new, old = configuration_of(source, ()), self._configuration
        paused = {row.id for row in self.status().targets if row.paused}
        said = {target.id for target in old.targets if target.paused}
        targets = [
            replace(target, paused=True) if target.id in paused - said else target for target in new.targets
        ]
        known = [name for target in targets for name in (target.id, *target.former_names)]
        new = replace(new, targets=tuple(targets))
        if beside_targets(new) != beside_targets(old) or len(known) > len(targets):
            self.stop()
            self.start(new)
            return
        self._configuration = replace(new, runtime=self._options_of(new))
        for name in set(self._targets).difference(known):
            self.untrack(name)
        for target in targets:
            if self._targets.get(target.id) != target:
                self.tell(Track(target))

    def _new_process(self, away: Duration) -> None:
        self.clock.advance(duration_ns(away))
        self.dispatcher = SimulatedDispatcher(self.clock, self._choose)
        self._checks.process_began()
        self.store.close()

    def _wait(self, done: Callable[[], bool], until_ns: int) -> bool:
        left_ns = until_ns - self.clock.read().monotonic_ns
        if left_ns > 0:
            try:
                self.dispatcher.drive(done, left_ns / NS_PER_S)
            except Timeout:
                return False
        return done()

    # Commands of an operator.

    def track(self, target: Target) -> None:
        """Watches a target, or replaces its specification."""
        others = self._targets.values() if target.dependency or target.composite else ()
        parents = [other for other in others if other.id != target.id]
        self.tell(Track(sound_beside(target, parents, self._configuration)))

    def untrack(self, target: str) -> None:
        """Stops watching a target; its open incidents are resolved."""
        require_known("target", target, self._targets)
        self.tell(Untrack(target))

    def pause(self, target: str) -> None:
        """Starts no attempts of a target until `resume`, after a restart, too."""
        require_known("target", target, self._targets)
        self._tell(self.system.supervisor, Pause(target))

    def resume(self, target: str) -> None:
        """Resumes a paused target."""
        require_known("target", target, self._targets)
        self._tell(self.system.supervisor, Resume(target))

    def check_now(self, target: str) -> None:
        """Starts an attempt of a target beside its grid, unless one is pending."""
        require_known("target", target, self._targets)
        self._tell(self.system.supervisor, CheckNow(target))

    def heartbeat(
        self,
        target: str,
        *,
        ok: bool = True,
        start: bool = False,
        run: str = "",
        exit_status: int | None = None,
    ) -> None:
        """Sends a report to a heartbeat target, as its host does: the start of a run, or its end."""
        require_known("target", target, self._targets)
        outcome = Outcome.UP if ok and not exit_status else Outcome.DOWN
        beat = Beat(target, outcome, "", self.clock.read(), is_start=start or UNSET, run=run or UNSET)
        self.tell(beat if exit_status is None else replace(beat, exit_status=exit_status))

    def _tell(self, actor: Address, message: object) -> None:
        actor.tell(message)
        self.dispatcher.run_until_idle()

    def tell(self, command: Track | Untrack | Pause | Resume | HostReport) -> None:
        """Takes a command as a runtime hands it over."""
        match command:
            case Track(target):
                self._targets[target.id] = target
                self._checks.record.described([target])
            case Untrack(target):
                self._targets.pop(target, None)
            case Mute(silence):
                self._checks.record.muted(silence)
            case Unmute(silence_id):
                self._checks.record.unmuted(silence_id, self.clock.read())
            case _:
                pass
        of_sink, of_owner = (
            (Mute, Unmute, Announce, EndAnnouncement),
            (Acknowledge, Unacknowledge, BeginDrill, EndDrill),
        )
        listeners = dict.fromkeys(of_sink, self.system.sink) | dict.fromkeys(of_owner, self.system.owner)
        self._tell(listeners.get(type(command), self.system.supervisor), command)

    def ask(self, listener: str, question: object) -> Any:
        """Asks the recorder or the sink, after every earlier command is applied and durable."""
        for address, message in (
            (self.system.supervisor, Barrier()),
            (self.system.owner, FlushSamples()),
            (self.system.sink, Commit()),
        ):
            if address.alive:
                address.ask(message, 60.0)
        return (self.system.sink if listener == SINK else self.system.recorder).ask(question, 60.0)

    # Results.

    def notices(self, channel: str) -> list[Notice]:
        """Returns the notices that a receiver which applies each key once has applied, in order."""
        return list(self.messengers[channel].accepted.values())

    def delivered(self, channel: str) -> list[str]:
        """Returns those of incidents in short form: `shop/down opened`, `shop/down reminder`, `3 of shop: group=api opened`."""
        return [
            f"{notice.subject} {'reminder' if notice.reminder else notice.change.value}"
            for notice in self.notices(channel)
            if not notice.is_test
        ]

    def incidents(self, *, open_only: bool = False) -> tuple[Incident, ...]:
        """Returns the current incidents: open ones first, then the recently ended ones."""
        incidents: tuple[Incident, ...] = self.system.recorder.ask(GetIncidents(open_only), 60.0)
        return incidents

    def status(self) -> RuntimeStatus:
        """Returns the status as a host gets it."""
        status: RuntimeStatus = self.system.recorder.ask(GetStatus(), 60.0)
        return status
