"""The calm stream: a line a person reads for each event, folded where there are too many; told the time."""

import logging
from collections.abc import Iterable
from typing import assert_never

from ...domain.incidents.incident import RECOVERED, Incident, TransitionKind
from ...domain.incidents.notice import DeliveryState
from ...domain.line import count_of, listed
from ...domain.read_model.event import (
    Event,
    HealthChanged,
    IncidentChanged,
    NoticeEnded,
    RoleChanged,
    SampleSeen,
    WentBlind,
)
from ...domain.read_model.status import RuntimeStatus
from ...domain.rules.aggregate import Status
from ...domain.time.moment import NS_PER_S, Moment, utc
from ...domain.units import NS_PER_MINUTE
from .drawing import Entry, Paper, age_text, dimmed, drawn
from .folding import LINES_MAX, Folded, Folding
from .telling import time_of

ID_PREFIX = "inc_"
ID_CHARACTERS = 4
"""The part of an incident's id that is shown, as the verb `incidents` does; more of it where two open ones begin alike."""
AUDIT = "watchkeeper.web.audit"
"""The logger of commands that came over the API."""
QUIET_NS = 10 * NS_PER_MINUTE
"""After so long without a line one says that all goes on."""
_NAMES = {
    "resolved": "incident resolved",
    "seen": "acknowledgement",
    "told": "notice",
    "not told": "notice given up",
    "log": "log line",
    "recovered": "recovery",
}


