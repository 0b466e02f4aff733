"""The record of a store for any program: a cron job, a script, a notebook, another worker."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, TypeVar

from ..adapters.clock import SystemClock
from ..adapters.stores.history.stored import Rollup, StoredSample, Summed, Totals
from ..adapters.stores.opening import make_reader, runner_of
from ..adapters.stores.record_reader import Verification
from ..adapters.stores.sqlite.backup import Backup, back_up
from ..domain.errors import StoreError, UnknownName, UsageError
from ..domain.incidents.announcement import Announcement
from ..domain.incidents.delivery_try import DeliveryTry
from ..domain.incidents.incident import Incident, Transition
from ..domain.incidents.notice import DeliveryState
from ..domain.incidents.record import BlindInterval, Outgoing, PauseMark, Silence
from ..domain.incidents.told import ChannelTold
from ..domain.line import one_line
from ..domain.observation.evidence import Evidence
from ..domain.specification.problem import quoted, suggestion
from ..domain.store_place import is_database, shown_store
from ..domain.time.duration import Duration, duration_ns
from ..domain.time.moment import names_moment, utc, wall_ns_of
from ..host.surface import sync_alone

When: TypeAlias = datetime | Duration
"""A moment: a datetime with an offset, a text such as `2026-01-31T12:30:00Z`, or a length of time ago such as `24h`."""
NOW = 0.0

V = TypeVar("V")


class Record:
    """Reads the store at a path, while a runtime writes it and afterwards. Takes no lock and changes nothing in the record.

    Each question is one short read of its own, on any thread and in any process, so that it delays no writer. Nothing is
    read before the first question: the store may be made later.

    Every question raises StoreError where there is no store of watchkeeper at the path or another version wrote it,
    StoreCorrupt where its record does not read back, and UsageError in a thread whose event loop it would block. Spans are
    half open, and times that come back are in UTC.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = os.fsdecode(path)
        self._reader = make_reader(self._path)
        self._clock = SystemClock()

    def __repr__(self) -> str:
        return f"<Record {shown_store(self._path)}>"

    # Incidents and notices.

    @sync_alone
    def incidents(
        self, *, open_only: bool = False, target: str | None = None, limit: int = 100
    ) -> tuple[Incident, ...]:
        """Returns incidents as they stand, the newest first: at most `limit`, and at most 10,000.

        Raises: UsageError for a limit below 0; TypeError for one that is no number.
        """
        if not isinstance(limit, int):
            raise TypeError(f"limit is a number of incidents, not {limit!r}")
        if limit < 0:
            raise UsageError(f"limit is a number of incidents, not {limit!r}")
        return self._reader.incidents(open_only=open_only, target=target, limit=limit)

    @sync_alone
    def transitions(self, incident: str) -> tuple[Transition, ...]:
        """Returns the life of an incident, acknowledgements included, oldest first.

        Raises: UnknownName where no incident has this id.
        """
        return self._steps(incident)

    @sync_alone
    def notices(self, state: DeliveryState | str | None = None) -> tuple[Outgoing, ...]:
        """Returns notices with the state of their delivery, oldest first; `state` is pending, delivered or dead.

        Raises: UsageError for another state.
        """
        try:
            wanted = None if state is None else DeliveryState(state)
        except ValueError as error:
            raise UsageError(f"{state!r} is no state: pending, delivered and dead are") from error
        return self._reader.outbox(wanted)

    @sync_alone
    def deliveries(self, *, incident: str = "", key: str = "") -> tuple[DeliveryTry, ...]:
        """Returns the tries to deliver the notices of an incident, or the notice of a key, oldest first: the newest 10,000.

        They are kept as long as failed samples.

        Raises: UsageError unless exactly one of the two is given; UnknownName where no incident has this id.
        """
        found = self._reader.deliveries(incident=incident, key=key)
        return found or self._of_known(incident, found) if incident else found

    @sync_alone
    def told(self, incident: str) -> tuple[ChannelTold, ...]:
        """Returns for each channel of an incident the last notice that it took, and the one that waits or was given up.

        Raises: UnknownName where no incident has this id.
        """
        told = self._reader.told(incident)
        return told or self._of_known(incident, told)

    @sync_alone
    def silences(self) -> tuple[Silence, ...]:
        """Returns the silences that have not ended, by id."""
        return self._reader.silences(self._now_ns())

    @sync_alone
    def announcements(self) -> tuple[Announcement, ...]:
        """Returns the announcements of operators, those that are over included, by id."""
        return self._reader.announcements()

    @sync_alone
    def pauses(self) -> tuple[PauseMark, ...]:
        """Returns the commanded pauses, by target."""
        return self._reader.pauses()

    # The past of one target.

    @sync_alone
    def targets(self) -> tuple[str, ...]:
        """Returns the ids of all targets that ever had a sample, in order."""
        return self._reader.targets()

    @sync_alone
    def samples(self, target: str, since: When = "1h", until: When = NOW) -> tuple[StoredSample, ...]:
        """Returns the samples of a target in a span, oldest first.

        Raises: UnknownName for a target without any sample; UsageError for a moment that is none.
        """
        return self._known(target, self._reader.samples(target, *self._span(since, until)))

    @sync_alone
    def evidence(self, target: str, since: When = "24h", until: When = NOW) -> tuple[Evidence, ...]:
        """Returns the evidence of bad samples of a target in a span: the newest 1,000 pieces, oldest first.

        Raises: UnknownName for a target without any sample; UsageError for a moment that is none.
        """
        return self._known(target, self._reader.evidence(target, *self._span(since, until)))

    @sync_alone
    def hourly(self, target: str, since: When = "24h", until: When = NOW) -> tuple[Summed, ...]:
        """Returns a roll-up of each hour that begins in a span and has samples, oldest first.

        Raises: UnknownName for a target without any sample; UsageError for a moment that is none.
        """
        return self._known(target, self._reader.hourly(target, *self._span(since, until)))

    @sync_alone
    def daily(self, target: str, since: When = "30d", until: When = NOW) -> tuple[Summed, ...]:
        """Returns a roll-up of each day (UTC) that begins in a span and has samples, oldest first.

        Raises: UnknownName for a target without any sample; UsageError for a moment that is none.
        """
        return self._known(target, self._reader.daily(target, *self._span(since, until)))

    @sync_alone
    def uptime(self, target: str, since: When = "30d", until: When = NOW) -> Rollup:
        """Returns one roll-up of a span; its `uptime` is the good share, None without evidence.

        It sums up the hours that begin in the span, and whole days of it where hours are no longer kept.

        Raises: UnknownName for a target without any sample; UsageError for a moment that is none.
        """
        summed = self._reader.uptime(target, *self._span(since, until))
        self._known(target, (summed,) if summed.count else ())
        return summed

    # The past of all targets.

    @sync_alone
    def uptimes(self, since: When = "24h", until: When = NOW) -> dict[str, float]:
        """Returns the good share of every target that has evidence in a span, by id.

        Raises: UsageError for a moment that is none.
        """
        return self._reader.uptimes(*self._span(since, until))

    @sync_alone
    def days(self, since: When = "30d", until: When = NOW) -> Iterator[tuple[datetime, dict[str, Totals]]]:
        """Yields the days (UTC) that begin in a span and have samples, oldest first: its begin, and totals by target.

        Each day is read when it is asked for, so that a slow reader delays no writer.

        Raises: UsageError for a moment that is none.
        """
        return ((utc(at_ns), totals) for at_ns, totals in self._reader.days(*self._span(since, until)))

    @sync_alone
    def hours(self, since: When = "24h", until: When = NOW) -> Iterator[tuple[datetime, dict[str, Totals]]]:
        """Yields the hours that begin in a span, as `days` does.

        Raises: UsageError for a moment that is none.
        """
        return ((utc(at_ns), totals) for at_ns, totals in self._reader.hours(*self._span(since, until)))

    @sync_alone
    def blind(self, since: When = "30d") -> tuple[BlindInterval, ...]:
        """Returns the spans in which the runtime could not see and that ended after `since`.

        Raises: UsageError for a moment that is none.
        """
        return self._reader.blind(self._ns_of(since, self._now_ns()))

    # The store itself.

    @sync_alone
    def run_by(self) -> str | None:
        """Returns which process runs the store, None where none does; then the record is the past."""
        return runner_of(self._path)

    @sync_alone
    def verify(self) -> Verification:
        """Checks every page, every link of the hash chain and every notice that is not delivered. Reads the whole store."""
        return self._reader.verify()

    @sync_alone
    def backup(self, path: str | Path, *, replace: bool = False) -> Backup:
        """Makes a verified copy of the store as of one moment, in one file with mode 0600; a runtime may write on meanwhile.

        Raises: StoreError where something lies at the path and `replace` is not set, and where the copy cannot be written;
            StoreCorrupt where the copy does not verify. Then nothing is left at the path that was not there before.
        """
        if is_database(self._path):
            raise StoreError(
                f"{shown_store(self._path)} is a database: copy it with watchkeeper copy, or with pg_dump and the backups of the server"
            )
        return back_up(self._path, str(path), replace=replace)

    def _steps(self, incident: str) -> tuple[Transition, ...]:
        if not isinstance(incident, str):
            raise TypeError(
                f"an incident is named by its id, which is a text, not by {one_line(repr(incident))}"
            )
        found = self._reader.transitions(incident)
        if not found:
            raise UnknownName(
                f"no incident has the id {quoted(incident)}: `incidents()` returns those there are"
            )
        return found

    def _of_known(self, incident: str, found: tuple[V, ...]) -> tuple[V, ...]:
        """Returns what was found of an incident, which has no notice or no longer a try."""
        self._steps(incident)
        return found

    def _now_ns(self) -> int:
        return self._clock.read().wall_ns

    def _span(self, since: When, until: When) -> tuple[int, int]:
        now_ns = self._now_ns()
        return self._ns_of(since, now_ns), self._ns_of(until, now_ns) + (until == NOW)

    @staticmethod
    def _ns_of(when: When, now_ns: int) -> int:
        """Returns a moment in wall nanoseconds. Raises: UsageError where it is none."""
        if isinstance(when, datetime):
            if when.tzinfo is None:
                raise UsageError(
                    "this datetime names no UTC offset: write datetime.now(UTC), or when.astimezone()"
                )
            return wall_ns_of(when.isoformat())
        try:
            if isinstance(when, str) and names_moment(when):
                return wall_ns_of(when)
            return now_ns - duration_ns(when)
        except (TypeError, ValueError) as error:
            instead = (
                ""
                if isinstance(when, str) and names_moment(when)
                else ", or a moment like 2026-01-31T12:30:00Z"
            )
            raise UsageError(f"{error}{instead}") from error

    def _known(self, target: str, found: tuple[V, ...]) -> tuple[V, ...]:
        """Returns what was found; a target without any record is looked up only where there is nothing."""
        if not found and target not in (known := self._reader.targets()):
            raise UnknownName(f"no sample is of a target {quoted(target)}{suggestion(target, known)}")
        return found
