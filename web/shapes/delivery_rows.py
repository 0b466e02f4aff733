"""Deliveries as the API answers them: each try of a notice, and the last notice that each channel of an incident took."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from ...domain.incidents.delivery_plan import Hold, HoldKind, IncidentWait
from ...domain.incidents.delivery_try import DeliveryTry, TryResult
from ...domain.incidents.incident import TransitionKind
from ...domain.incidents.notice import DeliveryState
from ...domain.incidents.record import Outgoing
from ...domain.incidents.told import ChannelBacklog, ChannelTold
from ...domain.public_value import PublicValue
from ...domain.specification.channel import Channel
from ...domain.specification.rule import Severity
from .documents import ms_of, ms_or_none, text_of, time_of, time_or_none
from .notice_rows import NoticeRow, notice_row


class TryRow(PublicValue, frozen=True, kw_only=True):
    """One try to deliver a notice."""

    attempt: int
    at: datetime
    """When it was recorded to begin."""
    took_ms: float | None
    """The time to the answer; null without one."""
    result: TryResult
    detail: str
    """The answer in one line."""


class IncidentNoticeRow(NoticeRow, frozen=True, kw_only=True):
    """One notice of an incident, with each try to deliver it."""

    tries: list[TryRow]
    """Oldest first; of a notice that was tried more than 100 times, the first and the newest."""


class HoldRow(msgspec.Struct, frozen=True, kw_only=True):
    """A reason for which a notice waits."""

    kind: HoldKind
    name: str
    """The id of the silence, maintenance or window; the targets on which it depends, or the group of its digest."""
    until: datetime | None
    """When it ends by itself; null where an event ends it."""


class WaitRow(HoldRow, frozen=True, kw_only=True):
    """A channel that is to be told of an incident, and the reason for which it waits."""

    incident: str
    channel: str


class ToldRow(msgspec.Struct, frozen=True, kw_only=True):
    """The notices of an incident to one channel."""

    channel: str
    told: TransitionKind | None
    """The kind of the last delivered notice; null before the first."""
    sequence: int | None
    """The step that this notice told."""
    told_at: datetime | None
    tries: int
    """How many tries that took."""
    waiting: TransitionKind | None
    """The kind of the newest notice that is pending or was given up; null where there is none."""
    state: DeliveryState | None
    """The state of that notice."""
    waiting_tries: int
    detail: str
    """The last that is known of it."""
    waits: HoldRow | None = None
    """Why a notice that is due has not left; null where none is due."""
    reminders: int = 0
    """How many reminders of the last delivered step the channel has taken."""


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One channel, and the notices that it has not taken."""

    id: str
    kind: str
    min_severity: Severity
    timeout_ms: float
    rate: str | None = None
    """How many requests may leave in which time, such as `10/1m`; null where nothing bounds them."""
    pending: int | None
    """Null, as the next two, where the record is in memory."""
    oldest_pending_at: datetime | None
    """When the oldest of them was made."""
    dead: int | None
    """Notices that were given up."""
    stuck: bool
    """Whether its last answer was a refusal or a failure."""
    problem: str
    """That answer."""


class ChannelTestRow(TryRow, frozen=True, kw_only=True):
    """A test of a channel: its one try, with the receiver's answer."""

    channel: str
    key: str


def incident_notice_row(outgoing: Outgoing, tries: Iterable[DeliveryTry]) -> IncidentNoticeRow:
    """Returns a notice with each try to deliver it."""
    said = msgspec.structs.asdict(notice_row(outgoing))
    return IncidentNoticeRow(**said, tries=[try_row(each) for each in tries])


def try_row(tried: DeliveryTry) -> TryRow:
    """Returns one try to deliver a notice."""
    return TryRow(
        attempt=tried.attempt,
        at=time_of(tried.at_ns),
        took_ms=ms_or_none(tried.took_ns),
        result=tried.result,
        detail=text_of(tried.detail),
    )


def wait_row(waiting: IncidentWait) -> WaitRow:
    """Returns a channel that waits."""
    return WaitRow(
        incident=waiting.incident_id,
        channel=waiting.channel,
        **msgspec.structs.asdict(_hold_row(waiting.hold)),
    )


def _hold_row(hold: Hold) -> HoldRow:
    return HoldRow(kind=hold.kind, name=text_of(hold.name), until=time_or_none(hold.until_ns))


def told_row(told: ChannelTold) -> ToldRow:
    """Returns the notices of an incident to one channel."""
    return ToldRow(
        channel=told.channel,
        told=told.told,
        sequence=told.sequence,
        told_at=time_or_none(told.told_at_ns),
        tries=told.tries,
        waiting=told.waiting,
        state=told.state,
        waiting_tries=told.waiting_tries,
        detail=text_of(told.detail),
        reminders=told.reminders,
        waits=None if told.waits is None else _hold_row(told.waits),
    )


def channel_row(channel: Channel, backlog: ChannelBacklog | None, problem: str) -> ChannelRow:
    """Returns a channel; `backlog` is None where the record is in memory."""
    return ChannelRow(
        id=channel.id,
        kind=channel.given(),
        min_severity=channel.min_severity,
        timeout_ms=ms_of(channel.timeout_ns),
        rate=channel.rate,
        pending=None if backlog is None else backlog.pending,
        oldest_pending_at=None if backlog is None else time_or_none(backlog.oldest_at_ns),
        dead=None if backlog is None else backlog.dead,
        stuck=bool(problem),
        problem=text_of(problem),
    )


def channel_test_row(tried: DeliveryTry) -> ChannelTestRow:
    """Returns the try of a test."""
    said = msgspec.structs.asdict(try_row(tried))
    return ChannelTestRow(**said, channel=tried.channel, key=tried.key)
