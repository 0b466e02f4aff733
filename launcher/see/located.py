"""The findings of locations, which only the process that runs a store has."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ...adapters.stores.opening import runner_of
from ...client.connection import connect
from ...domain.errors import WatchkeeperError
from .waits import ASKED_WITHIN_S

if TYPE_CHECKING:
    from ...client.answers import LocationRow, TargetRow


def findings_at(path: str, targets: Collection[str]) -> "dict[str, list[LocationRow]]":
    """Returns the findings by target; nothing where these are no targets, nobody runs the store, or it does not answer."""
    if not targets or runner_of(path) is None:
        return {}
    try:
        return findings_in(connect(path, timeout_s=ASKED_WITHIN_S).status().targets)
    except (WatchkeeperError, OSError):
        return {}


def findings_in(rows: "Iterable[TargetRow]") -> "dict[str, list[LocationRow]]":
    """Returns the findings by target of those that have locations."""
    return {row.id: row.locations for row in rows if row.locations}


def finding_text(row: "LocationRow") -> str:
    """Returns one finding in a line: `from fra: down in 12.0 ms: connection_refused`."""
    took = "" if row.latency_ms is None else f" in {row.latency_ms:.1f} ms"
    why = f": {row.explanation}" if row.explanation else ""
    return f"from {row.location}: {row.outcome.value.replace('_', ' ')}{took}{why}"
