"""`ack` and `unack`: whether somebody has seen an incident."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from ...domain.errors import UnknownName
from ...domain.line import first_line
from ..options import Where
from ..see.incidents import ID_PREFIX
from ..see.tables import print_json, shortened
from .muting import checked_end, clock_text
from .reach import Acts, plain, reached, say

if TYPE_CHECKING:
    from ...client.answers import IncidentRow

SHOWN_MAX = 5


class AcknowledgementOptions(NamedTuple):
    """The note of an acknowledgement, and when it ends by itself."""

    note: str
    length: str
    until: str
    until_worse: bool | None
    """None: as it was, or at first to the end of the incident."""


def acknowledge(where: Where, given: str, options: AcknowledgementOptions, *, as_json: bool) -> None:
    """Acknowledges an incident. Raises: UnknownName where none begins with this id; click.UsageError for two ends."""
    if options.length and options.until:
        raise click.UsageError("say how long with --for, or until when with --until: at most one of the two")
    until = checked_end(options.length, options.until)

    def act(acts: Acts) -> None:
        found, opened = open_incident(acts, given)
        row = acts.acknowledge(
            found.id, note=options.note, until=options.length or until, until_worse=options.until_worse
        )
        name = name_of(row, opened)
        if as_json:
            print_json(plain(row))
        elif row.sequence == found.sequence:
            when = "" if row.acknowledged_at is None else f", at {row.acknowledged_at:%H:%M} UTC"
            say(acts, f"{name}: {row.acknowledged_by} acknowledged it before{when}")
        else:
            ends = _ends(row)
            say(
                acts,
                f"{name}: acknowledged by {row.acknowledged_by}{ends}; {_told(acts, row, 'will hear of it, and then of the end only')}",
            )

    reached(where, act)


def unacknowledge(where: Where, given: str, *, as_json: bool) -> None:
    """Withdraws an acknowledgement. Raises: UnknownName where none begins with this id, or is acknowledged."""

    def act(acts: Acts) -> None:
        found, opened = open_incident(acts, given)
        row = acts.unacknowledge(found.id)
        if as_json:
            print_json(plain(row))
        else:
            say(
                acts,
                f"{name_of(row, opened)}: no longer acknowledged; {_told(acts, row, 'will hear of it again')}",
            )

    reached(where, act)


def _ends(row: "IncidentRow") -> str:
    ends = [] if row.acknowledged_until is None else [clock_text(row.acknowledged_until)]
    if row.acknowledged_until_worse:
        ends.append("its severity rises")
    return f" until {' or '.join(ends)}" if ends else ""


def _told(acts: Acts, row: "IncidentRow", what: str) -> str:
    """Returns the channels that a step reaches: those that its target names, or else those that were told of it before."""
    *others, last = row.notify or acts.told_channels(row.id) or [""]
    if not last:
        return "no channel was told of it so far"
    names = f"{', '.join(others)} and {last}" if others else last
    return f"{names} {what}"


def open_incident(acts: Acts, given: str) -> "tuple[IncidentRow, tuple[IncidentRow, ...]]":
    """Returns the open incident whose id begins with a text, or the only one of a target, and all open ones.

    Raises: UnknownName where there is none, or several.
    """
    opened = acts.incidents(open_only=True)
    # A target may be named like the beginning of an id, such as `db`: neither of the two is guessed.
    found = [row for row in opened if begins(row.id, given) or is_of(row, given)]
    if len(found) == 1:
        return found[0], opened
    text = first_line(given, 64)
    if found:
        raise UnknownName(
            f"{len(found)} open incidents fit {text}: {_shown(found, opened)}: write the id of one"
        )
    those = f"; open are {_shown(opened, opened)}" if opened else ": none is open"
    raise UnknownName(f"no open incident begins with {text}{those}")


def begins(name: str, given: str) -> bool:
    """Whether an id begins with a text, also without its prefix."""
    return bool(given) and (name.startswith(given) or name.removeprefix(ID_PREFIX).startswith(given))


def is_of(row: "IncidentRow", given: str) -> bool:
    """Whether an incident is one of this target, or of `TARGET/RULE`."""
    return given in {row.target, f"{row.target}/{row.rule}"}


def _shown(rows: "Sequence[IncidentRow]", opened: "Sequence[IncidentRow]") -> str:
    ids = shortened([row.id for row in opened], ID_PREFIX)
    shown = ", ".join(f"{ids[row.id]} ({name_of(row, opened)})" for row in rows[:SHOWN_MAX])
    more = len(rows) - SHOWN_MAX
    return f"{shown} and {more} more" if more > 0 else shown


def name_of(row: "IncidentRow", opened: "Sequence[IncidentRow]") -> str:
    """Returns the name of an incident for people: its target, and its rule where the target has several incidents."""
    several = sum(1 for each in opened if each.target == row.target) > 1
    return f"{row.target}/{row.rule}" if several else row.target
