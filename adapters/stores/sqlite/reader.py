"""Reading a store that a runtime may be writing at the same time, or has left behind."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import msgspec

from ....domain import limits
from ....domain.errors import StoreCorrupt, StoreError
from ....domain.incidents.announcement import Announcement
from ....domain.incidents.delivery_try import DeliveryTry
from ....domain.incidents.incident import Incident, Transition
from ....domain.incidents.notice import DeliveryState
from ....domain.incidents.record import BlindInterval, Checkpoint, HeardMark, Outgoing, PauseMark, Silence
from ....domain.incidents.told import ChannelBacklog, ChannelTold, told_of
from ....domain.read_model.days import IncidentSpan
from ..history.source import SampleSource
from ..history.sqlite_source import SqliteSource
from ..record_reader import Extent, RecordReader, Verification
from ..record_rows import TRANSITIONS
from ..record_state import TRANSITION
from .chain import Chain
from .connection import connect_reader, explained, go_on, pieces, rows
from .files import real_path, refuse_devices, told_from_others
from .head import Head, HeadDisagrees, read_head
from .incidents import IncidentTable
from .marks import MarkTable
from .notices.outbox import OutboxTable
from .notices.tries import TryTable
from .record import RecordTables
from .schema import refuse_others, refuse_strangers

_INCIDENTS = """
SELECT body, text FROM incident JOIN chain USING (position) LEFT JOIN latest ON latest.incident = incident.id
WHERE (NOT :open_only OR is_open) AND (NOT :ended_only OR NOT is_open)
    AND (:target IS NULL OR incident.target = :target)
    AND (:before IS NULL OR ordinal < (SELECT ordinal FROM incident WHERE id = :before))
