"""Announcements as the API has them: a row, and the body that makes one."""

from datetime import datetime
from typing import Annotated

import msgspec

from ...domain.incidents.announcement import Announcement, AnnouncementKind
from ...domain.limits import ANNOUNCEMENT_CHARACTERS_MAX, ANNOUNCEMENT_TITLE_MAX, PUBLIC_PAGES_MAX
from ...domain.public_value import PublicValue
from ...domain.specification.text import Name
from .answers import LengthText, Time
from .documents import text_of, time_of, time_or_none


class AnnouncementRow(PublicValue, frozen=True, kw_only=True):
    """One announcement."""

    id: str
    title: str
    text: str
    kind: AnnouncementKind
    pages: list[str]
    """The public pages that show it; empty for every page."""
    starts_at: datetime | None
    """The planned start of a maintenance."""
    until: datetime | None
    """The end; null while it has none."""
    by: str
    created_at: datetime
    updated_at: datetime


class AnnouncementBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An announcement; a length or an end at most, and one of them for a maintenance."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=ANNOUNCEMENT_TITLE_MAX)]
    text: Annotated[str, msgspec.Meta(max_length=ANNOUNCEMENT_CHARACTERS_MAX)] = ""
    """Paragraphs of plain text."""
    kind: AnnouncementKind = AnnouncementKind.NOTICE
    pages: Annotated[tuple[Name, ...], msgspec.Meta(max_length=PUBLIC_PAGES_MAX)] = ()
    start: Time | None = None
    """The planned start of a maintenance; null or missing: now."""
    until: Time | None = None
    length: LengthText | None = None
    """How long it stands, from its start."""


def announcement_row(announcement: Announcement) -> AnnouncementRow:
    """Returns an announcement."""
    return AnnouncementRow(
        id=text_of(announcement.id),
        title=text_of(announcement.title),
        text=text_of(announcement.text),
        kind=announcement.kind,
        pages=[text_of(page) for page in announcement.pages],
        starts_at=time_or_none(announcement.starts_at_ns),
        until=time_or_none(announcement.until_ns),
        by=text_of(announcement.by),
        created_at=time_of(announcement.created_at_ns),
        updated_at=time_of(announcement.updated_at_ns),
    )
