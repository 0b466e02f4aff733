"""The texts of a notice for people: one title, up to three lines and a link.

No text of a target can add a line, colour a terminal or turn the direction of writing. Each medium escapes the
characters that it reads as markup itself.
"""

from urllib.parse import quote

import msgspec
from msgspec import UNSET

from ..incidents.digest import Digest, DigestMember
from ..incidents.incident import Incident, TransitionKind
from ..incidents.notice import Notice, lateness_s
from ..limits import (
    NOTICE_LINE_CHARACTERS_MAX,
    NOTICE_RUNBOOK_CHARACTERS_MAX,
    NOTICE_TITLE_CHARACTERS_MAX,
)
from ..line import one_line
from ..time.duration import format_duration
from ..time.moment import utc
from ..units import NS_PER_S

TEST = "test"
DRILL = "DRILL"
_MARKS = {
    TransitionKind.CHANGED: "changed",
    TransitionKind.ACKNOWLEDGED: "acknowledged",
    TransitionKind.RESOLVED: "resolved",
}


class NoticeText(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one notice, each of bounded length on one line."""

    mark: str
    """The event, in a few words: the severity of an opening, `resolved`, `test`; of a digest also how many are open."""
    subject: str
    """The target and the rule: the same in each notice of an incident, so that mail programs keep them together."""
    lines: tuple[str, ...] = ()
    """The finding, the rule with its beginning, and help such as a runbook; three at most."""
    link: str = ""
    """The address of the page about it; empty where the configuration names no address."""

    @property
    def title(self) -> str:
        """One line: the mark in brackets and the subject."""
        return f"[{self.mark}] {self.subject}"

    @property
    def body(self) -> str:
        """The lines as one text, without the title and the link."""
        return "\n".join(self.lines)

    @property
    def whole(self) -> str:
        """The title, the lines and the link as one text, for media without a place for each."""
        return "\n".join(filter(None, (self.title, *self.lines, self.link)))


def notice_text(notice: Notice, address: str = "", now_wall_ns: int | None = None) -> NoticeText:
    """Returns the words of a notice. `address` is that of the page; without `now_wall_ns` lateness is not said.

    Without it the words are a pure function of the notice, as the document of a webhook is: equal in every repeat.
    Raises: ValueError for a moment outside the calendar.
    """
    incident = notice.incident
    if notice.is_test:
        lines = (one_line(incident.explanation, NOTICE_LINE_CHARACTERS_MAX),)
        subject = one_line(f"channel {notice.channel}", NOTICE_TITLE_CHARACTERS_MAX)
        return NoticeText(mark=TEST, subject=subject, lines=lines, link=address)
    late_s = None if now_wall_ns is None else lateness_s(notice, now_wall_ns)
    late = "" if late_s is None else f"told {format_duration(late_s * NS_PER_S)} late"
    if notice.digest is UNSET:
        subject = f"{name_of(incident)}: {incident.rule}"
        remark = "" if notice.remark is UNSET else notice.remark
        besides = ", ".join(filter(None, (remark, late)))
        words: tuple[str, ...] = (incident.summary(), _place(incident, besides), _besides(incident))
    else:
        subject = notice.digest.group
        words = _of_digest(notice.digest, notice, late)
    return NoticeText(
        mark=f"{DRILL}, {_mark(notice)}" if notice.is_drill else _mark(notice),
        subject=one_line(subject, NOTICE_TITLE_CHARACTERS_MAX),
        lines=tuple(one_line(line, NOTICE_LINE_CHARACTERS_MAX) for line in words if line),
        link=link_of(notice, address),
    )


def _of_digest(digest: Digest, notice: Notice, late: str) -> tuple[str, ...]:
    """How many are open and have ended, which of them are told now, and what is known of the first."""
    kinds: dict[str, list[DigestMember]] = {}
    lead = notice.incident
    for member in digest.members:
        # A reminder is about what is open, whatever was told of it last.
        kinds.setdefault(_OPEN if notice.reminder else _kind(member), []).append(member)
    standing = [member for member in (*digest.members, *digest.others) if member.is_open]
    since_ns = min((member.opened_at_ns for member in standing), default=None)
    counts = (
        f"{digest.open_count:,} open",
        f"since {_moment(since_ns)}" if since_ns is not None else "",
        f"{digest.ended_count:,} ended" if digest.ended_count else "",
        late,
    )
    # Two lines for up to four kinds: what opened stands alone.
    opened = kinds.pop(_OPEN, [])
    room = NOTICE_LINE_CHARACTERS_MAX // max(1, len(kinds))
    return (
        ", ".join(filter(None, counts)),
        _named(_OPEN, opened, lead, NOTICE_LINE_CHARACTERS_MAX),
        "; ".join(_named(kind, members, lead, room) for kind, members in kinds.items()),
    )


_OPEN = "open"


def _kind(member: DigestMember) -> str:
    if not member.is_open:
        return "ended"
    if member.is_acknowledged:
        return _MARKS[TransitionKind.ACKNOWLEDGED]
    return _OPEN if member.change is TransitionKind.OPENED else _MARKS[TransitionKind.CHANGED]


def _named(kind: str, members: list[DigestMember], lead: Incident, room: int) -> str:
    """The first members, as many as fit with the count of the rest; the lead with what is known of it."""
    shown: list[str] = []
    room -= len(f"{kind}: , and 5,000 more; ")
    for member in members:
        name = one_line(f"{member.target}/{member.rule}", NOTICE_TITLE_CHARACTERS_MAX)
        known = one_line(lead.summary(), room // 2) if member.incident_id == lead.id else ""
        if remarks := "; ".join(filter(None, (member.remark, known))):
            name = f"{name} ({remarks})"
        room -= len(name) + len(", ")
        if room < 0:
            break
        shown.append(name)
    more = len(members) - len(shown)
    said = ", ".join((*shown, *([f"and {more:,} more"] if more else [])))
    return f"{kind}: {said}" if said else ""


def name_of(incident: Incident) -> str:
    """Returns the name of its target for people, or its id."""
    return incident.metadata.name or incident.target


def link_of(notice: Notice, address: str) -> str:
    """Returns the address of the page about a notice; empty without the address of the page."""
    if not address:
        return ""
    # A digest has no page of its own: the overview shows what is open, the worst first.
    path = "/" if notice.digest else f"/i/{quote(notice.incident.id, safe='')}"
    return address.rstrip("/") + path


def _mark(notice: Notice) -> str:
    severity = notice.incident.severity.value
    change = notice.change
    if notice.digest:
        severity = f"{severity}, {notice.digest.open_count:,} open"
    if notice.reminder:
        return f"reminder {notice.reminder:,}, {severity}"
    if change is TransitionKind.OPENED:
        return severity
    return f"{_MARKS[change]}, {severity}" if change is TransitionKind.CHANGED else _MARKS[change]


def _place(incident: Incident, late: str) -> str:
    """Where it is, since when, and how late this is told."""
    stated = incident.metadata
    parts = (
        f"{incident.target}/{incident.rule}",
        f"group {stated.group}" if stated.group else "",
        f"since {_moment(incident.opened_at_ns)}",
        late,
    )
    return ", ".join(filter(None, parts))


def _moment(wall_ns: int) -> str:
    return f"{utc(wall_ns):%Y-%m-%d %H:%M:%S} UTC"


def _besides(incident: Incident) -> str:
    """Help while it is open: the runbook, and an acknowledgement with its note."""
    if not incident.is_open:
        return ""
    note = f": {incident.note}" if incident.note else ""
    # The first line of an acknowledgement says it.
    is_said = incident.acknowledged_by is None or incident.change is TransitionKind.ACKNOWLEDGED
    seen = "" if is_said else f"acknowledged by {incident.acknowledged_by}{note}"
    runbook = incident.metadata.runbook
    fits = 0 < len(runbook) <= NOTICE_RUNBOOK_CHARACTERS_MAX
    # First, so that a long note does not cut it: half of a link leads nowhere.
    return ", ".join(filter(None, (f"runbook {runbook}" if fits else "", seen)))
