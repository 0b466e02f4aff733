"""One opening of a PostgreSQL store: the connection, the fence, and how a batch is written behind it."""

from collections.abc import Callable
from typing import Any

import psycopg
from msgspec.structs import replace
from psycopg import errors

from ....domain.incidents.record import Batch
from ....domain.specification.configuration import Retention
from ..links import Link, RecordEnd, linked
from ..loading import draft_for
from ..place import DatabasePlace
from ..record_state import apply
from ..record_state import without_zero_bytes as text
from .connection import BoundedConnection, roll_back
from .fence import ADVANCE, REQUIRE, Fence
from .loading import DatabaseRecord
from .samples.housekeeping import DatabaseHousekeeper
from .samples.writer import Packed, SampleWriter
from .writing import Statement, statements

_BLOCKS = "INSERT INTO block (shard, hour, number, data) SELECT %s, hour, %s, data FROM unnest(%s::int[], %s::bytea[]) AS block (hour, data)"
_EXPLANATIONS = """
INSERT INTO explanation (shard, at_us, target, text)
SELECT %s, at_us, target, text FROM unnest(%s::bigint[], %s::int[], %s::text[]) AS said (at_us, target, text)
ON CONFLICT DO NOTHING
"""
_OPEN_DAYS = "INSERT INTO open_day (shard, day) SELECT %s, unnest(%s::int[]) ON CONFLICT DO NOTHING"
_ROLLED_DAYS = "DELETE FROM rolled_day WHERE shard = %s AND day = ANY(%s::int[])"
_EVIDENCE = "INSERT INTO evidence (shard, at_us, target, body) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
_RENAME = "UPDATE target SET name = %s WHERE id = %s"
# Samples and marks of who was heard are one statement: the fence, and what is written only where it has held. In a pipeline the
# client waits for the socket before each statement of it, and each wait gives the interpreter to another thread and back.
_SAMPLES = f"""
WITH mine AS ({ADVANCE}), blocks AS (
    INSERT INTO block (shard, hour, number, data)
    SELECT shard, hour, commits, data FROM mine, unnest(%s::int[], %b::bytea[]) AS block (hour, data)
), marks AS (
    INSERT INTO heard (shard, target, at_ns, missed_at_ns, run, run_at_ns)
    SELECT shard, mark.* FROM mine, unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[]) AS mark
    ON CONFLICT (target, shard) DO UPDATE SET at_ns = excluded.at_ns, missed_at_ns = excluded.missed_at_ns, run = excluded.run,
        run_at_ns = excluded.run_at_ns)
SELECT count(*) FROM mine
"""  # noqa: S608 - constants
_SAMPLES_EXPLAINED = _SAMPLES.replace(
    "\nSELECT count",
    """, texts AS (
    INSERT INTO explanation (shard, at_us, target, text) SELECT shard, at_us, target, text
    FROM mine, unnest(%s::bigint[], %s::int[], %s::text[]) AS said (at_us, target, text) ON CONFLICT DO NOTHING)
SELECT count""",
)


class DatabaseSession:
    """One opening of the database by an owner."""

    def __init__(
        self,
        place: DatabasePlace,
        connection: BoundedConnection,
        shard: int,
        retention: Retention,
        configuration: Callable[[], str],
    ) -> None:
        self.connection, self.shard = connection, shard
        self.fence = Fence(connection, shard, place.shown, configuration)
        self.samples = SampleWriter(connection, shard)
        self.housekeeper = DatabaseHousekeeper(connection, shard, self.samples, retention, self.fence.writing)

    def record(self, batch: Batch) -> int:
        """Writes a batch. Returns how many of its samples were left out.

        Raises: StoreError for a batch that may not be written, before anything is sent; StoreFenced; psycopg.Error.
        """
        packed = self.samples.packed(batch)
        if batch.is_light and not packed.days:
            self._record_samples(batch, packed)
        else:
            self._record_all(batch, packed)
        self.housekeeper.touched(set(packed.hours))
        return packed.left_out

    def _record_samples(self, batch: Batch, packed: Packed) -> None:
        end = self.fence.end
        said: tuple[Any, ...] = (*self.fence.advancing(end), packed.hours, packed.blocks, *_heard(batch))
        if packed.at_us:
            query, said = _SAMPLES_EXPLAINED, (*said, packed.at_us, packed.targets, packed.texts)
        else:
            query = _SAMPLES
        row = self.connection.execute(query, said).fetchone()
        if row is None or not row[0]:
            raise self.fence.lost()
        self.fence.advanced(end)
        self.samples.written(packed)

    def _record_all(self, batch: Batch, packed: Packed) -> None:
        draft = draft_for(DatabaseRecord(self.connection, self.shard), batch)
        written = apply(draft, batch)
        end, links = self._end_after(
            batch, list(linked(self.fence.end.position, self.fence.end.hash, written))
        )
        self._send(
            end,
            [
                Statement(_RENAME, [*packed.renames]),
                *statements(self.shard, draft, batch, links),
                *self._of_samples(packed),
                Statement(_EVIDENCE, packed.evidence),
            ],
        )
        self.samples.written(packed)

    def _end_after(
        self, batch: Batch, links: list[tuple[Link, bytes]]
    ) -> tuple[RecordEnd, list[tuple[Link, bytes]]]:
        end = replace(self.fence.end, writes=self.fence.end.writes + batch.is_counted)
        if links:
            end = RecordEnd(links[-1][0].position, links[-1][1], end.writes)
        return end, links

    def _of_samples(self, packed: Packed) -> list[Statement]:
        if not packed.hours:
            return []
        number = self.fence.current.commits + 1
        made = [Statement(_BLOCKS, [(self.shard, number, packed.hours, packed.blocks)])]
        if packed.days:
            days = [(self.shard, packed.days)]
            made += [Statement(_OPEN_DAYS, [*days]), Statement(_ROLLED_DAYS, [*days])]
        if packed.at_us:
            said = (self.shard, packed.at_us, packed.targets, packed.texts)
            made.append(Statement(_EXPLANATIONS, [said]))
        return made

    def _send(self, end: RecordEnd, made: list[Statement]) -> None:
        """Sends everything in one go: an owner that is frozen in the middle leaves no row locked."""
        connection = self.connection
        try:
            with connection.pipeline(), connection.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute(REQUIRE, self.fence.advancing(end))
                for statement in made:
                    if len(statement.rows) == 1:
                        cursor.execute(statement.sql, statement.rows[0])
                    elif statement.rows:
                        cursor.executemany(statement.sql, statement.rows)
                cursor.execute("COMMIT")
        except errors.DivisionByZero:
            roll_back(connection)
            raise self.fence.lost() from None
        except psycopg.Error:
            roll_back(connection)
            raise
        self.fence.advanced(end)


def _heard(batch: Batch) -> list[list[Any]]:
    """Returns the marks of what was heard, a column each; of two of a target the later one."""
    marks = {mark.target: mark for mark in batch.heard}.values()
    return [
        [text(mark.target) for mark in marks],
        [mark.at_ns for mark in marks],
        [mark.missed_at_ns for mark in marks],
        [None if mark.run is None else text(mark.run) for mark in marks],
        [mark.run_at_ns for mark in marks],
    ]
