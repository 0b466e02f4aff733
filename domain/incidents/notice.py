"""Notices: what one channel is told about one incident, and the one comparison that decides whether it is due."""

from enum import StrEnum
from hashlib import sha256

import msgspec

from ..limits import NOTICE_LATE_NS
from ..units import NS_PER_S
from .incident import Incident, TransitionKind


class NoticeReason(StrEnum):
    """Why a notice is sent now."""

    TRANSITION = "transition"
    CATCH_UP = "catch_up"
    """The channel was muted or busy when it happened."""


class DeliveryState(StrEnum):
    """Where a notice stands. Attempted and PENDING means: the outcome is unknown until a retry with the same key."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up aloud; visible, and can be re-driven."""


DELIVERY_TRANSITIONS: dict[DeliveryState, tuple[DeliveryState, ...]] = {
    DeliveryState.PENDING: (DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.DEAD),
    DeliveryState.DELIVERED: (),
    DeliveryState.DEAD: (DeliveryState.PENDING,),
}


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One message about one incident to one channel. Its body is the incident as it stood when the notice was made."""

    key: str
    """The same for every retry, restart and fail-over; receivers that keep keys apply it once (`webhook-id`)."""
    channel: str
    change: TransitionKind
    """What the receiver is told; its type on the wire is `incident.` and this."""
    incident: Incident
    reason: NoticeReason = NoticeReason.TRANSITION
    created_at_ns: int
    """Wall time."""

    @property
    def sequence(self) -> int:
        return self.incident.sequence


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one attempt to deliver a notice; recorded before bytes leave (PENDING) and after."""

    key: str
    state: DeliveryState
    attempts: int
    at_ns: int
    """Wall time."""
    detail: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel said to one attempt to deliver. Without an answer (deadline, crash) the outcome is unknown."""

    accepted: bool
    retryable: bool = True
    """Whether the same notice, with the same key, may be accepted later."""
    retry_after_ns: int | None = None
    """What the receiver asked for; the retry policy caps it."""
    detail: str = ""
    """One bounded line, free of secrets."""


class LastDelivered(msgspec.Struct, frozen=True, kw_only=True, rename={"incident_id": "incident"}):
    """What a channel last successfully heard about an incident."""

    incident_id: str
    channel: str
    sequence: int
    change: TransitionKind


def notice_key(incident_id: str, sequence: int, channel: str) -> str:
    """The key of a notice, derived from what it says and to whom."""
    seed = f"{incident_id}/{sequence}/{channel}".encode()
    return f"msg_{sha256(seed).hexdigest()[:32]}"


def lateness_s(notice: Notice, now_wall_ns: int) -> int | None:
    """How many seconds ago it happened, where that is too long to be news: after an outage, a silence, or many retries.

    It is of the attempt and not of the notice, whose body stays the same to the byte.
    """
    late_ns = now_wall_ns - notice.incident.at_ns
    return late_ns // NS_PER_S if late_ns > NOTICE_LATE_NS else None


def due_change(incident: Incident, told: LastDelivered | None, *, muted: bool) -> TransitionKind | None:
    """What the channel is to be told now, if anything: the one comparison of `told` with the present.

    Nobody is told of a recovery who was not told of the problem, nobody is told the same thing twice, and what
    somebody has acknowledged is only told to be over.
    """
    if muted or incident.draft:
        return None
    seen = incident.acknowledged_at_ns is not None
    if told is None:
        return TransitionKind.OPENED if incident.is_open and not seen else None
    if told.sequence >= incident.sequence or (seen and incident.change is TransitionKind.CHANGED):
        return None
    return incident.change


def make_notice(
    incident: Incident, channel: str, change: TransitionKind, now_ns: int, reason: NoticeReason
) -> Notice:
    """The notice that tells `channel` about an incident as it stands."""
    return Notice(
        key=notice_key(incident.id, incident.sequence, channel),
        channel=channel,
        change=change,
        incident=incident,
        reason=reason,
        created_at_ns=now_ns,
    )
