"""The marks of a record: small rows that are written over in place, in one form for every kind of database."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from ...domain.incidents.announcement import Announcement
from ...domain.incidents.record import Checkpoint, HeardMark, LatestFinding, PauseMark, Silence
from .record_rows import RecordRow
from .record_state import RecordDraft


class Mark(NamedTuple):
    """The table of one kind of mark."""

    table: str
    columns: tuple[str, ...]
    key: str


CHECKPOINT = Mark("checkpoint", ("target", "state", "at_ns"), "target")
SILENCE = Mark("silence", ("id", "until_ns", "body"), "id")
ANNOUNCEMENT = Mark("announcement", ("id", "created_at_ns", "until_ns", "body"), "id, created_at_ns")
HEARD = Mark("heard", ("target", "at_ns", "missed_at_ns", "run", "run_at_ns"), "target")
PAUSE = Mark("pause", ("target", "at_ns", "by"), "target")
LATEST = Mark("latest", ("incident", "text"), "incident")
MARKS = {
    "checkpoints": CHECKPOINT,
    "silences": SILENCE,
    "announcements": ANNOUNCEMENT,
    "heard": HEARD,
    "pauses": PAUSE,
    "found": LATEST,
}
"""Each under its name in `RecordState`; a restart builds on all of them."""
_SILENCES = msgspec.json.Decoder(Silence)
_ANNOUNCEMENTS = msgspec.json.Decoder(Announcement)


def mark_rows(draft: RecordDraft) -> Iterator[tuple[Mark, list[RecordRow], list[RecordRow]]]:
    """Yields the marks that a draft has changed: the rows to be written over, and the keys of those to be taken away."""
    for name, mark in MARKS.items():
        changed = getattr(draft, name)
        if changed:
            rows = {key: _row(value) for key, value in changed.items()}
            gone: list[RecordRow] = [(key,) for key, row in rows.items() if row[1] in {None, b""}]
            yield mark, [row for row in rows.values() if row[1] not in {None, b""}], gone


def _row(value: Any) -> RecordRow:
    match value:
        case None:
            return (None, None)
        case Silence():
            return value.id, value.until_ns, msgspec.json.encode(value).decode()
        case Announcement():
            return value.id, value.created_at_ns, value.until_ns, msgspec.json.encode(value).decode()
        case _:
            return msgspec.structs.astuple(value)


class MarkReader(ABC):
    """Reads marks."""

    @abstractmethod
    def rows(self, mark: Mark) -> Iterable[Sequence[Any]]:
        """Returns all rows of a kind of mark in the order of their keys."""

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """All of them, by target."""
        return tuple(Checkpoint(*row) for row in self.rows(CHECKPOINT))

    def heard(self) -> tuple[HeardMark, ...]:
        """All of them, by target."""
        return tuple(HeardMark(*row) for row in self.rows(HEARD))

    def pauses(self) -> tuple[PauseMark, ...]:
        """All of them, by target."""
        return tuple(PauseMark(*row) for row in self.rows(PAUSE))

    def latest(self) -> tuple[LatestFinding, ...]:
        """All of them, by incident."""
        return tuple(LatestFinding(*row) for row in self.rows(LATEST))

    def silences(self, now_ns: int) -> tuple[Silence, ...]:
        """Those that end after `now_ns`, by id."""
        # All are read: a damaged end must not hide its row.
        return tuple(_SILENCES.decode(body) for _, until_ns, body in self.rows(SILENCE) if until_ns > now_ns)

    def announcements(self, since_ns: int) -> tuple[Announcement, ...]:
        """Those that stand at `since_ns` or end after it, by id."""
        read = (_ANNOUNCEMENTS.decode(body) for *_, body in self.rows(ANNOUNCEMENT))
        return tuple(each for each in read if each.stands(since_ns))
