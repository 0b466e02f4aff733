"""The conditions of a target, with what the newest answer showed to each."""

from typing import NamedTuple

from ....domain.conditions.condition import Condition, compile_condition, facts_named, failure_pattern
from ....domain.conditions.display import printable
from ....domain.conditions.facts import Facts
from ....domain.limits import FAILED_CONDITIONS_KEPT
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import WITHOUT_ANSWER, Outcome
from ....domain.observation.sample import Sample
from ....domain.specification.target import Target

_OF_SAMPLES = frozenset({"STATUS", "RESPONSE_TIME", "IP", "CERTIFICATE_EXPIRATION"})
"""The facts that a sample keeps; bodies are not kept of a good one."""


_NOT_YET = "not asked yet"
_NO_ANSWER = "not asked: there was no answer"
_NOT_ASKED = "not asked"
_ELSEWHERE = "asked at each location"
_OF_NO_FAULT = "not asked: the probe itself found a fault"
_NOT_KEPT = f"not known: of one answer {FAILED_CONDITIONS_KEPT} failures are kept"


class ConditionRow(NamedTuple):
    """One condition."""

    text: str
    holds: bool | None
    """None where that is not known."""
    shown: str
    """With what was seen: `[STATUS] (503) == 200`; empty where that is not kept. Where it is not known whether it holds, why."""
    warns: bool = False
    """Whether it is one of `warn`, which is asked of an answer that meets all others."""


def condition_rows(target: Target, sample: Sample | None) -> list[ConditionRow]:
    """Returns the conditions of a target in their order, and failures that are of none of them at the end."""
    stated = [*((text, False) for text in target.expect), *((text, True) for text in target.warnings)]
    if sample is None:
        return [ConditionRow(text, None, _NOT_YET, warns) for text, warns in stated]
    if sample.locations:
        return [ConditionRow(text, None, _ELSEWHERE, warns) for text, warns in stated]
    rows: list[ConditionRow] = []
    is_cut = False
    for text, warns in stated:
        row = _row(text, sample, warns=warns, must_fail=target.upside_down is True)
        rows.append(row._replace(holds=None, shown=_NOT_KEPT) if row.holds and is_cut else row)
        # Failures stand in the order of the conditions: nothing is known of those behind the last one that was kept.
        is_cut = is_cut or (len(sample.failed) == FAILED_CONDITIONS_KEPT and row.shown == sample.failed[-1])
    of_these = {row.shown for row in rows}
    return [*rows, *(ConditionRow(shown, False, shown) for shown in sample.failed if shown not in of_these)]


def _row(text: str, sample: Sample, *, warns: bool, must_fail: bool) -> ConditionRow:
    condition = compile_condition(text)
    # The failures of a degraded sample are those of `warn` alone.
    if sample.failed and warns is (sample.outcome is Outcome.DEGRADED):
        pattern = failure_pattern(condition)
        for shown in sample.failed:
            if pattern.fullmatch(shown):
                return ConditionRow(text, False, shown, warns)
    if why := _unasked(sample, warns=warns, must_fail=must_fail):
        return ConditionRow(text, None, why, warns)
    return ConditionRow(text, True, _shown(condition, sample), warns)


def _unasked(sample: Sample, *, warns: bool, must_fail: bool) -> str:
    """Returns why a condition was not asked; empty where it was."""
    if warns and sample.outcome not in {Outcome.UP, Outcome.DEGRADED}:
        return _NOT_ASKED
    has_no_answer = sample.outcome is Outcome.TIMED_OUT or not sample.outcome.is_evidence
    if has_no_answer or (not sample.failed and sample.reason in WITHOUT_ANSWER):
        return _NO_ANSWER
    # A failed step, or the exit status of a program: the conditions are asked of good answers alone.
    return _OF_NO_FAULT if sample.outcome.is_bad and not sample.failed and not must_fail else ""


def _shown(condition: Condition, sample: Sample) -> str:
    if not facts_named(condition) <= _OF_SAMPLES:
        return ""
    seen = Observation(
        connected=True,
        status=sample.status,
        response_time_ns=sample.latency_ns,
        ip=sample.ip,
        certificate_expires_in_ns=sample.certificate_expires_in_ns,
    )
    return printable(condition.comparison.shown(Facts(seen)))
