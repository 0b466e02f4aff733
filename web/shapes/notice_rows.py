"""Notices as the API answers them: one about an incident, or a digest with its group, its counts and its members."""

from datetime import datetime

import msgspec
from msgspec import UNSET

from ...domain.incidents.digest import Digest, DigestMember
from ...domain.incidents.incident import TransitionKind
from ...domain.incidents.notice import DeliveryState, NoticeReason
from ...domain.incidents.record import Outgoing
from ...domain.limits import DIGEST_SHOWN
from ...domain.public_value import PublicValue
from ...domain.specification.rule import Severity
from .documents import text_of, time_of


class DigestMemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a digest that is about one incident."""

    incident: str
    sequence: int
    """The step of the incident that is told."""
    change: TransitionKind
    target: str
    rule: str
    severity: Severity
    at: datetime
    """When this step was decided."""
    opened_at: datetime
    acknowledged: bool
    cause: str
    """The finding at the opening."""
    remark: str
    """A further word on an opening, such as `opened 7 times within 1h`."""


class DigestRow(msgspec.Struct, frozen=True, kw_only=True):
    """The incidents of a digest."""

    group: str
    """The route and what its incidents have in common, in one line."""
    route: str
    labels: dict[str, str]
    """The names by which they are grouped, and the values that they have in common."""
    opened: int
    """How many of its members are open."""
    ended: int
    """How many of its members are over."""
    open: int
    """How many incidents of the group are open, with those of which the channel knew already."""
    members: list[DigestMemberRow]
    """The first 50: the open ones first, the worst and then the oldest of them at the front."""
    members_left_out: int


class NoticeRow(PublicValue, frozen=True, kw_only=True):
    """One notice and the state of its delivery."""

    key: str
    channel: str
    state: DeliveryState
    change: TransitionKind
    reason: NoticeReason
    subject: str
    """The incident as `shop/down`, or the group of a digest with the number of its members: `3 of shop: group=api`."""
    incident: str
    """Of a digest its lead: the worst and then the oldest of its open members."""
    target: str
    sequence: int
    created_at: datetime
    attempts: int
    at: datetime
    """When the last attempt began or was answered."""
    detail: str
    remark: str
    """A further word on an opening, such as `opened 7 times within 1h`; those of a digest stand beside its members."""
    reminder: int
    """The number of a reminder, from 1 on; 0 of any other notice."""
    digest: DigestRow | None
    """Null for a notice about one incident."""


def notice_row(outgoing: Outgoing) -> NoticeRow:
    """Returns a notice with the state of its delivery."""
    notice, delivery = outgoing.notice, outgoing.delivery
    return NoticeRow(
        key=notice.key,
        channel=notice.channel,
        state=delivery.state,
        change=notice.change,
        reason=notice.reason,
        subject=text_of(notice.subject),
        incident=notice.incident.id,
        target=text_of(notice.incident.target),
        sequence=notice.sequence,
        created_at=time_of(notice.created_at_ns),
        attempts=delivery.attempts,
        at=time_of(delivery.at_ns),
        detail=text_of(delivery.detail),
        remark="" if notice.remark is UNSET else text_of(notice.remark),
        reminder=notice.reminder,
        digest=None if notice.digest is UNSET else _digest_row(notice.digest),
    )


def _digest_row(digest: Digest) -> DigestRow:
    return DigestRow(
        group=text_of(digest.group),
        route=text_of(digest.route),
        labels={text_of(name): text_of(text) for name, text in digest.labels},
        opened=digest.opened_count,
        ended=digest.ended_count,
        open=digest.open_count,
        members=[_member_row(member) for member in digest.members[:DIGEST_SHOWN]],
        members_left_out=max(0, len(digest.members) - DIGEST_SHOWN),
    )


def _member_row(member: DigestMember) -> DigestMemberRow:
    return DigestMemberRow(
        incident=member.incident_id,
        sequence=member.sequence,
        change=member.change,
        target=text_of(member.target),
        rule=text_of(member.rule),
        severity=member.severity,
        at=time_of(member.at_ns),
        opened_at=time_of(member.opened_at_ns),
        acknowledged=member.is_acknowledged,
        cause=text_of(member.cause),
        remark=text_of(member.remark),
    )
