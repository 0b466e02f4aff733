"""`silence` and `unsilence`: hold notices back for a time."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import click

from ...adapters.clock import SystemClock
from ...client.offline import OfflineStore
from ...domain.errors import UnknownName
from ...domain.incidents.record import ALL, AllTargets
from ...domain.line import count_of, first_line
from ...domain.specification.matcher import parsed
from ...domain.time.duration import parse_duration
from ...domain.time.moment import wall_ns_of
from ...host.silencing import names_one
from ..options import Where
from ..see.tables import print_json
from .reach import Acts, plain, reached, say, targets_of

if TYPE_CHECKING:
    pass

SHOWN_MAX = 5


class Wanted(NamedTuple):
    """The silence that a command line asks for."""

    target: str | None
    """None with `everything`."""
    everything: bool
    length: str
    until: str
    reason: str
    name: str | None
    match: tuple[str, ...] = ()


def silence(where: Where, wanted: Wanted, *, dry_run: bool, as_json: bool) -> None:
    """Mutes targets, or says what that would do. Raises: click.UsageError unless targets and one end are given."""
    if wanted.everything and wanted.target is not None:
        raise click.UsageError("name a target, or every one with --all")
    if wanted.target is None and not (wanted.everything or wanted.match):
        raise click.UsageError("name a target, every one with --all, or some with --match")
    if bool(wanted.length) is bool(wanted.until):
        raise click.UsageError("say how long with --for, or until when with --until: one of the two")
    require_length(wanted.length)
    require_moment(wanted.until)
    require_matchers(wanted.match)

    def act(acts: Acts) -> None:
        target = ALL if wanted.target is None else wanted.target
        if isinstance(target, str) and names_one(target):
            target = targets_of(acts, [target])[0]
        mutes = _muted(acts, target, wanted.match)
        if dry_run:
            click.echo(f"would mute {mutes}; nothing was done")
            return
        row = acts.silence(
            target,
            wanted.length,
            until=wanted.until,
            reason=wanted.reason,
            id=wanted.name,
            match=wanted.match,
        )
        if as_json:
            print_json(plain(row))
        else:
            say(
                acts,
                f"silence {row.id}: mutes {mutes} until {clock_text(row.until)}; ends by itself. "
                f"Undo: watchkeeper unsilence {row.id}",
            )

    reached(where, act)


def require_length(text: str) -> None:
    """Raises: click.UsageError for a text of --for that is no length; an empty one stands for none."""
    _require(parse_duration, text, "--for")


def require_moment(text: str) -> None:
    """Raises: click.UsageError for a text of --until that is no moment; an empty one stands for none."""
    _require(wall_ns_of, text, "--until")


def require_matchers(texts: tuple[str, ...]) -> None:
    """Raises: click.BadParameter for texts of --match that are no matchers."""
    try:
        parsed(texts)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--match") from None


def _require(read: Callable[[str], int], text: str, option: str) -> None:
    try:
        read(text or "0")
    except ValueError as error:
        if text:
            raise click.BadParameter(str(error), param_hint=option) from None


def _muted(acts: Acts, target: str | AllTargets, match: tuple[str, ...]) -> str:
    """Returns what a silence would mute now: `8 targets and 1 open incident`."""
    if isinstance(acts, OfflineStore):
        would = acts.preview(target, match=match)
        targets, incidents = len(would.targets), len(would.incidents)
    else:
        found = acts.preview(target, match=match)
        targets, incidents = found.targets, len(found.open_incidents)
    return f"{count_of(targets, 'target')} and {count_of(incidents, 'open incident')}"


def unsilence(where: Where, given: str, *, as_json: bool) -> None:
    """Ends a silence. Raises: UnknownName where none in force has this id, or begins with it."""

    def act(acts: Acts) -> None:
        row = acts.unsilence(_silence_named(acts, given))
        if as_json:
            print_json(plain(row))
        else:
            what = ", ".join(["every target" if row.target in (None, "*") else row.target, *row.match])
            say(acts, f"silence {row.id}: ended; {what} is heard of again, also of what it held back")

    reached(where, act)


def _silence_named(acts: Acts, given: str) -> str:
    known = [each.id for each in acts.silences()]
    found = [given] if given in known else [name for name in known if given and name.startswith(given)]
    if len(found) == 1:
        return found[0]
    those = f"; in force are {_shown(known)}" if known else ": none is in force"
    how = "several silences begin" if found else "no silence in force begins"
    raise UnknownName(f"{how} with {first_line(given, 64)}{those}")


def _shown(names: list[str]) -> str:
    more = len(names) - SHOWN_MAX
    return ", ".join(names[:SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


def clock_text(at: datetime) -> str:
    """Returns a moment for people: `15:04 UTC` within the day before and after now, else with its date."""
    now = datetime.fromtimestamp(SystemClock().read().wall_ns // 10**9, UTC)
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M} UTC"
