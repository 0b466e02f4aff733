"""Axes that a person reads: round values, and times at round hours, days or months."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from ....domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, NS_PER_US

STEPS_NS = (
    *(count * NS_PER_MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * NS_PER_HOUR for count in (1, 2, 3, 6, 12)),
    *(count * NS_PER_DAY for count in (1, 2, 7, 14)),
)
"""The distances of two times on an axis; longer spans have months."""
TICKS_MAX = 8
MONTHS_FROM_NS = 120 * NS_PER_DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Tick(NamedTuple):
    """One mark of an axis."""

    at: int
    label: str


def round_top(value: float) -> float:
    """Returns the least of 1, 2, 2.5, 5, 10 ... times a power of ten that is not below a value; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0
    while power / 10 >= value:
        power /= 10
    while power < value:
        power *= 10
    # `power` is the least power of ten that is not below the value.
    return next(power * share for share in (0.2, 0.25, 0.4, 0.5, 0.6, 0.8, 1.0) if power * share >= value)


def value_ticks(top: float) -> tuple[float, ...]:
    """Returns the values at which an axis from 0 to a round top is marked."""
    return (0.0, top / 2, top)


def milliseconds_text(value_ms: float) -> str:
    """Returns the value of a tick with its unit."""
    if value_ms >= 1_000:
        return f"{value_ms / 1_000:g} s"
    return f"{value_ms:g} ms" if value_ms else "0"


def time_ticks(since_ns: int, until_ns: int, zone: tzinfo = UTC) -> tuple[Tick, ...]:
    """Returns at most eight times in a span, at round ones of the zone; months where it is long."""
    if until_ns - since_ns >= MONTHS_FROM_NS:
        return tuple(_months(since_ns, until_ns))
    step_ns = _step_ns(since_ns, until_ns)
    if step_ns >= NS_PER_DAY:
        # Days are those of UTC, as roll-ups are.
        zone = UTC
    times = sorted(set(_round_times(since_ns, until_ns, step_ns, zone)))
    return tuple(Tick(at_ns, _label(at_ns, zone)) for at_ns in times)


def has_clock_times(since_ns: int, until_ns: int) -> bool:
    """Whether the axis of a span has clock times of the reader's zone; else it has days or months, which are those of UTC."""
    return until_ns - since_ns < MONTHS_FROM_NS and _step_ns(since_ns, until_ns) < NS_PER_DAY


def _step_ns(since_ns: int, until_ns: int) -> int:
    return next((step for step in STEPS_NS if (until_ns - since_ns) // step <= TICKS_MAX), STEPS_NS[-1])


def _round_times(since_ns: int, until_ns: int, step_ns: int, zone: tzinfo) -> Iterator[int]:
    """Yields the times in a span at which the clock of a zone is round, also where it was set within the span."""
    offsets = {_offset_ns(at_ns, zone) for at_ns in (since_ns, until_ns)}
    for offset_ns in offsets:
        first_ns = -(-(since_ns + offset_ns) // step_ns) * step_ns - offset_ns
        for at_ns in range(first_ns, until_ns + 1, step_ns):
            if _offset_ns(at_ns, zone) == offset_ns or _begins_day(at_ns, zone):
                yield at_ns


def _label(at_ns: int, zone: tzinfo) -> str:
    at = _local(at_ns, zone)
    return f"{at.day} {at:%b}" if _begins_day(at_ns, zone) else f"{at:%H:%M}"


def _begins_day(at_ns: int, zone: tzinfo) -> bool:
    """Whether a day begins at a time: at midnight, or at one o'clock where the clock is set forward at midnight."""
    return _local(at_ns, zone).date() != _local(at_ns - NS_PER_US, zone).date()


def _local(at_ns: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=at_ns // NS_PER_US)).astimezone(zone)


def _offset_ns(at_ns: int, zone: tzinfo) -> int:
    offset = _local(at_ns, zone).utcoffset() or timedelta()
    return int(offset.total_seconds()) * NS_PER_S


def _months(since_ns: int, until_ns: int) -> Iterator[Tick]:
    at = _EPOCH + timedelta(seconds=since_ns // NS_PER_S)
    year, month = at.year, at.month
    months = (until_ns - since_ns) // (30 * NS_PER_DAY)
    every = -(-months // TICKS_MAX) or 1
    while True:
        year, month = (year + (month + every - 1) // 12), (month + every - 1) % 12 + 1
        begin = datetime(year, month, 1, tzinfo=UTC)
        at_ns = (begin - _EPOCH) // timedelta(seconds=1) * NS_PER_S
        if at_ns > until_ns:
            return
        yield Tick(at_ns, f"{begin:%b}" if month != 1 else f"{begin:%b %Y}")
