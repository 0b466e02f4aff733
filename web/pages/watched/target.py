"""The page of one target: how it is, how it was, and how far its rules are."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, assert_never
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from ....domain.errors import StoreError, UnknownName
from ....domain.incidents.incident import Incident
from ....domain.line import escaped, listed
from ....domain.observation.attempt import AttemptRecord
from ....domain.observation.sample import Sample
from ....domain.read_model.dissent import dissent_of
from ....domain.read_model.job import job_of
from ....domain.read_model.standing import RuleStanding, looked_back_ns, standings
from ....domain.read_model.status import RuntimeStatus, TargetStatus
from ....domain.specification.probe import Call, Composite, Exec, Heartbeat, Http, Tcp
from ....domain.specification.probes.networked import NetworkProbe
from ....domain.specification.probes.plugin import Plugin
from ....domain.specification.rule import (
    BurnRate,
    Consecutive,
    CountedLevel,
    JudgedRule,
    KOfN,
    Nagios,
    NoData,
    NoDataPolicy,
    Threshold,
)
from ....domain.specification.target import Target
from ....domain.time.moment import Moment
from ....domain.units import NS_PER_US
from ....host.access.target_past import SPANS, Pace, PastSample, TargetPast, read_past
from ...pings import Ping
from ...table import ApiCall
from ..fleet.rows import work_of
from ..frame import PageFrame
from ..layout import ViewQuery, render
from .attempt_rows import attempt_views
from .conditions_view import condition_rows
from .past_view import days_view, past_view, phases_view

INCIDENTS_SHOWN = 8
REPORTS_SHOWN = 8
"""Reports of a heartbeat, by the record and by the API."""
SpanName = Literal["1h", "24h", "7d", "30d", "90d", "1y"]


class TargetQuery(ViewQuery, frozen=True, kw_only=True):
    """The span that is shown."""

    span: Annotated[SpanName, msgspec.Meta(description="The span of the charts.")] = "24h"


class Known(NamedTuple):
    """The parts of a target that are in memory."""

    target: Target
    row: TargetStatus
    incidents: tuple[Incident, ...]
    """Its open ones, the most severe first."""
    recent: tuple[AttemptRecord, ...] | None
    """The newest attempts, oldest first; None where the process that has them does not answer."""

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        return self.recent or ()


async def target_page(call: ApiCall) -> Response:
    known = await known_of(call)
    span, now_ns = call.query.span, call.operations.now_ns()
    past, problem = await _past(call, known.target, span, now_ns)
    samples = () if past is None else past.samples
    return await render(
        call,
        "target.html",
        target=known.target,
        row=known.row,
        work=work_of(known.row, call.operations.work_in_force()),
        incidents=known.incidents,
        span=span,
        spans=tuple(SPANS),
        past=past,
        problem=problem,
        earlier=() if past is None else past.incidents[:INCIDENTS_SHOWN],
        reports=[_printable(ping) for ping in call.services.pings.of(known.target.id)[:REPORTS_SHOWN]],
        newest=() if known.target.heartbeat is None else tuple(reversed(samples[-REPORTS_SHOWN:])),
        attempts=attempt_views(known.attempts, samples, known.row.sample),
        has_attempts=known.recent is not None,
        # Another node counts those of its targets.
        counts_ticks=bool(known.row.samples) or not call.operations.has_nodes,
        apart=dissent_of(known.row.sample),
        conditions=condition_rows(known.target, known.row.sample),
        rules=_standings(known, samples, now_ns),
        what=call.operations.discreet(what_is_checked(known.target)),
        rule_text=rule_text,
        job=job_lines(known, now_ns),
        next_due_ns=_next_due_ns(known),
        view=lambda frame: _view(frame, past, known, span),
    )


def _printable(ping: Ping) -> Ping:
    """Returns a report whose body has its control characters escaped, but for line ends."""
    return ping._replace(body="\n".join(map(escaped, ping.body.splitlines())))


async def known_of(call: ApiCall, *, fresh: bool = False) -> Known:
    """Returns what is known of the target of the path, a second ago or now. Raises: UnknownName for one that is not watched."""
    target = call.operations.target(call.path["target"])
    status = await call.operations.status(fresh=fresh)
    if target.id not in status:
        # It was tracked a moment ago: later than a status that is a second old.
        status = await call.operations.status(fresh=True)
    row = _row_of(status, target.id)
    open_ = [each for each in status.incidents if each.target == target.id]
    open_.sort(key=lambda each: (-_SEVERITIES.index(each.severity.value), each.opened_at_ns))
    return Known(target, row, tuple(open_), await call.operations.attempts(status, target.id))


_SEVERITIES = ("info", "warning", "critical")


def _row_of(status: RuntimeStatus, name: str) -> TargetStatus:
    for row in status.targets:
        if row.id == name:
            return row
    raise UnknownName(f"the target {name!r} was removed a moment ago")


async def _past(call: ApiCall, target: Target, span: str, now_ns: int) -> tuple[TargetPast | None, str]:
    """Returns the past, or why it cannot be shown: the page says it, and stands without its charts."""
    if not call.operations.has_file:
        return None, "the record is kept in memory: set runtime.store to a file to keep a past"
    recent_ns = looked_back_ns(target)
    pace = Pace(target.every_ns, target.stale_after_ns)
    try:
        return await call.operations.read(
            lambda reader: read_past(reader, target.id, SPANS[span], pace, recent_ns, now_ns)
        ), ""
    except StoreError as error:
        return None, str(error)


def _standings(known: Known, samples: Sequence[PastSample], now_ns: int) -> tuple[RuleStanding, ...]:
    broken = {incident.rule for incident in known.incidents}
    seen = [_sample_of(known.target.id, number, each) for number, each in enumerate(samples, 1)]
    newest = known.row.sample
    if newest is not None and (not seen or seen[-1].at.wall_ns // 1_000 < newest.at.wall_ns // 1_000):
        # The store is written some moments later.
        seen.append(newest)
    return standings(known.target, seen, newest, broken, now_ns)


def _sample_of(target: str, number: int, stored: PastSample) -> Sample:
    """Returns a stored sample as rules read one. The clock of its own process is gone: the wall stands for it."""
    return Sample(
        target=target,
        epoch=0,
        attempt=number,
        at=Moment(stored.at_ns, stored.at_ns),
        outcome=stored.outcome,
        reason=stored.reason,
        latency_ns=stored.latency_ns,
        status=stored.status,
    )


def _next_due_ns(known: Known) -> int | None:
    """Returns about when the next attempt is due; None of a heartbeat, a paused target and one without an attempt yet."""
    if known.row.paused or known.target.heartbeat is not None or not known.attempts:
        return None
    target = known.target
    every_ns = target.retry_every_ns if known.row.raw.value in {"down", "degraded"} else target.every_ns
    return known.attempts[-1].due.wall_ns + every_ns


def job_lines(known: Known, now_ns: int) -> tuple[str, ...]:
    """Returns when a target that reports by itself is expected, what runs, and how long the last run took."""
    heartbeat = known.target.heartbeat
    if heartbeat is None or known.row.paused:
        return ()
    return job_of(known.target, known.row).lines(heartbeat, now_ns)


def what_is_checked(target: Target) -> str:
    """Returns what is done at each attempt, in a few words; the query of a URL is left out, for it may hold a secret."""
    match target.probe:
        case Http(url=url, method=method):
            parts = urlsplit(url)
            query = "?…" if parts.query else ""
            host = parts.netloc.rpartition("@")[2]
            return f"{method} {parts.scheme}://{host}{parts.path}{query}"
        case Tcp(host=host, port=port):
            return f"TCP {host}:{port}"
        case NetworkProbe() as probe:
            return probe.summary
        case Exec(argv=argv):
            return f"program {argv[0]}"
        case Call(name=name):
            return f"function {name} of the host"
        case Plugin(name=name):
            return f"{name}, a probe of an installed package"
        case Heartbeat():
            return "reports by itself"
        case Composite(at_least=None) as composite:
            return f"worst of {listed(composite.members)}"
        case Composite() as composite:
            return f"at least {composite.needed} of {listed(composite.members)}"
        case _:
            assert_never(target.probe)


_OF_SILENCE = {
    NoDataPolicy.FIRE: "opens when samples are missing",
    NoDataPolicy.KEEP: "changes nothing when samples are missing",
    NoDataPolicy.OK: "takes missing samples for good ones",
}

_BAD: dict[CountedLevel, str] = {"down": "bad", "degraded": "bad or degraded", "warning": "degraded"}


def rule_text(rule: JudgedRule) -> str:
    """Returns what opens the incident of a rule, and what ends it."""
    match rule:
        case Consecutive(after=after, recover=recover, on=on):
            bad = _BAD[on]
            said = f"opens after {after} {bad} in a row, resolves after {recover} good"
        case Threshold():
            window = "" if rule.window == 1 else f" over {rule.window}"
            samples = " samples" if isinstance(rule.window, int) and rule.window > 1 else ""
            said = f"{rule.mode.value.replace('_', ' ')} of {rule.measure}{window}{samples}"
            said += f", resolves at {rule.text_of(rule.recovery_bound)}" if rule.recover is not UNSET else ""
        case KOfN(bad=bad, of=of, recover=recover, on=on):
            said = f"opens when {bad} of {of} are {_BAD[on]}, resolves after {recover} good"
        case Nagios(max_check_attempts=attempts):
            said = f"hard after {attempts} bad in a row, resolves after one good"
        case BurnRate(slo=slo):
            pairs = " or ".join(f"{each.windows.long} and {each.windows.short}" for each in rule.burn_limits)
            said = f"opens when the error budget of {slo.objective} over {slo.window} is spent too fast, by {pairs}"
        case NoData(policy=policy):
            said = _OF_SILENCE[policy]
        case _:
            assert_never(rule)
    held = [f"for {rule.for_}"] if rule.for_ != "0s" else []
    held += [f"keeps firing for {rule.keep_firing_for}"] if rule.keep_firing_for != "0s" else []
    return ", ".join([said, *held])


def _view(frame: PageFrame, past: TargetPast | None, known: Known, span: str) -> dict[str, Any]:
    """Returns the charts, whose times are those of the reader's zone."""
    newest = known.row.sample
    rows = [] if newest is None or newest.phases is None else [("last answer", newest.phases)]
    # The evidence of the last answer, where it was bad, has the same phases: it is shown once.
    shown_us = newest.at.wall_ns // NS_PER_US if newest is not None and rows else None
    rows.extend(
        (frame.clock(each.at_ns), each.phases)
        for each in reversed(() if past is None else past.evidence)
        if each.phases is not None and each.at_ns // NS_PER_US != shown_us
    )
    chart, phases = phases_view(rows)
    charts: dict[str, Any] = {"phase_chart": chart, "phase_rows": phases}
    if past is not None:
        charts |= {"past": past_view(past, known.target, span, frame), "days": days_view(past)}
    return charts
