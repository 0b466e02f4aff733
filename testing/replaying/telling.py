"""Telling: the production sink and couriers in virtual time, with receivers that take every notice at once."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from ...actors.courier import Courier
from ...actors.dispatch.mailbox.address import Address
from ...actors.dispatch.run.simulated import SimulatedDispatcher
from ...actors.dispatch.spawning import address_for, spawn
from ...actors.ports import Neighbours
from ...actors.sink import IncidentSink
from ...domain.incidents.incident import Transition
from ...domain.incidents.notice import Answer, Notice
from ...domain.incidents.record import Batch, PauseMark, Restored, Silence
from ...domain.observation.sample import Sample
from ...domain.specification.configuration import Configuration
from ...domain.suppression.suppression import Suppression
from ...domain.time.moment import Deadline, Moment
from ...domain.time.timers import CallAt, Timer
from ...domain.units import NS_PER_MS
from ...protocol.owner import ResumeFrom
from ...protocol.sink import Mute, RecordPause, RecordSamples, ReviewNotices
from ...protocol.supervisor import NoticeCheckRequested
from ..clock import START_MONOTONIC_NS, ManualClock
from ..fakes import Pending

TAKES_NS = NS_PER_MS
"""How long a receiver takes to answer."""


class TakenNotice(NamedTuple):
    """A notice that a channel took in the replay."""

    channel: str
    subject: str
    change: str
    at_ns: int
    """When it was made (wall)."""
    incidents: tuple[str, ...]
    """The ids of its incidents."""


class Teller:
    """Takes the transitions of all targets in the order of time, and collects the notices of every channel.

    Grouping, silences, maintenance, dependencies, flapping, escalation, reminders and rates of channels are in force.
    """

    def __init__(self, configuration: Configuration, begin_ns: int) -> None:
        self._begin_ns = begin_ns
        self.clock = ManualClock(wall_ns=begin_ns)
        self._dispatcher = SimulatedDispatcher(self.clock)
        self.taken: list[TakenNotice] = []
        self._sink = address_for(IncidentSink, "sink")
        self._owner = _Owner()
        couriers = {channel.id: address_for(Courier, channel.id) for channel in configuration.channels}
        supervisor = _Reviews(self._sink, self.clock.read, self._dispatcher.call_at)
        neighbours = Neighbours(supervisor, self._owner, self._sink, _Nobody(), couriers)
        for channel in configuration.channels:
            self._spawn(
                Courier,
                couriers[channel.id],
                channel.id,
                _Receiver(self._dispatcher.call_at, self.clock.read, self._take),
                self._sink,
                room=channel.in_flight_max,
            )
        self._spawn(
            IncidentSink,
            self._sink,
            _ForgetfulStore(),
            configuration.channels,
            neighbours,
            partial(Suppression, configuration),
        )
        self._dispatcher.run_until_idle()

    def _spawn(
        self, actor: type[Courier | IncidentSink], address: Address, *given: object, **named: Any
    ) -> None:
        spawn(actor, self.clock, *given, dispatcher=self._dispatcher, address=address, **named)

    def _take(self, notice: Notice) -> None:
        change = "reminder" if notice.reminder else notice.change.value
        incidents = tuple(step.incident_id for step in notice.steps)
        self.taken.append(
            TakenNotice(notice.channel, notice.subject, change, notice.created_at_ns, incidents)
        )

    def run_until(self, wall_ns: int) -> None:
        """Lets time pass until a wall time: reminders, digests and steps of escalation come when they are due.

        Raises: RuntimeError where the sink has ended by a fault.
        """
        self._dispatcher.run_until(wall_ns - self._begin_ns + START_MONOTONIC_NS)
        if not self._sink.alive:
            raise RuntimeError("the sink of the replay has ended by a fault: see the log")

    def stand_still(self, begin_ns: int, end_ns: int) -> None:
        """Lets wall time pass in which no process ran: what came due meanwhile comes at its end."""
        self.run_until(begin_ns)
        passed_ns = self.clock.read().wall_ns
        self.clock.advance(max(end_ns - max(begin_ns, passed_ns), 0))

    def happened(self, transitions: tuple[Transition, ...], samples: tuple[Sample, ...], at_ns: int) -> None:
        """Takes what happened at a wall time."""
        self.run_until(at_ns)
        self._sink.tell(RecordSamples(self._owner.generation, samples, transitions, (), (), ()))
        self._dispatcher.run_until_idle()

    def watch(self, target: str, at_ns: int, *, is_watched: bool) -> None:
        """Takes the beginning of a pause of a target, or its end: a paused parent holds no notice back."""
        self.run_until(at_ns)
        self._sink.tell(RecordPause(PauseMark(target, None if is_watched else at_ns)))
        self._dispatcher.run_until_idle()

    def mute(self, silence: Silence, at_ns: int) -> None:
        """Takes a silence that an operator made at a wall time."""
        self.run_until(at_ns)
        self._sink.tell(Mute(silence))
        self._dispatcher.run_until_idle()


class _Nobody:
    """Hears nothing of what it is told."""

    def tell(self, message: object) -> None:
        del message


class _Owner(_Nobody):
    """Stands for the owner of the aggregates, which are judged outside of the actors; knows the generation of the sink."""

    generation = 0

    def tell(self, message: object) -> None:
        if isinstance(message, ResumeFrom):
            self.generation = message.generation


class _Reviews(_Nobody):
    """Stands for the supervisor: rings when the sink has asked for a review. Nothing else is timed, as every receiver answers."""

    def __init__(self, sink: Address, read: Callable[[], Moment], call_at: CallAt) -> None:
        self._sink, self._read, self._call_at = sink, read, call_at
        self._alarm: Timer | None = None

    def tell(self, message: object) -> None:
        if not isinstance(message, NoticeCheckRequested):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        now = self._read()
        after_ns = max(message.until_ns - now.wall_ns, 0)
        self._alarm = self._call_at(now.monotonic_ns + after_ns, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._sink.tell(ReviewNotices())


class _Receiver:
    """A receiver that takes every notice, and keeps none."""

    def __init__(self, call_at: CallAt, read: Callable[[], Moment], take: Callable[[Notice], None]) -> None:
        self._call_at, self._read, self._take = call_at, read, take

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> Pending:
        del attempt, deadline, memory
        self._take(notice)
        at_ns = self._read().monotonic_ns + TAKES_NS
        return Pending(self._call_at, at_ns, partial(done, Answer(accepted=True)))


class _ForgetfulStore:
    """A store that writes nothing: a replay goes on from no earlier one."""

    lease_ns = 0

    def open(self, now: Moment) -> Restored:
        del now
        return Restored()

    def beat(self) -> None:
        """There is no lease to renew."""

    def commit(self, batch: Batch) -> int:
        del batch
        return 0

    def recall(self, key: str) -> Restored | None:
        del key
        return None

    def run_maintenance(self, now: Moment) -> bool:
        del now
        return False

    def file_problem(self) -> str:
        return ""

    def close(self) -> None:
        """There is nothing to close."""
