"""The quiet windows of routes: in one of them nothing is sent to the recipients of a route that names it."""

from collections.abc import Iterable, Mapping

from ..incidents.delivery_plan import Hold, HoldKind
from ..time.calendar import CalendarWindow
from ..time.moment import Moment


class QuietBook:
    """Knows the quiet windows by their ids."""

    def __init__(self, windows: Mapping[str, CalendarWindow] | None = None) -> None:
        self._windows = dict(windows or {})

    def hold(self, names: Iterable[str], now: Moment) -> Hold | None:
        """Returns the window in force among those named that ends last; a window that is not known is never in force."""
        ends = [
            (end_ns, name)
            for name in names
            if name in self._windows and (end_ns := self._windows[name].in_force(now.wall_ns)) is not None
        ]
        if not ends:
            return None
        until_ns, name = max(ends)
        return Hold(kind=HoldKind.QUIET, name=name, until_ns=until_ns)

    def next_change_ns(self, now: Moment) -> int | None:
        """Returns the wall time at which the first of them begins or ends next; None for never."""
        return first_change_ns(self._windows.values(), now)


def first_change_ns(windows: Iterable[CalendarWindow], now: Moment) -> int | None:
    """Returns the wall time at which the first of these windows begins or ends next; None for never."""
    at_ns = now.wall_ns
    changes = (window.in_force(at_ns) or window.next_start(at_ns) for window in windows)
    return min((change for change in changes if change is not None), default=None)
