"""Draws the kinds of rules besides counting in a row, objectives, targets that must fail, and composite targets."""

from msgspec import UNSET
from msgspec.structs import replace
from watchkeeper.domain.specification.probe import Composite
from watchkeeper.domain.specification.rule import (
    Consecutive,
    CountedLevel,
    KOfN,
    Mode,
    Nagios,
    Rule,
    Severity,
    Slo,
    Threshold,
)
from watchkeeper.domain.specification.target import Target

from .case import Act, Case, Watched
from .tape import Stream, Tape

LEVELS: tuple[CountedLevel, ...] = ("down", "degraded", "warning")
WHOLE = "whole"
"""The name of the composite target."""


def with_kinds(case: Case, tape: Tape) -> Case:
    """Returns the case with these drawn besides. They have a stream of their own, so that all else of a seed stays."""
    stream = tape.stream("kinds")
    watched = tuple(replace(each, target=_target(stream, each.target)) for each in case.targets)
    if stream.one_in(3):
        watched = (*watched, _whole(stream, watched))
    before = {each.target.id: each.target for each in case.targets}
    after = {each.target.id: each.target for each in watched}
    acts = tuple(_followed(act, before, after) for act in case.acts)
    return replace(case, targets=watched, acts=acts)


def _followed(act: Act, before: dict[str, Target], after: dict[str, Target]) -> Act:
    """Returns an act with the drawn target where it tracks the same again; a changed one must fail as before."""
    if act.target is None:
        return act
    if act.target == before[act.name]:
        return replace(act, target=after[act.name])
    turned = UNSET if act.target.heartbeat else after[act.name].upside_down
    return replace(act, target=replace(act.target, upside_down=turned))


def _target(stream: Stream, target: Target) -> Target:
    rules = (*target.rules, *_rules(stream))
    slo = Slo(objective="90%", min_samples=stream.between(2, 5)) if stream.one_in(4) else UNSET
    turned = stream.one_in(6) and target.heartbeat is None
    return replace(target, rules=rules, slo=slo, upside_down=True if turned else UNSET)


def _rules(stream: Stream) -> list[Rule]:
    rules: list[Rule] = []
    if stream.one_in(3):
        bad = stream.between(1, 3)
        rules.append(
            KOfN(
                id="some",
                bad=bad,
                of=bad + stream.between(0, 3),
                recover=stream.between(1, 3),
                on=LEVELS[stream.below(3)],
                severity=Severity.WARNING,
            )
        )
    if stream.one_in(3):
        rules.append(Nagios(id="hard", max_check_attempts=stream.between(1, 3)))
    if stream.one_in(4):
        rules.append(
            Threshold(
                id="poor",
                measure="availability",
                operator="<",
                value=60,
                recover=80,
                window=stream.between(2, 5),
                min_samples=stream.between(1, 2),
                aggregate="mean",
                severity=Severity.WARNING,
            )
        )
    if stream.one_in(4):
        rules.append(
            Threshold(
                id="worse",
                measure="availability",
                operator="<",
                value=-30,
                window=2,
                baseline=stream.between(2, 4),
                mode=Mode.RELATIVE_CHANGE,
                aggregate="mean",
                severity=Severity.WARNING,
            )
        )
    if stream.one_in(4):
        after, recover = stream.between(1, 2), stream.between(1, 2)
        rules.append(Consecutive(id="warned", on="warning", after=after, recover=recover))
    return rules


def _whole(stream: Stream, watched: tuple[Watched, ...]) -> Watched:
    """A target that is made from the others; its script is that of nothing."""
    members = tuple(each.target.id for each in watched)
    at_least = stream.between(1, len(members))
    composite = (
        Composite(worst_of=members) if stream.below(2) else Composite(targets=members, at_least=at_least)
    )
    target = Target(
        id=WHOLE,
        every=f"{(5, 10, 15)[stream.below(3)]}s",
        composite=composite,
        rules=(
            Consecutive(id="down", after=stream.between(1, 3), recover=stream.between(1, 2)),
            *_rules(stream),
        ),
        default_rules=False,
        notify=watched[0].target.notify,
    )
    turned = True if stream.one_in(6) else UNSET
    return Watched(target=replace(target, upside_down=turned), script="ok")
