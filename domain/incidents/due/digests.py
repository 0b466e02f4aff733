"""Makes the digests of a group: what is due, and the reminder of what is known."""

from collections.abc import Mapping, Sequence
from heapq import nsmallest

from msgspec.structs import replace

from ...limits import DIGEST_MEMBERS_MAX, DIGEST_SHOWN
from ..digest import DigestMember, digest_of, importance, member_of
from ..incident import TransitionKind
from ..notice import Notice, make_digest
from .entry import LedgerEntry
from .groups import DigestGroup


def due_digest(group: DigestGroup, entries: Mapping[str, LedgerEntry], now_ns: int) -> Notice:
    """Returns the digest of what is due in a group: at most 5,000 members, the rest stays due."""
    taken = list(group.due.items())[:DIGEST_MEMBERS_MAX]
    members = [member_of(entries[name].incident, *said) for name, said in taken]
    told = {member.incident_id for member in members}
    others = [name for name in group.known if name not in told]
    change = TransitionKind.CHANGED if group.known else TransitionKind.OPENED
    if not others and not any(member.is_open for member in members):
        change = TransitionKind.RESOLVED
    return _made(group, members, _known(group, entries, others), (len(others), change, 0), entries, now_ns)


def reminding_digest(
    group: DigestGroup, free: Sequence[LedgerEntry], entries: Mapping[str, LedgerEntry], now_ns: int
) -> Notice | None:
    """Returns the reminder of those incidents of a group that nothing holds; None without any."""
    reminded = free[:DIGEST_MEMBERS_MAX]
    if not reminded:
        return None
    told = [entry.told[group.channel] for entry in reminded]
    members = [member_of(entry.incident, known.change) for entry, known in zip(reminded, told, strict=True)]
    names = {member.incident_id for member in members}
    others = [name for name in group.known if name not in names]
    number = 1 + max(known.reminders for known in told)
    said = len(others), TransitionKind.CHANGED, number
    return _made(group, members, _known(group, entries, others), said, entries, now_ns)


def _known(
    group: DigestGroup, entries: Mapping[str, LedgerEntry], names: Sequence[str]
) -> list[DigestMember]:
    """Returns what the channel knows of the most important of these incidents."""
    known = (member_of(entries[name].incident, entries[name].told[group.channel].change) for name in names)
    return nsmallest(DIGEST_SHOWN, known, key=importance)


def _made(
    group: DigestGroup,
    members: list[DigestMember],
    others: list[DigestMember],
    said: tuple[int, TransitionKind, int],
    entries: Mapping[str, LedgerEntry],
    now_ns: int,
) -> Notice:
    others_count, change, reminder = said
    digest = replace(digest_of(group.grouping, members, others), others_count=others_count)
    lead = entries[digest.members[0].incident_id].incident
    return make_digest(digest, lead, group.channel, change, now_ns, reminder)
