"""Notices: messages about one incident to one channel, and the one comparison that decides whether one is due."""

from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Self

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..errors import StoreError
from ..limits import DETAIL_CHARACTERS_MAX, NOTICE_LATE_NS
from ..line import escaped
from ..public_value import PublicValue
from ..time.moment import utc
from ..units import NS_PER_S
from .incident import Incident, TransitionKind


class NoticeReason(StrEnum):
    """The reason for sending a notice now."""

    TRANSITION = "transition"
    CATCH_UP = "catch_up"
    """The channel was muted or busy at the transition."""
    TEST = "test"
    """An operator tests the channel: the notice is about no incident."""


class DeliveryState(StrEnum):
    """The state of a notice.

    PENDING after an attempt means that the outcome is unknown until a retry with the same key.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up; shown in the status, and can be re-driven."""


DELIVERY_TRANSITIONS: dict[DeliveryState, tuple[DeliveryState, ...]] = {
    DeliveryState.PENDING: (DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.DEAD),
    DeliveryState.DELIVERED: (),
    DeliveryState.DEAD: (DeliveryState.PENDING,),
}


class Notice(PublicValue, frozen=True, kw_only=True):
    """One message about one incident to one channel. Its body is the state of the incident when the notice was made."""

    key: str
    """Equal for every retry, restart and fail-over; a receiver applies each key once (`webhook-id`)."""
    channel: str
    change: TransitionKind
    """The kind of transition that the receiver is notified of."""
    incident: Incident
    reason: NoticeReason = NoticeReason.TRANSITION
    created_at_ns: int
    """Wall time."""

    @property
    def created_at(self) -> datetime:
        """When it was made, in UTC."""
        return utc(self.created_at_ns)

    def __repr__(self) -> str:
        if self.is_test:
            return f"<Notice {self.key}: test of {self.channel}>"
        what = escaped(f"{self.incident.target}/{self.incident.rule} to {self.channel}")
        return f"<Notice {self.key}: {self.change.value} {what}>"

    @property
    def is_test(self) -> bool:
        """Whether it tests its channel, and is about no incident."""
        return self.reason is NoticeReason.TEST

    @property
    def type(self) -> str:
        """The type on the wire: `incident.opened` and its like, or `channel.test`."""
        return "channel.test" if self.is_test else f"incident.{self.change.value}"

    @property
    def sequence(self) -> int:
        return self.incident.sequence

    @property
    def reminder(self) -> int:
        """The number of a reminder, from 1 on; 0 of any other notice."""
        return 0

    @property
    def thread_id(self) -> str:
        """The id that all notices about the same have in common."""
        return self.incident.id

    def as_delivered(self) -> "LastDelivered":
        return LastDelivered(
            incident_id=self.incident.id, channel=self.channel, sequence=self.sequence, change=self.change
        )


class Delivery(PublicValue, frozen=True, kw_only=True):
    """The state of a delivery, recorded before the bytes of an attempt leave (PENDING) and after its answer."""

    key: str
    state: DeliveryState
    attempts: int
    at_ns: int
    """Wall time."""
    detail: str = ""

    @property
    def at(self) -> datetime:
        """When this was recorded, in UTC."""
        return utc(self.at_ns)

    def redriven(self, at_ns: int) -> Self:
        """Returns the state of a dead letter that an operator sends again; the cause of its end stays in the detail."""
        said = f"re-driven; it had ended: {self.detail}" if self.detail else "re-driven"
        detail = said[:DETAIL_CHARACTERS_MAX]
        return replace(self, state=DeliveryState.PENDING, at_ns=at_ns, detail=detail)

    def without_channel(self, at_ns: int) -> Self:
        """Returns the end of a notice whose channel was taken out of the configuration."""
        detail = "the channel is no longer configured"
        return replace(self, state=DeliveryState.DEAD, at_ns=at_ns, detail=detail)

    def replaces(self, recorded: Self) -> bool:
        """Whether this is to be written over what is recorded; False for an echo.

        A batch is committed again when its outcome was in doubt, so what it says may have been overtaken within it: a
        delivered notice stays delivered, and an end that is recorded stays as it was first recorded.

        Raises: StoreError for a step that may not follow.
        """
        if recorded.state is DeliveryState.DELIVERED and self.state is not DeliveryState.DEAD:
            return False
        if recorded.state is self.state is DeliveryState.DEAD:
            return False
        if self.state not in DELIVERY_TRANSITIONS[recorded.state]:
            raise StoreError(f"notice {self.key} cannot go from {recorded.state} to {self.state}")
        return recorded != self


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A channel's answer to one attempt to deliver. Without an answer (deadline, crash) the outcome is unknown."""

    accepted: bool
    retryable: bool = True
    """Whether the same notice, with the same key, may be accepted later."""
    retry_after_ns: int | None = None
    """The wait that the receiver asked for; the retry policy caps it."""
    detail: str = ""
    """One bounded line, free of secrets."""
    memory: str | UnsetType = UNSET
    """The words that the channel needs at the next notice of the same incident or group, such as the id of its message;
    UNSET, and not on the wire, for channels that keep nothing."""


class LastDelivered(msgspec.Struct, frozen=True, kw_only=True, rename={"incident_id": "incident"}):
    """The last notice of an incident that was delivered to a channel."""

    incident_id: str
    channel: str
    sequence: int
    change: TransitionKind


def notice_key(incident_id: str, sequence: int, channel: str) -> str:
    """Returns the key of a notice, derived from its incident, sequence and channel."""
    seed = f"{incident_id}/{sequence}/{channel}".encode()
    return f"msg_{sha256(seed).hexdigest()[:32]}"


def lateness_s(notice: Notice, now_wall_ns: int) -> int | None:
    """Returns the age of a late notice in seconds, else None; outages, silences and retries make it late.

    It belongs to the attempt and not to the notice, whose body stays the same to the byte.
    """
    late_ns = now_wall_ns - notice.incident.at_ns
    return late_ns // NS_PER_S if late_ns > NOTICE_LATE_NS else None


def due_change(
    incident: Incident, told: LastDelivered | None, *, muted: bool, given_up: bool = False
) -> TransitionKind | None:
    """Returns the kind of notice that is due for a channel now, None for no notice: compares `told` with the incident.

    A channel is notified of a recovery only after the problem, and of each step once; after an acknowledgement it is
    notified only of the end. A notice that was `given_up` counts as the problem: its receiver may have acted on it without
    an answer, and would otherwise hear neither the beginning nor the end.
    """
    if muted or incident.draft:
        return None
    seen = incident.acknowledged_at_ns is not None
    if told is None:
        if incident.is_open:
            return None if seen else TransitionKind.OPENED
        return incident.change if given_up else None
    if told.sequence >= incident.sequence or (seen and incident.change is TransitionKind.CHANGED):
        return None
    return incident.change


def make_notice(
    incident: Incident, channel: str, change: TransitionKind, now_ns: int, reason: NoticeReason
) -> Notice:
    """Returns the notice for `channel` about the present state of an incident."""
    return Notice(
        key=notice_key(incident.id, incident.sequence, channel),
        channel=channel,
        change=change,
        incident=incident,
        reason=reason,
        created_at_ns=now_ns,
    )