ORDER BY ordinal DESC LIMIT :limit
"""

_RECOVERED = """SELECT incident.target, max(json_extract(body, '$.resolved_at_ns')) FROM incident JOIN chain USING (position)
WHERE NOT is_open AND NOT coalesce(json_extract(body, '$.draft'), 0) GROUP BY incident.target"""

_SPANS = """SELECT body FROM incident JOIN chain USING (position) WHERE position > ?
ORDER BY ordinal DESC LIMIT ?"""

_EXTENT = """SELECT (SELECT count(*) FROM incident), (SELECT count(*) FROM incident WHERE is_open),
       (SELECT at_ns FROM heard WHERE target = '')"""


_INCIDENT_SPANS = msgspec.json.Decoder(IncidentSpan)


class StoreReader(RecordReader):
    """Reads the file of a SQLite store, which a runtime may be writing at the same time."""

    def __init__(self, path: str, pause: Callable[[], None] = go_on) -> None:
        """`pause` is called again and again in a long reading: it may let other threads go first."""
        self._path = real_path(path)
        self.pause = pause

    def __repr__(self) -> str:
        return f"StoreReader({self._path!r})"

    @property
    def path(self) -> str:
        """The file that it reads."""
        return self._path

    def _incidents(self, asked: dict[str, Any]) -> list[tuple[Incident, str | None]]:
        with self._reading() as connection:
            table = IncidentTable(connection)
            return [(table.incident(body), latest) for body, latest in connection.execute(_INCIDENTS, asked)]

    def incident_spans(self, after: int = 0) -> tuple[int, tuple[IncidentSpan, ...]]:
        with self._reading() as connection:
            found = connection.execute(_SPANS, (after, limits.READ_SPANS_MAX))
            spans: list[IncidentSpan] = []
            for piece in pieces(found, self.pause):
                spans += [_INCIDENT_SPANS.decode(body) for (body,) in piece]
            return Chain(connection).head().position, tuple(spans)

    def recovered(self) -> dict[str, int]:
        with self._reading() as connection:
            return dict(rows(connection, _RECOVERED))

    def silences(self, now_ns: int) -> tuple[Silence, ...]:
        with self._reading() as connection:
            return MarkTable(connection).silences(now_ns)

    def announcements(self, since_ns: int = 0) -> tuple[Announcement, ...]:
        with self._reading() as connection:
            return MarkTable(connection).announcements(since_ns)

    def transitions(self, incident: str) -> tuple[Transition, ...]:
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT body FROM chain WHERE incident = ? AND channel = ? ORDER BY sequence",
                (incident, TRANSITION),
            )
            table = IncidentTable(connection)
            return tuple(table.with_cause(TRANSITIONS.decode(body)) for (body,) in rows)

    def outbox(self, state: DeliveryState | None = None) -> tuple[Outgoing, ...]:
        with self._reading() as connection:
            return OutboxTable(connection).all(state)

    def notices(self, incident: str) -> tuple[Outgoing, ...]:
        with self._reading() as connection:
            return OutboxTable(connection).of(incident)

    def backlogs(self) -> tuple[ChannelBacklog, ...]:
        with self._reading() as connection:
            return OutboxTable(connection).backlogs()

    def _tries(self, incident: str, key: str) -> tuple[DeliveryTry, ...]:
        with self._reading() as connection:
            table = TryTable(connection)
            return table.of_incident(incident) if incident else table.of_key(key)

    def told_of_each(self, incidents: Iterable[str]) -> dict[str, tuple[ChannelTold, ...]]:
        names = [*incidents]
        with self._reading() as connection:
            found = {each.id: each for each in IncidentTable(connection).standing(names, ())}
            outbox = OutboxTable(connection)
            return {name: told_of(found[name], outbox.of(name)) for name in names if name in found}

    def pauses(self) -> tuple[PauseMark, ...]:
        with self._reading() as connection:
            return MarkTable(connection).pauses()

    def heard(self) -> tuple[HeardMark, ...]:
        with self._reading() as connection:
            return MarkTable(connection).heard()

    def _checkpoints(self) -> tuple[Checkpoint, ...]:
        with self._reading() as connection:
            return MarkTable(connection).checkpoints()

    def blind(self, since_ns: int = 0) -> tuple[BlindInterval, ...]:
        with self._reading() as connection:
            return MarkTable(connection).blind(since_ns)

    def extent(self) -> Extent:
        with self._reading() as connection:
            return Extent(*rows(connection, _EXTENT)[0])

    def copy_into(self, path: str) -> None:
        """Copies all of it as of one moment into a file that is there and empty, which then needs no file beside it.

        The copy is not durable yet.
        """
        copy = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            copy.pragma("synchronous", 0)
            with self._reading() as connection:
                # The first reading fixes the moment: without it each slice of the copy would begin anew after a commit.
                Chain(connection).head()
                with copy.backup("main", connection, "main") as backup:
                    while not backup.done:
                        backup.step(limits.STORE_PAGES_COPIED)
            copy.pragma("journal_mode", "DELETE")
        finally:
            copy.close()

    def verify(self, outside: Head | None = None) -> Verification:
        """Checks every page, every link, both heads, every notice that is not delivered, every try and every mark.

        `outside` stands for the head beside the store, as for a copy that has none.
        """
        problems: list[str] = []
        links, until_ns, remedy = 0, None, ""
        try:
            with self._reading() as connection:
                problems += [
                    text for (text,) in connection.execute("PRAGMA integrity_check(100)") if text != "ok"
                ]
                tables = RecordTables(connection)
                chain = tables.chain
                tables.incidents.verify(chain.verify(outside or read_head(self._path), whole=True))
                links = chain.head().position
                tables.verify_rows()
                tables.tries.verify()
                tables.marks.blind(0)
                until_ns = Extent(*rows(connection, _EXTENT)[0]).until_ns
        except StoreCorrupt as error:
            problems.append(str(error))
            if isinstance(error, HeadDisagrees):
                remedy = f"remove {self._path}-head to go on with what is there, or "
        if problems:
            remedy += "stop what runs it and restore a backup, as docs/operations.md says"
        return Verification(links, tuple(problems), remedy, until_ns)

    @contextmanager
    def _source(self) -> Iterator[SampleSource]:
        with self._reading() as connection:
            yield SqliteSource(connection)

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        """One read transaction: whatever a question reads, it reads as of one moment."""
        with explained(f"reading {self._path}"):
            _refuse_foreign(self._path)
            refuse_devices(self._path)
            if not Path(self._path).exists():
                raise StoreError(f"there is no store at {self._path}")
            with told_from_others(self._path):
                connection = self._connected()
            try:
                connection.execute("BEGIN")
                yield connection
            except LookupError as error:
                # A row speaks of another one that is gone, as where a log was read into a database of another day.
                raise StoreCorrupt(
                    f"the store does not read back while reading {self._path}: no {error}"
                ) from error
            finally:
                connection.close()

    def _connected(self) -> apsw.Connection:
        connection = connect_reader(self._path)
        try:
            refuse_strangers(connection)
            refuse_others(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _refuse_foreign(path: str) -> None:
    """Refuses a store that this user may not read: SQLite says only that it cannot be opened."""
    if os.access(path, os.R_OK, effective_ids=True):
        return
    with suppress(PermissionError):
        if not Path(path).exists():
            return
    raise StoreError(f"{path} may be read by its own user alone: act as this user")
