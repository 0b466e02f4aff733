"""The naive judge of every kind of rule, over all samples that the owner was given, and of how composite samples were made."""

from collections.abc import Iterable, Sequence
from itertools import product

from msgspec import UNSET
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.observation.attempt import AttemptRecord
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.probe import Composite
from watchkeeper.domain.specification.rule import (
    BurnRate,
    JudgedRule,
    KOfN,
    Mode,
    Nagios,
    NoData,
    NoDataPolicy,
    Threshold,
)
from watchkeeper.domain.time.duration import parse_duration

from ..cases.faults import HIDING
from ..invariants.attempts import TURNED
from ..machine import Machine

OPENED, CHANGED, RESOLVED = TransitionKind.OPENED, TransitionKind.CHANGED, TransitionKind.RESOLVED
BAD = (Outcome.DOWN, Outcome.TIMED_OUT)
Taken = tuple[Sample, AttemptRecord]


def check_kinds(machine: Machine) -> None:
    """Where no fault hides evidence, each rule has exactly the transitions that a recount of the whole past demands."""
    if machine.processes > 1 or any(fault in HIDING for fault in machine.case.options.faults):
        return
    for watched in machine.case.targets:
        target = watched.target
        taken = machine.auditor.taken.get(target.id, [])
        if target.composite is not UNSET:
            _check_made(machine, target.composite, taken)
        if any(isinstance(rule, NoData) and rule.policy is NoDataPolicy.OK for rule in target.rules):
            continue
        samples = [sample for sample, _ in taken if sample.outcome.is_evidence]
        for rule in target.judged_rules:
            if rule.for_ == rule.keep_firing_for == "0s":
                _compare(machine, target.id, rule, samples)


def _compare(machine: Machine, target: str, rule: JudgedRule, samples: Sequence[Sample]) -> None:
    states = list(_states(rule, samples))
    if not states:
        return
    machine.auditor.happened(f"recounted: {rule.__struct_config__.tag}")
    wanted, before = [], ""
    for state in states:
        if bool(state) is not bool(before):
            wanted.append(OPENED if state else RESOLVED)
        elif state != before:
            wanted.append(CHANGED)
        before = state
    seen = [
        step.change
        for life in machine.auditor.durable.lives.values()
        for step in life
        if (step.target, step.rule) == (target, rule.id) and step.change in {OPENED, CHANGED, RESOLVED}
    ]
    # An acknowledgement that ends is a change, too, of the rules whose severity stands.
    if not isinstance(rule, Nagios) or machine.auditor.sometimes["opened to acknowledged"]:
        seen, wanted = ([change for change in steps if change is not CHANGED] for steps in (seen, wanted))
    if seen != wanted:
        machine.auditor.complain(
            "S3", f"{target}/{rule.id} went {seen}; {len(samples)} samples demand {wanted}"
        )


def _states(rule: JudgedRule, samples: Sequence[Sample]) -> Iterable[str]:
    """Returns after each sample the level of the open incident, empty without one."""
    match rule:
        case KOfN():
            return _of_counts(rule, samples)
        case Nagios():
            return _of_attempts(rule, samples)
        case BurnRate():
            return _of_budget(rule, samples)
        case Threshold(measure="availability"):
            return _of_figure(rule, samples)
        case _:
            return ()


def _of_counts(rule: KOfN, samples: Sequence[Sample]) -> Iterable[str]:
    kinds = {"down": BAD, "degraded": (*BAD, Outcome.DEGRADED), "warning": (Outcome.DEGRADED,)}[rule.on]
    flags: list[bool] = []
    state = ""
    for sample in samples:
        if rule.on == "warning" and sample.outcome in BAD:
            continue  # an outage is no step of the count
        flags.append(sample.outcome in kinds)
        good = len(flags) >= rule.recover and not any(flags[-rule.recover :])
        if sum(flags[-rule.of :]) >= rule.bad:
            state = "open"
        elif good:
            state = ""
        yield state


def _of_attempts(rule: Nagios, samples: Sequence[Sample]) -> Iterable[str]:
    """One row of Nagios' table after the other."""
    in_a_row = 0
    for sample in samples:
        in_a_row = 0 if sample.outcome is Outcome.UP else in_a_row + 1
        level = "warning" if sample.outcome is Outcome.DEGRADED else "critical"
        yield level if in_a_row >= rule.max_check_attempts else ""


