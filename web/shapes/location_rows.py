"""The results of the locations of a target, as the API tells them."""

from ...domain.observation.outcome import Outcome, Reason
from ...domain.observation.sample import Sample
from ...domain.public_value import PublicValue
from ...domain.units import NS_PER_MS


class LocationRow(PublicValue, frozen=True, kw_only=True):
    """The finding of one location in the newest sample."""

    location: str
    outcome: Outcome
    reason: Reason
    latency_ms: float | None
    """The response time from there; null where no answer came."""
    explanation: str
    """Why it is not up; empty where all is well."""


def location_rows(sample: Sample | None) -> list[LocationRow]:
    """Returns a row for each location, in the order of the target; none where this runtime alone probes it."""
    return [
        LocationRow(
            location=each.location,
            outcome=each.outcome,
            reason=each.reason,
            latency_ms=None if each.latency_ns is None else round(each.latency_ns / NS_PER_MS, 3),
            explanation=each.explanation.encode("utf-8", "replace").decode(),
        )
        for each in (() if sample is None else sample.locations or ())
    ]
