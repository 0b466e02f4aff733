"""Reading a record in PostgreSQL, which a runtime may be writing at the same time, or has left behind."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from ....domain import limits
from ....domain.errors import StoreCorrupt
from ....domain.incidents.announcement import Announcement
from ....domain.incidents.delivery_try import DeliveryTry
from ....domain.incidents.incident import Incident, Transition
from ....domain.incidents.notice import DeliveryState
from ....domain.incidents.record import (
    BlindInterval,
    Checkpoint,
    HeardMark,
    Outgoing,
    PauseMark,
    Silence,
    joined_intervals,
)
from ....domain.incidents.told import ChannelBacklog, ChannelTold, told_of
from ....domain.read_model.days import IncidentSpan
from ..following import RecordFollower
from ..history.source import SampleSource
from ..place import DatabasePlace, database_place
from ..record_reader import Extent, RecordReader, Verification
from ..record_rows import TRANSITIONS, try_of
from .connection import BoundedConnection, Parameters, connect, connected, explained, one, reading
from .fence import read_owner
from .restoring import Marks, backlogs, verify
from .rows import BODY, OF_INCIDENT, STEPS, TRIES, StepReader
from .samples.following import DatabaseFollower
from .samples.source import PostgresSource
from .schema import refuse_others, version_of

_INCIDENTS = f"""
SELECT body, text FROM {BODY} LEFT JOIN latest ON latest.incident = incident.id
WHERE (NOT %(open_only)s::boolean OR is_open) AND (NOT %(ended_only)s::boolean OR NOT is_open)
    AND (%(target)s::text IS NULL OR incident.target = %(target)s)
    AND (%(before)s::text IS NULL OR ordinal < (SELECT ordinal FROM incident WHERE id = %(before)s))
ORDER BY ordinal DESC LIMIT %(limit)s
"""  # noqa: S608 - a constant
_RECOVERED = f"""
SELECT target, max((body::json ->> 'resolved_at_ns')::bigint) FROM {BODY}
WHERE NOT is_open AND NOT coalesce((body::json ->> 'draft')::boolean, false) GROUP BY target
"""  # noqa: S608 - a constant
_SPANS = f"SELECT body FROM {BODY} WHERE moved_in >= %s::text::xid8 ORDER BY ordinal DESC LIMIT %s"  # noqa: S608 - a constant
_LAST = "ORDER BY at_ns DESC, key DESC, attempt DESC LIMIT %s"
_TRIES_OF_INCIDENT = f"""
{TRIES} WHERE key IN (SELECT key FROM outbox WHERE incident = %s UNION SELECT key FROM member WHERE incident = %s) {_LAST}
"""  # noqa: S608 - constants
_TRIES_OF_KEY = f"{TRIES} WHERE key = %s {_LAST}"
_EXTENT = """
SELECT (SELECT count(*) FROM incident), (SELECT count(*) FROM incident WHERE is_open),
    (SELECT max(at_ns) FROM heard WHERE target = '')
