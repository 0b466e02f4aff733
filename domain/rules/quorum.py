"""The quorum: the results of several locations become one judgement of their target."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from ..limits import DETAIL_CHARACTERS_MAX
from ..line import cut, together
from ..observation.location import LocationResult, silent
from ..observation.observation import Observation
from ..observation.outcome import Outcome, Reason, is_answered


class QuorumJudgement(msgspec.Struct, frozen=True, gc=False):
    """The judgement of a target by the results of all its locations."""

    outcome: Outcome
    reason: Reason
    latency_ns: int | None
    """The median of the locations that agree with the outcome and had an answer, the lower one of two; None without any."""
    explanation: str
    """`down from fra and iad, up from syd`; empty where every location says that the target is up.

    A location with another reason than that of all is followed by its own: `down from fra and iad (timed_out), up from syd`.
    """


def judged(results: Sequence[LocationResult], quorum: int) -> QuorumJudgement:
    """Returns the judgement of one result a location.

    DOWN where at least `quorum` of them say that the target is down, a time out included. UP, or DEGRADED where at least `quorum`
    say that it is at least degraded, where those that are well are so many that the others cannot make it DOWN. Else too few have
    answered: UNKNOWN, which is no evidence.

    Raises: ValueError for a quorum that these locations can never reach, or always do.
    """
    count = len(results)
    if not 1 <= quorum <= count:
        raise ValueError(f"a quorum of {quorum} among {count} locations: it is 1 to the number of locations")
    bad = [each for each in results if each.outcome.is_bad]
    good = [each for each in results if each.outcome.is_evidence and not each.outcome.is_bad]
    if len(bad) >= quorum:
        reason = _commonest(bad)
        return QuorumJudgement(Outcome.DOWN, reason, _latency(bad), _said(results, _BAD_FIRST, reason))
    if len(good) <= count - quorum:
        reason = Reason.LOCATION_SILENT
        return QuorumJudgement(Outcome.UNKNOWN, reason, None, _said(results, _SILENT_FIRST, reason))
    warned = [each for each in good if each.outcome is Outcome.DEGRADED]
    if len(warned) + len(bad) >= quorum and warned:
        reason = _commonest(warned)
        return QuorumJudgement(Outcome.DEGRADED, reason, _latency(good), _said(results, _BAD_FIRST, reason))
    # The silence of a location is no word about the target: it is none that the others differ from.
    reason = Reason.LOCATIONS_DIFFER if warned or bad else Reason.OK
    said = "" if len(good) == count and not warned else _said(results, _BAD_FIRST, reason)
    return QuorumJudgement(Outcome.UP, reason, _latency(good), said)


def seen_by_all(results: Sequence[LocationResult], quorum: int) -> Observation:
    """Returns the observation of an attempt that was made at several locations. Raises: ValueError as `judged` does.

    The conditions were judged at each location, and a target that must fail was turned there, so that nothing is judged again.
    """
    judgement = judged(results, quorum)
    return Observation(
        outcome=judgement.outcome,
        reason=judgement.reason,
        detail=judgement.explanation,
        response_time_ns=judgement.latency_ns,
        locations=tuple(results),
    )


def _commonest(results: Sequence[LocationResult]) -> Reason:
    """The reason of most of them; of two that are as common, the one that comes first in the alphabet."""
    counted = Counter(each.reason for each in results)
    return min(counted, key=lambda reason: (-counted[reason], reason.value))


def _latency(results: Sequence[LocationResult]) -> int | None:
    measured = [
        each.latency_ns
        for each in results
        if each.latency_ns is not None and is_answered(each.outcome, each.reason)
    ]
    return sorted(measured)[(len(measured) - 1) // 2] if measured else None


_Kind = tuple[str, Callable[[LocationResult], bool]]
_DOWN: _Kind = ("down from", lambda each: each.outcome.is_bad)
_DEGRADED: _Kind = ("degraded from", lambda each: each.outcome is Outcome.DEGRADED)
_UP: _Kind = ("up from", lambda each: each.outcome is Outcome.UP)
_UNKNOWN: _Kind = (
    "unknown from",
    lambda each: not each.outcome.is_evidence and each.reason is not Reason.LOCATION_SILENT,
)
_SILENT: _Kind = (
    "no answer from",
    lambda each: not each.outcome.is_evidence and each.reason is Reason.LOCATION_SILENT,
)
_BAD_FIRST = (_DOWN, _DEGRADED, _UP, _UNKNOWN, _SILENT)
_SILENT_FIRST = (_SILENT, _UNKNOWN, _DOWN, _DEGRADED, _UP)
_REASONS = {each.value: each for each in Reason}


def _said(results: Sequence[LocationResult], order: Sequence[_Kind], reason: Reason) -> str:
    """The locations by what they say, each kind in the order in which they are written; `reason` is that of the judgement."""
    unsaid = (reason, Reason.OK, Reason.LOCATION_SILENT)
    parts = []
    for words, holds in order:
        found = [each for each in results if holds(each)]
        if found:
            names = [
                each.location if each.reason in unsaid else f"{each.location} ({each.reason.value})"
                for each in found
            ]
            parts.append(f"{words} {together(names)}")
    return cut(", ".join(parts), DETAIL_CHARACTERS_MAX)


def results_said(
    outcome: Outcome, reason: Reason, explanation: str, locations: Sequence[str], quorum: int
) -> tuple[LocationResult, ...]:
    """Returns the results of locations that an explanation of `judged` names: what each found and why, without its latency and its own words.

    Empty where it does not name all of them: it was cut, other locations were asked than these, or the sample was up at all of them, of
    which no explanation is recorded.
    """
    names = "|".join(map(re.escape, sorted(locations, key=len, reverse=True)))
    named = rf"(?:{names})(?: \([a-z_0-9]+\))?"
    words = "|".join(kind for kind, _ in _BAD_FIRST)
    found: dict[str, LocationResult] = {}
    for part in re.finditer(rf"({words}) ({named}(?:(?:, | and ){named})*)(?:, |$)", explanation):
        for name, own in re.findall(rf"({names})(?: \(([a-z_0-9]+)\))?(?:, | and |$)", part[2]):
            found[name] = _result_said(name, part[1], _REASONS.get(own), reason)
    results = tuple(found[name] for name in locations if name in found)
    if len(results) < len(locations):
        return ()
    again = judged(results, quorum)
    is_whole = (again.outcome, again.reason, again.explanation) == (outcome, reason, explanation)
    return results if is_whole else ()


def _result_said(name: str, words: str, own: Reason | None, reason: Reason) -> LocationResult:
    """Returns the result that `down from NAME` stands for; where the location has no reason beside its name, it has that of the judgement."""
    if words == _SILENT[0]:
        return silent(name)
    if words == _UP[0]:
        return LocationResult(location=name, outcome=Outcome.UP, reason=own or Reason.OK)
    why = own or reason
    if words == _DOWN[0]:
        outcome = Outcome.TIMED_OUT if why is Reason.TIMED_OUT else Outcome.DOWN
    else:
        outcome = Outcome.DEGRADED if words == _DEGRADED[0] else Outcome.UNKNOWN
    return LocationResult(location=name, outcome=outcome, reason=why)
