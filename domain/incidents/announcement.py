"""Announcements: what operators tell the readers of public pages."""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec.structs import replace

from ..limits import INTEGER_MAX
from ..public_value import PublicValue, moment_of
from ..time.moment import utc

_WallTime = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
_ID_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"
_ID_LENGTH = 5
"""As many signs as the id of a silence has."""


class AnnouncementKind(StrEnum):
    """The occasion of an announcement."""

    NOTICE = "notice"
    OUTAGE = "outage"
    MAINTENANCE = "maintenance"
    """Planned work, with an end and, where it begins later, a start."""


class Announcement(PublicValue, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One announcement; it stands until its end, and is among the past ones after it."""

    id: str
    title: str
    text: str = ""
    """Paragraphs of plain text."""
    kind: AnnouncementKind = AnnouncementKind.NOTICE
    pages: tuple[str, ...] = ()
    """The ids of the public pages that show it; empty for every page."""
    starts_at_ns: _WallTime | None = None
    """Wall time of the planned start of a maintenance; None where it began with its command."""
    until_ns: _WallTime | None = None
    """Wall time of its end, as planned or as commanded; None while it has none."""
    by: str = ""
    created_at_ns: _WallTime
    """Wall time of its first command, which a later one of the same id keeps."""
    updated_at_ns: _WallTime
    """Wall time of the newest command."""
    ended_by: str = ""
    """The author of its end by command."""

    def stands(self, now_ns: int) -> bool:
        """Whether it has not ended."""
        return self.until_ns is None or self.until_ns > now_ns

    def is_on(self, page: str) -> bool:
        """Whether a public page shows it."""
        return not self.pages or page in self.pages

    def after(self, known: "Announcement | None") -> "Announcement":
        """Returns the record of this command on a standing announcement of the same id, if there is one."""
        return self if known is None else replace(self, created_at_ns=known.created_at_ns)

    def ended(self, now_ns: int, by: str) -> "Announcement":
        """Returns the record of its end by command."""
        return replace(self, until_ns=now_ns, updated_at_ns=now_ns, ended_by=by)

    @property
    def created_at(self) -> datetime:
        """When it was made, in UTC."""
        return utc(self.created_at_ns)

    @property
    def updated_at(self) -> datetime:
        """When it was last changed, in UTC."""
        return utc(self.updated_at_ns)

    @property
    def starts_at(self) -> datetime | None:
        """The planned start, in UTC."""
        return moment_of(self.starts_at_ns)

    @property
    def until(self) -> datetime | None:
        """The end, in UTC."""
        return moment_of(self.until_ns)

    def __post_init__(self) -> None:
        # The sink retries a batch for ever: one that the store cannot write would block all later ones.
        times = (self.starts_at_ns, self.until_ns, self.created_at_ns, self.updated_at_ns)
        if any(time is not None and abs(time) > INTEGER_MAX for time in times):
            raise ValueError(
                "an announcement has times between the years 1678 and 2262: no other can be recorded"
            )


class AnnouncementBook:
    """Knows the announcements that stand. One owner, the sink."""

    def __init__(self) -> None:
        self._known: dict[str, Announcement] = {}

    def restore(self, announcements: Iterable[Announcement]) -> None:
        """Replaces them by those of a store."""
        self._known = {each.id: each for each in announcements}

    def standing(self, now_ns: int) -> tuple[Announcement, ...]:
        """Returns those that stand, and forgets the others."""
        self._known = {name: each for name, each in self._known.items() if each.stands(now_ns)}
        return tuple(self._known.values())

    def put(self, announcement: Announcement, now_ns: int) -> Announcement:
        """Adds an announcement, or changes the one of the same id that stands; returns it as it is recorded."""
        made = announcement.after(self._find(announcement.id, now_ns))
        self._known[made.id] = made
        return made

    def end(self, name: str, by: str, now_ns: int) -> Announcement | None:
        """Ends an announcement; returns its record, None where none of this id stands."""
        known = self._find(name, now_ns)
        if known is None:
            return None
        self._known[name] = known.ended(now_ns, by)
        return self._known[name]

    def instead_of(self, stored: Iterable[Announcement], now_ns: int) -> tuple[Announcement, ...]:
        """Returns the records by which a store that went back has what is known here."""
        ended = (each.ended(now_ns, "") for each in stored if self._find(each.id, now_ns) is None)
        return (*ended, *self.standing(now_ns))

    def _find(self, name: str, now_ns: int) -> Announcement | None:
        known = self._known.get(name)
        return known if known is not None and known.stands(now_ns) else None


def announcement_id(title: str, pages: Collection[str] = ()) -> str:
    """Returns a short id such as `a-4k2ab`: the same for the same title on the same pages."""
    seed = msgspec.json.encode([title, *sorted(set(pages))])
    return f"a-{''.join(_ID_SIGNS[byte % len(_ID_SIGNS)] for byte in sha256(seed).digest()[:_ID_LENGTH])}"
