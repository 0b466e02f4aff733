"""The open incidents on the overview, the gravest first: what is wrong, the evidence, and who was told."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ....domain.incidents.incident import Incident
from ....domain.incidents.notice import DeliveryState
from ....domain.incidents.record import Silence
from ....domain.incidents.told import ChannelTold
from ....domain.read_model.status import RuntimeStatus, TargetStatus
from ....domain.rules.aggregate import Status
from ....domain.specification.rule import Severity
from ....domain.suppression.agenda import PlannedSpan, WorkInForce
from ....domain.suppression.silence_book import subject_of
from ..words import latency
from .rows import in_path, name_of, state_of

_URGENCY = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
_ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


class Told(NamedTuple):
    """One channel, and what it knows of an incident."""

    channel: str
    said: str
    is_told: bool
    until_ns: int | None = None
    """The end of its wait, where that is known."""


class Trouble(NamedTuple):
    """One open incident."""

    id: str
    path: str
    name: str
    state: str
    word: str
    severity: str
    since_ns: int
    seen_by: str
    """Empty where nobody has seen it."""
    evidence: tuple[str, ...]
    """The failed conditions, each with the value that it found."""
    finding: str
    """In words, where no condition says it."""
    measured: str
    """The address and the latency of the last answer."""
    told: tuple[Told, ...]
    silence: Silence | None
    silence_path: str
    work: PlannedSpan | None
    """The maintenance in force that holds its notices."""
    is_first: bool = False
    """Whether its button is the first action of the page."""


def open_incidents(status: RuntimeStatus, ids: frozenset[str] | None) -> list[Incident]:
    """Returns the open incidents, of some targets or of all, the gravest and then the oldest first; drafts tell nobody."""
    chosen = [each for each in status.incidents if not each.draft and (ids is None or each.target in ids)]
    return sorted(chosen, key=lambda each: (_URGENCY.index(each.severity), each.opened_at_ns, each.id))


def troubles_of(
    incidents: Sequence[Incident],
    targets: Mapping[str, TargetStatus],
    told: Mapping[str, Sequence[ChannelTold]],
    work: WorkInForce,
) -> list[Trouble]:
    """Returns the lines of incidents."""
    first = next((each.id for each in incidents if not each.acknowledged_by), "")
    return [
        _trouble(each, targets.get(each.target), told.get(each.id, ()), work)._replace(
            is_first=each.id == first
        )
        for each in incidents
    ]


def _trouble(
    incident: Incident, target: TargetStatus | None, told: Sequence[ChannelTold], work: WorkInForce
) -> Trouble:
    state = _shape(incident, target)
    sample = None if target is None else target.sample
    is_bad = sample is not None and target is not None and target.raw not in {Status.UP, Status.UNKNOWN}
    failed = sample.failed if sample is not None and is_bad else ()
    said = incident.latest or incident.cause or incident.explanation or incident.reason
    if sample is not None and is_bad and not failed and sample.detail:
        said = sample.detail
    silence = (
        max(target.silences, key=lambda each: each.until_ns)
        if target is not None and target.silences
        else None
    )
    return Trouble(
        id=incident.id,
        path=in_path(incident.id),
        name=incident.metadata.name or incident.target if target is None else name_of(target),
        state=state,
        word="no data" if state == "unknown" else state,
        severity=incident.severity.value,
        since_ns=incident.opened_at_ns,
        seen_by=incident.acknowledged_by or "",
        evidence=tuple(failed[:3]),
        finding="" if failed else said,
        measured=_measured(target) if is_bad else "",
        told=tuple(sorted(map(_told, told), key=lambda each: not each.is_told)),
        silence=silence,
        silence_path="" if silence is None else in_path(silence.id),
        work=None
        if incident.is_drill
        else work.of(subject_of(incident, None if target is None else target.metadata)),
    )


def _shape(incident: Incident, target: TargetStatus | None) -> str:
    """Returns the state whose shape stands before an incident; that of its severity where the target does not show it."""
    state = "" if target is None else state_of(target)
    if state in {"down", "degraded", "unknown"}:
        return state
    return "down" if incident.severity is Severity.CRITICAL else "degraded"


def _measured(target: TargetStatus | None) -> str:
    sample = None if target is None else target.sample
    if sample is None:
        return ""
    address = f"from {sample.ip}" if sample.ip else ""
    took = f"in {latency(sample.latency_ns)}" if sample.latency_ns is not None else ""
    return " ".join(part for part in (address, took) if part)


def _told(told: ChannelTold) -> Told:
    if told.state is DeliveryState.DEAD:
        return Told(told.channel, "given up", is_told=False)
    if told.waiting is not None:
        tries = told.waiting_tries
        return Told(
            told.channel, f"{_ORDINALS.get(tries, f'{tries}th')} try" if tries else "waits", is_told=False
        )
    if told.waits is not None:
        return Told(told.channel, f"waits: {told.waits.reason}", is_told=False, until_ns=told.waits.until_ns)
    if told.told is None:
        return Told(told.channel, "not yet", is_told=False)
    return Told(told.channel, "✓", is_told=True)
