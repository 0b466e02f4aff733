"""`show`: the time line of one incident, or of the newest one of a target."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import click

from ...adapters.clock import SystemClock
from ...client.past import Past, StorePast, metadata_of
from ...client.questions import Questions
from ...domain.errors import UnknownName
from ...domain.incidents.record import Silence
from ...domain.line import count_of, one_line
from ...domain.specification.matcher import Selection, Subject
from ...domain.specification.problem import suggestion
from ...domain.time.duration import format_duration
from ...domain.time.moment import NS_PER_S
from ..act.acknowledging import begins, is_of
from ..act.reach import plain, running, url_of
from ..options import Where
from ..place import find_store
from .incidents import ID_PREFIX
from .located import finding_text, findings_at
from .tables import print_json
from .waits import NO_WAITS, WaitingChannels, by_incident, wait_texts, waits_at

if TYPE_CHECKING:
    from ...client.answers import (
        EvidenceRow,
        IncidentNoticeRow,
        IncidentRow,
        LocationRow,
        SampleRow,
        SilenceRow,
        TryRow,
        WaitRow,
    )

AROUND = timedelta(hours=1)
"""How far before and behind the opening its samples are looked for."""
SAMPLES_BEFORE, SAMPLES_BEHIND = 3, 5
SHOWN_MAX = 5


class Timeline(NamedTuple):
    """Everything that is known of an incident, or of a target without one."""

    target: str
    incident: "IncidentRow | None"
    transitions: "tuple[IncidentRow, ...]" = ()
    samples: "tuple[SampleRow, ...]" = ()
    evidence: "tuple[EvidenceRow, ...]" = ()
    notices: "tuple[IncidentNoticeRow, ...]" = ()
    silences: "tuple[SilenceRow, ...]" = ()
    waits: "tuple[WaitRow, ...]" = ()
    locations: "tuple[LocationRow, ...]" = ()
    """The findings of its locations now, of the process that runs; empty where that does not answer."""


class Line(NamedTuple):
    """One line of a time line."""

    at: datetime
    what: str
    text: str


def show(where: Where, given: str, *, as_json: bool) -> None:
    """Prints the time line. Raises: UnknownName where no incident and no target has this name; StoreError."""
    past: Past
    if url_of(where):
        past = running(where)
    else:
        place = find_store(where.config, where.store)
        past = StorePast(place.path, place.targets)
    found = _timeline(past, given)
    if as_json:
        print_json(
            {"target": found.target, "incident": plain(found.incident)}
            | {
                name: [plain(row) for row in rows]
                for name, rows in found._asdict().items()
                if isinstance(rows, tuple)
            }
        )
    else:
        for line in _lines(found):
            click.echo(line)


def lines_of(past: Past, given: str) -> list[str]:
    """Returns the time line for people. Raises: as `show`."""
    return _lines(_timeline(past, given))


def _timeline(past: Past, given: str) -> Timeline:
    incidents = past.incidents()
    known = {*past.target_names(), *(row.target for row in incidents)}
    # A target may be named like the beginning of the ids of others, such as `db`; these have longer spellings.
    incident = None if given in known else _incident_named(incidents, given)
    if incident is None:
        own = [row for row in incidents if is_of(row, given)]
        if given not in known and not own:
            raise UnknownName(
                f"no incident begins with {one_line(given, 64)}, and no target has this name{suggestion(given, known)}"
            )
        incident = next((row for row in own if row.status == "open"), own[0] if own else None)
    silences = past.silences()
    if incident is None:
        muted = _in_force(silences, Subject(given, metadata_of(past, given)))
        return Timeline(given, None, silences=muted, locations=_locations(past, given))
    since, until = incident.opened_at - AROUND, incident.opened_at + AROUND
    samples = _around(past.samples(incident.target, since, until), incident.opened_at)
    evidence = past.evidence(incident.target, samples[0].at, until) if samples else ()
    return Timeline(
        incident.target,
        incident,
        past.transitions(incident.id),
        samples,
        evidence,
        past.incident_notices(incident.id),
        _in_force(
            silences,
            Subject(
                incident.target,
                metadata_of(past, incident.target),
                incident.rule,
                incident.severity.value,
            ),
        ),
        _waits(past, incident.id),
        _locations(past, incident.target),
    )


def _locations(past: Past, target: str) -> "tuple[LocationRow, ...]":
    """Returns what each location finds now; that a target is not watched any more is no problem here."""
    try:
        if isinstance(past, StorePast):
            found = findings_at(past.path, past.located.intersection([target]))
            return tuple(found.get(target, ()))
        return tuple(past.target(target).locations) if isinstance(past, Questions) else ()
    except UnknownName:
        return ()


def _waits(past: Past, incident: str) -> "tuple[WaitRow, ...]":
    waits: WaitingChannels | None = None
    if isinstance(past, StorePast):
        waits = waits_at(past.path)
    elif isinstance(past, Questions):
        waits = by_incident(past.waits())
    return tuple((waits or NO_WAITS).get(incident, ()))


def _incident_named(incidents: "tuple[IncidentRow, ...]", given: str) -> "IncidentRow | None":
    """Returns the incident whose id begins with a text. Raises: UnknownName where several do."""
    found = [row for row in incidents if begins(row.id, given)]
    if len(found) > 1:
        some = ", ".join(row.id.removeprefix(ID_PREFIX)[:8] for row in found[:SHOWN_MAX])
        raise UnknownName(
            f"{count_of(len(found), 'incident')} begin with {one_line(given, 64)} ({some}): write more of the id"
        )
    return found[0] if found else None


def _in_force(silences: "Iterable[SilenceRow]", subject: Subject) -> "tuple[SilenceRow, ...]":
    """Returns the silences that mute a target, or one incident of it, also by a glob and by matchers."""
    return tuple(row for row in silences if _selection(row).accepts(subject))


def _selection(row: "SilenceRow") -> Selection:
    return Silence(id=row.id, target=row.target, until_ns=0, match=tuple(row.match)).selection()


def _around(samples: "tuple[SampleRow, ...]", opened: datetime) -> "tuple[SampleRow, ...]":
    before = [row for row in samples if row.at < opened]
    behind = [row for row in samples if row.at >= opened]
    return (*before[-SAMPLES_BEFORE:], *behind[:SAMPLES_BEHIND])


def _lines(found: Timeline) -> list[str]:
    incident = found.incident
    muted = [_silence_text(row) for row in found.silences]
    places = [one_line(finding_text(row)) for row in found.locations]
    if incident is None:
        return [f"{found.target}: no incident is recorded", *places, *muted]
    state = "open" if incident.resolved_at is None else f"resolved {_clock(incident.resolved_at)}"
    lasted = (incident.resolved_at or incident.at) - incident.opened_at
    length = "" if incident.resolved_at is None else f" after {_length(lasted)}"
    head = f"{incident.target}/{incident.rule}, {incident.severity.value}: {state}{length}; since {_clock(incident.opened_at)}"
    now = (
        f"now: {incident.latest}"
        if incident.status == "open" and incident.latest not in ("", incident.cause)
        else ""
    )
    note = f" ({incident.note})" if incident.note else ""
    seen = f"acknowledged by {incident.acknowledged_by}{note}" if incident.acknowledged_by else ""
    held = wait_texts(found.waits, SystemClock().read().wall_ns)
    body = _table(_merged(found))
    return [
        head,
        *filter(None, (incident.cause, now, seen)),
        *places,
        *held,
        *muted,
        "",
        *body,
        "",
        f"id {incident.id}",
    ]


def _merged(found: Timeline) -> list[Line]:
    evidence = {row.at: row for row in found.evidence}
    lines = [
        *(Line(row.at, row.change.value, row.explanation) for row in found.transitions),
        *(line for row in found.samples for line in _sample_lines(row, evidence.get(row.at))),
        *(line for row in found.notices for line in _notice_lines(row)),
    ]
    # A stable order: at the same moment a sample stands before what it led to.
    return sorted(lines, key=lambda line: (line.at, line.what not in ("sample", "")))


def _sample_lines(row: "SampleRow", seen: "EvidenceRow | None") -> list[Line]:
    took = "" if row.latency_ms is None else f" in {row.latency_ms:.1f} ms"
    status = "" if row.status is None else f" {row.status}"
    why = f": {row.explanation}" if row.explanation else ""
    return [Line(row.at, "sample", f"{row.outcome.value}{status}{took}{why}"), *_evidence_lines(row.at, seen)]


def _evidence_lines(at: datetime, seen: "EvidenceRow | None") -> list[Line]:
    if seen is None:
        return []
    phases = ", ".join(f"{name.replace('_', ' ')} {took:.1f} ms" for name, took in seen.phases_ms.items())
    where = ", ".join(filter(None, (seen.ip, phases)))
    body = one_line(seen.body, 200)
    return [
        Line(at, "", text)
        for text in (where, *(f"no  {each}" for each in seen.failed), body and f"body {body}")
        if text
    ]


def _notice_lines(row: "IncidentNoticeRow") -> list[Line]:
    """Returns each try to deliver a notice; its state where no try is recorded, and where the last one ended nothing."""
    what = row.change.value
    lines = [Line(each.at, row.channel, f"{what}: {_try_text(each)}") for each in row.tries]
    if row.state.value == "dead":
        lines.append(Line(row.at, row.channel, f"{what}: given up (watchkeeper redrive {row.key})"))
    elif not lines:
        lines.append(Line(row.at, row.channel, f"{what}: {row.state.value}"))
    return lines


def _try_text(tried: "TryRow") -> str:
    took = "" if tried.took_ms is None else f" in {tried.took_ms:.0f} ms"
    result = "no answer yet" if tried.result.value == "unknown" else tried.result.value
    return f"try {tried.attempt} {result}{took}" + (f": {tried.detail}" if tried.detail else "")


def _silence_text(row: "SilenceRow") -> str:
    by = f" by {row.by}" if row.by else ""
    why = f": {row.reason}" if row.reason else ""
    return f"silenced{by} until {_clock(row.until)}{why} (watchkeeper unsilence {row.id})"


def _table(lines: list[Line]) -> list[str]:
    """Returns aligned lines; a day that is another than that of the line before stands above it."""
    width = max((len(line.what) for line in lines), default=0)
    shown: list[str] = []
    day = None
    for line in lines:
        if line.at.date() != day:
            day = line.at.date()
            shown.append(f"{day:%Y-%m-%d}, UTC")
        time = f"{line.at:%H:%M:%S}" if line.what else " " * 8
        shown.append(f"{time}  {line.what.ljust(width)}  {one_line(line.text)}".rstrip())
    return shown


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _length(length: timedelta) -> str:
    return format_duration(max(0, round(length.total_seconds())) * NS_PER_S)