def _of_budget(rule: BurnRate, samples: Sequence[Sample]) -> Iterable[str]:
    """Counts each window anew for each sample: a bucket is a fifth of the short one, and the newest is counted as it is."""
    state, times = "", [sample.at.monotonic_ns - samples[0].at.monotonic_ns for sample in samples]
    for number, _ in enumerate(samples, 1):
        verdicts = []
        for limit in rule.burn_limits:
            width = parse_duration(limit.windows.short) // 5
            newest = max(times[:number]) // width
            found = []
            for buckets in (60, 5):
                inside = [
                    samples[at].outcome in BAD
                    for at in range(number)
                    if times[at] // width >= newest - buckets
                ]
                found.append(inside)
            if len(found[1]) >= rule.slo.min_samples:
                shares = [sum(inside) / len(inside) for inside in found]
                verdicts.append(sum(found[0]) >= 2 and min(shares) > limit.ratio)
        if verdicts:
            state = "open" if any(verdicts) else ""
        yield state


def _of_figure(rule: Threshold, samples: Sequence[Sample]) -> Iterable[str]:
    """The mean of so many newest samples, or its change against those before them; all windows are drawn as counts."""
    now = int(rule.window)
    before = int(rule.baseline) if isinstance(rule.baseline, int) else now
    values: list[float] = []
    state = ""
    for sample in samples:
        values.append(0.0 if sample.outcome in BAD else 100.0)
        recent, earlier = values[-now:], values[-now - before : -now]
        figure: float | None = sum(recent) / len(recent)
        if rule.mode is Mode.RELATIVE_CHANGE:
            mean = sum(earlier) / len(earlier) if len(earlier) == before else 0.0
            figure = (sum(recent) / len(recent) - mean) / mean * 100 if mean else None
        if figure is not None and len(recent) >= rule.min_samples:
            broken = figure < (rule.recovery_bound if state else rule.bound)
            if broken or len(recent) == now or not state:
                state = "open" if broken else ""
        yield state


# Composite targets.


def _check_made(machine: Machine, composite: Composite, taken: Sequence[Taken]) -> None:
    """Each sample of a composite target is one that the newest samples of its members at that moment allow."""
    by_id = {watched.target.id: watched.target for watched in machine.case.targets}
    for sample, _ in taken:
        at_ns = sample.at.monotonic_ns
        choices = [_newest(machine, name, at_ns, by_id[name].stale_after_ns) for name in composite.members]
        allowed = {_made(composite, members) for members in product(*choices)}
        if by_id[sample.target].upside_down is True:
            allowed = {TURNED[outcome] for outcome in allowed}
        machine.auditor.happened(f"made: {sample.outcome.value}")
        if sample.outcome not in allowed:
            machine.auditor.complain("S17", f"{sample} is made, and its members allow {sorted(allowed)}")
            return


def _newest(machine: Machine, member: str, at_ns: int, stale_after_ns: int) -> list[Outcome]:
    """Returns the outcomes that a member may have had: samples that ended at the same instant came before or after."""
    found = [Outcome.UNKNOWN]
    for sample, record in machine.auditor.taken.get(member, []):
        ended_ns = at_ns if record.ended is None else record.ended.monotonic_ns
        outcome = sample.outcome if at_ns - sample.at.monotonic_ns <= stale_after_ns else Outcome.UNKNOWN
        if ended_ns < at_ns:
            found = [outcome]
        elif ended_ns == at_ns:
            found.append(outcome)
    return found


def _made(composite: Composite, members: Sequence[Outcome]) -> Outcome:
    """Tries every member of which nothing is known as well and as down: where all agree, that is the outcome."""
    known = {Outcome.UP: True, Outcome.DEGRADED: True, Outcome.DOWN: False, Outcome.TIMED_OUT: False}
    tried = product(*((known[one],) if one in known else (True, False) for one in members))
    works = {sum(each) >= composite.needed for each in tried}
    if len(works) > 1:
        return Outcome.UNKNOWN
    if not works.pop():
        return Outcome.DOWN
    others = {one for one in members if one in known} - {Outcome.UP}
    return Outcome.DEGRADED if others else Outcome.UP
