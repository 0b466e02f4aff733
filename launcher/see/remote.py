"""`status`, `incidents` and `notices` of a runtime at a URL: its answers as the rows that a store gives."""

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import UNSET

from ...adapters.clock import SystemClock
from ...client.connection import Connection
from ...domain.errors import StoreError, UnknownName, WatchkeeperError
from ...domain.incidents.incident import Incident
from ...domain.incidents.notice import tells
from ...domain.incidents.trials.drill import Drill
from ...domain.line import listed
from ...domain.observation.outcome import Outcome
from ...domain.read_model.dissent import dissent
from ...domain.read_model.status import UNREAD
from ...domain.specification.metadata import TargetMetadata
from ...domain.specification.problem import quoted, suggestion
from ...domain.store_place import is_database
from ...domain.time.moment import wall_ns_of, wall_text
from ..act.reach import plain
from ..output import ExitStatus
from ..place import StorePlace
from .every_node import ask_each
from .incidents import print_incidents
from .notices import print_notices
from .status import ended_as, held_notes, present_problem_row, print_status
from .tables import minute_text, print_json
from .waits import WaitingChannels, by_incident

ASKED_WITHIN_S = 5.0
"""In the first seconds of a hang a process waits for the store itself."""
STATUS_KEPT_S = 1.0
"""A runtime makes a new status at most so often."""

if TYPE_CHECKING:
    from ...client.answers import IncidentRow, NoticeRow, RemoteStatus, TargetRow


def show_status(connection: Connection, *, as_json: bool, exit_code: bool) -> ExitStatus:
    """Prints one row per target, and returns how the process ends: with `exit_code` FAILED where a target is down."""
    document = status_document(connection)
    if as_json:
        print_json(document)
    else:
        print_status(document, [_shown(row) for row in document["targets"]])
    return ended_as(document) if exit_code else ExitStatus.FINE


def show_status_without_store(
    place: StorePlace, error: StoreError, *, as_json: bool, exit_code: bool
) -> ExitStatus:
    """Prints the status that the nodes on this machine know while the database does not answer. Raises: the error of the store where none does."""
    if not is_database(place.path):
        raise error
    try:
        answers = ask_each(place.path, _partial_document, ASKED_WITHIN_S)
    except (WatchkeeperError, OSError):
        raise error from None
    document, names = _joined(answers)
    who = _nodes_named(names) if names else "a process"
    knows = "know" if len(names) > 1 else "knows"
    click.echo(f"{error}\nthis is what {who} on this machine {knows} without it:", err=True)
    if as_json:
        print_json(document)
    else:
        print_status(document, [_shown(row) for row in document["targets"]])
    if not exit_code:
        return ExitStatus.FINE
    # It does not know of all targets, so that it cannot say that none is down.
    ended = ended_as(document)
    return ExitStatus.STORE if ended is ExitStatus.FINE else ended


def _partial_document(connection: Connection) -> dict[str, Any]:
    try:
        return status_document(connection, is_partial=True)
    except StoreError:
        # The first part of the answer was made before its store failed.
        threading.Event().wait(STATUS_KEPT_S)
        return status_document(connection, is_partial=True)


