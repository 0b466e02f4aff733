"""The sentences of a public page, its feed and its badges."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import NamedTuple

from ...domain.incidents.announcement import AnnouncementKind
from ...domain.line import count_of
from ...domain.rules.aggregate import Status
from ...domain.units import NS_PER_S
from ..pages.words import day_of_month, duration
from .value import PublicAnnouncement, PublicComponent, PublicIncident, PublicView

NAMED_MAX = 3
"""The services that a sentence names; more of them are counted."""
_TROUBLES = (Status.DOWN, Status.DEGRADED, Status.UNKNOWN)
STATUS_WORDS = {
    Status.UP: "up",
    Status.DEGRADED: "degraded",
    Status.DOWN: "down",
    Status.UNKNOWN: "unknown",
    Status.PAUSED: "not watched",
}


class Sentence(NamedTuple):
    """A sentence, and the status that it tells of."""

    text: str
    status: Status


def headline(components: Sequence[PublicComponent]) -> list[Sentence]:
    """Returns the first sentences of a page: how many are well, and what is wrong."""
    watched = [each for each in components if each.status is not Status.PAUSED]
    if not watched:
        return [
            Sentence(
                "Nothing is watched here." if components else "Nothing is shown here yet.", Status.UNKNOWN
            )
        ]
    by_status = {status: [each.name for each in watched if each.status is status] for status in _TROUBLES}
    troubled = sum(map(len, by_status.values()))
    if not troubled:
        return [
            Sentence("All services are up." if len(watched) > 1 else f"{watched[0].name} is up.", Status.UP)
        ]
    well = len(watched) - troubled
    said = [Sentence(f"{well} of {len(watched)} services are up.", Status.UP)] if well else []
    return said + [Sentence(_told(names, status), status) for status, names in by_status.items() if names]


def _told(names: Sequence[str], status: Status) -> str:
    verb = "is" if len(names) == 1 else "are"
    who = _listed(names) if len(names) <= NAMED_MAX else count_of(len(names), "service")
    if status is Status.UNKNOWN:
        return f"The state of {who} is not known."
    return f"{who} {verb} {STATUS_WORDS[status]}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def worst(components: Iterable[PublicComponent]) -> Status:
    """Returns the worst status of a page, for its icon."""
    found = {each.status for each in components}
    return next((status for status in _TROUBLES if status in found), Status.UP)


def incident_title(incident: PublicIncident) -> str:
    """Returns what happened, in one short sentence without its end."""
    verb = "was" if incident.ended_at else "is"
    return f"{incident.name} {verb} {STATUS_WORDS[incident.status]}"


def incident_span(incident: PublicIncident, day: date | None = None) -> str:
    """Returns when it happened; times of another day than the given one have their date."""
    began = clock(incident.began_at, day)
    if incident.ended_at is None:
        return f"since {began} UTC"
    ended = clock(incident.ended_at, day)
    lasted = duration(int((incident.ended_at - incident.began_at).total_seconds()) * NS_PER_S)
    return f"{began} to {ended} UTC, {lasted}"


def announcement_span(announcement: PublicAnnouncement, as_of: datetime) -> str:
    """Returns when an announcement holds."""
    begins, until = announcement.starts_at or announcement.created_at, announcement.until
    if until is not None and announcement.is_over:
        return (
            f"{stamp(begins)} to {stamp(until)} UTC" if begins < until else f"called off {stamp(until)} UTC"
        )
    if until is not None and announcement.kind is AnnouncementKind.MAINTENANCE:
        word = "Planned" if begins > as_of else "Under way"
        return f"{word}: {stamp(begins)} to {stamp(until)} UTC"
    changed = announcement.updated_at != announcement.created_at
    latest = f", changed {stamp(announcement.updated_at)} UTC" if changed else ""
    end = f", until {stamp(until)} UTC" if until is not None else ""
    return f"{stamp(begins)} UTC{latest}{end}"


def clock(at: datetime, day: date | None) -> str:
    """Returns a time of day, with its date where that is not the given day."""
    return f"{at:%H:%M}" if at.date() == day else stamp(at)


def stamp(at: datetime) -> str:
    """Returns a time with its date: `2 Nov 2026, 12:04`."""
    return f"{day_of_month(at.date())}, {at:%H:%M}"


class PastDay(NamedTuple):
    """One day of the past, with what happened on it."""

    day: date
    incidents: list[PublicIncident]
    announcements: list[PublicAnnouncement]


def past_days(view: PublicView) -> Iterator[PastDay]:
    """Yields the days on which an incident or a past announcement began, the newest first."""
    happened: list[tuple[date, PublicIncident | PublicAnnouncement]] = [
        *((each.began_at.date(), each) for each in view.past),
        *(((each.starts_at or each.created_at).date(), each) for each in view.past_announcements),
    ]
    happened.sort(key=lambda pair: pair[0], reverse=True)
    for day, pairs in groupby(happened, key=lambda pair: pair[0]):
        of_day = [each for _, each in pairs]
        yield PastDay(
            day,
            [each for each in of_day if isinstance(each, PublicIncident)],
            [each for each in of_day if isinstance(each, PublicAnnouncement)],
        )
