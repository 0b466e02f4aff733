"""The agenda of planned maintenance: what is going on now, and when each comes next, for pages and reports."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from ..public_value import PublicValue
from ..specification.matcher import Selection, Subject, parsed
from ..specification.routing import Maintenance
from ..specification.target import OWN_NAME
from ..time.calendar import CalendarWindow
from ..time.moment import utc


class PlannedSpan(PublicValue, frozen=True, kw_only=True):
    """One maintenance: the span in which it is in force, or else its next one."""

    id: str
    match: tuple[str, ...]
    is_now: bool
    since_ns: int | None
    """When the next span begins (wall); None for one that is in force."""
    until_ns: int
    """When that span ends (wall)."""

    @property
    def since(self) -> datetime | None:
        """When it begins, in UTC; None for one that is in force."""
        return None if self.since_ns is None else utc(self.since_ns)

    @property
    def until(self) -> datetime:
        """When it ends, in UTC."""
        return utc(self.until_ns)

    def selection(self) -> Selection:
        """Returns what it selects."""
        return Selection(parsed(self.match))


def agenda_of(planned: Iterable[Maintenance], now_ns: int) -> list[PlannedSpan]:
    """Returns those in force, the first that ends at the front, and then the coming ones; one that is over is left out."""
    spans = [span for each in planned if (span := _span_of(each, now_ns)) is not None]
    return sorted(spans, key=lambda span: (not span.is_now, span.since_ns or span.until_ns, span.id))


class WorkInForce:
    """The planned maintenance in force at one moment, to be held against many targets."""

    def __init__(self, planned: Iterable[Maintenance], now_ns: int) -> None:
        found = [span for each in planned if (span := _in_force(each, each.calendar(), now_ns)) is not None]
        found.sort(key=lambda span: (span.until_ns, span.id), reverse=True)
        self._spans = [(span, span.selection().accepts) for span in found]

    def of(self, subject: Subject) -> PlannedSpan | None:
        """Returns the maintenance of an incident, or of a target some of whose incidents it holds; of several, the one that ends last."""
        if subject.target == OWN_NAME:
            return None  # work on targets is no reason for the runtime itself to be blind
        return next((span for span, accepts in self._spans if accepts(subject)), None)


def _span_of(planned: Maintenance, now_ns: int) -> PlannedSpan | None:
    calendar = planned.calendar()
    if (found := _in_force(planned, calendar, now_ns)) is not None:
        return found
    since_ns = calendar.next_start(now_ns)
    coming = None if since_ns is None else _in_force(planned, calendar, since_ns)
    return None if coming is None else replace(coming, is_now=False, since_ns=since_ns)


def _in_force(planned: Maintenance, calendar: CalendarWindow, at_ns: int) -> PlannedSpan | None:
    until_ns = calendar.in_force(at_ns)
    if until_ns is None:
        return None
    return PlannedSpan(id=planned.id, match=planned.match, is_now=True, since_ns=None, until_ns=until_ns)
