"""The page of one attempt: when it was due, how it ended, and what it saw."""

from datetime import datetime
from typing import Any

from starlette.responses import Response

from ....domain.errors import StoreError
from ....domain.limits import ATTEMPTS_KEPT_PER_TARGET
from ....domain.observation.attempt import AttemptRecord
from ....domain.observation.evidence import Evidence, evidence_of
from ....domain.observation.observation import Phases
from ....domain.observation.sample import Sample
from ....domain.specification.web import Role
from ....domain.units import NS_PER_US
from ....host.access.target_past import AttemptPast, read_attempt
from ...problems import Refusal
from ...shapes.documents import ns_of
from ...table import ApiCall, ApiRoute
from ..layout import ViewQuery, render
from ..words import instant
from .attempt_rows import AttemptView, attempt_views, kept_view
from .conditions_view import condition_rows
from .past_view import phases_view
from .target import Known, TargetQuery, known_of, target_page


async def attempt_page(call: ApiCall) -> Response:
    """Shows one attempt: of the newest ones all that is known, of any other what the record keeps of it.

    Raises: Refusal of one of which nothing is kept.
    """
    known = await known_of(call, fresh=True)
    asked = call.path["attempt"]
    at_ns = _time_in(asked)
    record = next((each for each in known.attempts if _is_named(each, asked, at_ns)), None)
    if record is None:
        return await _past_page(call, known, at_ns)
    kept = await _kept(call, known, record)
    sample = known.row.sample if _is_of(known.row.sample, record) else None
    (view,) = attempt_views([record], () if kept.sample is None else (kept.sample,), sample)
    evidence = kept.evidence or (None if sample is None or not view.why else evidence_of(sample))
    phases = sample.phases if sample is not None else None if evidence is None else evidence.phases
    return await _shown(
        call,
        known,
        view,
        evidence,
        phases,
        sample=sample,
        kept=kept.sample is not None,
        conditions=[] if sample is None else condition_rows(known.target, sample),
        **_neighbours(known, record),
    )


async def _past_page(call: ApiCall, known: Known, at_ns: int | None) -> Response:
    """Shows what the record keeps of an attempt that is none of the newest. Raises: Refusal where that is nothing; StoreError."""
    kept = AttemptPast()
    if at_ns is not None and call.operations.has_file:
        kept = await call.operations.read(lambda reader: read_attempt(reader, known.target, at_ns))
    if at_ns is None or (kept.sample is None and kept.evidence is None):
        raise Refusal(404, _gone(call))
    phases = None if kept.evidence is None else kept.evidence.phases
    return await _shown(
        call,
        known,
        kept_view(at_ns, kept.sample, kept.evidence),
        kept.evidence,
        phases,
        sample=None,
        kept=True,
        conditions=[],
        former="" if kept.former_ns is None else instant(kept.former_ns),
        later="" if kept.later_ns is None else instant(kept.later_ns),
    )


async def _shown(
    call: ApiCall,
    known: Known,
    view: AttemptView,
    evidence: Evidence | None,
    phases: Phases | None,
    **values: Any,
) -> Response:
    chart, rows = phases_view([("this attempt", phases)])
    return await render(
        call,
        "attempt.html",
        row=known.row,
        attempt=view,
        evidence=evidence,
        retention=call.operations.configuration().runtime.retention,
        phase_chart=chart,
        phase_rows=rows,
        **values,
    )


def _time_in(asked: str) -> int | None:
    """Returns the time by which an address names an attempt, to the microsecond; None where it names it otherwise."""
    try:
        at = datetime.fromisoformat(asked)
    except ValueError:
        return None
    return None if at.tzinfo is None else ns_of(at)


def _is_named(record: AttemptRecord, asked: str, at_ns: int | None) -> bool:
    if at_ns is not None and record.started is not None:
        return record.started.wall_ns // NS_PER_US == at_ns // NS_PER_US
    return f"{record.attempt.epoch}-{record.attempt.number}" == asked


def _gone(call: ApiCall) -> str:
    """Returns why an attempt cannot be shown: what is kept of attempts, and for how long."""
    if not call.operations.has_file:
        return (
            f"nothing is kept of this attempt: without a store, the newest {ATTEMPTS_KEPT_PER_TARGET} attempts of each target are"
            " known"
        )
    retention = call.operations.configuration().runtime.retention
    return (
        f"nothing is kept of this attempt: numbers name the newest {ATTEMPTS_KEPT_PER_TARGET} attempts of a target, and times all"
        f" of the last {retention.history}; what bad answers held is kept for {retention.failed_samples}, once an hour while they"
        " say the same"
    )


def _is_of(sample: Sample | None, record: AttemptRecord) -> bool:
    attempt = record.attempt
    return sample is not None and (sample.epoch, sample.attempt) == (attempt.epoch, attempt.number)


async def _kept(call: ApiCall, known: Known, record: AttemptRecord) -> AttemptPast:
    """Returns what the store has; nothing where there is none, or it cannot be read."""
    if record.started is None or not call.operations.has_file:
        return AttemptPast()
    at_ns = record.started.wall_ns
    try:
        return await call.operations.read(lambda reader: read_attempt(reader, known.target, at_ns))
    except StoreError:
        return AttemptPast()


def _neighbours(known: Known, record: AttemptRecord) -> dict[str, Any]:
    """Returns the names of the attempts before and after one, empty where there is none."""
    at = known.attempts.index(record)
    names = [f"{each.attempt.epoch}-{each.attempt.number}" for each in known.attempts]
    return {"former": names[at - 1] if at else "", "later": names[at + 1] if at + 1 < len(names) else ""}


V = Role.VIEWER
WATCHED: tuple[ApiRoute, ...] = (
    ApiRoute("GET", "/t/{target}", V, "One target.", target_page, query=TargetQuery, is_page=True),
    ApiRoute(
        "GET",
        "/t/{target}/a/{attempt}",
        V,
        "One of its attempts.",
        attempt_page,
        query=ViewQuery,
        is_page=True,
    ),
)
"""The pages of targets."""
