"""The samples of a PostgreSQL store, as history is read from them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

from .....domain import limits
from .....domain.errors import StoreCorrupt
from .....domain.observation.outcome import Outcome, Reason
from ...history.source import US_PER_HOUR, RecordedNotice, RowSum
from ...history.stored import FoundRow
from ..connection import BoundedConnection, Parameters, one
from ..rows import BODY, STEPS
from .blocks import Block, PackedSample, unpacked
from .moved import MovedTargets, one_chunk, one_sum

# The key begins with the time; counting the spans up makes each a look-up instead of a scan over all targets.
# A bound of an empty table is NULL, which `greatest` would ignore and addition does not.
_SPANS = """
SELECT at, {column} FROM (SELECT min({key}) AS first, max({key}) AS last FROM {table}) AS kept,
    generate_series(first + greatest(0, %s::bigint - first), last - greatest(0, last - %s::bigint + 1)) AS span (at)
JOIN {table} ON {key} = at AND target = ANY(%s::int[]) ORDER BY at
"""
_CHUNKS = _SPANS.format(key="hour", column="data", table="chunk")
_HOURLY = _SPANS.format(key="hour", column="body", table="hourly")
_DAILY = _SPANS.format(key="day", column="body", table="daily")
_EVIDENCE = """
SELECT at_us, body FROM evidence WHERE target = ANY(%s::int[]) AND at_us >= %s AND at_us < %s ORDER BY at_us DESC LIMIT %s
"""
# Each step is one look-up: `DISTINCT hour` reads every block.
_UNSEALED = """
WITH RECURSIVE found (hour) AS (
    SELECT min(hour) FROM block WHERE {mine}
    UNION ALL SELECT (SELECT min(hour) FROM block WHERE block.hour > found.hour AND {mine}) FROM found WHERE hour IS NOT NULL)
SELECT hour FROM found WHERE hour IS NOT NULL
"""
_BOUNDS = """
SELECT (SELECT min(hour) FROM hourly), (SELECT max(hour) + 1 FROM hourly)
UNION ALL SELECT (SELECT min(day) * 24 FROM daily), (SELECT max(day) * 24 + 24 FROM daily)
"""
_BLOCKS = "SELECT hour, data FROM block WHERE hour >= %s AND hour < %s ORDER BY hour, number"
_ALL_BLOCKS = "SELECT shard, data FROM block ORDER BY hour, number"
# Each block is one look-up: a condition on the numbers alone would read those of a whole hour.
_OF_COMMITS = """
SELECT data FROM unnest(%s::int[], %s::bigint[]) AS wanted (shard, number)
JOIN block ON block.hour = %s AND block.number = wanted.number AND block.shard = wanted.shard
"""
_MOVED = "SELECT array_agg(id ORDER BY id) FROM target GROUP BY name HAVING count(*) > 1"
_STEPS = f"""
SELECT body FROM {STEPS} WHERE channel = '' AND id IN (
    SELECT id FROM {BODY} WHERE (body::json ->> 'opened_at_ns')::bigint >= %s) ORDER BY chain.shard, chain.position
