"""The page of one attempt: when it was due, how it ended, and what it saw."""

from typing import Any, NamedTuple

from starlette.responses import Response

from ....domain.errors import StoreError
from ....domain.limits import ATTEMPTS_KEPT_PER_TARGET
from ....domain.observation.attempt import AttemptRecord
from ....domain.observation.evidence import Evidence, evidence_of
from ....domain.observation.sample import Sample
from ....domain.specification.web import Role
from ....domain.units import NS_PER_US
from ....host.access.target_past import PastSample
from ...problems import Refusal
from ...table import ApiCall, ApiRoute
from ..layout import ViewQuery, render
from .attempt_rows import attempt_views, evidence_at
from .conditions_view import condition_rows
from .past_view import phases_view
from .target import Known, TargetQuery, known_of, target_page


class _Kept(NamedTuple):
    """The record of one attempt in the store."""

    samples: tuple[PastSample, ...] = ()
    evidence: Evidence | None = None


async def attempt_page(call: ApiCall) -> Response:
    """Shows one of the newest attempts. Raises: Refusal of one that is no longer known by its number."""
    known = await known_of(call, fresh=True)
    record = _record_of(known, call.path["attempt"])
    kept = await _kept(call, record)
    sample = known.row.sample if _is_of(known.row.sample, record) else None
    (view,) = attempt_views([record], kept.samples, sample)
    evidence = kept.evidence or (None if sample is None or not view.why else evidence_of(sample))
    phases = sample.phases if sample is not None else None if evidence is None else evidence.phases
    chart, rows = phases_view([("this attempt", phases)])
    return await render(
        call,
        "attempt.html",
        row=known.row,
        record=record,
        attempt=view,
        sample=sample,
        kept=bool(kept.samples),
        evidence=evidence,
        phase_chart=chart,
        phase_rows=rows,
        conditions=[] if sample is None else condition_rows(known.target, sample),
        **_neighbours(known, record),
    )


def _record_of(known: Known, asked: str) -> AttemptRecord:
    for record in known.attempts:
        if f"{record.attempt.epoch}-{record.attempt.number}" == asked:
            return record
    raise Refusal(
        404,
        f"the newest {ATTEMPTS_KEPT_PER_TARGET} attempts of a target are known by their numbers, and this is none of them:"
        " the page of the target shows what earlier bad answers held",
    )


def _is_of(sample: Sample | None, record: AttemptRecord) -> bool:
    attempt = record.attempt
    return sample is not None and (sample.epoch, sample.attempt) == (attempt.epoch, attempt.number)


async def _kept(call: ApiCall, record: AttemptRecord) -> _Kept:
    """Returns what the store has; nothing where there is none, or it cannot be read."""
    if record.started is None or not call.operations.has_file:
        return _Kept()
    name, at_ns = record.attempt.target, record.started.wall_ns // NS_PER_US * NS_PER_US
    span = name, at_ns, at_ns + NS_PER_US
    try:
        return await call.operations.read(
            lambda reader: _Kept(reader.samples(*span), evidence_at(reader.evidence(*span), at_ns))
        )
    except StoreError:
        return _Kept()


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
        "One of its newest attempts.",
        attempt_page,
        query=ViewQuery,
        is_page=True,
    ),
)
"""The pages of targets."""
