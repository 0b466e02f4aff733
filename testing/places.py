"""Locations in virtual time: what a script says of a target as each of its locations finds it."""

from ..domain.conditions.judgement import Expectation
from ..domain.observation.attempt import ProbeRequest
from ..domain.observation.location import LocationResult, results_from
from ..domain.observation.observation import Observation
from ..domain.observation.outcome import Outcome, Reason
from ..domain.rules.quorum import seen_by_all
from ..domain.specification.target import Target
from .script import Behaviours, Script, ScriptedBehaviour, answer, failed

_AS_IT_COMES = Expectation(())
"""The words that may stand before `from` are outcomes, which no condition judges."""


def require_places(target: Target | None, script: Behaviours) -> None:
    """Raises: ValueError for a script with a location from which the target is not probed."""
    known = () if target is None else target.places
    unknown = script.places.difference(known) if isinstance(script, Script) else ()
    for name in sorted(unknown):
        said = f"it is probed from {', '.join(known)}" if known else "it has no locations"
        raise ValueError(f"the target is not probed from {name!r}: {said}")


def found_at_places(target: Target, behaviour: ScriptedBehaviour, request: ProbeRequest) -> Observation:
    """Returns the judgement of all locations of a target, of which some may behave in another way than the others."""
    apart = dict(behaviour.apart)
    others = behaviour
    if behaviour.apart:
        others = failed(Outcome.DOWN, Reason.CONNECTION_REFUSED) if target.upside_down is True else answer()
    answers = {}
    for place in target.places:
        found = _found_at(place, apart.get(place, others), target, request)
        if found is not None:
            answers[place] = found
    return seen_by_all(results_from(target.places, answers), target.judged_quorum)


def _found_at(
    place: str, behaviour: ScriptedBehaviour, target: Target, request: ProbeRequest
) -> LocationResult | None:
    """Returns the result of one location; None where it does not answer in time."""
    if behaviour.after_ns is None:
        return None
    sample = _AS_IT_COMES.judge(request.attempt, request.started, behaviour.observation)
    return (sample.turned() if target.upside_down is True else sample).seen_from(place)
