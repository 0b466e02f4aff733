"""An incident as text to paste into a chat or a ticket: no markup, each time with its zone."""

from collections.abc import Iterator

from ....domain.line import escaped
from ..frame import PageFrame
from ..words import duration
from .found import Found


def plain_text(found: Found, frame: PageFrame) -> str:
    """Returns the incident in lines; words of others have their control characters escaped."""
    return "\n".join(escaped(line) for line in _lines(found, frame)) + "\n"


def _lines(found: Found, frame: PageFrame) -> Iterator[str]:
    incident = found.incident
    state = "down" if incident.severity.value == "critical" else "degraded"
    begin = frame.moment(incident.opened_at_ns)
    if incident.resolved_at_ns is None:
        yield f"{found.name} is {state} since {begin} ({duration(frame.since(incident.opened_at_ns))})"
    else:
        end = frame.moment(incident.resolved_at_ns)
        yield f"{found.name} was {state} from {begin} to {end} ({duration(incident.lasted_ns or 0)})"
    yield f"target {incident.target}, rule {incident.rule}, {incident.severity.value}"
    yield f"cause: {incident.cause or incident.explanation or incident.reason}"
    if incident.latest and incident.latest != incident.cause:
        yield f"latest: {incident.latest}"
    if incident.acknowledged_by:
        note = f": {incident.note}" if incident.note else ""
        yield f"seen by {incident.acknowledged_by}{note}"
    if found.events:
        yield ""
    for event in found.events:
        code = f" {event.code}" if event.code else ""
        detail = f" ({event.detail})" if event.detail else ""
        yield f"{frame.moment(event.at_ns)}  {event.title}{event.text}{code}{detail}"
    for row in found.told:
        told = (
            f"{row.told.value} at {frame.moment(row.told_at_ns)}"
            if row.told and row.told_at_ns
            else "nothing yet"
        )
        waiting = f", {row.waiting.value} {row.state.value}" if row.waiting and row.state else ""
        waits = f", waits: {row.waits.said(frame.moment)}" if row.waits else ""
        yield f"{row.channel} knows: {told}{waiting}{waits}"
    yield f"id {incident.id}"
