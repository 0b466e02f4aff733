"""The shapes of drills: the order to begin one, and those whom it tells."""

from collections.abc import Iterable

import msgspec

from ...domain.specification.channel import Channel
from ...domain.specification.routing import Route
from ...domain.specification.rule import Severity
from .answers import IncidentRow, LengthText, Words
from .documents import ms_of

_RANKS = {severity: at for at, severity in enumerate(Severity)}


class DrillBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A drill to begin."""

    route: Words
    """The id of a route, or its place such as `routes[0]`."""
    severity: Severity = Severity.CRITICAL
    """That of its incident: a channel that takes graver ones only is not told."""
    length: LengthText | None = None
    """How long it lasts unless it is ended before; by default ten minutes."""
    despite_holds: bool = False
    """Whether silences and quiet windows hold nothing of it back."""


class DrillChannel(msgspec.Struct, frozen=True, kw_only=True):
    """One channel of the route."""

    channel: str
    after_ms: float
    """How long after the beginning it is told at the earliest."""
    is_told: bool
    """Whether it takes incidents of this severity."""


class DrillAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A drill that has begun."""

    incident: IncidentRow
    channels: list[DrillChannel]
    """Those of the route with its escalation steps, in the order in which they are told."""


def drill_channels(route: Route, channels: Iterable[Channel], severity: Severity) -> list[DrillChannel]:
    """Returns the channels that a drill of a route tells, each at its earliest."""
    known = {channel.id: channel for channel in channels}
    steps = [(0, name) for name in route.to]
    steps += [(step.after_ns, name) for step in route.escalate for name in step.to]
    waits: dict[str, int] = {}
    for after_ns, name in steps:
        own_ns = max(after_ns, known[name].after_ns)
        waits[name] = min(own_ns, waits.get(name, own_ns))
    return [
        DrillChannel(
            channel=name,
            after_ms=ms_of(after_ns + route.group_wait_ns * bool(route.group_by)),
            is_told=_RANKS[severity] >= _RANKS[known[name].min_severity],
        )
        for name, after_ns in sorted(waits.items(), key=lambda each: each[1])
    ]
