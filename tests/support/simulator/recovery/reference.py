"""The reference: a naive serial evaluation of the targets' true outcomes, and the incidents that must follow."""

from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.rule import Consecutive, NoData, NoDataPolicy, RuleState

from ..cases.faults import HIDING
from ..machine import Machine


def check_reference(machine: Machine) -> None:
    """Where no fault hides evidence, the record holds exactly the transitions that the true outcomes require, in order."""
    if machine.processes > 1 or any(fault in HIDING for fault in machine.case.options.faults):
        return
    machine.auditor.happened("compared with the reference")
    for watched in machine.case.targets:
        rules = watched.target.rules
        acquits = any(isinstance(rule, NoData) and rule.policy is NoDataPolicy.OK for rule in rules)
        if acquits or not watched.target.is_probed:
            continue
        truths = machine.auditor.attempts.truths.get(watched.target.id, [])
        for rule in watched.target.rules:
            plain = isinstance(rule, Consecutive) and rule.for_ == rule.keep_firing_for == "0s"
            if plain and isinstance(rule, Consecutive) and rule.state is not RuleState.RETIRED:
                _compare(machine, watched.target.id, rule, truths)


def _compare(machine: Machine, target: str, rule: Consecutive, truths: list[tuple[int, Outcome]]) -> None:
    wanted = expected(truths, rule)
    seen = [
        step.change
        for life in machine.auditor.durable.lives.values()
        for step in life
        if step.target == target
        and step.rule == rule.id
        and step.change in {TransitionKind.OPENED, TransitionKind.RESOLVED}
    ]
    if seen != wanted:
        machine.auditor.complain(
            "S3", f"{target}/{rule.id} went {seen}; its {len(truths)} attempts demand {wanted}"
        )


def expected(truths: list[tuple[int, Outcome]], rule: Consecutive) -> list[TransitionKind]:
    """Returns the opens and resolves of a counting rule, one attempt after the other."""
    outage, warning = (Outcome.DOWN, Outcome.TIMED_OUT), (Outcome.DEGRADED,)
    bad = {"down": outage, "degraded": outage + warning, "warning": warning}[rule.on]
    changes: list[TransitionKind] = []
    in_a_row = 0
    for _, outcome in truths:
        if rule.on == "warning" and outcome in outage:
            continue  # an outage is no step of the count
        is_open = bool(changes) and changes[-1] is TransitionKind.OPENED
        counts = (outcome in bad) is not is_open
        in_a_row = in_a_row + 1 if counts else 0
        if in_a_row >= (rule.recover if is_open else rule.after):
            changes.append(TransitionKind.RESOLVED if is_open else TransitionKind.OPENED)
            in_a_row = 0
    return changes
