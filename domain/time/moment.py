"""Moments and deadlines: the types of time in every signature."""

from datetime import UTC, datetime
from typing import Self

import msgspec

from ..units import NS_PER_MS, NS_PER_S, NS_PER_US

__all__ = [
    "NS_PER_MS",
    "NS_PER_S",
    "NS_PER_US",
    "Deadline",
    "Moment",
    "names_moment",
    "utc",
    "wall_ns_of",
    "wall_text",
]


class Moment(msgspec.Struct, frozen=True, gc=False):
    """One reading of both clocks, taken together.

    Durations are differences of the monotonic clock. The wall clock (UTC) is for people and for data that outlives
    the process; a step of the wall clock moves no timer. A monotonic value means nothing in another process.
    """

    monotonic_ns: int
    wall_ns: int

    @property
    def utc(self) -> datetime:
        """The wall time as a datetime in UTC, to the microsecond."""
        return utc(self.wall_ns)

    def shifted(self, by_ns: int) -> Self:
        """Returns the moment `by_ns` later (earlier when negative) on both clocks."""
        return type(self)(self.monotonic_ns + by_ns, self.wall_ns + by_ns)

    def since(self, earlier: "Moment") -> int:
        """Returns the nanoseconds from `earlier` to this moment on the monotonic clock."""
        return self.monotonic_ns - earlier.monotonic_ns


class Deadline(msgspec.Struct, frozen=True, gc=False):
    """An absolute end on the monotonic clock; it bounds queueing, all attempts and backoff together."""

    monotonic_ns: int

    @classmethod
    def after(cls, now: Moment, timeout_ns: int) -> Self:
        """Returns the deadline `timeout_ns` after `now`; a timeout is converted once and then passed on."""
        return cls(now.monotonic_ns + timeout_ns)

    def remaining_ns(self, now: Moment) -> int:
        """Returns the remaining nanoseconds, negative after the end."""
        return self.monotonic_ns - now.monotonic_ns

    def remaining_s(self, now: Moment) -> float:
        """Returns the remaining seconds, 0 after the end."""
        return max(self.remaining_ns(now), 0) / NS_PER_S

    def expired(self, now: Moment) -> bool:
        """Returns whether the deadline has passed; at its very instant it has, as no time is left."""
        return now.monotonic_ns >= self.monotonic_ns


def utc(wall_ns: int) -> datetime:
    """Returns a wall time as a datetime in UTC, to the microsecond."""
    seconds, rest_ns = divmod(wall_ns, NS_PER_S)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_ns // NS_PER_US)


def wall_text(wall_ns: int) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-01-31T12:30:00.250Z`."""
    seconds, rest_ns = divmod(wall_ns, NS_PER_S)
    stamp = datetime.fromtimestamp(seconds, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{rest_ns // NS_PER_MS:03d}Z"


def names_moment(text: str) -> bool:
    """Whether a text means a moment rather than a length: only a moment has these, as a length is never negative."""
    return "-" in text or ":" in text


def wall_ns_of(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 text. Raises: ValueError when it is none or names no offset; TypeError for no text."""
    if not isinstance(text, str):
        raise TypeError(f"a moment is a text like 2026-01-31T12:30:00Z, not {text!r}")
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no moment: write it like 2026-01-31T12:30:00Z") from None
    if stamp.tzinfo is None:
        raise ValueError(f"{text!r} names no UTC offset: write it like 2026-01-31T12:30:00Z")
    elapsed = stamp - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * NS_PER_S + elapsed.microseconds * NS_PER_US
