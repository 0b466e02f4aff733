"""`incidents`: the incidents of a store, newest first."""

from collections.abc import Iterable, Sequence
from typing import Any

from ...adapters.clock import SystemClock
from ...adapters.stores.opening import make_reader
from ...adapters.stores.record_reader import RecordReader
from ...domain.errors import UnknownName
from ...domain.incidents.incident import Incident
from ...domain.incidents.notice_body import incident_document
from ...domain.specification.problem import quoted, suggestion
from ...domain.time.duration import NS_PER_HOUR, NS_PER_MINUTE, format_duration
from ...domain.time.moment import NS_PER_S
from ..act.reach import plain
from ..place import StorePlace
from .tables import minute_text, print_rows, shortened
from .waits import WaitingChannels, wait_texts, waits_at

_COLUMNS = ("id", "incident", "severity", "status", "opened", "lasted", "cause")
ID_PREFIX = "inc_"


def show_incidents(
    place: StorePlace, *, as_json: bool, open_only: bool, target: str | None, limit: int
) -> None:
    """Prints one row per incident, the newest first. Raises: UnknownName for a target without any record."""
    reader = make_reader(place.path)
    found = reader.incidents(open_only=open_only, target=target, limit=limit)
    if target is not None and not found:
        _require_known(target, {*(known.id for known in place.targets), *reader.targets()}, reader)
    print_incidents(found, waits_at(place.path) or {}, as_json=as_json)


def print_incidents(found: Sequence[Incident], waits: WaitingChannels, *, as_json: bool) -> None:
    """Prints one row per incident, with an id that is short among them, and why its channels wait."""
    now_ns = SystemClock().read().wall_ns
    ids = shortened({incident.id for incident in found}, ID_PREFIX)
    shown = [{**_shown(incident, waits, now_ns), "id": ids[incident.id]} for incident in found]
    print_rows("incidents", _COLUMNS, shown, [_row(incident, waits) for incident in found], as_json=as_json)


def _require_known(target: str, known: Iterable[str], reader: RecordReader) -> None:
    if target not in known and not reader.incidents(target=target, limit=1):
        raise UnknownName(f"no target is named {quoted(target)}{suggestion(target, known)}")


def _row(incident: Incident, waits: WaitingChannels) -> dict[str, Any]:
    """Returns an incident as plain data with stable keys; times are RFC 3339."""
    document = incident_document(incident)
    del document["evidence"]
    held = [plain(row) for row in waits.get(incident.id, ())]
    return document | {"sequence": incident.sequence, "draft": incident.draft, "waits": held}


def _shown(incident: Incident, waits: WaitingChannels, now_ns: int) -> dict[str, Any]:
    """Returns an incident as the cells of a table."""
    cause = incident.cause or incident.explanation
    now = f"now {incident.latest}" if incident.is_open and incident.latest not in {"", cause} else ""
    note = f": {incident.note}" if incident.note else ""
    seen = f"acknowledged by {incident.acknowledged_by}{note}" if incident.acknowledged_by else ""
    return {
        "incident": f"{incident.target}/{incident.rule}",
        "severity": incident.severity.value,
        "status": "open" if incident.is_open else "resolved",
        "opened": minute_text(incident.opened_at_ns),
        "lasted": _for_people(incident.opened_at_ns, incident.resolved_at_ns or now_ns),
        "cause": "; ".join(
            filter(
                None,
                (
                    cause,
                    now,
                    seen,
                    *wait_texts(waits.get(incident.id, ()), now_ns),
                    "draft" if incident.draft else "",
                    "drill" if incident.is_drill else "",
                ),
            )
        ),
    }


def _for_people(from_ns: int, until_ns: int) -> str:
    return _length(from_ns, until_ns, NS_PER_S if until_ns - from_ns < NS_PER_HOUR else NS_PER_MINUTE)


def _length(from_ns: int, until_ns: int, unit_ns: int) -> str:
    """Returns the duration in whole units; never negative, even where the clock was set back."""
    return format_duration(max(0, until_ns - from_ns) // unit_ns * unit_ns)
