"""Durations within bounds, and schedules of heartbeats that can be read, come again, and leave time to report."""

from collections.abc import Iterator

from msgspec import UNSET

from ..specification.probe import Heartbeat
from ..specification.problem import Path, Problem
from ..specification.target import Target
from ..time.calendar import zone_of
from ..time.duration import format_duration, parse_duration
from ..time.occurrences import Occurrences


def length_ns(text: str | None) -> int | None:
    """The length, None where none is written or the text is no duration."""
    try:
        return parse_duration(text or "")
    except ValueError:
        return None


def span_problems(text: str, path: Path, low_ns: int, high_ns: int) -> Iterator[Problem]:
    """The problem of a duration that lies outside [low, high] or is none."""
    try:
        length = parse_duration(text)
    except ValueError as error:
        yield Problem(path, str(error))
        return
    if not low_ns <= length <= high_ns:
        low, high = format_duration(low_ns), format_duration(high_ns)
        yield Problem(path, f"{text} is out of range: write {low} to {high}")


def heartbeat_problems(heartbeat: Heartbeat, path: Path) -> Iterator[Problem]:
    """Yields the problems of a schedule and its zone."""
    if heartbeat.zone is not UNSET:
        try:
            zone_of(heartbeat.zone)
        except ValueError as error:
            yield Problem((*path, "zone"), str(error))
        if heartbeat.schedule is UNSET:
            text = "is the time zone of a schedule, and there is none: write one, or remove it"
            yield Problem((*path, "zone"), text, depends_on=((*path, "schedule"),))
    if heartbeat.schedule is not UNSET:
        try:
            Occurrences(heartbeat.schedule)
        except ValueError as error:
            yield Problem((*path, "schedule"), str(error))


def heartbeat_doubts(target: Target, now_ns: int) -> Iterator[Problem]:
    """Yields the doubts about a heartbeat without problems."""
    heartbeat = target.heartbeat
    if heartbeat is None or heartbeat.occurrences is None:
        return
    path: Path = ("heartbeat", "schedule")
    if heartbeat.occurrences.next_after(now_ns) is None:
        yield Problem(
            path, f"{heartbeat.schedule} never comes again, so no report is ever missed: correct it"
        )
    elif not length_ns(heartbeat.grace):
        text = "a report is missed at the very moment at which the job starts: give it time under grace"
        yield Problem(path, text)
    elif target.grace_ns >= target.every_ns:
        gap = format_duration(target.every_ns)
        yield Problem(
            ("heartbeat", "grace"),
            f"is as long as the longest time between two reports, {gap}: a shorter one tells sooner",
        )
