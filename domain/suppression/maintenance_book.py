"""Planned maintenance: while a window is in force, every notice of the incidents that it selects waits."""

from collections.abc import Iterable
from typing import NamedTuple

from ..incidents.delivery_plan import Hold, HoldKind
from ..specification.matcher import Selection, Subject
from ..time.calendar import CalendarWindow
from ..time.moment import Moment
from .quiet_book import first_change_ns


class PlannedWork(NamedTuple):
    """A maintenance: what it selects, and when."""

    name: str
    selection: Selection
    window: CalendarWindow


class MaintenanceBook:
    """Knows the planned maintenance. It decides on notices alone: samples, rules and the record go on as ever."""

    def __init__(self, planned: Iterable[PlannedWork] = ()) -> None:
        self._planned = tuple(planned)
        self.needs_metadata = any(work.selection.needs_metadata for work in self._planned)
        """Whether the group or the labels of a target decide what waits."""

    def hold(self, subject: Subject, now: Moment) -> Hold | None:
        """Returns the maintenance in force that selects the subject; of several, the one that ends last."""
        ends = [
            (end_ns, work.name)
            for work in self._planned
            if (end_ns := work.window.in_force(now.wall_ns)) is not None and work.selection.accepts(subject)
        ]
        if not ends:
            return None
        until_ns, name = max(ends)
        return Hold(kind=HoldKind.MAINTENANCE, name=name, until_ns=until_ns)

    def next_change_ns(self, now: Moment) -> int | None:
        """Returns the wall time at which the first of them begins or ends next; None for never."""
        return first_change_ns((work.window for work in self._planned), now)
