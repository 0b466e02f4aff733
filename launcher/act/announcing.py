"""`announce` and `unannounce`: what the readers of public pages are told."""

from typing import TYPE_CHECKING, NamedTuple

import click

from ...domain.errors import UnknownName, UsageError
from ...domain.line import first_line, listed
from ..options import Where
from ..see.tables import print_json
from .muting import checked_end, clock_text
from .reach import Acts, plain, reached, say

if TYPE_CHECKING:
    from ...client.answers import AnnouncementRow


class NewAnnouncement(NamedTuple):
    """The announcement that a command line asks for."""

    title: str
    text: str
    kind: str
    pages: tuple[str, ...]
    start: str
    length: str
    until: str
    name: str | None


def announce(where: Where, said: NewAnnouncement, *, as_json: bool) -> None:
    """Tells the readers of public pages something. Raises: click.UsageError for what makes no sense."""
    if said.length and said.until:
        raise click.UsageError("say how long with --for, or until when with --until: one of the two")
    until = checked_end(said.length, said.until)
    if "/" in (said.name or ""):
        raise click.BadParameter("an id has no slash", param_hint="--id")

    def act(acts: Acts) -> None:
        standing = {each.id for each in acts.announcements()}
        try:
            row = acts.announce(
                said.title,
                said.text,
                kind=said.kind,
                pages=said.pages,
                start=said.start,
                until=until or said.length,
                id=said.name,
            )
        except ValueError as error:
            raise UsageError(first_line(str(error))) from None
        if as_json:
            print_json(plain(row))
            return
        verb = "changed" if row.id in standing else "announced"
        say(
            acts,
            f"announcement {row.id}: {verb} on {_pages(row)}{_span(row)}. End: watchkeeper unannounce {row.id}",
        )

    reached(where, act)


def unannounce(where: Where, given: str, *, as_json: bool) -> None:
    """Ends an announcement. Raises: UnknownName where none that stands has this id, or begins with it."""

    def act(acts: Acts) -> None:
        row = acts.end_announcement(_named(acts, given))
        if as_json:
            print_json(plain(row))
        else:
            say(acts, f"announcement {row.id}: ended; {_pages(row)} shows it among the past ones")

    reached(where, act)


def _named(acts: Acts, given: str) -> str:
    known = {each.id: f"{each.id} ({first_line(each.title, 60)})" for each in acts.announcements()}
    found = [given] if given in known else [name for name in known if given and name.startswith(given)]
    if len(found) == 1:
        return found[0]
    those = f"; these stand: {listed(list(known.values()))}" if known else ": none stands"
    how = "several announcements begin" if found else "no announcement begins"
    raise UnknownName(f"{how} with {first_line(given, 64)}{those}")


def _pages(row: "AnnouncementRow") -> str:
    return listed([f"page {page}" for page in row.pages]) if row.pages else "every public page"


def _span(row: "AnnouncementRow") -> str:
    start = f" from {clock_text(row.starts_at)}" if row.starts_at else ""
    return f"{start} until {clock_text(row.until)}" if row.until else start
