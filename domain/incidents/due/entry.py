"""The entry of one incident in the ledger: its state, and what each channel was told or waits for."""

import msgspec

from ..delivery_plan import Hold
from ..incident import Incident
from ..notice import LastDelivered, Notice
from .groups import DigestGroup


class LedgerEntry(msgspec.Struct, eq=False):
    """One incident of the ledger; its tables are by channel. Owned by the ledger."""

    incident: Incident
    opened_ns: int
    """Wall time of its first transition: delays count from here."""
    latest: str = ""
    """The newest finding since its last transition; empty without one."""
    told: dict[str, LastDelivered] = {}
    under_way: dict[str, Notice] = {}
    given_up: dict[str, int] = {}
    """The step of the newest notice that was given up; a channel is told of later ones alone by itself."""
    waits: dict[str, Hold] = {}
    """Why a notice that is due has not left."""
    groups: dict[str, DigestGroup] = {}
    """The groups in which something of it is due or known."""

    def join(self, group: DigestGroup) -> DigestGroup:
        """Puts it into a group, in place of another group of the same channel. Returns the group."""
        former = self.groups.get(group.channel)
        if former is not None and former is not group:
            self.leave(former)
        self.groups[group.channel] = group
        return group

    def leave(self, group: DigestGroup) -> None:
        """Takes it out of a group."""
        group.due.pop(self.incident.id, None)
        group.known.pop(self.incident.id, None)
        self.groups.pop(group.channel, None)

    def give_up(self, channel: str, sequence: int) -> None:
        """Notes that the notice of a step was given up."""
        self.given_up[channel] = max(sequence, self.given_up.get(channel, sequence))

    @property
    def awaits_acknowledgement(self) -> bool:
        """Whether a reminder makes sense: it is open, and nobody has said that they see it."""
        return self.incident.is_open and self.incident.acknowledged_at_ns is None
