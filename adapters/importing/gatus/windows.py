"""Windows of Gatus as maintenance: on some days of the week, from a time of the day on."""

import re

from ..imported import Imported, matchers_of, placed, quoted
from ..source import PeerPart

_START = re.compile(r"(\d?\d):(\d\d)")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def maintenance_of(window: PeerPart, made: Imported, *targets: str) -> None:
    """Adds a window of some targets; of all where none is named."""
    start, length = window.text("start"), window.text("duration")
    zone, days = window.text("timezone"), window.texts("every")
    if not window.flag("enabled", default=True):
        window.leave_whole("a window that is not in force has no place here")
        return
    begins = _START.fullmatch(start or "")
    if begins is None or length is None:
        window.leave_whole("a window needs a start such as 23:00 and a duration")
        return
    chosen = [day[:3].upper() for day in days]
    if any(day not in _DAYS for day in chosen):
        window.leave("every", "a day of the week is expected here")
        chosen = [day for day in chosen if day in _DAYS]
    hour, minute = int(begins[1]), int(begins[2])
    data = {
        "id": made.new_id("window", *targets[:1]),
        "match": [_matcher(*targets)],
        "cron": placed(window, "start", f"{minute} {hour} * * {','.join(chosen) or '*'}"),
        "length": placed(window, "duration", length),
        "zone": placed(window, "timezone", zone),
    }
    made.add("maintenance", data, window)


def _matcher(*targets: str) -> str:
    if not targets:
        return "target=~.+"
    return f"target={quoted(targets[0])}" if len(targets) == 1 else next(matchers_of(targets))