"""
_INCIDENT_SPANS = msgspec.json.Decoder(IncidentSpan)


def require_store(place: DatabasePlace) -> None:
    """Raises: StoreError where there is no store, of this version or an earlier one."""
    with connected(place, "reading") as connection:
        if version_of(connection) is None:
            refuse_others(connection, place)


def _go_on() -> None:
    """The pause of a reading that nothing else waits for: none."""


class PostgresReader(RecordReader):
    """Reads the record in a database."""

    def __init__(self, url: str, pause: Callable[[], None] = _go_on) -> None:
        """`pause` is called again and again in a long reading: it may let other threads go first."""
        self._place = database_place(url)
        self.pause = pause
        self._held: BoundedConnection | None = None

    def __repr__(self) -> str:
        return f"PostgresReader({self._place.shown!r})"

    @property
    def path(self) -> str:
        return self._place.shown

    def _incidents(self, asked: dict[str, Any]) -> list[tuple[Incident, str | None]]:
        with self._reading() as connection:
            steps = StepReader(connection)
            rows = connection.execute(_INCIDENTS, asked).fetchall()
            return [(steps.incident(body), latest) for body, latest in rows]

    def incident_spans(self, after: int = 0) -> tuple[int, tuple[IncidentSpan, ...]]:
        with self._reading() as connection:
            spans: list[IncidentSpan] = []
            for number, (body,) in enumerate(connection.execute(_SPANS, (after, limits.READ_SPANS_MAX))):
                spans.append(_INCIDENT_SPANS.decode(body))
                if number % 100 == 0:
                    self.pause()
            # A transaction that runs still may commit later than one that began after it.
            end = int(one(connection, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))
            return end, tuple(spans)

    def recovered(self) -> dict[str, int]:
        with self._reading() as connection:
            return dict(connection.execute(_RECOVERED).fetchall())

    def transitions(self, incident: str) -> tuple[Transition, ...]:
        query = f"SELECT body FROM {STEPS} WHERE id = %s AND channel = '' ORDER BY chain.sequence"  # noqa: S608 - a constant
        with self._reading() as connection:
            steps = StepReader(connection)
            rows = connection.execute(query, (incident,)).fetchall()
            return tuple(steps.with_cause(TRANSITIONS.decode(body)) for (body,) in rows)

    def outbox(self, state: DeliveryState | None = None) -> tuple[Outgoing, ...]:
        with self._reading() as connection:
            rest = "ORDER BY ordinal" if state is None else "WHERE state = %s ORDER BY ordinal"
            return StepReader(connection).notices(rest, () if state is None else (state.value,))

    def notices(self, incident: str) -> tuple[Outgoing, ...]:
        with self._reading() as connection:
            return StepReader(connection).notices(OF_INCIDENT, (incident, incident))

    def backlogs(self) -> tuple[ChannelBacklog, ...]:
        with self._reading() as connection:
            return backlogs(connection)

    def _tries(self, incident: str, key: str) -> tuple[DeliveryTry, ...]:
        query, asked = (_TRIES_OF_INCIDENT, (incident, incident)) if incident else (_TRIES_OF_KEY, (key,))
        with self._reading() as connection:
            found = connection.execute(query, (*asked, limits.READ_TRIES_MAX)).fetchall()
        return tuple(try_of(row) for row in reversed(found))

    def told_of_each(self, incidents: Iterable[str]) -> dict[str, tuple[ChannelTold, ...]]:
        names = list(incidents)
        query = f"SELECT id, body FROM {BODY} WHERE id = ANY(%s::text[])"  # noqa: S608 - a constant
        with self._reading() as connection:
            steps = StepReader(connection)
            found = {
                name: steps.incident(body) for name, body in connection.execute(query, (names,)).fetchall()
            }
            return {
                name: told_of(found[name], steps.notices(OF_INCIDENT, (name, name)))
                for name in names
                if name in found
            }

    def silences(self, now_ns: int) -> tuple[Silence, ...]:
        with self._reading() as connection:
            return Marks(connection).silences(now_ns)

    def announcements(self, since_ns: int = 0) -> tuple[Announcement, ...]:
        with self._reading() as connection:
            return Marks(connection).announcements(since_ns)

    def pauses(self) -> tuple[PauseMark, ...]:
        with self._reading() as connection:
            return Marks(connection).pauses()

    def heard(self) -> tuple[HeardMark, ...]:
        with self._reading() as connection:
            return Marks(connection).heard()

    def _checkpoints(self) -> tuple[Checkpoint, ...]:
        with self._reading() as connection:
            return Marks(connection).checkpoints()

    def blind(self, since_ns: int = 0) -> tuple[BlindInterval, ...]:
        query = """
        SELECT started_at_ns, ended_at_ns, cause, shard FROM blind WHERE ended_at_ns > %s
        ORDER BY started_at_ns, ended_at_ns, cause COLLATE "C"
        """
        rows = self._rows(query, (since_ns,))
        found = (BlindInterval(*row[:3]) for row in rows)
        # Several shards of a machine are blind together; those of one shard are as they were recorded.
        return tuple(joined_intervals(found) if len({row[3] for row in rows}) > 1 else found)

    def extent(self) -> Extent:
        return Extent(*self._rows(_EXTENT)[0])

    def verify(self) -> Verification:
        problems: list[str] = []
        links, until_ns = 0, None
        try:
            with self._reading() as connection:
                shards = connection.execute("SELECT shard FROM shard ORDER BY shard").fetchall()
                for (shard,) in shards:
                    try:
                        end = read_owner(connection, shard).end
                        links += verify(connection, shard, end, whole=True)
                    except StoreCorrupt as error:
                        problems.append(f"shard {shard}: {error}" if len(shards) > 1 else str(error))
                for shard, count, fault in PostgresSource(connection).damaged_blocks():
                    where = f"shard {shard}: " if len(shards) > 1 else ""
                    more = f", and {count - 1} more" if count > 1 else ""
                    problems.append(f"{where}{fault}{more}")
                steps = StepReader(connection)
                steps.notices("WHERE state <> 'delivered'")
                list(steps.last_delivered(""))
                until_ns = Extent(*connection.execute(_EXTENT).fetchall()[0]).until_ns
        except StoreCorrupt as error:
            problems.append(str(error))
        remedy = "stop what runs it and restore a backup of the database, as docs/scale.md says"
        return Verification(links, tuple(problems), remedy if problems else "", until_ns)

    def _rows(self, query: str, asked: Parameters = ()) -> list[tuple[Any, ...]]:
        with self._reading() as connection:
            return connection.execute(query, asked).fetchall()

    @contextmanager
    def _source(self) -> Iterator[SampleSource]:
        with self._reading() as connection:
            yield PostgresSource(connection)

    def follower(self, targets: Collection[str]) -> RecordFollower:
        return DatabaseFollower(self._reading, targets)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        with self._reading() as connection:
            self._held = connection
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def _reading(self) -> Iterator[BoundedConnection]:
        if self._held is not None:
            yield self._held
            return
        with explained(f"reading {self._place.shown}"):
            connection = connect(self._place, limits.POSTGRES_READ_NS)
            try:
                with reading(connection):
                    refuse_others(connection, self._place)
                    yield connection
            except LookupError as error:
                raise StoreCorrupt(
                    f"the store does not read back while reading {self._place.shown}: no {error}"
                ) from error
            finally:
                connection.close()
