"""Formats events and the end of a run as printed lines: plain text, stable for programs that read it."""

import logging
from typing import assert_never

from ...domain.incidents.incident import Incident, TransitionKind
from ...domain.incidents.notice import DeliveryState
from ...domain.line import count_of, escaped, listed
from ...domain.read_model.event import (
    Event,
    HealthChanged,
    IncidentChanged,
    NoticeEnded,
    RoleChanged,
    SampleSeen,
    WentBlind,
)
from ...domain.read_model.status import AbandonedWork
from ...domain.specification.rule import Severity
from ...domain.time.duration import format_duration
from ...domain.time.moment import NS_PER_MS, wall_text

ID_CHARACTERS = 8
"""The part of an incident's id that a line shows: enough for `ack` and `show`, where a thousand incidents are open."""
_LEVELS = {
    Severity.CRITICAL: logging.ERROR,
    Severity.WARNING: logging.WARNING,
    Severity.INFO: logging.INFO,
}


def line_of(event: Event, now_wall_ns: int) -> str:
    """Returns one printable line for any event: time, level and words. `now_wall_ns` is for one without a time of its own."""
    return (
        f"{wall_text(time_of(event, now_wall_ns))} {logging.getLevelName(level_of(event))} {words_of(event)}"
    )


def time_of(event: Event, now_wall_ns: int) -> int:
    """Returns the wall time of an event, `now_wall_ns` where it has none of its own."""
    match event:
        case IncidentChanged(incident):
            return incident.at_ns
        case NoticeEnded(_, delivery):
            return delivery.at_ns
        case WentBlind(interval):
            return interval.ended_at_ns
        case SampleSeen(sample, _):
            return sample.at.wall_ns
        case HealthChanged() | RoleChanged():
            return now_wall_ns
        case _:
            assert_never(event)


def level_of(event: Event) -> int:
    """Returns the level of an event, as `logging` counts them."""
    match event:
        case IncidentChanged(incident):
            is_new = incident.change in {TransitionKind.OPENED, TransitionKind.CHANGED}
            return _LEVELS[incident.severity] if is_new else logging.INFO
        case NoticeEnded(_, delivery):
            return logging.ERROR if delivery.state is DeliveryState.DEAD else logging.INFO
        case WentBlind():
            return logging.WARNING
        case HealthChanged(_, detail):
            return logging.ERROR if detail else logging.INFO
        case SampleSeen() | RoleChanged():
            return logging.INFO
        case _:
            assert_never(event)


def words_of(event: Event) -> str:
    """Returns an event in one printable line, without its time."""
    match event:
        case IncidentChanged(incident):
            said = f"{incident.change.value}: {_name(incident)}: {incident.summary()}"
        case NoticeEnded(notice, delivery):
            tries = "" if delivery.attempts == 1 else f" after {delivery.attempts} attempts"
            name = notice.subject if notice.digest else _name(notice.incident)
            about = "test" if notice.is_test else f"{notice.change.value} of {name}"
            said = f"notice {delivery.state.value}: {notice.channel}: {about}{tries}"
        case WentBlind(interval):
            length_ns = (interval.ended_at_ns - interval.started_at_ns) // NS_PER_MS * NS_PER_MS
            said = f"blind: for {format_duration(length_ns)}: {interval.cause}"
        case HealthChanged(part, detail):
            said = f"problem: {part}: {detail}" if detail else f"recovered: {part}"
        case RoleChanged(role, detail):
            said = f"{role}: {detail}"
        case SampleSeen(sample, status):
            said = f"sample: {sample.target}: {status.value}: {sample.explanation()}"
        case _:
            assert_never(event)
    return escaped(said)


def _name(incident: Incident) -> str:
    short = incident.id.removeprefix("inc_")[:ID_CHARACTERS]
    return f"{incident.target}/{incident.rule} ({incident.severity.value}) {short}"


def lines_of_end(left: AbandonedWork, *, has_names: bool = True) -> tuple[str, ...]:
    """Returns a line for each kind of lost work, and one for the notices that the next run sends, with their names or without."""
    lines = [f"abandoned: {what}: {listed(names)}" for what, names in left.lost]
    if left.waiting:
        names = f": {listed(left.waiting)}" if has_names else ""
        count = count_of(len(left.waiting), "notice")
        lines.append(f"kept in {left.store}, and sent by the next run: {count}{names}")
    return tuple(lines)
