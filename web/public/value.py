"""The one value from which public pages, feeds, badges and files are made: it has no field for anything else."""

from datetime import date, datetime

import msgspec

from ...domain.incidents.announcement import AnnouncementKind
from ...domain.read_model.days import DayState
from ...domain.rules.aggregate import Status


class PublicDays(msgspec.Struct, frozen=True, kw_only=True):
    """Days of one state that follow each other; of lost days, always one."""

    first: date
    """The first of them, in UTC."""
    count: int
    state: DayState
    lost_s: int
    """The seconds of the day that were lost."""


class PublicComponent(msgspec.Struct, frozen=True, kw_only=True):
    """One service by its public name: all targets of that name together, as bad as the worst of them."""

    name: str
    slug: str
    """The part of the address of its badge that names it."""
    status: Status
    since: datetime | None
    """The beginning of a problem; null without one."""
    uptime: float | None
    """The good share of the days, 0 to 1; null without evidence."""
    days: list[PublicDays]
    """The days that were not calm, the oldest first."""


class PublicIncident(msgspec.Struct, frozen=True, kw_only=True):
    """A span in which a service was down or degraded."""

    key: str
    """Names it in the feed, and says nothing of it."""
    name: str
    status: Status
    began_at: datetime
    ended_at: datetime | None
    """Null while it goes on."""


class PublicAnnouncement(msgspec.Struct, frozen=True, kw_only=True):
    """An announcement, without its author."""

    key: str
    title: str
    text: str
    kind: AnnouncementKind
    starts_at: datetime | None
    until: datetime | None
    created_at: datetime
    updated_at: datetime
    is_over: bool


class PublicView(msgspec.Struct, frozen=True, kw_only=True):
    """One public page as of a minute."""

    key: str
    title: str
    as_of: datetime
    announcements: list[PublicAnnouncement]
    """Those that stand: outages first, then maintenance, then notices."""
    components: list[PublicComponent]
    """In the order of the configuration."""
    since: date
    """The first of the days that the components have."""
    days: int
    """The number of days, today included."""
    past: list[PublicIncident]
    """The incidents of the last days and of now, the newest first."""
    past_announcements: list[PublicAnnouncement]
    """The announcements of the last days that are over, the newest first."""
