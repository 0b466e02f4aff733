"""The evaluator of one rule: the verdict on each sample, what it says, and the state that a restart resumes."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar

from .. import limits
from ..observation.outcome import BAD, Outcome
from ..observation.sample import Sample
from ..specification.rule import Severity
from ..time.moment import Moment
from .cause import Cause


class Verdict(StrEnum):
    """The verdict of a rule after one sample."""

    VIOLATED = "broken"
    OK = "whole"
    UNCHANGED = "unchanged"
    """Not enough evidence either way: the rule keeps its phase."""


# Python 3.11 takes 70 ns to find a member in its class, and five rules compare with one 30 times for each sample.
OK, VIOLATED, UNCHANGED = Verdict.OK, Verdict.VIOLATED, Verdict.UNCHANGED


class Evaluator(ABC):
    """The evaluator of one rule on one target; owns the rule's counters or window, and the evidence of its verdict."""

    __slots__ = ("_attempts", "_since")
    counts_each_sample: ClassVar[bool] = False
    """Whether good samples change the counters too."""

    def __init__(self) -> None:
        self._since: Moment | None = None
        self._attempts: tuple[int, ...] = ()

    @abstractmethod
    def take(self, sample: Sample, *, firing: bool) -> Verdict:
        """Judges a sample that is evidence."""

    def is_bad(self, sample: Sample, verdict: Verdict) -> bool:
        """Whether a sample speaks against the target, for this rule, after its `verdict`."""
        del sample
        return verdict is Verdict.VIOLATED

    def since(self) -> Moment | None:
        """Returns the moment of the first bad sample of the present breach."""
        return self._since

    def evidence(self) -> tuple[int, ...]:
        """Returns the attempt numbers behind the verdict, oldest first, at most EVIDENCE_KEPT."""
        return self._attempts

    def _add_evidence(self, sample: Sample) -> None:
        if len(self._attempts) < limits.EVIDENCE_KEPT:
            self._attempts = (*self._attempts, sample.attempt)

    def breach(self, cause: Cause) -> Cause:
        """Returns the cause of an incident: the figures of the rule where it has any; `cause` is what the newest sample found."""
        return cause

    def stands(self, *, firing: bool) -> tuple[str, float | None]:
        """Returns in words how far the rule is from a breach, or from its end while firing, and as a share from 0 to 1."""
        del firing
        return "", None

    def severity(self, stated: Severity) -> Severity:
        """Returns the severity that the newest bad sample gives the incident of a rule with the `stated` one."""
        return stated

    def counters(self) -> tuple[int, ...]:
        """Returns the counters that a restart must resume; all zeros without any state."""
        return ()

    def fits(self, counters: tuple[int, ...]) -> bool:
        """Whether saved counters are of this kind of rule: it may have been another one."""
        return len(counters) == len(self.counters())

    def resume(self, counters: tuple[int, ...], since: Moment | None) -> None:
        """Resumes the values of `counters` and `since` from before a restart."""
        self._since = since

    def saved(self, at: Moment) -> tuple[int, ...]:
        """Returns the counters as they are saved at the moment of the last sample."""
        del at
        return self.counters()

    def resume_saved(self, saved: tuple[int, ...], since: Moment | None, now: Moment) -> None:
        """Resumes what `saved` gave before a restart, as if no time had passed since."""
        del now
        self.resume(saved, since)

    def begin_anew(self) -> None:
        """Counts from zero: silence that counts as good has ended the breach."""
        self.resume((0,) * len(self.counters()), None)


BAD_FROM: dict[str, frozenset[Outcome]] = {
    "down": BAD,
    "degraded": BAD | {Outcome.DEGRADED},
    "warning": frozenset({Outcome.DEGRADED}),
}
SAYS_NOTHING: dict[str, frozenset[Outcome]] = {
    "down": frozenset(),
    "degraded": frozenset(),
    "warning": BAD,
}
"""The outcomes that a rule passes over: an outage opens no second incident of a warning, and is no recovery from one."""
