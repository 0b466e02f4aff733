"""Answers made from the values of the domain, each by one small function."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET

from ...domain.incidents.incident import Incident
from ...domain.incidents.record import BlindInterval, Silence
from ...domain.observation.attempt import AttemptRecord
from ...domain.observation.evidence import Evidence
from ...domain.observation.outcome import is_answered
from ...domain.read_model.histogram import Percentiles
from ...domain.read_model.status import RuntimeStatus, TargetStatus
from ...domain.rules.aggregate import Status
from ...domain.specification.construction.shape import SECRETS
from ...domain.specification.text import MASK
from ...domain.suppression.agenda import PlannedSpan
from ...domain.time.moment import Moment
from ...domain.units import NS_PER_MS, NS_PER_US
from .answers import (
    AttemptRow,
    EvidenceRow,
    IncidentRow,
    MaintenanceRow,
    RollupRow,
    SampleRow,
    SilenceRow,
    TargetRow,
)
from .jobs import JobRow
from .location_rows import location_rows
from .runtime_rows import BlindRow, LatenessRow, ProblemRow, SelfAnswer, StatusAnswer, node_rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(wall_ns: int) -> datetime:
    """Returns a wall time; the last one of the calendar for a clock beyond it."""
    try:
        return _EPOCH + timedelta(microseconds=wall_ns // NS_PER_US)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def time_or_none(wall_ns: int | None) -> datetime | None:
    return None if wall_ns is None else time_of(wall_ns)


def _at(moment: Moment | None) -> datetime | None:
    return None if moment is None else time_of(moment.wall_ns)


def ns_of(time: datetime) -> int:
    """Returns the wall time in nanoseconds."""
    since = time - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * NS_PER_US


def ms_of(length_ns: int) -> float:
    """Returns a length in milliseconds, to the microsecond."""
    return round(length_ns / NS_PER_MS, 3)


def ms_or_none(length_ns: int | None) -> float | None:
    return None if length_ns is None else ms_of(length_ns)


def text_of(text: str) -> str:
    """Returns the text with lone surrogates replaced, because JSON in UTF-8 cannot hold them."""
    return text.encode("utf-8", "replace").decode()


def _problem_rows(status: RuntimeStatus) -> list[ProblemRow]:
    return [ProblemRow(part=part, detail=text_of(detail)) for part, detail in status.problems]


def status_answer(status: RuntimeStatus) -> StatusAnswer:
    """Returns the counts of a status."""
    counts = dict.fromkeys((*(each.value for each in Status), "paused"), 0)
    for target in status.targets:
        counts["paused" if target.paused else target.status.value] += 1
    return StatusAnswer(
        as_of=time_of(status.at_ns),
        healthy=status.healthy,
        targets=counts,
        open_incidents=len(status.incidents),
        silences=len(status.silences),
        problems=_problem_rows(status),
        nodes=node_rows(status.nodes),
    )


def self_answer(status: RuntimeStatus) -> SelfAnswer:
    """Returns the state of the runtime itself."""
    return SelfAnswer(
        as_of=time_of(status.at_ns),
        healthy=status.healthy,
        problems=_problem_rows(status),
        lateness=_lateness_row(status.lateness),
        blind=[_blind_row(interval) for interval in status.blind],
        counters=dict(status.counters),
        pinged_at=time_or_none(status.pinged_at_ns),
    )


def _lateness_row(lateness: Percentiles) -> LatenessRow:
    return LatenessRow(
        count=lateness.count,
        p50_ms=ms_of(lateness.p50_ns),
        p90_ms=ms_of(lateness.p90_ns),
        p99_ms=ms_of(lateness.p99_ns),
        max_ms=ms_of(lateness.max_ns),
    )


def _blind_row(interval: BlindInterval) -> BlindRow:
    return BlindRow(
        started_at=time_of(interval.started_at_ns),
        ended_at=time_of(interval.ended_at_ns),
        cause=text_of(interval.cause),
    )


def incidents_by_target(status: RuntimeStatus) -> dict[str, list[str]]:
    """Returns the ids of the open incidents of each target that has one."""
    found: dict[str, list[str]] = {}
    for incident in status.incidents:
        found.setdefault(incident.target, []).append(incident.id)
    return found


def target_row(
    target: TargetStatus,
    open_incidents: list[str],
    work: PlannedSpan | None,
    *,
    paused: bool,
    job: JobRow | None = None,
) -> TargetRow:
    """Returns one target; `paused` as it is configured now, which a status may show a moment later."""
    sample = target.sample
    latency_ns = sample.latency_ns if sample and is_answered(sample.outcome, sample.reason) else None
    explanation = target.explanation
    if not explanation and sample is not None and target.raw is not Status.UP:
        explanation = sample.explanation()
    return TargetRow(
        id=target.id,
        group=text_of(target.metadata.group),
        name=text_of(target.metadata.name),
        labels={name: text_of(text) for name, text in target.metadata.labels},
        description=text_of(target.metadata.description),
        link=target.metadata.link,
        runbook=target.metadata.runbook,
        public=text_of(target.metadata.public),
        kind=target.kind,
        status=target.status,
        since=time_of(target.since_ns),
        raw=target.raw,
        explanation=text_of(explanation),
        paused=paused,
        sampled_at=time_or_none(target.heard_ns),
        outcome=None if sample is None else sample.outcome,
        reason=None if sample is None else sample.reason,
        latency_ms=ms_or_none(latency_ns),
        samples=target.samples,
        missed=target.missed,
        open_incidents=open_incidents,
        silences=[silence_row(silence) for silence in target.silences],
        maintenance=None
        if work is None
        else MaintenanceRow(
            id=work.id, match=[text_of(text) for text in work.match], until=time_of(work.until_ns)
        ),
        job=job,
        locations=location_rows(sample),
    )


def attempt_row(record: AttemptRecord) -> AttemptRow:
    """Returns one attempt."""
    return AttemptRow(
        epoch=record.attempt.epoch,
        number=record.attempt.number,
        state=record.state,
        due_at=time_of(record.due.wall_ns),
        started_at=_at(record.started),
        ended_at=_at(record.ended),
        lateness_ms=ms_of(record.lateness_ns),
        missed=record.missed,
        outcome=record.outcome,
    )


def sample_row(sample: Any) -> SampleRow:
    """Returns one stored sample."""
    return SampleRow(
        at=time_of(sample.at_ns),
        outcome=sample.outcome,
        reason=sample.reason,
        status=sample.status,
        latency_ms=ms_or_none(sample.latency_ns),
        explanation=text_of(sample.explanation),
    )


def evidence_row(evidence: Evidence) -> EvidenceRow:
    """Returns the evidence of one bad sample."""
    phases = {} if evidence.phases is None else msgspec.structs.asdict(evidence.phases)
    return EvidenceRow(
        at=time_of(evidence.at_ns),
        ip=evidence.ip,
        phases_ms={
            name.removesuffix("_ns"): ms_of(took) for name, took in phases.items() if took is not None
        },
        failed=[text_of(each) for each in evidence.failed],
        body=text_of(evidence.body),
    )


def rollup_row(summed: Any) -> RollupRow:
    """Returns the roll-up of one hour or day."""
    rollup = summed.rollup
    return RollupRow(
        at=time_of(summed.at_ns),
        count=rollup.count,
        good=rollup.good,
        bad=rollup.bad,
        unknown=rollup.unknown,
        uptime=rollup.uptime,
        p50_ms=ms_or_none(rollup.latency_at_ns(0.50)),
        p95_ms=ms_or_none(rollup.latency_at_ns(0.95)),
        max_ms=ms_or_none(rollup.latency_max_us * NS_PER_US) if rollup.timed else None,
    )


def incident_row(incident: Incident) -> IncidentRow:
    """Returns an incident, or one transition: the state after it."""
    by = incident.acknowledged_by
    return IncidentRow(
        id=incident.id,
        target=text_of(incident.target),
        rule=text_of(incident.rule),
        severity=incident.severity,
        status="open" if incident.is_open else "resolved",
        change=incident.change,
        sequence=incident.sequence,
        at=time_of(incident.at_ns),
        opened_at=time_of(incident.opened_at_ns),
        acknowledged_at=time_or_none(incident.acknowledged_at_ns),
        acknowledged_by=None if by is None else text_of(by),
        acknowledged_until=time_or_none(incident.acknowledged_until_ns),
        acknowledged_until_worse=incident.acknowledged_until_worse,
        resolved_at=time_or_none(incident.resolved_at_ns),
        note=text_of(incident.note),
        cause=text_of(incident.cause),
        latest=text_of(incident.latest),
        reason=text_of(incident.reason),
        explanation=text_of(incident.explanation),
        draft=incident.draft,
        drill=None if incident.drill is UNSET else text_of(incident.drill.route),
        notify=list(incident.notify),
    )


def silence_row(silence: Silence) -> SilenceRow:
    """Returns a silence."""
    return SilenceRow(
        id=text_of(silence.id),
        target=silence.target,
        match=[text_of(text) for text in silence.match],
        until=time_of(silence.until_ns),
        by=text_of(silence.by),
        reason=text_of(silence.reason),
        created_at=time_or_none(silence.created_at_ns),
    )


def policy_row(policy: Any) -> dict[str, Any]:
    """Returns a policy with its kind; lengths in milliseconds."""
    plain = msgspec.to_builtins(policy, str_keys=True)
    return {"kind": type(policy).__name__, **_in_milliseconds(plain)}


def _in_milliseconds(plain: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields, the lengths in milliseconds under their names with `_ms`."""
    is_length = re.compile(r"_ns(?=_|$)")
    return {
        is_length.sub("_ms", name): ms_of(value)
        if is_length.search(name) and isinstance(value, int)
        else value
        for name, value in plain.items()
    }


def masked(value: Any, *, secret: bool = False) -> Any:
    """Returns plain data of a configuration with every secret masked, however deep it stands."""
    match value:
        case dict():
            return {key: masked(item, secret=secret or key in SECRETS) for key, item in value.items()}
        case list() | tuple():
            return [masked(item, secret=secret) for item in value]
        case str() if secret and value:
            return MASK
        case int() | float() if secret and not isinstance(value, bool):
            return MASK  # such as a number among the settings of a package's kind of probe
    return value
