"""Targets that are not checked for long: attempts are made and none of them is evidence, so no rule on outcomes judges them."""

from .. import limits
from ..line import listed
from ..observation.outcome import Outcome
from ..observation.sample import Sample
from ..time.moment import Moment


class Unchecked:
    """Knows since when each target has had samples that are no evidence, and describes those that last.

    A cancelled attempt says nothing.
    """

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since: dict[str, tuple[Moment, str]] = {}

    def note(self, sample: Sample, now: Moment) -> None:
        """Notes a sample of a checked target."""
        if sample.outcome.is_evidence:
            self._since.pop(sample.target, None)
        elif sample.outcome is Outcome.UNKNOWN:
            since, _ = self._since.get(sample.target, (now, ""))
            self._since[sample.target] = (since, sample.explanation())

    def forget(self, target: str) -> None:
        """Lets the time of a target count from its next sample on; one that is not checked any more has none."""
        self._since.pop(target, None)

    def leave_out(self, target: str, gap_ns: int, now: Moment) -> None:
        """Leaves the time of a gap that ends now out of the time of a target."""
        if target in self._since:
            since, says = self._since[target]
            self._since[target] = (since.shifted(min(gap_ns, now.since(since))), says)

    def problem(self, now: Moment) -> str:
        """Returns the targets that could not be checked for as long as the rule `silent` waits at least; empty for none."""
        lasting = {
            name: says
            for name, (since, says) in self._since.items()
            if now.since(since) >= limits.SILENT_AFTER_NS_MIN
        }
        if not lasting:
            return ""
        name, says = next(iter(lasting.items()))
        return f"{listed(list(lasting))} cannot be checked; the last attempt of {name}: {says}"
