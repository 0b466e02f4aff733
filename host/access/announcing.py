"""Announcements as hosts and operators ask for them."""

import re
from collections.abc import Iterable
from typing import TypeAlias

from ...domain import limits
from ...domain.errors import UnknownName, UsageError
from ...domain.incidents.announcement import Announcement, AnnouncementKind, announcement_id
from ...domain.line import count_of, cut, escaped, first_line, one_line
from ...domain.specification.problem import quoted, suggestion
from ...domain.specification.text import NAME_FORM, NAME_PATTERN
from ...domain.specification.web import Web
from ...domain.time.duration import Duration, duration_ns
from ...domain.time.moment import Moment, names_moment, wall_ns_of

KindLike: TypeAlias = AnnouncementKind | str


def make_announcement(
    title: str,
    text: str = "",
    *,
    kind: KindLike = AnnouncementKind.NOTICE,
    pages: str | Iterable[str] = (),
    start: str = "",
    until: Duration = "",
    by: str = "",
    id: str | None = None,  # noqa: A002  # the name that hosts write
    now: Moment,
) -> Announcement:
    """Returns an announcement; without an id it has that of its title and pages. `until` is a moment, or a length from its start.

    Raises: UsageError for a title that says nothing, an unknown kind, an id or pages that are none, a maintenance without an
    end, a start of another kind, and an end that has passed or comes before the start; ValueError for a text that is neither a
    moment nor a length, and for a moment beyond 2262.
    """
    said, wanted, shown = _title(title), _kind(kind), _pages(pages)
    if id is not None and not _is_name(id):
        raise UsageError(f"{one_line(repr(id))} is no id of an announcement: {NAME_FORM}")
    is_planned = wanted is AnnouncementKind.MAINTENANCE
    if start != "" and not is_planned:
        raise UsageError(f"a maintenance alone has a start: {wanted.value} begins now")
    if is_planned and until == "":
        raise UsageError("a maintenance has an end: give a moment or a length")
    starts_at_ns = None if start == "" else wall_ns_of(start)
    begins_at_ns = max(now.wall_ns, starts_at_ns or now.wall_ns)
    until_ns = None if until == "" else _end_ns(until, begins_at_ns)
    if until_ns is not None and until_ns <= begins_at_ns:
        raise UsageError(f"{until} has passed, or comes before the start")
    return Announcement(
        id=announcement_id(said, shown) if id is None else id,
        title=said,
        text=paragraphs(text),
        kind=wanted,
        pages=shown,
        starts_at_ns=starts_at_ns,
        until_ns=until_ns,
        by=first_line(by),
        created_at_ns=now.wall_ns,
        updated_at_ns=now.wall_ns,
    )


def require_room(standing: Iterable[str], name: str) -> None:
    """Raises: UsageError where another announcement would be one too many; one that stands may be changed."""
    others = [each for each in standing if each != name]
    if len(others) >= limits.ANNOUNCEMENTS_MAX:
        raise UsageError(f"{len(others)} announcements stand: end one before you make another")


def require_pages(web: Web | None, pages: Iterable[str]) -> None:
    """Raises: UnknownName for a page that the configuration does not have."""
    known = () if web is None else tuple(page.id for page in web.pages)
    for page in pages:
        if page not in known:
            raise UnknownName(f"no public page is named {quoted(page)}{suggestion(page, known)}")


def paragraphs(text: str) -> str:
    """Returns a text of several lines, bounded, and without control characters but the ends of its lines.

    Raises: TypeError for what is no text.
    """
    if not isinstance(text, str):
        raise TypeError(f"expected a text, got {one_line(repr(text))}")
    # Cut before escaping, so that the cost depends on the kept text and not on a hostile megabyte of input.
    lines = text[: limits.ANNOUNCEMENT_CHARACTERS_MAX + 1].strip().splitlines()
    return cut("\n".join(escaped(line.rstrip()) for line in lines), limits.ANNOUNCEMENT_CHARACTERS_MAX)


def _title(title: str) -> str:
    said = first_line(title, limits.ANNOUNCEMENT_TITLE_MAX)
    if not said:
        raise UsageError("an announcement has a title: a few words that say what it is about")
    return said


def _kind(kind: KindLike) -> AnnouncementKind:
    try:
        return AnnouncementKind(kind)
    except ValueError:
        kinds = ", ".join(AnnouncementKind)
        raise UsageError(f"{one_line(repr(kind))} is no kind of announcement: {kinds} are") from None


def _pages(pages: str | Iterable[str]) -> tuple[str, ...]:
    if not isinstance(pages, Iterable):
        raise TypeError(f"pages are ids such as shop, not {one_line(repr(pages))}")
    shown = tuple(dict.fromkeys((pages,) if isinstance(pages, str) else pages))
    if len(shown) > limits.PUBLIC_PAGES_MAX:
        raise UsageError(f"an announcement is on at most {count_of(limits.PUBLIC_PAGES_MAX, 'page')}")
    for page in shown:
        if not _is_name(page):
            raise UsageError(f"{one_line(repr(page))} is no id of a page: {NAME_FORM}")
    return shown


def _is_name(text: object) -> bool:
    """Whether the API can name an announcement so, too: its ids are parts of paths."""
    return (
        isinstance(text, str)
        and len(text) <= limits.NAME_CHARACTERS_MAX
        and re.match(NAME_PATTERN, text) is not None
    )


def _end_ns(until: Duration, begins_at_ns: int) -> int:
    if isinstance(until, str) and names_moment(until):
        return wall_ns_of(until)
    return begins_at_ns + duration_ns(until)
