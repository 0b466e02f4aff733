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
from .digest import Digest, Grouping, ToldStep, digest_key
from .incident import Incident, TransitionKind


class NoticeReason(StrEnum):
    """The reason for sending a notice now."""

    TRANSITION = "transition"
    CATCH_UP = "catch_up"
    """The channel was muted or busy at the transition."""
    REMINDER = "reminder"
    """The incident is still open, and nobody has acknowledged it."""
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
    """One message to one channel, about one incident or a digest of several.

    Its body is the state of the incidents when the notice was made.
    """

    key: str
    """Equal for every retry, restart and fail-over; a receiver applies each key once (`webhook-id`)."""
    channel: str
    change: TransitionKind
    """The kind of transition that the receiver is notified of."""
    incident: Incident
    """Of a digest its lead: the worst and then the oldest of its open members."""
    reason: NoticeReason = NoticeReason.TRANSITION
    created_at_ns: int
    """Wall time."""
    digest: Digest | UnsetType = UNSET
    """The incidents of a digest; UNSET, and not in the bytes, of a notice about one."""
    repeated: int | UnsetType = UNSET
    """The number of a reminder; UNSET, and not in the bytes, of any other notice."""
    remark: str | UnsetType = UNSET
    """A further word on an opening, such as `opened 7 times within 1h`; UNSET, and not in the bytes, for nothing."""

    @property
    def created_at(self) -> datetime:
        """When it was made, in UTC."""
        return utc(self.created_at_ns)

    def __repr__(self) -> str:
        if self.is_test:
            return f"<Notice {self.key}: test of {self.channel}>"
        what = escaped(f"{self.subject} to {self.channel}")
        return f"<Notice {self.key}: {self.change.value} {what}>"

    @property
    def is_test(self) -> bool:
        """Whether it tests its channel, and is about no incident."""
        return self.reason is NoticeReason.TEST

    @property
    def subject(self) -> str:
        """The incident as `shop/down`, or the group of a digest with the number of its members: `3 of shop: group=api`."""
        if self.digest is UNSET:
            return f"{self.incident.target}/{self.incident.rule}"
        return f"{len(self.digest.members)} of {self.digest.group}"

    @property
    def is_drill(self) -> bool:
        """Whether it is about a drill, which nothing has caused."""
        return self.incident.is_drill

    @property
    def type(self) -> str:
        """The type on the wire: `incident.opened`, `digest.opened` and their like, or `channel.test`."""
        if self.is_test:
            return "channel.test"
        of = "incident" if self.digest is UNSET else "digest"
        return f"{of}.{'reminder' if self.reminder else self.change.value}"

    @property
    def sequence(self) -> int:
        return self.incident.sequence

    @property
    def reminder(self) -> int:
        """The number of a reminder, from 1 on; 0 of any other notice."""
        return 0 if self.repeated is UNSET else self.repeated

    @property
    def thread_id(self) -> str:
        """The id that all notices about the same have in common: that of the incident, or that of a digest's group."""
        return self.incident.id if self.digest is UNSET else self.digest.grouping.id

    @property
    def said_at_ns(self) -> int:
        """When it was decided what it says (wall): at the last transition, or when a digest or a reminder was made."""
        return self.incident.at_ns if self.digest is UNSET and not self.reminder else self.created_at_ns

    @property
    def steps(self) -> tuple[ToldStep, ...]:
        """The steps of incidents that it tells: one, or one of each member of a digest."""
        if self.digest is UNSET:
            return (ToldStep(incident_id=self.incident.id, sequence=self.sequence, change=self.change),)
        return self.digest.members

    def step_of(self, incident_id: str) -> ToldStep | None:
        """Returns the step that it tells of an incident; None where it tells none."""
        return next((step for step in self.steps if step.incident_id == incident_id), None)

    def as_delivered(self, at_ns: int = 0, memory: str = "") -> "tuple[LastDelivered, ...]":
        """Returns what the channel knows of each incident once it has taken this at `at_ns` (wall)."""
        grouping = None if self.digest is UNSET else self.digest.grouping
        return tuple(
            LastDelivered(
                incident_id=step.incident_id,
                channel=self.channel,
                sequence=step.sequence,
                change=step.change,
                at_ns=at_ns,
                reminders=self.reminder,
                memory=memory,
                grouping=grouping,
            )
            for step in self.steps
        )


