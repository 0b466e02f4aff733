"""The result of one attempt as one location saw it: a target may be probed from several places at the same time."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from ..limits import LOCATION_EXPLANATION_MAX
from ..line import one_line
from ..public_value import PublicValue, milliseconds
from .outcome import Outcome, Reason

NO_ANSWER = "no answer"
"""The explanation of a location that did not answer."""


class LocationResult(PublicValue, frozen=True, kw_only=True, gc=False):
    """The finding of one location, judged there by the conditions of the target."""

    location: str
    outcome: Outcome
    reason: Reason = Reason.OK
    latency_ns: int | None = None
    """The response time from there; None where no answer came."""
    explanation: str = ""
    """The reason in one line for people, at most LOCATION_EXPLANATION_MAX characters; empty where all is well."""

    @property
    def latency_ms(self) -> float | None:
        return milliseconds(self.latency_ns)

    def bounded(self) -> "LocationResult":
        """Returns the same with an explanation of one line and bounded length: an agent's word is foreign text."""
        said = one_line(self.explanation, LOCATION_EXPLANATION_MAX)
        return self if said == self.explanation else msgspec.structs.replace(self, explanation=said)

    def told(self, discreet: Callable[[str], str]) -> "LocationResult":
        """Returns the result with its explanation as `discreet` gives it."""
        said = discreet(self.explanation)
        return self if said == self.explanation else msgspec.structs.replace(self, explanation=said)


def silent(location: str) -> LocationResult:
    """Returns the result of a location that did not answer."""
    return LocationResult(
        location=location, outcome=Outcome.UNKNOWN, reason=Reason.LOCATION_SILENT, explanation=NO_ANSWER
    )


def results_from(
    locations: Iterable[str], answers: Mapping[str, LocationResult]
) -> tuple[LocationResult, ...]:
    """Returns one result for each location, in their order: what it answered, or its silence.

    An answer that names another location than the one it is filed under is none, and one of a place that was not asked is dropped.
    """
    found = ((name, answers.get(name)) for name in locations)
    return tuple(
        result.bounded() if result is not None and result.location == name else silent(name)
        for name, result in found
    )
