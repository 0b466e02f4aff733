"""Answers to questions: the status, the past, and the record."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from ...domain.errors import NotRunning, UnknownName
from ...domain.incidents.delivery_plan import IncidentWait
from ...domain.incidents.delivery_try import DeliveryTry
from ...domain.incidents.incident import Incident, Transition
from ...domain.incidents.record import Outgoing
from ...domain.incidents.told import with_waits
from ...domain.limits import INTEGER_MAX, READ_INCIDENTS_MAX
from ...domain.read_model.status import RuntimeStatus, TargetStatus
from ...domain.specification.matcher import Subject
from ...domain.time.duration import parse_duration
from ...domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_US
from ..limits import HOURS_READ_MAX
from ..pacing import sliced
from ..pings import Ping
from ..problems import Refusal, length_ns_of
from ..shapes.answers import (
    EvidenceRow,
    IncidentRow,
    IncidentsQuery,
    Listed,
    PingRow,
    PolicyRow,
    RollupRow,
    SampleRow,
    SpanQuery,
    TargetRow,
    TargetsQuery,
)
from ..shapes.delivery_rows import (
    IncidentNoticeRow,
    ToldRow,
    WaitRow,
    incident_notice_row,
    told_row,
    wait_row,
)
from ..shapes.documents import (
    attempt_row,
    evidence_row,
    incident_row,
    incidents_by_target,
    masked,
    ms_or_none,
    ns_of,
    policy_row,
    rollup_row,
    sample_row,
    self_answer,
    status_answer,
    target_row,
    time_of,
)
from ..shapes.jobs import job_row
from ..shapes.notice_rows import NoticeRow, notice_row
from ..shapes.runtime_rows import SelfAnswer, StatusAnswer
from ..shapes.uptime_answer import UptimeAnswer
from ..table import ApiCall

V = TypeVar("V")
R = TypeVar("R")


async def status(call: ApiCall) -> StatusAnswer:
    return status_answer(await call.operations.status())


async def self(call: ApiCall) -> SelfAnswer:
    return self_answer(await call.operations.status())


async def policies(call: ApiCall) -> Listed[PolicyRow]:
    return Listed(items=[policy_row(policy) for policy in call.operations.verbs.policies()])


async def configuration(call: ApiCall) -> dict[str, Any]:
    plain: dict[str, Any] = masked(msgspec.to_builtins(call.operations.configuration(), enc_hook=str))
    return plain


# Targets.


async def targets(call: ApiCall) -> Listed[TargetRow]:
    found = await call.operations.status()
    wanted = [target for target in found.targets if _is_wanted(target, call.query)]
    wanted.sort(key=lambda target: target.id)
    page, following = page_of(wanted, lambda target: target.id, call.query)
    return Listed(items=await sliced(page, _row_maker(call, found)), next=following)


def _is_wanted(target: TargetStatus, query: TargetsQuery) -> bool:
    about = target.metadata
    if query.status is not None and target.status is not query.status:
        return False
    if query.group is not None and not f"{about.group}/".startswith(f"{query.group}/"):
        return False
    if query.label is not None and query.label not in (f"{name}={text}" for name, text in about.labels):
        return False
    return query.q is None or query.q.casefold() in f"{target.id}\n{about.name}".casefold()


def _row_maker(call: ApiCall, status: RuntimeStatus) -> Callable[[TargetStatus], TargetRow]:
    configured, opened = call.operations.targets(), incidents_by_target(status)
    work = call.operations.work_in_force()

    def make(target: TargetStatus) -> TargetRow:
        known = configured.get(target.id)
        # This process knows at once what it was told itself, and of another node only what is durable.
        paused = target.paused if known is None or call.operations.has_nodes else known.paused
        in_force = work.of(Subject(target.id, target.metadata))
        job = job_row(known, target, call.operations.now_ns())
        return target_row(target, opened.get(target.id, []), in_force, paused=paused, job=job)

    return make


async def target(call: ApiCall) -> TargetRow:
    return await target_as_it_is(call)


async def target_as_it_is(call: ApiCall, known: RuntimeStatus | None = None) -> TargetRow:
    """Returns one target, from a status that is known already, else of at most a second ago.

    Raises: UnknownName for one that is not watched.
    """
    name = call.operations.target(call.path["target"]).id
    status = await call.operations.status() if known is None else known
    if all(each.id != name for each in status.targets):
        # It was tracked a moment ago: later than a status that is a second old.
        status = await call.operations.status(fresh=True)
    for each in status.targets:
        if each.id == name:
            return _row_maker(call, status)(each)
    raise UnknownName(f"the target {name!r} was removed a moment ago")


async def attempts(call: ApiCall) -> Listed[Any]:
    """Returns the newest attempts. Raises: NotRunning in a stand-by whose active process does not answer."""
    name = call.operations.target(call.path["target"]).id
    found = await call.operations.attempts(await call.operations.status(), name)
    if found is None:
        raise NotRunning("the active process alone has the attempts, and it does not answer")
    return Listed(items=await sliced(reversed(found), attempt_row))


async def pings(call: ApiCall) -> Listed[PingRow]:
    name = call.operations.target(call.path["target"]).id
    kept = call.services.pings.of(name)
    page, following = _page_after(kept, lambda ping: str(ping.number), call.query)
    return Listed(items=await sliced(page, _ping_row), next=following)


def _ping_row(ping: Ping) -> PingRow:
    return PingRow(
        at=time_of(ping.at_ns),
        kind=ping.kind,
        exit_status=ping.exit_status,
        run=ping.run,
        duration_ms=ms_or_none(ping.duration_ns),
        body=ping.body,
    )


# The past of one target.


def _span(call: ApiCall, default_ns: int, *kept: str) -> tuple[str, int, int]:
    """Returns the target and the span of a question, cut to what the retentions named in `kept` can have left.

    Raises: UnknownName.
    """
    name = call.operations.target(call.path["target"]).id
    query: SpanQuery = call.query
    retention, now_ns = call.operations.configuration().runtime.retention, call.operations.now_ns()
    kept_ns = NS_PER_DAY + max(parse_duration(getattr(retention, each)) for each in kept)
    until_ns = now_ns + NS_PER_US if query.until is None else min(ns_of(query.until), now_ns + NS_PER_DAY)
    since_ns = until_ns - default_ns if query.since is None else ns_of(query.since)
    if query.after is not None:
        since_ns = max(since_ns, ns_of(query.after) + NS_PER_US)
    since_ns = max(since_ns, now_ns - kept_ns)
    return name, since_ns, max(since_ns, until_ns)


async def samples(call: ApiCall) -> Listed[SampleRow]:
    name, since_ns, until_ns = _span(call, NS_PER_HOUR, "samples", "history")
    limit = call.query.limit

    def read(reader: Any) -> list[Any]:
        """Reads in steps, longer ones where there is nothing, and no further than the limit."""
        found: list[Any] = []
        at_ns, step_ns = since_ns, NS_PER_HOUR
        while at_ns < until_ns and len(found) <= limit:
            end_ns = min(at_ns + step_ns, until_ns)
            part = reader.samples(name, at_ns, end_ns)
            found.extend(part)
            at_ns, step_ns = end_ns, NS_PER_HOUR if part else min(2 * step_ns, NS_PER_DAY)
        return found

    return await _oldest_first(call, await call.operations.read(read), sample_row)


async def evidence(call: ApiCall) -> Listed[EvidenceRow]:
    name, since_ns, until_ns = _span(call, NS_PER_DAY, "failed_samples")
    found = await call.operations.read(lambda reader: reader.evidence(name, since_ns, until_ns))
    return await _oldest_first(call, found, evidence_row)


async def hours(call: ApiCall) -> Listed[RollupRow]:
    name, since_ns, until_ns = _span(call, NS_PER_DAY, "samples", "hourly")
    # A part of the span, so that ten years of hours are not read for the first hundred.
    end_ns = min(until_ns, since_ns + HOURS_READ_MAX * NS_PER_HOUR)
    found = await call.operations.read(lambda reader: reader.hourly(name, since_ns, end_ns))
    page = await _oldest_first(call, found, rollup_row)
    if page.next is None and end_ns < until_ns:
        return Listed(items=page.items, next=_text_of(time_of(end_ns - NS_PER_US)))
    return page


async def days(call: ApiCall) -> Listed[RollupRow]:
    name, since_ns, until_ns = _span(call, 30 * NS_PER_DAY, "samples", "hourly", "daily")
    found = await call.operations.read(lambda reader: reader.daily(name, since_ns, until_ns))
    return await _oldest_first(call, found, rollup_row)


async def _oldest_first(call: ApiCall, found: Any, make: Callable[[Any], Any]) -> Listed[Any]:
    rows = await sliced(found[: call.query.limit], make)
    more = len(found) > call.query.limit
    return Listed(items=rows, next=_text_of(rows[-1].at) if more else None)


def _text_of(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


async def uptime(call: ApiCall) -> UptimeAnswer:
    name = call.operations.target(call.path["target"]).id
    until_ns = call.operations.now_ns()
    since_ns = max(until_ns - length_ns_of(call.query.span, "span"), -INTEGER_MAX)
    summed = await call.operations.read(lambda reader: reader.uptime(name, since_ns, until_ns))
    return UptimeAnswer(
        since=time_of(since_ns),
        until=time_of(until_ns),
        uptime=summed.uptime,
        good=summed.good,
        bad=summed.bad,
        unknown=summed.unknown,
    )


# Incidents and notices.


async def incidents(call: ApiCall) -> Listed[IncidentRow]:
    query: IncidentsQuery = call.query
    since_ns = None if query.since is None else ns_of(query.since)
    found = [
        incident
        for incident in await _incidents(call, query)
        if (query.state is None or incident.is_open is (query.state == "open"))
        and (query.target is None or incident.target == query.target)
        and (query.severity is None or incident.severity is query.severity)
        and (since_ns is None or incident.opened_at_ns >= since_ns)
    ]
    page, following = _page_after(found, lambda incident: incident.id, query)
    return Listed(items=await sliced(page, incident_row), next=following)


async def _incidents(call: ApiCall, query: IncidentsQuery) -> Iterable[Incident]:
    open_only = query.state == "open"
    if not call.operations.has_file:
        found = await call.operations.verbs.aio.incidents(open_only=open_only)
        return sorted(found, key=lambda incident: -incident.opened_at_ns)
    return await call.operations.read(
        lambda reader: reader.incidents(open_only=open_only, target=query.target, limit=READ_INCIDENTS_MAX)
    )


async def incident(call: ApiCall) -> IncidentRow:
    return incident_row(await incident_of(call))


async def incident_of(call: ApiCall) -> Incident:
    """Returns the incident of the path as it stands. Raises: UnknownName where none has this id."""
    return await incident_named(call, call.path["incident"])


async def incident_named(call: ApiCall, name: str) -> Incident:
    """Returns an incident as it stands. Raises: UnknownName where none has this id."""
    for each in await call.operations.verbs.aio.incidents():
        if each.id == name:
            return each
    if call.operations.has_file and (steps := await _steps(call, name)):
        return steps[-1]
    raise UnknownName(f"no incident has the id {name!r}: the list of incidents has those that are kept")


async def _steps(call: ApiCall, name: str) -> tuple[Transition, ...]:
    return await call.operations.read(lambda reader: reader.transitions(name))


async def transitions(call: ApiCall) -> Listed[IncidentRow]:
    found = await incident_of(call)
    return Listed(items=await sliced(await _steps(call, found.id), incident_row))


async def incident_notices(call: ApiCall) -> Listed[IncidentNoticeRow]:
    name = (await incident_of(call)).id
    found, tries = await call.operations.read(
        lambda reader: (reader.notices(name), reader.deliveries(incident=name))
    )
    by_key: dict[str, list[DeliveryTry]] = {}
    for each in tries:
        by_key.setdefault(each.key, []).append(each)
    return Listed(
        items=await sliced(found, lambda out: incident_notice_row(out, by_key.get(out.notice.key, ())))
    )


async def told(call: ApiCall) -> Listed[ToldRow]:
    name = (await incident_of(call)).id
    found = await call.operations.read(lambda reader: reader.told(name))
    waits = (await call.operations.status()).waits_of(name)
    return Listed(items=[told_row(each) for each in with_waits(found, waits)])


async def waits(call: ApiCall) -> Listed[WaitRow]:
    found = sorted((await call.operations.status()).waits, key=_key_of_wait)
    page, following = page_of(found, _key_of_wait, call.query)
    return Listed(items=await sliced(page, wait_row), next=following)


def _key_of_wait(waiting: IncidentWait) -> str:
    return f"{waiting.incident_id}/{waiting.channel}"


async def notices(call: ApiCall) -> Listed[NoticeRow]:
    found = await call.operations.read(lambda reader: reader.outbox(call.query.state))
    wanted = [outgoing for outgoing in found if call.query.channel in (None, outgoing.notice.channel)]
    page, following = _page_after(wanted, _key_of, call.query)
    return Listed(items=await sliced(page, notice_row), next=following)


def _key_of(outgoing: Outgoing) -> str:
    return outgoing.notice.key


# Parts of lists.


def page_of(rows: list[V], key: Callable[[V], str], query: Any) -> tuple[list[V], str | None]:
    """Returns the part of a sorted list that a question asks for, and the key of its last row where more follow."""
    after = query.after
    left = [row for row in rows if after is None or key(row) > after]
    return _cut(left, key, query)


def _page_after(rows: list[V], key: Callable[[V], str], query: Any) -> tuple[list[V], str | None]:
    """Returns the part behind a row of this key. Raises: Refusal where no row has it (any more)."""
    if query.after is None:
        return _cut(rows, key, query)
    for at, row in enumerate(rows):
        if key(row) == query.after:
            return _cut(rows[at + 1 :], key, query)
    raise Refusal(404, f"after: nothing in this list has the key {query.after!r}: begin again without it")


def _cut(rows: list[V], key: Callable[[V], str], query: Any) -> tuple[list[V], str | None]:
    page = rows[: query.limit]
    return page, key(page[-1]) if len(rows) > query.limit else None