class Delivery(PublicValue, frozen=True, kw_only=True):
    """The state of a delivery, recorded before the bytes of an attempt leave (PENDING) and after its answer."""

    key: str
    state: DeliveryState
    attempts: int
    at_ns: int
    """Wall time."""
    detail: str = ""
    memory: str | UnsetType = UNSET
    """The text that its channel needs for later notices of the same thread; UNSET, and not in the bytes, for none."""

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


class LastDelivered(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    rename={"incident_id": "incident"},
):
    """The last notice of an incident that was delivered to a channel."""

    incident_id: str
    channel: str
    sequence: int
    change: TransitionKind
    at_ns: int = 0
    """Wall time of the last delivery, a reminder included."""
    reminders: int = 0
    """How many reminders of this step were sent."""
    memory: str = ""
    """The text that the channel needs for the next notice of the same thread, such as the id of its message."""
    grouping: Grouping | None = None
    """The group whose digest it was; the later steps of the incident go out with digests of the same group."""

    @property
    def is_end(self) -> bool:
        """Whether the channel knows that the incident has ended."""
        return self.change is TransitionKind.RESOLVED


def notice_key(incident_id: str, sequence: int, channel: str, reminder: int = 0) -> str:
    """Returns the key of a notice about one incident, derived from its incident, sequence and channel."""
    repeated = f"/{reminder}" if reminder else ""
    seed = f"{incident_id}/{sequence}/{channel}{repeated}".encode()
    return f"msg_{sha256(seed).hexdigest()[:32]}"


def lateness_s(notice: Notice, now_wall_ns: int) -> int | None:
    """Returns the age of a late notice in seconds, else None; outages, silences and retries make it late.

    It belongs to the attempt and not to the notice, whose body stays the same to the byte.
    """
    late_ns = now_wall_ns - notice.said_at_ns
    return late_ns // NS_PER_S if late_ns > NOTICE_LATE_NS else None


def due_change(
    incident: Incident, told: LastDelivered | None, *, given_up: bool = False
) -> TransitionKind | None:
    """Returns the kind of notice that is due for a channel now, None for no notice: compares `told` with the incident.

    A channel is notified of a recovery only after the problem, and of each step once; after an acknowledgement it is
    notified only of the end. A notice that was `given_up` counts as the problem: its receiver may have acted on it without
    an answer, and would otherwise hear neither the beginning nor the end.
    """
    if incident.draft:
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
    incident: Incident,
    channel: str,
    change: TransitionKind,
    now_ns: int,
    reason: NoticeReason,
    reminder: int = 0,
    remark: str = "",
) -> Notice:
    """Returns the notice for `channel` about the present state of an incident."""
    return Notice(
        key=notice_key(incident.id, incident.sequence, channel, reminder),
        channel=channel,
        change=change,
        incident=incident,
        reason=reason,
        created_at_ns=now_ns,
        repeated=reminder or UNSET,
        remark=remark or UNSET,
    )


def make_digest(
    digest: Digest, lead: Incident, channel: str, change: TransitionKind, now_ns: int, reminder: int = 0
) -> Notice:
    """Returns the notice for `channel` about the incidents of a digest; `lead` is the first of its members."""
    return Notice(
        key=digest_key(digest, channel, reminder),
        channel=channel,
        change=change,
        incident=lead,
        reason=NoticeReason.REMINDER if reminder else NoticeReason.TRANSITION,
        created_at_ns=now_ns,
        digest=digest,
        repeated=reminder or UNSET,
    )


def tells(change: TransitionKind, subject: str, reminder: int) -> str:
    """Returns what a notice tells in a few words: `opened shop/down`, or `reminder 2: shop/down`."""
    return f"reminder {reminder}: {subject}" if reminder else f"{change.value} {subject}"
