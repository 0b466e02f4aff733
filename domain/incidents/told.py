"""The last notice that each channel of an incident took, by the record."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from ..public_value import PublicValue, moment_of
from .delivery_plan import Hold, IncidentWait
from .incident import Incident, TransitionKind
from .notice import DeliveryState
from .record import Outgoing


class ChannelTold(PublicValue, frozen=True, kw_only=True):
    """The last notice of an incident that a channel took, and the one that it has not taken, if there is one."""

    channel: str
    told: TransitionKind | None = None
    """The kind of the last delivered notice; None before the first."""
    sequence: int | None = None
    """The step of the incident that this notice told."""
    told_at_ns: int | None = None
    """Wall time at which it was accepted."""
    tries: int = 0
    """How many tries that took; without a delivered notice, 0."""
    reminders: int = 0
    """How many reminders of this step it has taken."""
    waiting: TransitionKind | None = None
    """The kind of the newest notice that is pending or was given up; None where there is none."""
    state: DeliveryState | None = None
    """The state of that notice, `pending` or `dead`."""
    waiting_tries: int = 0
    """Its tries so far."""
    detail: str = ""
    """The last that is known of it."""
    waits: Hold | None = None
    """Why a notice that it is due has not left yet; None where none is due, and in the record alone."""

    @property
    def told_at(self) -> datetime | None:
        """When the last delivered notice was accepted, in UTC."""
        return moment_of(self.told_at_ns)


class ChannelBacklog(PublicValue, frozen=True):
    """The notices that one channel has not taken."""

    channel: str
    pending: int = 0
    oldest_at_ns: int | None = None
    """When the oldest pending one was made; None without any."""
    dead: int = 0
    """Those that were given up."""


def with_waits(told: Iterable[ChannelTold], waits: Iterable[IncidentWait]) -> tuple[ChannelTold, ...]:
    """Returns what each channel of an incident knows, with the reasons for which channels wait; `waits` are of this incident."""
    rows = {row.channel: row for row in told}
    for waiting in waits:
        row = rows.get(waiting.channel, ChannelTold(channel=waiting.channel))
        rows[waiting.channel] = replace(row, waits=waiting.hold)
    return tuple(row for _, row in sorted(rows.items()))


def told_of(incident: Incident, notices: Iterable[Outgoing]) -> tuple[ChannelTold, ...]:
    """Returns what each channel of an incident knows, by its notices; channels that have none yet are there too."""
    rows = {channel: ChannelTold(channel=channel) for channel in incident.notify}
    told = [(step, each) for each in notices if (step := each.notice.step_of(incident.id)) is not None]
    for step, outgoing in sorted(told, key=lambda each: (each[0].sequence, each[1].notice.reminder)):
        notice, delivery = outgoing.notice, outgoing.delivery
        row = rows.get(notice.channel, ChannelTold(channel=notice.channel))
        if delivery.state is DeliveryState.DELIVERED:
            # It makes up for one that was given up before.
            row = ChannelTold(
                channel=notice.channel,
                told=step.change,
                sequence=step.sequence,
                told_at_ns=delivery.at_ns,
                tries=delivery.attempts,
                reminders=notice.reminder,
            )
        else:
            row = replace(
                row,
                waiting=step.change,
                state=delivery.state,
                waiting_tries=delivery.attempts,
                detail=delivery.detail,
            )
        rows[notice.channel] = row
    return tuple(row for _, row in sorted(rows.items()))
