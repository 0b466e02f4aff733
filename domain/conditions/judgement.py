"""Judgement of one attempt: facts and conditions become a sample."""

from collections.abc import Sequence
from math import ceil

import msgspec
from msgspec import UNSET, UnsetType

from .. import limits
from ..observation.attempt import AttemptId
from ..observation.evidence import kept_body
from ..observation.observation import Observation, crashed
from ..observation.outcome import INTERNAL_FAULTS, Outcome, Reason
from ..observation.sample import Sample
from ..observation.secret_forms import SecretForms
from ..specification.probe import ANY_ANSWER, Tcp
from ..specification.probes.dns import ANY_RCODE, Dns
from ..specification.probes.kinds import Probe
from ..time.moment import Moment
from ..units import NS_PER_MS
from .condition import Condition, ConditionResult, evaluate_all, facts_named
from .display import printable
from .facts import BODY, CONNECTED, RESPONSE_CODE, RESPONSE_TIME, Facts, body_fault

FAILED_FROM = 400
"""Without conditions, statuses from this one on are failures by HTTP's own classes; a redirect that was not followed is an answer."""


class Expectation:
    """The conditions of one target, compiled once, with what they speak of."""

    __slots__ = ("conditions", "reads_body", "speaks_of_connection", "speaks_of_time", "warnings")

    def __init__(self, conditions: Sequence[Condition], warnings: Sequence[Condition] = ()) -> None:
        self.conditions = tuple(conditions)
        self.warnings = tuple(warnings)
        """Those of `warn`: an answer that meets all conditions and fails one of these is degraded."""
        every = (*self.conditions, *self.warnings)
        self.reads_body = any(BODY in facts_named(condition) for condition in every)
        self.speaks_of_time = any(RESPONSE_TIME in facts_named(condition) for condition in every)
        self.speaks_of_connection = self._names(CONNECTED)

    def asked_of(self, probe: Probe) -> Probe:
        """The probe as these conditions need it: what they judge themselves, it takes as it comes."""
        if (
            self.reads_body
            and isinstance(probe, Tcp)
            and probe.send
            and probe.expect is None
            and not probe.steps
        ):
            return msgspec.structs.replace(probe, expect=ANY_ANSWER)
        if isinstance(probe, Dns) and probe.rcodes is None and self._names(RESPONSE_CODE):
            return msgspec.structs.replace(probe, rcodes=ANY_RCODE)
        return probe

    def _names(self, fact: str) -> bool:
        return any(fact in facts_named(condition) for condition in self.conditions)

    def judge(self, attempt: AttemptId, at: Moment, seen: Observation) -> Sample:
        """The sample that an observation amounts to."""
        outcome, reason, failed, detail = self._verdict(seen)
        sample = Sample(
            target=attempt.target,
            epoch=attempt.epoch,
            attempt=attempt.number,
            at=at,
            outcome=outcome,
            reason=reason,
            latency_ns=seen.response_time_ns,
            phases=seen.phases,
            status=seen.status,
            ip=seen.ip,
            certificate_expires_in_ns=seen.certificate_expires_in_ns,
            measurements=seen.measurements,
            figures_dropped=seen.figures_dropped,
            failed=failed[: limits.FAILED_CONDITIONS_KEPT],
            detail=detail[: limits.DETAIL_CHARACTERS_MAX],
            body=kept_body(seen.body) if seen.body and outcome is not Outcome.UP else msgspec.UNSET,
            reused_connection=seen.reused_connection,
            shared_age_ns=seen.shared_age_ns,
            locations=seen.locations,
            slow_by_ns=self._slow_by_ns(seen) if reason is Reason.CONDITION_FAILED else UNSET,
        )
        if seen.secrets and (outcome is not Outcome.UP or detail):
            # Only what went wrong has texts of the target: to make the forms of secrets costs more than the judgement.
            return sample.told(SecretForms(seen.secrets))
        return sample

    def judge_safely(self, attempt: AttemptId, at: Moment, seen: Observation) -> Sample:
        """The same; a fault in judging costs this one sample, which is then that of a probe that crashed."""
        try:
            return self.judge(attempt, at, seen)
        except Exception as error:  # noqa: BLE001  # whatever it is, no driver's callback is to fail by it
            return self.judge(attempt, at, crashed(error))

    def _slow_by_ns(self, seen: Observation) -> int | UnsetType:
        """By how much the response time is too long, where an answer fails by nothing else."""
        if seen.outcome.is_bad or seen.locations is not UNSET:
            return seen.slow_by_ns
        if not self.speaks_of_time:
            return UNSET
        facts = Facts(seen)
        failed = [condition for condition in self.conditions if not condition.judge(facts).passed]
        failed = failed or [condition for condition in self.warnings if not condition.judge(facts).passed]
        by_ms = [condition.comparison.slow_by_ms(facts) for condition in failed]
        slow_ms = [each for each in by_ms if each is not None]
        return ceil(max(slow_ms) * NS_PER_MS) if slow_ms and len(slow_ms) == len(by_ms) else UNSET

    def _verdict(self, seen: Observation) -> tuple[Outcome, Reason, tuple[str, ...], str]:
        if seen.reason in INTERNAL_FAULTS:
            return Outcome.UNKNOWN, seen.reason, (), seen.detail
        as_observed = seen.outcome, seen.reason, (), seen.detail
        if not self.judges(seen):
            return as_observed
        failed = failures(self.conditions, seen)
        if seen.outcome.is_bad:
            outcome, reason = (seen.outcome, seen.reason) if failed else (Outcome.UP, Reason.OK)
            return outcome, reason, failed, seen.detail
        if failed:
            return self._failure(seen, failed)
        is_judged = seen.is_judged or bool(self.conditions)
        if seen.status is not None and seen.status >= FAILED_FROM and not is_judged:
            return Outcome.DOWN, Reason.UNEXPECTED_ANSWER, (), f"HTTP {seen.status}"
        if seen.outcome is Outcome.UP and self.warnings and (warned := failures(self.warnings, seen)):
            return Outcome.DEGRADED, Reason.CONDITION_FAILED, warned, body_fault(seen) or seen.detail
        return as_observed

    def judges(self, seen: Observation) -> bool:
        """Whether the conditions are asked: of no internal fault, and of no answer that is missing, unless they ask for that.

        Where several locations probed, each has asked them.
        """
        if seen.locations is not UNSET:
            return False
        # "[CONNECTED] == false" watches for something that must not answer: there the conditions decide alone.
        return seen.outcome.is_evidence and (not seen.outcome.is_bad or self.speaks_of_connection)

    def results(self, seen: Observation) -> list[ConditionResult]:
        """The result of each condition, in order, those of `warn` last; one that holds shows what it saw, too."""
        facts = Facts(seen)
        results = [
            ConditionResult(True, printable(condition.comparison.shown(facts))) if result.passed else result
            for condition in (*self.conditions, *self.warnings)
            for result in (condition.judge(facts),)
        ]
        return [each.told(SecretForms(seen.secrets)) for each in results] if seen.secrets else results

    def _failure(
        self, seen: Observation, failed: tuple[str, ...]
    ) -> tuple[Outcome, Reason, tuple[str, ...], str]:
        """The verdict on an answer that fails conditions: a cut body is the cause where those alone fail that read it."""
        detail = body_fault(seen) or seen.detail
        if seen.body_cut:
            others = [each for each in self.conditions if BODY not in facts_named(each)]
            if not failures(others, seen):
                return Outcome.DOWN, Reason.BODY_TOO_LARGE, failed, detail
        return Outcome.DOWN, Reason.CONDITION_FAILED, failed, detail


def failures(conditions: Sequence[Condition], seen: Observation) -> tuple[str, ...]:
    """The conditions that fail, shown with what they saw; why a value cannot be read stands at the first that asks for it."""
    shown: dict[str, str | None] = {}
    for result in evaluate_all(conditions, seen):
        if not result.passed:
            new = result.error is not None and result.error not in shown.values()
            shown[result.shown] = result.error if new else None
    return tuple([printable(f"{text}: {why}") if why else text for text, why in shown.items()])
