"""The check that the requests of a ping can be sent within one attempt."""

from collections.abc import Iterator

from ...limits import ECHO_PAUSE_NS
from ...specification.probes.icmp import Icmp
from ...specification.problem import Problem
from ...specification.target import Target
from ...time.duration import format_duration
from ..durations import length_ns


def echo_problems(target: Target) -> Iterator[Problem]:
    """Yields the problem of requests of which the last would leave after the deadline; its path begins at the target."""
    probe = target.probe
    if not isinstance(probe, Icmp):
        return
    needed_ns = (probe.count - 1) * ECHO_PAUSE_NS
    stated = [(length, key) for key in ("timeout", "every") if (length := length_ns(getattr(target, key)))]
    if stated and needed_ns >= min(stated)[0]:
        _, key = min(stated)
        text = (
            f"{probe.count} requests, {format_duration(ECHO_PAUSE_NS)} apart, take {format_duration(needed_ns)},"
            f" and the attempt ends by then: write fewer, or a longer {key}"
        )
        yield Problem(("icmp", "count"), text, depends_on=(("timeout",), ("every",)))
