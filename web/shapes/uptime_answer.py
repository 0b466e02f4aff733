"""The uptime of a target, as the API tells it."""

from datetime import datetime

import msgspec


class UptimeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The uptime of one target over a span."""

    since: datetime
    until: datetime
    uptime: float | None
    good: int
    bad: int
    unknown: int
