"""The channels that are to be told of an incident and wait: asked of the process that runs a store, and in words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from ...adapters.stores.opening import runner_of
from ...domain.errors import WatchkeeperError
from ...domain.incidents.delivery_plan import Hold
from ...domain.line import listed
from ...domain.time.moment import NS_PER_S
from .every_node import ask_each
from .tables import minute_text

if TYPE_CHECKING:
    from ...client.answers import ProblemRow, WaitRow

WaitingChannels: TypeAlias = Mapping[str, Sequence["WaitRow"]]
"""The channels that wait, by the id of the incident."""
NO_WAITS: WaitingChannels = {}
ASKED_WITHIN_S = 2.0
"""A process that hangs must not hold up what the record says."""
REASONS_SHOWN = 3


def waits_at(path: str) -> WaitingChannels | None:
    """Returns what waits by the processes that run a store on this machine; None where none runs it or none answers.

    The reasons are nowhere else: they follow from the record, the configuration and the time.
    """
    if runner_of(path) is None:
        return None
    try:
        answers = ask_each(path, lambda each: each.waits(), ASKED_WITHIN_S)
    except (WatchkeeperError, OSError):
        return None
    # An incident is told by one node; while its shard changes hands two may say so.
    return by_incident({(row.incident, row.channel): row for rows in answers for row in rows}.values())


def problems_at(path: str) -> "list[ProblemRow]":
    """Returns what is wrong with the processes that run a store on this machine; nothing where none runs it or none answers.

    The record has it only once it was told, and nothing is told while nothing can be recorded.
    """
    try:
        answers = ask_each(path, lambda each: each.problems(), ASKED_WITHIN_S)
    except (WatchkeeperError, OSError):
        return []
    return [*dict.fromkeys(row for rows in answers for row in rows)]


def by_incident(rows: "Iterable[WaitRow]") -> WaitingChannels:
    """Returns rows by the id of their incident."""
    found: dict[str, list[WaitRow]] = {}
    for row in rows:
        found.setdefault(row.incident, []).append(row)
    return found


def wait_texts(rows: "Iterable[WaitRow]", now_ns: int) -> list[str]:
    """Returns what waits in words, channels with the same reason together: `ops waits: maintenance patch-day until 05:00:00Z`."""
    channels: dict[str, list[str]] = {}
    for row in rows:
        channels.setdefault(reason_text(row, now_ns), []).append(row.channel)
    said = [
        f"{listed(names)} {'waits' if len(names) == 1 else 'wait'}: {reason}"
        for reason, names in channels.items()
    ]
    more = len(said) - REASONS_SHOWN
    return [*said[:REASONS_SHOWN], *([f"{more} more wait"] if more > 0 else [])]


def reason_text(row: "WaitRow", now_ns: int) -> str:
    """Returns the reason for which a channel waits, with its end: `maintenance patch-day until 05:00:00Z`."""
    hold = Hold(kind=row.kind, name=row.name)
    return hold.reason if row.until is None else f"{hold.reason} until {_end_text(row.until, now_ns)}"


def _end_text(until: datetime, now_ns: int) -> str:
    """Returns an end for people: a time of the next day to the second, for a digest is due within one."""
    now = datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
    if until - now < timedelta(days=1):
        return f"{until:%H:%M:%SZ}"
    return str(minute_text(int(until.timestamp()) * NS_PER_S))
