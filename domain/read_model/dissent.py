"""Dissent: findings of locations that their quorum has not followed, so that one that fails for good is seen."""

from collections.abc import Iterable
from typing import Protocol

from ..line import together
from ..observation.outcome import Outcome, Reason
from ..observation.sample import Sample

_DOWN, _DEGRADED, _UNKNOWN, _SILENT = "down from", "degraded from", "unknown from", "no answer from"
_WORDS = (_DOWN, _DEGRADED, _UNKNOWN, _SILENT)


class LocatedFinding(Protocol):
    """The finding of one location, here or as the API tells it."""

    @property
    def location(self) -> str: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def reason(self) -> Reason: ...


def dissent_of(sample: Sample | None) -> str:
    """Returns what `dissent` does, of a sample; empty without one."""
    return "" if sample is None else dissent(sample.outcome, sample.locations or ())


def dissent(outcome: Outcome | None, findings: Iterable[LocatedFinding]) -> str:
    """Returns `down from fra` or `degraded from fra, no answer from syd`; empty where every location says that it is up.

    It is empty as well where the outcome of all is bad or unknown: its explanation says from where.
    """
    if outcome is not Outcome.UP and outcome is not Outcome.DEGRADED:
        return ""
    names: dict[str, list[str]] = {}
    for found in findings:
        if found.outcome is not Outcome.UP:
            names.setdefault(_said(found), []).append(found.location)
    return ", ".join(f"{words} {together(names[words])}" for words in _WORDS if words in names)


def _said(found: LocatedFinding) -> str:
    if found.outcome.is_bad:
        return _DOWN
    if found.outcome is Outcome.DEGRADED:
        return _DEGRADED
    return _SILENT if found.reason is Reason.LOCATION_SILENT else _UNKNOWN
