"""`status`: the settled state of each target of a store."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ...adapters.clock import SystemClock
from ...adapters.stores.history.stored import StoredSample
from ...adapters.stores.opening import make_reader, runner_of
from ...adapters.stores.record_reader import RecordReader
from ...domain.incidents.delivery_plan import HoldKind
from ...domain.incidents.incident import Incident
from ...domain.incidents.notice import DeliveryState
from ...domain.incidents.record import BlindInterval, HeardMark, PauseMark, Silence
from ...domain.line import count_of
from ...domain.observation.outcome import Outcome, is_answered
from ...domain.read_model.dissent import dissent
from ...domain.read_model.job import job_state
from ...domain.read_model.status import no_sample_since
from ...domain.rules.aggregate import RAW_STATUS, Status, confirmed_status, status_of
from ...domain.specification.matcher import Subject
from ...domain.specification.metadata import NO_METADATA
from ...domain.specification.probe import Heartbeat
from ...domain.specification.target import OWN_NAME, Target
from ...domain.time.duration import NS_PER_DAY
from ...domain.time.moment import NS_PER_MS, wall_text
from ..act.reach import plain
from ..output import ExitStatus, print_table
from ..place import StorePlace
from .located import findings_at
from .nodes import nodes_of, print_nodes
from .tables import minute_text, percent_text, print_json
from .waits import NO_WAITS, WaitingChannels, problems_at, wait_texts, waits_at

if TYPE_CHECKING:
    from ...client.answers import LocationRow, ProblemRow, WaitRow

_COLUMNS = ("target", "status", "since", "24_h", "last", "note")
_WORST_FIRST = (Status.DOWN, Status.DEGRADED, Status.UNKNOWN, Status.PAUSED, Status.UP)
_LOOK_BACK_NS = 7 * NS_PER_DAY
"""A last sample older than this is shown as none."""


class _Recorded(msgspec.Struct, frozen=True):
    """The record of one target at one moment."""

    name: str
    target: Target | None
    """None for a target that only the record has."""
    last: StoredSample | None
    open_incidents: list[Incident]
    recovered_ns: int | None
    """When its last incident ended."""
    silences: list[Silence]
    pause: PauseMark | None
    """Commanded; a target that its configuration pauses has none."""
    uptime: float | None
    now_ns: int
    mark: HeardMark | None = None
    """When it was last heard, and the run that has begun and not ended."""
    waits: tuple["WaitRow", ...] = ()
    """The channels that are to be told of its incidents and wait."""
    is_listed: bool | None = None
    """Whether the configuration has it; None where only the store is named."""
    locations: "Sequence[LocationRow]" = ()
    """The findings of its locations, of the process that runs the store; empty where none answers."""

    @property
    def job(self) -> str:
        """When a target that reports by itself is expected, and what runs; empty for any other."""
        target, mark = self.target, self.mark
        if target is None or target.heartbeat is None or self.is_paused:
            return ""
        if mark is None:
            state = job_state(target, None, None)
        else:
            reported_ns = max(mark.at_ns or 0, (mark.missed_at_ns or 0) - target.grace_ns)
            state = job_state(target, reported_ns, mark.run_at_ns)
        return "; ".join(state.lines(target.heartbeat, self.now_ns))

    @property
    def is_stale(self) -> bool:
        """Whether the last sample is too old to show the present state."""
        stale_after_ns = (self.target or _UNLISTED).stale_after_ns
        return self.last is not None and self.now_ns - self.last.at_ns > stale_after_ns

    @property
    def is_paused(self) -> bool:
        return self.pause is not None or (self.target is not None and self.target.paused)

    @property
    def status(self) -> Status:
        if self.is_paused:
            return Status.PAUSED
        raw = Status.UNKNOWN if self.last is None or self.is_stale else RAW_STATUS[self.last.outcome]
        if raw is Status.DOWN and self.target is None:
            # No rule may be left that could confirm it: the target that was removed while it was down is not up.
            raw = Status.UNKNOWN
        return confirmed_status(self.open_incidents, raw)

    @property
    def finding(self) -> str:
        """Why the status is what it is: by the newest sample, else by the worst of the open incidents."""
        stale_since = no_sample_since(self.last.at_ns) if self.last is not None and self.is_stale else ""
        if self.last is not None and self.last.explanation and not stale_since:
            return self.last.explanation
        of_status = status_of(self.open_incidents)
        found = [
            one.latest or one.cause
            for one in self.open_incidents
            if of_status and status_of([one]) is of_status
        ]
        return "; ".join(filter(None, (stale_since, *found[:1])))

    @property
    def since_ns(self) -> int | None:
        """When the status began; None where nothing recorded says so."""
        status = self.status
        if status in {Status.DOWN, Status.DEGRADED}:
            alike = (one for one in self.open_incidents if status_of([one]) is status)
            return min((incident.opened_at_ns for incident in alike), default=None)
        if status is Status.UNKNOWN:
            return self.last.at_ns if self.last is not None and self.is_stale else None
        if status is Status.PAUSED:
            return self.pause.at_ns if self.pause is not None else None
        return self.recovered_ns


_UNLISTED = Target(id="unlisted", heartbeat=Heartbeat())
"""Stands for a target that is only in the record: its cadence is unknown, so the default one applies."""


def show_status(place: StorePlace, *, as_json: bool, exit_code: bool) -> ExitStatus:
    """Prints one row per target, and returns how the process ends.

    With `exit_code` that is NOT_RUN where nobody runs the store, else FAILED where a target is down.
    """
    reader = make_reader(place.path)
    now_ns = SystemClock().read().wall_ns
    # First of all: a database that does not answer is known of before anything else waits for it.
    with reader.at_once():
        waits = waits_at(place.path)
        # A process that did not answer just now is not waited for again.
        problems = [] if waits is None else problems_at(place.path)
        waits = waits or {}
        recorded = recorded_targets(place, reader, now_ns, waits)
        document = status_document(place, reader, recorded, now_ns, waits, problems)
    if as_json:
        print_json(document)
    else:
        print_status(document, [_shown(each) for each in recorded])
    return ended_as(document) if exit_code else ExitStatus.FINE


def print_status(document: dict[str, Any], cells: Sequence[dict[str, Any]]) -> None:
    """Prints a document of `status` for people: the cells of its targets as a table, and what counts for all."""
    if cells:
        print_table(_COLUMNS, cells)
    print_nodes(document)
    for line in _last_lines(document):
        click.echo(line)


def ended_as(document: dict[str, Any]) -> ExitStatus:
    """Returns NOT_RUN where nobody runs the store, else FAILED where a target is down."""
    if document["run_by"] is None:
        return ExitStatus.NOT_RUN
    is_down = any(row["status"] == Status.DOWN.value for row in document["targets"])
    return ExitStatus.FAILED if is_down else ExitStatus.FINE


def recorded_targets(
    place: StorePlace, reader: RecordReader, now_ns: int, waits: WaitingChannels = NO_WAITS
) -> list[_Recorded]:
    """Returns the configured targets in their order, then those that only the record has."""
    opened: dict[str, list[Incident]] = {}
    for incident in reader.incidents(open_only=True, limit=10_000):
        opened.setdefault(incident.target, []).append(incident)
    configured = {target.id: target for target in place.targets}
    names = dict.fromkeys((*configured, *reader.targets(), *(name for name in opened if name != OWN_NAME)))
    latest = reader.latest(now_ns - _LOOK_BACK_NS, now_ns + 1)
    uptimes = reader.uptimes(now_ns - NS_PER_DAY, now_ns + 1)
    recovered = reader.recovered()
    silences = [(silence, silence.selection()) for silence in reader.silences(now_ns)]
    pauses = {mark.target: mark for mark in reader.pauses()}
    marks = {mark.target: mark for mark in reader.heard()}
    findings = findings_at(place.path, [target.id for target in place.targets if target.places])
    return [
        _Recorded(
            name=name,
            target=configured.get(name),
            last=latest.get(name),
            open_incidents=opened.get(name, []),
            recovered_ns=recovered.get(name),
            silences=[
                silence for silence, selection in silences if selection.accepts(_subject(name, configured))
            ],
            pause=pauses.get(name),
            uptime=uptimes.get(name),
            now_ns=now_ns,
            mark=marks.get(name),
            waits=tuple(row for incident in opened.get(name, ()) for row in waits.get(incident.id, ())),
            is_listed=None if place.configuration is None and not place.targets else name in configured,
            locations=findings.get(name, ()),
        )
        for name in names
    ]


def _subject(name: str, configured: Mapping[str, Target]) -> Subject:
    target = configured.get(name)
    return Subject(name, NO_METADATA if target is None else target.metadata)


def status_document(
    place: StorePlace,
    reader: RecordReader,
    recorded: Sequence[_Recorded],
    now_ns: int,
    waits: WaitingChannels = NO_WAITS,
    problems: "Iterable[ProblemRow]" = (),
) -> dict[str, Any]:
    """Returns everything that `status` shows, as plain data; `problems` are those that whoever runs the store has now."""
    told = [_problem_row(each) for each in reader.incidents(open_only=True, target=OWN_NAME)]
    parts = {row["part"] for row in told}
    waiting = (DeliveryState.PENDING, DeliveryState.DEAD)
    return {
        "at": wall_text(now_ns),
        "run_by": runner_of(place.path),
        "targets": [_row(each) for each in recorded],
        "notices": {
            **{state.value: len(reader.outbox(state)) for state in waiting},
            "held": sum(map(len, waits.values())),
        },
        "blind": [_blind_row(span) for span in reader.blind(now_ns - NS_PER_DAY)],
        "problems": [
            *told,
            *(present_problem_row(each) for each in problems if each.part not in parts),
        ],
        "nodes": nodes_of(place, now_ns),
    }


def _problem_row(incident: Incident) -> dict[str, str]:
    """Returns a problem of the runtime itself that its channels were told of."""
    since, said = wall_text(incident.opened_at_ns), incident.latest or incident.cause
    return {"part": incident.rule, "since": since, "explanation": said}


def present_problem_row(problem: "ProblemRow") -> dict[str, str | None]:
    """Returns a problem that the process which runs the store has now: it does not say since when."""
    return {"part": problem.part, "since": None, "explanation": problem.detail}


def _blind_row(span: BlindInterval) -> dict[str, str]:
    started_at, ended_at = wall_text(span.started_at_ns), wall_text(span.ended_at_ns)
    return {"started_at": started_at, "ended_at": ended_at, "cause": span.cause}


def _row(recorded: _Recorded) -> dict[str, Any]:
    """Returns a target as plain data with stable keys; times are RFC 3339."""
    target, silence = recorded.target, _longest(recorded.silences)
    return {
        "target": recorded.name,
        "kind": None if target is None else target.kind,
        "configured": recorded.is_listed,
        **({} if target is None else target.metadata.to_dict()),
        "status": recorded.status.value,
        "since": _wall_text(recorded.since_ns),
        "paused": recorded.is_paused,
        "paused_by": None if recorded.pause is None else recorded.pause.by or None,
        "silenced_until": None if silence is None else wall_text(silence.until_ns),
        "silenced_by": None if silence is None else silence.by,
        "silenced_for": None if silence is None else silence.reason,
        "acknowledged_by": _acknowledged_by(recorded.open_incidents),
        "open_incidents": len(recorded.open_incidents),
        "waits": [plain(row) for row in recorded.waits],
        "job": recorded.job or None,
        "locations": [plain(row) for row in recorded.locations],
        **_measured(recorded),
        "uptime_24h": recorded.uptime,
    }


_MEASURED = ("outcome", "reason", "explanation", "sampled_at", "latency_ms")


def _measured(recorded: _Recorded) -> dict[str, Any]:
    """Returns the last measurement; the open incidents stand for one that is too old to show the present state."""
    last = recorded.last
    if last is None:
        return dict.fromkeys(_MEASURED)
    stale = recorded.is_stale
    outcome = (status_of(recorded.open_incidents) or Status.UNKNOWN) if stale else last.outcome
    return {
        "outcome": outcome.value,
        "reason": "stale" if stale else last.reason.value,
        "explanation": no_sample_since(last.at_ns) if stale else last.explanation,
        "sampled_at": wall_text(last.at_ns),
        "latency_ms": _latency_ms(recorded),
    }


def _latency_ms(recorded: _Recorded) -> float | None:
    last = recorded.last
    if last is None or recorded.is_stale or not is_answered(last.outcome, last.reason):
        return None
    return None if last.latency_ns is None else last.latency_ns / NS_PER_MS


def _acknowledged_by(incidents: Iterable[Incident]) -> list[str]:
    return sorted({incident.acknowledged_by for incident in incidents if incident.acknowledged_by})


def _longest(silences: Iterable[Silence]) -> Silence | None:
    return max(silences, key=lambda silence: silence.until_ns, default=None)


def _wall_text(wall_ns: int | None) -> str | None:
    return None if wall_ns is None else wall_text(wall_ns)


def _shown(recorded: _Recorded) -> dict[str, Any]:
    """Returns a target as the cells of a table."""
    latency_ms = _latency_ms(recorded)
    seen = "never" if recorded.last is None else "stale" if recorded.is_stale else recorded.last.reason.value
    return {
        "target": recorded.name,
        "status": recorded.status.value,
        "since": minute_text(recorded.since_ns),
        "24_h": percent_text(recorded.uptime),
        "last": seen if latency_ms is None else f"{latency_ms:.1f} ms",
        "note": "; ".join(_notes(recorded)),
    }


def _notes(recorded: _Recorded) -> list[str]:
    """Returns why a target is as it is, and who holds back its notices."""
    silence = _longest(recorded.silences)
    notes = []
    found, last = recorded.finding, recorded.last
    apart = "" if last is None else dissent(last.outcome, recorded.locations)
    # The process that runs has newer findings of its locations than the record.
    if found and not (
        apart and last is not None and last.outcome is Outcome.UP and found == last.explanation
    ):
        notes.append(found)
    if apart:
        notes.append(apart)
    runs = recorded.mark is not None and recorded.mark.run_at_ns is not None
    if recorded.job and (runs or (recorded.target is not None and recorded.target.is_scheduled)):
        notes.append(recorded.job)
    if seen := _acknowledged_by(recorded.open_incidents):
        notes.append(f"acknowledged by {', '.join(seen)}")
    if recorded.pause is not None and recorded.pause.by:
        notes.append(f"paused by {recorded.pause.by}")
    if silence is not None:
        by = f" by {silence.by}" if silence.by else ""
        reason = f" ({silence.reason})" if silence.reason else ""
        notes.append(f"silenced{by} until {minute_text(silence.until_ns)}{reason}")
    notes += held_notes(recorded.waits, recorded.now_ns)
    if recorded.is_listed is False:
        notes.append("not configured")
    return notes


def held_notes(rows: Iterable["WaitRow"], now_ns: int) -> list[str]:
    """Returns why the channels of a target wait; its silences are said with their author besides."""
    return wait_texts((row for row in rows if row.kind is not HoldKind.SILENCE), now_ns)


def _last_lines(document: dict[str, Any]) -> list[str]:
    counts = Counter(row["status"] for row in document["targets"])
    found = ", ".join(
        f"{counts[status.value]} {status.value}" for status in _WORST_FIRST if counts[status.value]
    )
    notices, blind, holder = document["notices"], document["blind"], document["run_by"]
    saw = f"blind {count_of(len(blind), 'time')}" if blind else "never blind"
    of_a_day = "" if blind is None else f"; {saw} in the last 24 h"
    count = count_of(len(document["targets"]), "target")
    held = f", {notices['held']} held back" if notices["held"] else ""
    sent = f"{notices['pending']} pending, {notices['dead']} given up{held}{of_a_day}"
    return [
        *(f"watchkeeper itself, {each['part']}: {each['explanation']}" for each in document["problems"]),
        f"{count}: {found}" if found else "no target is configured or recorded",
        f"notices: {'not known' if notices['pending'] is None else sent}",
        f"run by {holder}" if holder else "not running: this is the last recorded state",
    ]
