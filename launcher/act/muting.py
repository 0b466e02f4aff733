"""`silence` and `unsilence`: hold notices back for a time."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import click

from ...adapters.clock import SystemClock
from ...client.offline import OfflineStore
from ...domain.errors import UnknownName
from ...domain.incidents.record import ALL, AllTargets, Silence
from ...domain.line import count_of, first_line
from ...domain.specification.matcher import Subject, parsed
from ...domain.time.duration import parse_duration
from ...domain.time.moment import NS_PER_S, utc, wall_ns_of
from ...host.silencing import names_one
from ..options import Where
from ..see.tables import print_json
from .reach import Acts, plain, reached, say, targets_of

if TYPE_CHECKING:
    from ...client.answers import SilenceRow

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
    until = checked_end(wanted.length, wanted.until)
    require_matchers(wanted.match)
    if "/" in (wanted.name or ""):
        raise click.BadParameter("an id has no slash", param_hint="--id")

    def act(acts: Acts) -> None:
        target = ALL if wanted.target is None else wanted.target
        if isinstance(target, str) and names_one(target):
            target = targets_of(acts, [target])[0]
        targets, incidents = _muted(acts, target, wanted.match)
        mutes = f"{count_of(targets, 'target')} and {count_of(incidents, 'open incident')}"
        if not targets:
            mutes = "no target that is watched now, only those that come later"
        if dry_run and as_json:
            print_json({"dry_run": True, "targets": targets, "open_incidents": incidents})
            return
        if dry_run:
            click.echo(f"would mute {mutes}; nothing was done")
            return
        former = {each.id: each for each in acts.silences()}
        row = acts.silence(
            target,
            wanted.length,
            until=until,
            reason=wanted.reason,
            id=wanted.name,
            match=wanted.match,
        )
        if as_json:
            print_json(plain(row))
        else:
            before = former.get(row.id)
            in_place = "" if before is None else f", in place of the one until {_end_text(before)}"
            say(
                acts,
                f"silence {row.id}{in_place}: mutes {mutes} until {clock_text(row.until)}; ends by itself. "
                f"Undo: watchkeeper unsilence {row.id}",
            )

    reached(where, act)


def checked_end(length: str, until: str) -> str:
    """Returns the moment of --until as every runtime reads it, empty for none.

    Raises: click.BadParameter for a length and a moment that are none, or by which nothing would last.
    """
    if length and _read(parse_duration, length, "--for") < NS_PER_S:
        raise click.BadParameter(f"{length} is too short: a second or more", param_hint="--for")
    if not until:
        return ""
    until_ns = _read(wall_ns_of, until, "--until")
    if until_ns <= SystemClock().read().wall_ns:
        raise click.BadParameter(f"{until} has passed", param_hint="--until")
    return utc(until_ns).isoformat()


def require_matchers(texts: tuple[str, ...]) -> None:
    """Raises: click.BadParameter for texts of --match that are no matchers."""
    try:
        parsed(texts)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--match") from None


def _read(read: Callable[[str], int], text: str, option: str) -> int:
    try:
        return read(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _end_text(silence: "Silence | SilenceRow") -> str:
    """Returns the end of a silence for people, whichever way it was asked for."""
    return clock_text(utc(silence.until_ns) if isinstance(silence, Silence) else silence.until)


def _muted(acts: Acts, target: str | AllTargets, match: tuple[str, ...]) -> tuple[int, int]:
    """Returns how many targets and open incidents a silence would mute now."""
    if isinstance(acts, OfflineStore):
        would = acts.preview(target, match=match)
        return len(would.targets), len(would.incidents)
    found = acts.preview(target, match=match)
    return found.targets, len(found.open_incidents)


def unsilence(where: Where, given: str, *, as_json: bool) -> None:
    """Ends a silence. Raises: UnknownName where none in force has this id, or begins with it."""

    def act(acts: Acts) -> None:
        row = acts.unsilence(_silence_named(acts, given))
        still = _still_muting(acts, row.target)
        heard = f"{_scope_text(row)} is heard of again, also of what it held back"
        if still:
            heard = f"{_shown(still)} still {'holds' if len(still) == 1 else 'hold'} back notices of {_scope_text(row)}"
        if as_json:
            print_json(plain(row))
        else:
            say(acts, f"silence {row.id}: ended; {heard}")

    reached(where, act)


def _still_muting(acts: Acts, target: str | None) -> list[str]:
    """Returns the silences that mute one target, or some of its incidents."""
    if target is None or not names_one(target):
        return []
    return [
        each.id
        for each in acts.silences()
        if Silence(id=each.id, target=each.target, until_ns=0, match=tuple(each.match))
        .selection()
        .accepts(Subject(target))
    ]


def _silence_named(acts: Acts, given: str) -> str:
    known = {each.id: f"{each.id} ({_scope_text(each)})" for each in acts.silences()}
    found = [given] if given in known else [name for name in known if given and name.startswith(given)]
    if len(found) == 1:
        return found[0]
    those = f"; in force are {_shown(list(known.values()))}" if known else ": none is in force"
    how = "several silences begin" if found else "no silence in force begins"
    raise UnknownName(f"{how} with {first_line(given, 64)}{those}")


def _scope_text(silence: "Silence | SilenceRow") -> str:
    """Returns what a silence mutes, for people."""
    return ", ".join(["every target" if silence.target in (None, "*") else silence.target, *silence.match])


def _shown(names: list[str]) -> str:
    more = len(names) - SHOWN_MAX
    return ", ".join(names[:SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


def clock_text(at: datetime) -> str:
    """Returns a moment for people: `15:04 UTC` within the day before and after now, else with its date."""
    now = datetime.fromtimestamp(SystemClock().read().wall_ns // 10**9, UTC)
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M} UTC"
