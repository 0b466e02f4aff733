"""The past that public pages tell of: days, incidents and announcements."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from ...adapters.stores.record_reader import RecordReader
from ...domain.incidents.announcement import Announcement
from ...domain.incidents.incident import Incident
from ...domain.read_model.days import FleetDays, IncidentSpan, judged_days
from ...domain.read_model.status import RuntimeStatus
from .fleet_history import FleetHistory

R = TypeVar("R")


class PublicPast(NamedTuple):
    """The past of all targets, of which a page shows some."""

    days: FleetDays
    incidents: Sequence[IncidentSpan]
    announcements: Sequence[Announcement]
    """Those that stand included."""


class StoreReading(Protocol):
    """Reads from a store."""

    def __call__(self, work: Callable[[RecordReader], R], /) -> Awaitable[R]: ...


async def recorded_past(
    fleet: FleetHistory, read: StoreReading, since_day: int, until_day: int, since_ns: int
) -> PublicPast:
    """Returns the past from the record; announcements are those that stood since `since_ns`. Raises: StoreError."""
    announcements = await read(lambda reader: reader.announcements(since_ns))
    days = await fleet.days(since_day, until_day)
    return PublicPast(days, await fleet.incidents(), announcements)


def unrecorded_past(
    status: RuntimeStatus, incidents: Iterable[Incident], since_day: int, until_day: int
) -> PublicPast:
    """Returns the past of a runtime that keeps its record in memory: what it has still, and days without data."""
    days = judged_days([], {}, (), (), since_day, until_day)
    spans = tuple(
        IncidentSpan(
            each.id, each.target, each.severity, each.opened_at_ns, each.resolved_at_ns, draft=each.draft
        )
        for each in incidents
    )
    return PublicPast(days, spans, status.announcements)