"""  # noqa: S608 - constants
_NOTICES = """
SELECT channel, outbox.incident, target, rule, change, created_at_ns, state, reminder, digest
FROM outbox JOIN incident ON incident.id = outbox.incident
WHERE created_at_ns >= %s AND created_at_ns < %s ORDER BY outbox.ordinal
"""


class PostgresSource:
    """Answers the questions of `SampleSource` over one connection."""

    def __init__(self, connection: BoundedConnection, shard: int | None = None) -> None:
        """Without a shard it answers for all of them."""
        self._connection, self._shard = connection, shard

    @cached_property
    def moved(self) -> MovedTargets:
        """The targets that have lain on several shards."""
        return MovedTargets(numbers for (numbers,) in self._rows(_MOVED))

    def _rows(self, query: str, said: Parameters = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, said).fetchall()

    def _numbers(self, query: str) -> set[int]:
        return {number for (number,) in self._rows(query)}

    def findings(self) -> dict[int, tuple[Outcome, Reason]]:
        found = self._rows("SELECT id, outcome, reason FROM finding")
        return {number: (Outcome(outcome), Reason(reason)) for number, outcome, reason in found}

    def names(self) -> dict[int, str]:
        return dict(self._rows("SELECT max(id), name FROM target GROUP BY name"))

    def number_of(self, target: str) -> int | None:
        found: int | None = one(self._connection, "SELECT max(id) FROM target WHERE name = %s", (target,))
        return found

    def unsealed_hours(self) -> set[int]:
        mine = "true" if self._shard is None else f"shard = {self._shard}"
        return self._numbers(_UNSEALED.format(mine=mine))

    def unsummed_days(self) -> set[int]:
        return self._numbers("SELECT day FROM open_day")

    def summed_days(self) -> set[int]:
        return self._numbers("SELECT day FROM rolled_day EXCEPT SELECT day FROM open_day")

    def bounds(self) -> list[tuple[int, int]]:
        return [(begin, after) for begin, after in self._rows(_BOUNDS) if begin is not None]

    def newest_chunk(self, first: int, last: int) -> int | None:
        query = "SELECT max(hour) FROM chunk WHERE hour BETWEEN %s AND %s"
        found: int | None = one(self._connection, query, (first, last))
        return found

    def oldest_chunk(self) -> int | None:
        found: int | None = one(self._connection, "SELECT min(hour) FROM chunk")
        return found

    def has_chunk(self, hour: int) -> bool:
        return bool(one(self._connection, "SELECT 1 FROM chunk WHERE hour = %s LIMIT 1", (hour,)))

    def chunks_of(self, target: int | None, first: int, end: int) -> list[tuple[int, bytes]]:
        return one_chunk(self._spans(_CHUNKS, target, first, end))

    def hourly_of(self, target: int | None, first: int, end: int) -> list[tuple[int, bytes]]:
        return one_sum(self._spans(_HOURLY, target, first, end))

    def daily_of(self, target: int | None, first: int, end: int) -> list[tuple[int, bytes]]:
        return one_sum(self._spans(_DAILY, target, first, end))

    def _spans(self, query: str, target: int | None, first: int, end: int) -> list[tuple[int, bytes]]:
        return [(at, value) for at, value in self._rows(query, (first, end, self._all_of(target)))]

    def _all_of(self, target: int | None) -> list[int]:
        """Returns every number of a target; none for None."""
        return [] if target is None else self.moved.all_of([target])

    def raw_of(
        self, target: int | None, since_us: int, until_us: int, unsealed: Sequence[int]
    ) -> Iterator[FoundRow]:
        if target is None or not unsealed:
            return
        found: dict[int, FoundRow] = {}
        numbers = {*self._all_of(target)}
        for hour, block in self._blocks(unsealed[0], unsealed[-1] + 1):
            if not numbers.isdisjoint(block.targets):
                for whose, row in block.rows(hour * US_PER_HOUR):
                    if whose in numbers and since_us <= row[0] < until_us:
                        found.setdefault(row[0], row)
        for _, row in sorted(found.items()):
            yield row

    def _blocks(self, first: int, end: int) -> Iterator[tuple[int, Block]]:
        """The blocks of a span of hours in the order of writing; fetched in pieces, so that few are held."""
        with self._connection.cursor("blocks") as cursor:
            cursor.itersize = limits.BLOCKS_READ_AT_ONCE
            for hour, data in cursor.execute(_BLOCKS, (first, end)):
                yield hour, Block(data)

    def damaged_blocks(self) -> Iterator[tuple[int, int, StoreCorrupt]]:
        """Yields for each shard that has any: its number, how many of its blocks do not read back, and the fault of the first."""
        found: dict[int, list[StoreCorrupt]] = {}
        with self._connection.cursor("blocks") as cursor:
            cursor.itersize = limits.BLOCKS_READ_AT_ONCE
            for shard, data in cursor.execute(_ALL_BLOCKS):
                try:
                    Block(data)
                except StoreCorrupt as error:
                    found.setdefault(shard, []).append(error)
        for shard, faults in sorted(found.items()):
            yield shard, len(faults), faults[0]

    def evidence_of(
        self, target: int | None, since_us: int, until_us: int, limit: int
    ) -> list[tuple[int, bytes]]:
        asked = (self._all_of(target), since_us, until_us, limit)
        return [(at, body) for at, body in self._rows(_EVIDENCE, asked)]

    def chunks_at(self, hour: int, targets: Collection[int] | None = None) -> Iterator[tuple[int, bytes]]:
        query, asked = "SELECT target, data FROM chunk WHERE hour = %s", (hour,)
        if targets is None:
            found = self._rows(f"{query} ORDER BY target", asked)
        else:
            found = self._rows(f"{query} AND target = ANY(%s::int[])", (*asked, self.moved.all_of(targets)))
        yield from one_chunk(self._standing(found)) if self.moved else found

    def _standing(self, found: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """Returns rows by the number that stands for each target, in its order."""
        return sorted((self.moved.newest(target), value) for target, value in found)

    def newest_raw(
        self, hour: int, begin_us: int, end_us: int, missing: Collection[int]
    ) -> Iterator[tuple[int, FoundRow]]:
        commits, left, span = self.commits(), {*missing}, (hour, begin_us, end_us)
        for count in (limits.COMMITS_READ_FIRST, 8 * limits.COMMITS_READ_FIRST):
            if left:
                known = {shard: last - count for shard, last in commits.items()}
                found = self.newest_after(known, *span, {*self.moved.all_of(left)})
                left -= found.keys()
                yield from found.items()
        if left:
            blocks = (block for _, block in self._blocks(hour, hour + 1))
            yield from self._newest(blocks, *span, {*self.moved.all_of(left)}).items()

    def commits(self) -> dict[int, int]:
        """Returns the number of the newest commit of each shard, which its blocks have, too."""
        return dict(self._rows("SELECT shard, commits FROM shard"))

    def newest_after(
        self, known: Mapping[int, int], hour: int, begin_us: int, end_us: int, numbers: AbstractSet[int]
    ) -> dict[int, FoundRow]:
        """Returns the newest sample in an hour of each of some targets that has one in the commits of shards behind the known ones."""
        made = [
            (shard, number)
            for shard, last in self.commits().items()
            for number in range(known.get(shard, last) + 1, last + 1)
        ]
        if not made:
            return {}
        asked = ([shard for shard, _ in made], [number for _, number in made], hour)
        blocks = (Block(data) for (data,) in self._rows(_OF_COMMITS, asked))
        return self._newest(blocks, hour, begin_us, end_us, numbers)

    def _newest(
        self, blocks: Iterable[Block], hour: int, begin_us: int, end_us: int, numbers: AbstractSet[int]
    ) -> dict[int, FoundRow]:
        hour_us = hour * US_PER_HOUR
        span = range(begin_us - hour_us, end_us - hour_us)
        newest: dict[int, PackedSample] = {}
        for block in blocks:
            # Most blocks of an hour are of targets that are found by then.
            if numbers.isdisjoint(block.targets):
                continue
            for packed in block.packed():
                at_us, target, *_ = packed
                if target in numbers and at_us in span:
                    known = newest.get(target)
                    if known is None or known[0] < at_us:
                        newest[target] = packed
        # The oldest comes first: of the numbers of a target that has moved, that of the newest sample stays.
        found = sorted(newest.values()) if self.moved else newest.values()
        return {self.moved.newest(packed[1]): unpacked(packed, hour_us) for packed in found}

    def raw_at(self, hour: int) -> dict[int, list[FoundRow]]:
        found: dict[int, dict[int, FoundRow]] = {}
        for _, block in self._blocks(hour, hour + 1):
            for target, row in block.rows(hour * US_PER_HOUR):
                found.setdefault(self.moved.newest(target), {}).setdefault(row[0], row)
        return {target: [row for _, row in sorted(rows.items())] for target, rows in found.items()}

    def raw_sums(self, hour: int) -> Iterator[RowSum]:
        for target, rows in self.raw_at(hour).items():
            latencies: dict[int, list[int | None]] = {}
            for _, finding, _, latency_us in rows:
                latencies.setdefault(finding, []).append(latency_us)
            for finding, found in latencies.items():
                timed = [us for us in found if us is not None]
                yield target, finding, len(found), len(timed), sum(timed), max(timed, default=0)

    def daily_at(self, day: int) -> Iterator[tuple[int, bytes]]:
        found = self._rows("SELECT target, body FROM daily WHERE day = %s", (day,))
        yield from ((self.moved.newest(target), body) for target, body in found)

    def hourly_between(self, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        query = "SELECT target, body FROM hourly WHERE hour >= %s AND hour < %s"
        newest = self.moved.newest
        yield from ((newest(target), body) for target, body in self._rows(query, (first, end)))

    def explanations(self, at_us: Iterable[int]) -> dict[tuple[int, int], str]:
        query = "SELECT at_us, target, text FROM explanation WHERE at_us = ANY(%s::bigint[])"
        newest = self.moved.newest
        return {(at, newest(target)): said for at, target, said in self._rows(query, (sorted(at_us),))}

    def explanations_between(self, begin_us: int, end_us: int) -> Iterator[tuple[int, int, str]]:
        query = "SELECT target, at_us, text FROM explanation WHERE at_us >= %s AND at_us < %s"
        newest = self.moved.newest
        yield from ((newest(target), at, said) for target, at, said in self._rows(query, (begin_us, end_us)))

    def steps_since(self, opened_ns: int) -> Iterator[str | bytes]:
        for (body,) in self._rows(_STEPS, (opened_ns,)):
            yield body

    def notices_between(self, since_ns: int, until_ns: int) -> Iterator[RecordedNotice]:
        yield from self._rows(_NOTICES, (since_ns, until_ns))
