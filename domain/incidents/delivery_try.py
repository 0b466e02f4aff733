"""The record of each try to deliver a notice."""

from datetime import datetime
from enum import StrEnum

from msgspec.structs import replace

from ..limits import DETAIL_CHARACTERS_MAX
from ..public_value import PublicValue, milliseconds
from ..time.moment import utc
from .notice import Answer


class TryResult(StrEnum):
    """The result of one try."""

    UNKNOWN = "unknown"
    """It has begun and has no answer yet, or never got one: the process or the courier ended before."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    """For good: the same notice would be refused again."""
    FAILED = "failed"
    """It may be accepted later: the receiver was busy, could not be reached, or gave no answer in time."""


class DeliveryTry(PublicValue, frozen=True, kw_only=True):
    """One try to deliver a notice. Recorded before its bytes leave, and again with its answer."""

    key: str
    """Of the notice; of a test of a channel, its own."""
    attempt: int
    channel: str
    at_ns: int
    """Wall time at which it was recorded to begin."""
    took_ns: int | None = None
    """The time from then to the answer; None without one."""
    result: TryResult = TryResult.UNKNOWN
    detail: str = ""
    """The answer in one line."""

    @property
    def at(self) -> datetime:
        """When it was recorded to begin, in UTC."""
        return utc(self.at_ns)

    @property
    def took_ms(self) -> float | None:
        return milliseconds(self.took_ns)

    def answered(self, answer: Answer, took_ns: int) -> "DeliveryTry":
        """Returns the try with its answer."""
        result = TryResult.FAILED if answer.retryable else TryResult.REFUSED
        if answer.accepted:
            result = TryResult.ACCEPTED
        detail = answer.detail[:DETAIL_CHARACTERS_MAX]
        return replace(self, took_ns=max(took_ns, 0), result=result, detail=detail)
