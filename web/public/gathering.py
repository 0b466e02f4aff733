"""Makes the value of a public page from what the runtime knows: the only place that sees both."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from ...domain.incidents.announcement import Announcement, AnnouncementKind
from ...domain.read_model.days import DayRun, DayState, FleetDays, IncidentSpan, TargetDays, joined_days
from ...domain.read_model.status import RuntimeStatus, TargetStatus
from ...domain.rules.aggregate import Status
from ...domain.specification.rule import Severity
from ...domain.specification.target import Target
from ...domain.specification.web import PublicPage
from ...domain.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_S
from ...host.access.public_past import PublicPast
from ..limits import BADGE_NAME_MAX, PUBLIC_PAST_DAYS, PUBLIC_PAST_MAX
from ..shapes.documents import text_of, time_of, time_or_none
from .value import PublicAnnouncement, PublicComponent, PublicDays, PublicIncident, PublicView

DAYS = 90
_WORST = (Status.DOWN, Status.DEGRADED, Status.UNKNOWN, Status.UP, Status.PAUSED)
_WORST_DAY = (DayState.DOWN, DayState.DEGRADED, DayState.BLIND, DayState.CALM, DayState.NO_DATA)
_KINDS = (AnnouncementKind.OUTAGE, AnnouncementKind.MAINTENANCE, AnnouncementKind.NOTICE)
EPOCH = date(1970, 1, 1)


def shown_spans(now_ns: int) -> tuple[int, int, int]:
    """Returns the days that a page shows, half open and counted from 1970, and the wall time from which on its past is told."""
    today = now_ns // NS_PER_DAY
    return today - DAYS + 1, today + 1, now_ns - PUBLIC_PAST_DAYS * NS_PER_DAY


def view_of(
    page: PublicPage, targets: Iterable[Target], status: RuntimeStatus, past: PublicPast
) -> PublicView:
    """Returns the value of a page. Raises: ValueError for a matcher that cannot be read."""
    now_ns = status.at_ns // NS_PER_MINUTE * NS_PER_MINUTE
    named: dict[str, list[str]] = {}
    for target in page.chosen(targets):
        named.setdefault(text_of(target.metadata.public), []).append(target.id)
    shown = [each for each in past.announcements if each.is_on(page.id)]
    standing = [each for each in shown if each.stands(status.at_ns)]
    over = [each for each in shown if not each.stands(status.at_ns)]
    since_ns = now_ns - PUBLIC_PAST_DAYS * NS_PER_DAY
    return PublicView(
        key=_key("page", page.id, page.title),
        title=text_of(page.title),
        as_of=time_of(now_ns),
        announcements=[_announcement(page, each, is_over=False) for each in sorted(standing, key=_urgency)],
        components=_components(named, status, past.days),
        since=_date(past.days.since_day),
        days=past.days.until_day - past.days.since_day,
        past=_incidents(page, named, past.incidents, since_ns),
        past_announcements=[
            _announcement(page, each, is_over=True)
            for each in sorted(over, key=lambda each: -each.created_at_ns)
            if (each.until_ns or 0) >= since_ns
        ][:PUBLIC_PAST_MAX],
    )


def _key(*parts: str) -> str:
    """Returns a name that is the same for the same parts, and from which nobody reads them."""
    return str(UUID(bytes=sha256("\0".join(parts).encode("utf-8", "replace")).digest()[:16], version=5))


# Components.


def _components(
    named: Mapping[str, Sequence[str]], now: RuntimeStatus, fleet: FleetDays
) -> list[PublicComponent]:
    rows = {row.id: row for row in now.targets}
    taken: set[str] = set()
    made = []
    for name, ids in named.items():
        days = _together([fleet.of(each) for each in ids], fleet)
        status, since = _worst([rows[each] for each in ids if each in rows])
        made.append(
            PublicComponent(
                name=name,
                slug=_slug(name, taken),
                status=status,
                since=since,
                uptime=days.uptime,
                days=[_days(run) for run in days.runs],
            )
        )
    return made


def _worst(rows: Sequence[TargetStatus]) -> tuple[Status, datetime | None]:
    status = min((row.status for row in rows), key=_WORST.index, default=Status.UNKNOWN)
    if status not in (Status.DOWN, Status.DEGRADED):
        return status, None
    return status, time_of(min(row.since_ns for row in rows if row.status is status) // NS_PER_S * NS_PER_S)


def _slug(name: str, taken: set[str]) -> str:
    """Returns the letters and digits of a name, which no other component has."""
    words = "".join(sign if sign.isalnum() else " " for sign in name.casefold()).split()
    slug = whole = "-".join(words)[:BADGE_NAME_MAX].rstrip("-") or "service"
    number = 1
    while slug in taken:
        number += 1
        slug = f"{whole}-{number}"
    taken.add(slug)
    return slug


def _together(several: Sequence[TargetDays], fleet: FleetDays) -> TargetDays:
    """Returns the days of several targets as those of one: each day is the worst one."""
    if len(several) == 1:
        return several[0]
    runs = []
    of_each = [
        {day: run for run in days.runs for day in range(run.day, run.day + run.length)} for days in several
    ]
    for day in range(fleet.since_day, fleet.until_day):
        found = [days.get(day, DayRun(day, 1, DayState.CALM)) for days in of_each]
        worst = min(found, key=lambda run: (_WORST_DAY.index(run.state), -run.lost_ns))
        if worst.state is not DayState.CALM:
            runs.append(DayRun(day, 1, worst.state, worst.lost_ns))
    uptimes = [days.uptime for days in several if days.uptime is not None]
    return TargetDays(joined_days(runs), min(uptimes, default=None))


def _days(run: DayRun) -> PublicDays:
    return PublicDays(first=_date(run.day), count=run.length, state=run.state, lost_s=run.lost_ns // NS_PER_S)


def _date(day: int) -> date:
    return EPOCH + timedelta(days=day)


# Incidents.


class _Span(NamedTuple):
    name: str
    began_ns: int
    ended_ns: int | None
    is_down: bool
    incident: str
    """The first incident of it."""

    def reaches(self, at_ns: int) -> bool:
        """Whether it goes on until a time or longer."""
        return self.ended_ns is None or self.ended_ns >= at_ns


def _incidents(
    page: PublicPage, named: Mapping[str, Sequence[str]], spans: Iterable[IncidentSpan], since_ns: int
) -> list[PublicIncident]:
    names = {target: name for name, ids in named.items() for target in ids}
    found = [
        _Span(
            names[span.target],
            span.opened_at_ns,
            span.resolved_at_ns,
            span.severity is Severity.CRITICAL,
            span.incident,
        )
        for span in spans
        if span.target in names and not span.draft and (span.resolved_at_ns or since_ns) >= since_ns
    ]
    found.sort(key=_place)
    down = _joined(span for span in found if span.is_down)
    degraded = _joined(span for span in found if not span.is_down)
    told = (*down, *(span for span in degraded if not _is_within(span, down)))
    newest = sorted(told, key=lambda span: (-span.began_ns, span.name))
    return [_incident(page, span) for span in newest[:PUBLIC_PAST_MAX]]


def _joined(spans: Iterable[_Span]) -> list[_Span]:
    """Returns spans, given by service and beginning, with those of one service that overlap as one."""
    made: list[_Span] = []
    for span in spans:
        before = made[-1] if made else None
        if before is None or before.name != span.name or not before.reaches(span.began_ns):
            made.append(span)
        elif before.ended_ns is not None and (span.ended_ns is None or span.ended_ns > before.ended_ns):
            made[-1] = before._replace(ended_ns=span.ended_ns)
    return made


def _place(span: _Span) -> tuple[str, int]:
    return span.name, span.began_ns


def _is_within(span: _Span, others: Sequence[_Span]) -> bool:
    """Whether a span lies within one of others of its service, which are joined."""
    at = bisect_right(others, _place(span), key=_place)
    if not at or others[at - 1].name != span.name:
        return False
    other = others[at - 1]
    return other.ended_ns is None or (span.ended_ns is not None and span.ended_ns <= other.ended_ns)


def _incident(page: PublicPage, span: _Span) -> PublicIncident:
    return PublicIncident(
        key=_key("incident", page.id, span.incident),
        name=span.name,
        status=Status.DOWN if span.is_down else Status.DEGRADED,
        began_at=_second(span.began_ns),
        ended_at=None if span.ended_ns is None else _second(span.ended_ns),
    )


def _second(wall_ns: int) -> datetime:
    return time_of(wall_ns // NS_PER_S * NS_PER_S).astimezone(UTC)


# Announcements.


def _urgency(announcement: Announcement) -> tuple[int, int]:
    return _KINDS.index(announcement.kind), -announcement.created_at_ns


def _announcement(page: PublicPage, announcement: Announcement, *, is_over: bool) -> PublicAnnouncement:
    starts_at_ns = announcement.starts_at_ns
    return PublicAnnouncement(
        key=_key("announcement", page.id, announcement.id, str(announcement.created_at_ns)),
        title=text_of(announcement.title),
        text=text_of(announcement.text),
        kind=announcement.kind,
        starts_at=time_or_none(starts_at_ns),
        until=time_or_none(announcement.until_ns),
        created_at=_second(announcement.created_at_ns),
        updated_at=_second(announcement.updated_at_ns),
        is_over=is_over,
    )
