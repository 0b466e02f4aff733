"""Digests: one notice about several incidents of a group, which is updated while the group has open ones."""

from collections.abc import Iterable
from hashlib import sha256
from typing import ClassVar

import msgspec

from ..limits import DIGEST_SHOWN
from ..line import escaped
from ..public_value import PublicValue
from ..specification.rule import Severity
from ..units import NS_PER_MINUTE, NS_PER_S
from .incident import Incident, TransitionKind

SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}
GROUP_WAIT_NS = 30 * NS_PER_S
GROUP_INTERVAL_NS = 5 * NS_PER_MINUTE
"""The times of a group whose route is gone, until its last incident has ended."""


class Grouping(msgspec.Struct, frozen=True):
    """A group of incidents: its route, and the values that its members have in common."""

    route: str
    labels: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        """A short text that stands for the group in keys and threads; the same in every run."""
        return f"grp_{sha256(msgspec.json.encode(self)).hexdigest()[:32]}"

    def __str__(self) -> str:
        """Returns the group in one line for people."""
        values = ", ".join(f"{escaped(name)}={escaped(value)}" for name, value in self.labels)
        return ": ".join(text for text in (escaped(self.route), values) if text)


# Thousands at once: they lead to nothing that leads back, so that the collector of garbage need not look at them.
class ToldStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A step of an incident that a notice tells."""

    incident_id: str
    sequence: int
    """The step of the incident that is told."""
    change: TransitionKind
    """The kind of transition that the receiver is notified of."""


class DigestMember(ToldStep, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The part of a digest that is about one incident."""

    target: str
    rule: str
    severity: Severity
    at_ns: int
    """When this step was decided."""
    opened_at_ns: int
    is_acknowledged: bool = False
    cause: str = ""
    """The finding at the opening; only for the members that a body names."""
    remark: str = ""
    """A further word on an opening, such as `opened 7 times within 1h`; for the same members."""

    @property
    def is_open(self) -> bool:
        """Whether the incident was open at this step."""
        return self.change is not TransitionKind.RESOLVED


class Digest(PublicValue, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a notice that is about several incidents."""

    mappings: ClassVar[frozenset[str]] = frozenset({"labels"})
    route: str = ""
    """The id of the route that grouped them."""
    labels: tuple[tuple[str, str], ...] = ()
    """The names by which they are grouped, and the values that they have in common."""
    members: tuple[DigestMember, ...]
    """The incidents that it tells: the open ones first, the worst and then the oldest of them at the front."""
    others: tuple[DigestMember, ...] = ()
    """Further open incidents of the group, of which the receiver knows already; the first 50 in the same order."""
    others_count: int = 0
    """The number of all of them."""

    @property
    def grouping(self) -> Grouping:
        return Grouping(self.route, self.labels)

    @property
    def group(self) -> str:
        """The group in one line for people."""
        return str(self.grouping)

    @property
    def opened_count(self) -> int:
        """How many of its members are open."""
        return sum(member.is_open for member in self.members)

    @property
    def ended_count(self) -> int:
        return len(self.members) - self.opened_count

    @property
    def open_count(self) -> int:
        """How many incidents of the group are open, by all that the receiver is told."""
        return self.opened_count + self.others_count

    @property
    def is_acknowledged(self) -> bool:
        """Whether every open incident of the group was acknowledged; False where too many are open to tell."""
        is_whole = self.others_count == len(self.others)
        return is_whole and all(
            member.is_acknowledged for member in (*self.members, *self.others) if member.is_open
        )


def member_of(incident: Incident, change: TransitionKind, remark: str = "") -> DigestMember:
    """Returns what a digest tells of the present state of an incident."""
    return DigestMember(
        incident_id=incident.id,
        sequence=incident.sequence,
        change=change,
        target=incident.target,
        rule=incident.rule,
        severity=incident.severity,
        at_ns=incident.at_ns,
        opened_at_ns=incident.opened_at_ns,
        is_acknowledged=incident.acknowledged_at_ns is not None,
        cause=incident.cause,
        remark=remark,
    )


def importance(member: DigestMember) -> tuple[bool, int, int, str]:
    """Returns the place of a member: open before ended, the worst and then the oldest first."""
    return (
        not member.is_open,
        -SEVERITY_RANK[member.severity],
        member.opened_at_ns,
        member.incident_id,
    )


def digest_of(grouping: Grouping, members: Iterable[DigestMember], others: Iterable[DigestMember]) -> Digest:
    """Returns the digest with these members in the order of their importance."""
    standing = sorted(others, key=importance)
    return Digest(
        route=grouping.route,
        labels=grouping.labels,
        members=_shown(sorted(members, key=importance)),
        others=tuple(standing[:DIGEST_SHOWN]),
        others_count=len(standing),
    )


def _shown(members: list[DigestMember]) -> tuple[DigestMember, ...]:
    """Returns the members; those that no body names come without their texts."""
    bare = (msgspec.structs.replace(member, cause="", remark="") for member in members[DIGEST_SHOWN:])
    return (*members[:DIGEST_SHOWN], *bare)


def digest_key(digest: Digest, channel: str, reminder: int) -> str:
    """Returns the key of a digest, derived from its group, its channel and the steps that it tells."""
    steps = sorted((member.incident_id, member.sequence) for member in digest.members)
    seed = msgspec.json.encode([digest.grouping.id, channel, steps, reminder])
    return f"msg_{sha256(seed).hexdigest()[:32]}"