class Calm:
    """Turns events and words into drawn lines: remembers the day, the ids that are open, and what floods."""

    def __init__(self) -> None:
        self._folding = Folding()
        self._open: dict[str, str] = {}
        self._day = ""
        self._quiet_at_ns: int | None = None

    # Arrivals.

    def event(self, event: Event, now: Moment, paper: Paper) -> list[str]:
        """Returns the lines of an event; none where it is folded."""
        return self._admitted(self._entry(event, now), now, paper)

    def say(self, word: str, text: str, now: Moment, paper: Paper) -> list[str]:
        """Returns lines of the command itself, which are never folded."""
        entries = [Entry(now.wall_ns, word, line, may_fold=False) for line in text.splitlines()]
        return [line for entry in entries for line in self._admitted(entry, now, paper)]

    def record(self, record: logging.LogRecord, text: str, now: Moment, paper: Paper) -> list[str]:
        """Returns the lines of a record of `logging`."""
        is_bad = record.levelno >= logging.WARNING
        word = "error" if record.levelno >= logging.ERROR else "command" if record.name == AUDIT else "log"
        said = f"{record.levelname.lower()}: {text}" if is_bad else text
        sort = f"{record.name}: {record.msg}"
        return self._admitted(Entry(now.wall_ns, word, said, sort, record.name), now, paper)

    def due(self, now: Moment, paper: Paper) -> list[str]:
        """Returns the folded lines whose time has come."""
        return self._folded(self._folding.due(now), now, paper)

    def rest(self, now: Moment, paper: Paper) -> list[str]:
        """Returns all folded lines: the stream ends."""
        return self._folded(self._folding.rest(), now, paper)

    def quiet(self, status: RuntimeStatus | None, now: Moment, paper: Paper) -> list[str]:
        """Returns the line that says after a long silence how things are."""
        self._quiet_at_ns = now.monotonic_ns + QUIET_NS
        text = "the runtime does not answer" if status is None else self._state(status, now)
        return self._drawn(Entry(now.wall_ns, "quiet", text), now, paper)

    def is_quiet(self, now: Moment) -> bool:
        """Whether nothing was printed for so long that a line should say how things are."""
        return self._quiet_at_ns is not None and self._quiet_at_ns <= now.monotonic_ns

    def wait_ns(self, now: Moment) -> int:
        """Returns how long nothing needs to be done unless something arrives."""
        ends = [end for end in (self._folding.next_ns, self._quiet_at_ns) if end is not None]
        return max(0, min(ends, default=now.monotonic_ns + QUIET_NS) - now.monotonic_ns)

    def resume(self, incidents: Iterable[Incident]) -> None:
        """Learns the incidents that were open at the start, whose ids are shortened too."""
        self._open = {incident.id: "" for incident in incidents}

    # Printing.

    def _admitted(self, entry: Entry, now: Moment, paper: Paper) -> list[str]:
        kind = (entry.word, entry.sort)
        # The texts of a problem differ by a figure at most: the first tells it, and the newest follows.
        lines = 1 if entry.word == "problem" else LINES_MAX
        if entry.may_fold and not self._folding.admit(kind, entry.subject, entry.text, now, lines):
            return []
        before = () if entry.ends is None else self._folding.flushed(entry.ends)
        return self._folded(before, now, paper) + self._drawn(entry, now, paper)

    def _folded(self, found: Iterable[Folded], now: Moment, paper: Paper) -> list[str]:
        entries = [_folded_entry(folded, now.wall_ns) for folded in found]
        return [line for entry in entries for line in self._drawn(entry, now, paper)]

    def _drawn(self, entry: Entry, now: Moment, paper: Paper) -> list[str]:
        self._quiet_at_ns = now.monotonic_ns + QUIET_NS
        day = f"{utc(entry.at_ns):%Y-%m-%d}"
        begins = [dimmed(f"-- {day} --", paper)] if self._day and day > self._day else []
        self._day = max(day, self._day)
        return begins + drawn(entry, paper)

    # Words of events.

    def _entry(self, event: Event, now: Moment) -> Entry:
        at_ns = time_of(event, now.wall_ns)
        match event:
            case IncidentChanged(incident):
                return self._of_incident(incident)
            case NoticeEnded(notice, delivery):
                name = notice.subject
                known = "" if notice.digest else f" {self._short(notice.incident.id)}"
                of_incident = f"{name}{known} {notice.change.value}"
                said = f"{notice.channel}: {'a test' if notice.is_test else of_incident}"
                tries = f" after {count_of(delivery.attempts, 'attempt')}"
                if delivery.state is DeliveryState.DEAD:
                    return Entry(
                        at_ns, "not told", f"{said}: given up{tries}: {delivery.detail}", notice.channel, name
                    )
                return Entry(
                    at_ns, "told", said + (tries if delivery.attempts > 1 else ""), notice.channel, name
                )
            case WentBlind(interval):
                length = age_text(interval.ended_at_ns - interval.started_at_ns)
                return Entry(at_ns, "blind", f"for {length}: {interval.cause}", interval.cause)
            case HealthChanged(part, detail):
                if detail:
                    return Entry(at_ns, "problem", f"{part}: {detail}", part, part)
                return Entry(at_ns, "recovered", part, part, part, ends=("problem", part))
            case RoleChanged(role, detail):
                return Entry(at_ns, role, detail, role)
            case SampleSeen(sample, status):
                return Entry(at_ns, "sample", f"{sample.target} {status.value}", "", sample.target)
            case _:
                assert_never(event)

    def _of_incident(self, incident: Incident) -> Entry:
        name = f"{incident.target}/{incident.rule}"
        if incident.is_open:
            self._open.setdefault(incident.id, "")
        said = f"{name} {self._short(incident.id)} "
        word = incident.severity.value
        ends: tuple[str, str] | None = None
        match incident.change:
            case TransitionKind.OPENED:
                age_ns = incident.at_ns - incident.opened_at_ns
                began = f", began {age_text(age_ns)} ago" if age_ns >= NS_PER_S else ""
                said += f"opened{began}: {incident.summary()}"
            case TransitionKind.ACKNOWLEDGED:
                word, age = "seen", age_text(incident.at_ns - incident.opened_at_ns)
                said += f"{incident.explanation}, open for {age}: {incident.latest or incident.cause}"
            case TransitionKind.RESOLVED:
                word, ends = "resolved", (word, f"{TransitionKind.OPENED.value} {incident.rule}")
                self._open.pop(incident.id, None)
                why = "" if incident.reason == RECOVERED else f"{incident.explanation or incident.reason}, "
                said += f"{why}after {age_text(incident.lasted_ns or 0)}: {incident.cause or incident.explanation}"
            case TransitionKind.CHANGED:
                said += f"changed: {incident.summary()}"
            case _:
                assert_never(incident.change)
        if incident.draft:
            said += " (a draft: no channel is told)"
        return Entry(incident.at_ns, word, said, f"{incident.change.value} {incident.rule}", name, ends=ends)

    def _short(self, incident: str) -> str:
        """Returns the beginning of an id; it never gets shorter while the incident is open."""
        if short := self._open.get(incident):
            return short
        name = incident.removeprefix(ID_PREFIX)
        others = {other.removeprefix(ID_PREFIX) for other in self._open} - {name}
        length = ID_CHARACTERS
        while length < len(name) and any(other.startswith(name[:length]) for other in others):
            length += 1
        if incident in self._open:
            self._open[incident] = name[:length]
        return name[:length]

    def _state(self, status: RuntimeStatus, now: Moment) -> str:
        counts = [(state, sum(row.status is state for row in status.targets)) for state in Status]
        found = ", ".join(f"{count} {state.value}" for state, count in counts if count) or "no target"
        samples = dict(status.counters).get("samples", 0)
        is_open = [
            f"{incident.target}/{incident.rule} {self._short(incident.id)} for {age_text(now.wall_ns - incident.opened_at_ns)}"
            for incident in sorted(status.incidents, key=lambda incident: incident.opened_at_ns)
        ]
        return f"{found}; {samples:,} samples so far; " + (
            f"open: {listed(is_open)}" if is_open else "no incident is open"
        )


def state_line(incidents: Iterable[Incident], now_ns: int) -> str:
    """Returns what is open already when a run begins; empty where nothing is."""
    named = [
        f"{incident.target}/{incident.rule} {incident.id.removeprefix(ID_PREFIX)[:ID_CHARACTERS]}"
        f" ({incident.severity.value}, for {age_text(now_ns - incident.opened_at_ns)})"
        for incident in incidents
    ]
    return f"from before: {listed(named)}" if named else ""


def _folded_entry(folded: Folded, at_ns: int) -> Entry:
    word, sort = folded.kind
    names = listed(folded.subjects) + (" and others" if folded.has_others else "")
    if word in {"log", "error", "command"}:
        return Entry(at_ns, word, f"{folded.held} more like this, the last: {folded.last}")
    if word == "problem":
        return Entry(at_ns, word, f"{_more(folded.held, 'change')}, now {folded.last}")
    change = sort.partition(" ")[0]
    noun = f"incident {change}" if word in {"critical", "warning", "info"} else _NAMES.get(word, "line")
    where = f"{sort}: " if word in {"told", "not told"} else ""
    return Entry(at_ns, word, f"{where}{_more(folded.held, noun)}: {names}")


def _more(count: int, noun: str) -> str:
    first, blank, rest = noun.partition(" ")
    return f"{count:,} more {first}{'' if count == 1 else 's'}{blank}{rest}"