def _joined(answers: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """Returns the documents of several nodes as one, and the names of those that answered: each knows the targets of its own shards."""
    first = max(answers, key=lambda each: sum(len(row["shards"]) for row in each["nodes"] if row["this"]))
    own = {row["name"]: row for each in answers for row in each["nodes"] if row["this"]}
    targets: dict[str, dict[str, Any]] = {}
    problems: dict[tuple[str, str], dict[str, Any]] = {}
    for each in (first, *answers):
        for row in each["targets"]:
            if targets.setdefault(row["target"], row)["explanation"] == UNREAD:
                targets[row["target"]] = row
        problems |= {(row["part"], row["explanation"]): row for row in each["problems"]}
    joined = {
        "targets": [*targets.values()],
        "problems": [*problems.values()],
        "nodes": [own.get(row["name"], row) for row in first["nodes"]],
    }
    names = sorted(own)
    return {**first, **joined, **({"run_by": _nodes_named(names)} if names else {})}, names


def _nodes_named(names: Sequence[str]) -> str:
    return f"{'node' if len(names) == 1 else 'nodes'} {listed(names)}"


def show_incidents(
    connection: Connection, *, as_json: bool, open_only: bool, target: str | None, limit: int
) -> None:
    """Prints one row per incident, the newest first. Raises: UnknownName for a target that is neither watched nor recorded."""
    rows = connection.incidents(open_only=open_only, target=target)[:limit]
    if target is not None and not rows:
        known = connection.target_names()
        if target not in known and not connection.incidents(target=target):
            raise UnknownName(f"no target is named {quoted(target)}{suggestion(target, known)}")
    waits = by_incident(connection.waits())
    print_incidents([_incident(row) for row in rows], waits, as_json=as_json)


def show_notices(connection: Connection, *, state: str | None, limit: int, as_json: bool) -> None:
    """Prints one row per notice, the newest last."""
    print_notices([_notice(row) for row in connection.notices(state)[-limit:]], as_json=as_json)


def status_document(connection: Connection, *, is_partial: bool = False) -> dict[str, Any]:
    """Returns what `status` shows. None stands for what the API does not say: the uptime, and when nothing could be seen; of a partial one
    also for what only the store has.
    """
    found = connection.status()
    waits = {} if is_partial else by_incident(connection.waits())
    waiting: dict[str, int | None] = {
        state: None if is_partial else len(connection.notices(state)) for state in ("pending", "dead")
    }
    return {
        "at": _text(found.at),
        "run_by": repr(connection).removeprefix("<Connection to ").removesuffix(">"),
        "targets": [_target(row, found, waits) for row in found.targets],
        "notices": {**waiting, "held": sum(map(len, waits.values()))},
        "blind": None,
        "problems": [present_problem_row(row) for row in found.problems],
        "nodes": [{**plain(row), "seen_at": _text(row.seen_at)} for row in found.nodes],
    }


def _target(row: "TargetRow", found: "RemoteStatus", waits: WaitingChannels) -> dict[str, Any]:
    silence = max(row.silences, key=lambda each: each.until, default=None)
    opened = [each for each in found.incidents if each.target == row.id]
    metadata = TargetMetadata(
        group=row.group,
        name=row.name,
        labels=tuple(row.labels.items()),
        description=row.description,
        link=row.link,
        runbook=row.runbook,
        public=row.public,
    )
    return {
        "target": row.id,
        "kind": row.kind,
        "configured": True,
        **metadata.to_dict(),
        "status": row.status.value,
        "since": _text(row.since),
        "paused": row.paused,
        "paused_by": None,
        "silenced_until": None if silence is None else _text(silence.until),
        "silenced_by": None if silence is None else silence.by,
        "silenced_for": None if silence is None else silence.reason,
        "acknowledged_by": sorted({each.acknowledged_by for each in opened if each.acknowledged_by}),
        "open_incidents": len(row.open_incidents),
        "waits": [plain(each) for incident in opened for each in waits.get(incident.id, ())],
        "job": None if row.job is None else row.job.text,
        "locations": [plain(each) for each in row.locations],
        "outcome": None if row.outcome is None else row.outcome.value,
        "reason": None if row.reason is None else row.reason.value,
        "explanation": row.explanation,
        "sampled_at": _text(row.sampled_at),
        "latency_ms": row.latency_ms,
        "uptime_24h": None,
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row of a target as the cells of a table."""
    latency = row["latency_ms"]
    return {
        "target": row["target"],
        "status": row["status"],
        "since": minute_text(wall_ns_of(row["since"])),
        "24_h": None,
        "last": (row["reason"] or "never") if latency is None else f"{latency:.1f} ms",
        "note": "; ".join(_notes(row)),
    }


def _notes(row: dict[str, Any]) -> list[str]:
    from ...client.answers import WaitRow

    by = f" by {row['silenced_by']}" if row["silenced_by"] else ""
    reason = f" ({row['silenced_for']})" if row["silenced_for"] else ""
    until = row["silenced_until"]
    return [
        text
        for text in (
            row["explanation"],
            _dissent(row),
            f"acknowledged by {', '.join(row['acknowledged_by'])}" if row["acknowledged_by"] else "",
            f"silenced{by} until {minute_text(wall_ns_of(until))}{reason}" if until else "",
            *held_notes(msgspec.convert(row["waits"], list[WaitRow]), SystemClock().read().wall_ns),
        )
        if text
    ]


def _dissent(row: dict[str, Any]) -> str:
    from ...client.answers import LocationRow

    outcome = None if row["outcome"] is None else Outcome(row["outcome"])
    return dissent(outcome, msgspec.convert(row["locations"], list[LocationRow]))


def _incident(row: "IncidentRow") -> Incident:
    return Incident(
        id=row.id,
        sequence=row.sequence,
        change=row.change,
        target=row.target,
        rule=row.rule,
        severity=row.severity,
        at_ns=_ns(row.at),
        opened_at_ns=_ns(row.opened_at),
        resolved_at_ns=_ns_or_none(row.resolved_at),
        acknowledged_at_ns=_ns_or_none(row.acknowledged_at),
        acknowledged_by=row.acknowledged_by,
        acknowledged_until_ns=_ns_or_none(row.acknowledged_until),
        note=row.note,
        cause=row.cause,
        latest=row.latest,
        reason=row.reason,
        explanation=row.explanation,
        draft=row.draft,
        # Only its route is shown, and the row has no more of it.
        drill=UNSET if row.drill is None else Drill(route=row.drill, until_ns=0),
        notify=tuple(row.notify),
    )


def _notice(row: "NoticeRow") -> dict[str, Any]:
    return {
        "key": row.key,
        "state": row.state.value,
        "channel": row.channel,
        "tells": tells(row.change, row.subject, row.reminder),
        "attempts": row.attempts,
        "at": _text(row.at),
        "detail": row.detail,
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else wall_text(_ns(at))


def _ns(at: datetime) -> int:
    return wall_ns_of(at.isoformat())


def _ns_or_none(at: datetime | None) -> int | None:
    return None if at is None else _ns(at)
