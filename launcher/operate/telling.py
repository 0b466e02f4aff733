"""Formats events and the end of a run as printed lines."""

from typing import assert_never

from ...adapters.clock import SystemClock
from ...domain.incidents.incident import Incident
from ...domain.line import count_of, escaped, listed
from ...domain.read_model.event import (
    Event,
    HealthChanged,
    IncidentChanged,
    NoticeEnded,
    SampleSeen,
    WentBlind,
)
from ...domain.read_model.status import AbandonedWork
from ...domain.time.duration import format_duration
from ...domain.time.moment import NS_PER_MS, wall_text


def line_of(event: Event, clock: SystemClock | None = None) -> str:
    """Returns one printable line for any event. An event without a time of its own gets the clock's."""
    match event:
        case IncidentChanged(incident):
            at_ns = incident.at_ns
            said = f"{incident.change.value}: {_name(incident)}: {incident.summary()}"
        case NoticeEnded(notice, delivery):
            at_ns = delivery.at_ns
            tries = "" if delivery.attempts == 1 else f" after {delivery.attempts} attempts"
            about = "test" if notice.is_test else f"{notice.change.value} of {_name(notice.incident)}"
            said = f"notice {delivery.state.value}: {notice.channel}: {about}{tries}"
        case WentBlind(interval):
            at_ns = interval.ended_at_ns
            length_ns = (at_ns - interval.started_at_ns) // NS_PER_MS * NS_PER_MS
            said = f"blind: for {format_duration(length_ns)}: {interval.cause}"
        case HealthChanged(part, detail):
            at_ns = (clock or SystemClock()).read().wall_ns
            said = f"problem: {part}: {detail}" if detail else f"recovered: {part}"
        case SampleSeen(sample, status):
            at_ns = sample.at.wall_ns
            said = f"sample: {sample.target}: {status.value}: {sample.explanation()}"
        case _:
            assert_never(event)
    return escaped(f"{wall_text(at_ns)} {said}")


def _name(incident: Incident) -> str:
    return f"{incident.target}/{incident.rule} ({incident.severity.value})"


def lines_of_end(left: AbandonedWork) -> tuple[str, ...]:
    """Returns a line for each kind of lost work, and one for the notices that the next run sends."""
    lines = [f"abandoned: {what}: {listed(names)}" for what, names in left.lost]
    if left.waiting:
        notices = f"{count_of(len(left.waiting), 'notice')}: {listed(left.waiting)}"
        lines.append(f"kept in {left.store}, and sent by the next run: {notices}")
    return tuple(lines)
