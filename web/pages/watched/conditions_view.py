"""The conditions of a target, with what the newest answer showed to each."""

from collections.abc import Sequence
from typing import NamedTuple

from ....domain.conditions.condition import Condition, compile_condition, facts_named
from ....domain.conditions.display import printable
from ....domain.conditions.facts import Facts
from ....domain.errors import ConditionError
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import WITHOUT_ANSWER, Outcome
from ....domain.observation.sample import Sample
from ....domain.specification.target import Target

_OF_SAMPLES = frozenset({"STATUS", "RESPONSE_TIME", "IP", "CERTIFICATE_EXPIRATION"})
"""The facts that a sample keeps; bodies are not kept of a good one."""


class ConditionRow(NamedTuple):
    """One condition."""

    text: str
    holds: bool | None
    """None where it was not asked: there was no answer."""
    shown: str
    """With what was seen: `[STATUS] (503) == 200`; empty where that is not kept."""
    warns: bool = False
    """Whether it is one of `warn`, which is asked of an answer that meets all others."""


def condition_rows(target: Target, sample: Sample | None) -> list[ConditionRow]:
    """Returns the conditions of a target in their order, and failures that are of none of them at the end."""
    if sample is None:
        rows = [ConditionRow(text, None, "") for text in target.expect]
        return [*rows, *(ConditionRow(text, None, "", warns=True) for text in target.warnings)]
    failed = list(sample.failed)
    # The failures of a degraded sample are those of `warn` alone.
    is_warned = sample.outcome is Outcome.DEGRADED
    rows = [_row(text, sample, [] if is_warned else failed) for text in target.expect]
    rows += [_warning_row(text, sample, failed) for text in target.warnings]
    return [*rows, *(ConditionRow(shown, False, shown) for shown in failed)]


def _warning_row(text: str, sample: Sample, failed: list[str]) -> ConditionRow:
    if sample.outcome not in {Outcome.UP, Outcome.DEGRADED}:
        return ConditionRow(text, None, "", warns=True)
    return _row(text, sample, failed)._replace(warns=True)


def _row(text: str, sample: Sample, failed: list[str]) -> ConditionRow:
    """Returns one condition, and takes its failure out of the list."""
    for shown in failed:
        if _is_of(shown, text):
            failed.remove(shown)
            return ConditionRow(text, False, shown)
    if not sample.outcome.is_evidence or (not sample.failed and sample.reason in WITHOUT_ANSWER):
        return ConditionRow(text, None, "")
    if sample.outcome is Outcome.TIMED_OUT:
        return ConditionRow(text, None, "")
    return ConditionRow(text, True, _shown(text, sample))


def _is_of(shown: str, text: str) -> bool:
    """Whether a failure is the one of a condition: the same text, but for what was seen in parentheses."""
    if shown == text:
        return True
    words: Sequence[str] = text.split(" ", 1)
    if len(words) < 2 or not shown.startswith(f"{words[0]} ("):
        return False
    return shown.endswith(words[1])


def _shown(text: str, sample: Sample) -> str:
    condition = _compiled(text)
    if condition is None or not facts_named(condition) <= _OF_SAMPLES:
        return ""
    seen = Observation(
        connected=True,
        status=sample.status,
        response_time_ns=sample.latency_ns,
        ip=sample.ip,
        certificate_expires_in_ns=sample.certificate_expires_in_ns,
    )
    return printable(condition.comparison.shown(Facts(seen)))


def _compiled(text: str) -> Condition | None:
    try:
        return compile_condition(text)
    except ConditionError:
        return None
