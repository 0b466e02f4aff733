"""The reader of a record, of whatever kind its store is: the questions of the page, the API, the client and the verbs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from ...domain import limits
from ...domain.errors import UsageError
from ...domain.incidents.announcement import Announcement
from ...domain.incidents.delivery_try import DeliveryTry
from ...domain.incidents.incident import Incident, Transition
from ...domain.incidents.notice import DeliveryState
from ...domain.incidents.record import BlindInterval, Checkpoint, HeardMark, Outgoing, PauseMark, Silence
from ...domain.incidents.told import ChannelBacklog, ChannelTold
from ...domain.observation.evidence import Evidence
from ...domain.public_value import PublicValue, moment_of
from ...domain.read_model.days import IncidentSpan
from ...domain.rules.watch import up_since_ns
from ...domain.units import NS_PER_DAY, NS_PER_HOUR
from .following import LastRecords, RecordFollower
from .history.history import History
from .history.overview import Overview
from .history.recording import Recording
from .history.source import SampleSource
from .history.stored import Rollup, StoredSample, Summed, Totals


class Extent(msgspec.Struct, frozen=True):
    """How much a store holds."""

    incidents: int
    open_incidents: int
    until_ns: int | None
    """Until when a runtime kept the record; None where none has run."""


class Verification(PublicValue, frozen=True):
    """The result of a whole check of a store."""

    links: int
    """Links of the chain that were read back and recomputed."""
    problems: tuple[str, ...] = ()
    """Each fault and where it is, the first one first."""
    remedy: str = ""
    """The way out of the problems; empty without any."""
    until_ns: int | None = None
    """Until when a runtime kept the record; None where none has run."""

    @property
    def until(self) -> datetime | None:
        """The same, in UTC."""
        return moment_of(self.until_ns)


class RecordReader(ABC):
    """Takes no lock and writes nothing. Each question has its own short connection, so that none delays the writer.

    Usable on any thread and in any process. Raises StoreError where there is no store.
    """

    pause: Callable[[], None]
    """Called again and again in a long reading: it may let other threads go first."""

    @property
    @abstractmethod
    def path(self) -> str:
        """The file or the database that it reads; without the password of a database."""

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Several questions on one thread, which need no more than one connection; of a database as of one moment."""
        yield

    # Incidents and notices.

    def incidents(
        self,
        *,
        open_only: bool = False,
        target: str | None = None,
        limit: int = 100,
        ended_only: bool = False,
        before: str | None = None,
    ) -> tuple[Incident, ...]:
        """Each as it stands, the newest first; `before` is the id of one, behind which the list begins."""
        found = self._incidents(
            {
                "open_only": open_only,
                "ended_only": ended_only,
                "target": target,
                "before": before,
                "limit": min(limit, limits.READ_INCIDENTS_MAX),
            }
        )
        return tuple(replace(incident, latest=latest or incident.latest) for incident, latest in found)

    @abstractmethod
    def _incidents(self, asked: dict[str, Any]) -> list[tuple[Incident, str | None]]:
        """Returns incidents, each with the newest finding since its last step."""

    @abstractmethod
    def incident_spans(self, after: int = 0) -> tuple[int, tuple[IncidentSpan, ...]]:
        """The incidents that moved behind a position of the record, and the position of its end.

        The 50,000 that opened last; those of drafts are among them.
        """

    @abstractmethod
    def recovered(self) -> dict[str, int]:
        """When the last incident of every target that had one ended (wall time), by name; those of drafts do not count."""

    @abstractmethod
    def transitions(self, incident: str) -> tuple[Transition, ...]:
        """The life of an incident; empty for one that is not known."""

    @abstractmethod
    def outbox(self, state: DeliveryState | None = None) -> tuple[Outgoing, ...]:
        """Notices in a state, oldest first: those that are DEAD can be re-driven."""

    @abstractmethod
    def notices(self, incident: str) -> tuple[Outgoing, ...]:
        """The notices of an incident, oldest first."""

    @abstractmethod
    def backlogs(self) -> tuple[ChannelBacklog, ...]:
        """The notices that wait for a channel or were given up, for each channel that has any."""

    def deliveries(self, *, incident: str = "", key: str = "") -> tuple[DeliveryTry, ...]:
        """The tries to deliver the notices of an incident, or the notice of a key, oldest first; at most the newest 10,000.

        They are kept as long as failed samples. Raises: UsageError unless exactly one of the two is given.
        """
        if bool(incident) is bool(key):
            raise UsageError("deliveries() takes an incident or the key of a notice: give one of the two")
        return self._tries(incident, key)

    @abstractmethod
    def _tries(self, incident: str, key: str) -> tuple[DeliveryTry, ...]: ...

    def told(self, incident: str) -> tuple[ChannelTold, ...]:
        """The last notice that each channel of an incident took, and the one that waits for it or was given up.

        Empty for an incident that is not known.
        """
        return self.told_of_each((incident,)).get(incident, ())

    @abstractmethod
    def told_of_each(self, incidents: Iterable[str]) -> dict[str, tuple[ChannelTold, ...]]:
        """The same for several incidents, by id, as of one moment; those that are not known are left out."""

    # Marks.

    @abstractmethod
    def silences(self, now_ns: int) -> tuple[Silence, ...]:
        """Those that end after `now_ns`, by id."""

    @abstractmethod
    def announcements(self, since_ns: int = 0) -> tuple[Announcement, ...]:
        """The announcements that stood at a moment or later, by id."""

    @abstractmethod
    def pauses(self) -> tuple[PauseMark, ...]:
        """The commanded pauses, by target."""

    @abstractmethod
    def heard(self) -> tuple[HeardMark, ...]:
        """When each target was last heard, with the run that has begun and not ended."""

    def up_since(self, targets: Collection[str]) -> dict[str, int]:
        """Since when each of these targets is up that was so at its newest sample (wall time), by name."""
        marks = [mark for mark in self._checkpoints() if mark.target in targets]
        # One that has moved to another shard may have a checkpoint on both: the newest counts.
        newest = {mark.target: mark for mark in sorted(marks, key=lambda each: each.at_ns)}
        found = ((target, up_since_ns(mark)) for target, mark in newest.items())
        return {target: since_ns for target, since_ns in found if since_ns is not None}

    @abstractmethod
    def _checkpoints(self) -> tuple[Checkpoint, ...]:
        """Returns what a restart resumes of rules, by target."""

    @abstractmethod
    def blind(self, since_ns: int = 0) -> tuple[BlindInterval, ...]:
        """Spans in which we could not see that ended after `since_ns`."""

    # Samples.

    @abstractmethod
    def _source(self) -> AbstractContextManager[SampleSource]:
        """One read transaction: whatever a question reads, it reads as of one moment."""

    def targets(self) -> tuple[str, ...]:
        """Every target that ever had a sample, by name."""
        with self._source() as source:
            return tuple(sorted({*source.names().values()}))

    def follower(self, targets: Collection[str]) -> RecordFollower:
        """The newest sample and the marks of some targets, for one who asks for them again and again."""
        return WholeFollower(self, targets)

    def latest(self, since_ns: int, until_ns: int) -> dict[str, StoredSample]:
        """The newest sample of every target that has one in a span, by name."""
        with self._source() as source:
            return Overview(source).latest(since_ns, until_ns)

    def uptimes(self, since_ns: int, until_ns: int) -> dict[str, float]:
        """The uptime of every target that has evidence in the hours that begin in a span, by name."""
        with self._source() as source:
            return Overview(source).uptimes(since_ns, until_ns)

    def days(self, since_ns: int, until_ns: int) -> Iterator[tuple[int, dict[str, Totals]]]:
        """The days (UTC) of a span that have samples, oldest first: when each began, and the totals of targets by name.

        Each day is read by a question of its own when it is asked for, so that a slow reader delays no writer.
        """
        names: dict[int, str] = {}
        for day in self._kept(since_ns, until_ns, NS_PER_DAY):
            with self._source() as source:
                totals = Overview(source, self.pause, names).day(day)
            if totals:
                yield day * NS_PER_DAY, totals

    def hours(self, since_ns: int, until_ns: int) -> Iterator[tuple[int, dict[str, Totals]]]:
        """The hours that begin in a span, read and given as `days` does."""
        names: dict[int, str] = {}
        for hour in self._kept(since_ns, until_ns, NS_PER_HOUR):
            with self._source() as source:
                totals = Overview(source, self.pause, names).hour(hour)
            if totals:
                yield hour * NS_PER_HOUR, totals

    def unfinished_days(self) -> frozenset[int]:
        """The days (counted from 1970) whose samples are not summed up yet: their hours may still grow."""
        with self._source() as source:
            return frozenset(source.unsummed_days())

    def _kept(self, since_ns: int, until_ns: int, length_ns: int) -> range:
        """The numbers of the days or hours that begin in a span and in the record."""
        hours = length_ns // NS_PER_HOUR
        begin, after = (-(-at_ns // length_ns) * hours for at_ns in (since_ns, until_ns))
        with self._source() as source:
            first, end = Overview(source).kept(begin, after)
        return range(first // hours, -(-end // hours))

    def samples(self, target: str, since_ns: int, until_ns: int) -> tuple[StoredSample, ...]:
        """Those of a target in a span of wall time, sealed or not, in the order of time."""
        with self.history(target) as history:
            return history.samples(since_ns, until_ns)

    @contextmanager
    def history(self, target: str) -> Iterator[History]:
        """The past of a target for several questions, which are answered as of one moment."""
        with self._source() as source:
            yield History(source, target)

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """All targets hour by hour, with the steps and notices of the time, as of one moment."""
        with self._source() as source:
            yield Recording(source)

    def evidence(self, target: str, since_ns: int, until_ns: int) -> tuple[Evidence, ...]:
        """The evidence of a target's bad samples in a span of wall time: the newest 1,000 pieces, in the order of time."""
        with self.history(target) as history:
            return history.evidence(since_ns, until_ns)

    def hourly(self, target: str, since_ns: int, until_ns: int) -> tuple[Summed, ...]:
        """The hours that begin in a span; what is not sealed is summed up on the way."""
        with self.history(target) as history:
            return history.hourly(since_ns, until_ns)

    def daily(self, target: str, since_ns: int, until_ns: int) -> tuple[Summed, ...]:
        """The days (UTC) that begin in a span."""
        with self.history(target) as history:
            return history.daily(since_ns, until_ns)

    def uptime(self, target: str, since_ns: int, until_ns: int) -> Rollup:
        """One roll-up of a span: of the hours that begin in it, and of its days where hours are no longer kept."""
        with self.history(target) as history:
            return history.total(since_ns, until_ns)

    # The whole.

    @abstractmethod
    def extent(self) -> Extent:
        """How many incidents there are, and until when the record goes."""

    @abstractmethod
    def verify(self) -> Verification:
        """Reads the record back: every link of its chain, and where each incident is in it."""


class WholeFollower:
    """Reads all of it each time."""

    def __init__(self, reader: RecordReader, targets: Collection[str]) -> None:
        self._reader, self._targets = reader, targets

    def read(self, since_ns: int, until_ns: int) -> LastRecords:
        reader = self._reader
        # A target that has moved to another shard may have a mark on both: the newest counts.
        heard = {mark.target: mark for mark in sorted(reader.heard(), key=lambda each: each.at_ns or 0)}
        return LastRecords(reader.latest(since_ns, until_ns), heard, reader.up_since(self._targets), None)
