"""Silences and acknowledgements as hosts ask for them, from a runtime and from a world in virtual time."""

from ..domain.errors import UsageError
from ..domain.incidents.record import ALL, AllTargets, Silence
from ..domain.limits import INTEGER_MAX
from ..domain.line import first_line
from ..domain.time.duration import Duration, duration_ns
from ..domain.time.moment import Moment, wall_ns_of
from ..protocol.owner import Acknowledge


def make_silence(
    target: str | AllTargets,
    length: Duration,
    until: str,
    *,
    by: str,
    reason: str,
    id: str | None,  # noqa: A002  # the name that hosts write
    now: Moment,
) -> Silence:
    """Returns a silence for a length from now or until a moment; without an id there is one silence per target.

    Raises: UsageError unless a target is named and exactly one of length and end is given, and for an end that has passed;
    ValueError for a text that is neither.
    """
    if target is not ALL and not isinstance(target, str):
        raise UsageError(f"a silence names its target, or ALL for every one, not {target!r}")
    if (length == "") == (until == ""):
        raise UsageError("a silence has a length or an end: give one of the two")
    until_ns = wall_ns_of(until) if until else now.wall_ns + duration_ns(length)
    muted = None if target is ALL else target
    usual = "all targets" if muted is None else f"target {muted}"
    silence = Silence(
        id=first_line(usual if id is None else id),
        target=muted,
        until_ns=until_ns,
        by=first_line(by),
        reason=first_line(reason),
    )
    if until and until_ns <= now.wall_ns:
        raise UsageError(f"{until} has passed, so nothing would be muted: the length 0s ends a silence")
    return silence


def make_acknowledgement(incident: str, by: str, note: str, until: Duration, *, now: Moment) -> Acknowledge:
    """Returns the command of an acknowledgement; `until` is a moment, a length from now, or empty for one without an end.

    Raises: UsageError for an end that has passed; ValueError for a text that is neither, and for an end after 2262.
    """
    until_ns = None if until == "" else _end_ns(until, now)
    if until_ns is not None and until_ns <= now.wall_ns:
        raise UsageError(f"{until} has passed: unacknowledge() withdraws an acknowledgement")
    if until_ns is not None and until_ns > INTEGER_MAX:
        raise ValueError("an acknowledgement ends before the year 2262: no other moment can be recorded")
    return Acknowledge(first_line(incident), first_line(by), first_line(note), until_ns)


def _end_ns(until: Duration, now: Moment) -> int:
    # Only a moment has these: a length is never negative.
    if isinstance(until, str) and ("-" in until or ":" in until):
        return wall_ns_of(until)
    return now.wall_ns + duration_ns(until)
