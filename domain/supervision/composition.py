"""Composition: the sample of a target that is made from the newest samples of others, its members."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import UNSET

from ..limits import EXPLANATION_CHARACTERS_MAX
from ..line import listed
from ..observation.outcome import Outcome, Reason
from ..observation.sample import Sample, sample_without_answer
from ..specification.probe import Composite
from ..specification.target import Target
from ..time.moment import Moment
from .schedule import Scheduled


class Composed(NamedTuple):
    """The outcome of a composite target, and its members by how they are, for people."""

    outcome: Outcome
    detail: str


class MemberSamples:
    """Keeps the newest sample of each target that is a member of another one. Owned by the supervisor."""

    def __init__(self, scheduled: Mapping[str, Scheduled]) -> None:
        """`scheduled` has every watched target, as it changes."""
        self._scheduled = scheduled
        self._composites: dict[str, Composite] = {}
        self._newest: dict[str, Sample] = {}
        self._named: frozenset[str] = frozenset()

    def track(self, target: Target) -> None:
        """Notes whose samples a target needs, under its present specification."""
        if target.composite is not UNSET:
            self._name({**self._composites, target.id: target.composite})
        elif target.id in self._composites:
            self.forget(target.id)

    def forget(self, target: str) -> None:
        """Drops a target that is watched no longer, or is no composite any more."""
        self._newest.pop(target, None)
        if target in self._composites:
            self._name({name: each for name, each in self._composites.items() if name != target})

    def _name(self, composites: Mapping[str, Composite]) -> None:
        self._composites = dict(composites)
        self._named = frozenset(name for each in composites.values() for name in each.members)
        self._newest = {name: sample for name, sample in self._newest.items() if name in self._named}

    def note(self, sample: Sample) -> None:
        """Keeps the sample of a member."""
        if sample.target in self._named:
            self._newest[sample.target] = sample

    def begin_anew(self) -> None:
        """Drops every sample: after a gap nothing is known of a member until its next one."""
        self._newest = {}

    def compose(self, entry: Scheduled, now: Moment) -> Sample:
        """Returns the sample of the pending attempt of a composite target. Raises: ValueError without one."""
        if entry.pending is None:
            raise ValueError(f"no attempt of {entry.id} is pending")
        composite = self._composites[entry.id]
        members = [self._scheduled[name] for name in composite.members if name in self._scheduled]
        outcomes = {member.id: self._outcome_of(member, now) for member in members if not member.paused}
        found = composed(composite, outcomes)
        reason = Reason.OK if found.outcome is Outcome.UP else Reason.REPORTED
        return sample_without_answer(entry.pending.attempt, now, found.outcome, reason, found.detail)

    def _outcome_of(self, member: Scheduled, now: Moment) -> Outcome:
        newest = self._newest.get(member.id)
        if newest is None or now.since(newest.at) > member.target.stale_after_ns:
            return Outcome.UNKNOWN
        return newest.outcome


def composed(composite: Composite, outcomes: Mapping[str, Outcome]) -> Composed:
    """Returns what members make of a target: `outcomes` has those that are watched and not paused.

    Down as soon as too few can be well, whatever the others are; unknown where the members that say nothing decide it.
    """
    down = [name for name, outcome in outcomes.items() if outcome.is_bad]
    degraded = [name for name, outcome in outcomes.items() if outcome is Outcome.DEGRADED]
    unknown = [name for name, outcome in outcomes.items() if not outcome.is_evidence]
    left_out = [name for name in composite.members if name not in outcomes]
    # Members that are left out lower what is needed, so that work on one of them is no outage.
    needed = min(composite.needed, len(outcomes))
    well = len(outcomes) - len(down) - len(unknown)
    groups = {"down": down, "degraded": degraded, "unknown": unknown, "left out": left_out}
    detail = f"{well} of {len(outcomes)} well" + "".join(
        f"; {word}: {listed(names)}" for word, names in groups.items() if names
    )
    detail = detail[:EXPLANATION_CHARACTERS_MAX]
    if not outcomes or well < needed <= well + len(unknown):
        return Composed(Outcome.UNKNOWN, detail)
    if well < needed:
        return Composed(Outcome.DOWN, detail)
    return Composed(Outcome.DEGRADED if down or degraded else Outcome.UP, detail)
