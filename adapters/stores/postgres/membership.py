"""The row by which a node shows that it lives, what it sees of the others, and the commands for the shards that it runs."""

import os
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import Any, NamedTuple

import psycopg

from ....domain import limits
from ....domain.cluster.left_incidents import LeftIncident
from ....domain.cluster.membership import ClusterView, Member, ShardRow, name_taken
from ....domain.cluster.stamp import ConfigurationStamp, read_stamp
from ....domain.errors import NotSent, StoreBusy, StoreError
from ....domain.line import count_of
from ....domain.time.moment import Deadline, Moment
from ....domain.units import NS_PER_MS, NS_PER_S
from ...clock import MomentClock
from ..place import DatabasePlace, database_place
from ..record_state import without_zero_bytes as text
from ..sqlite.lock import this_process
from .connection import BoundedConnection, connect, connected, explained, one
from .fence import LEASE
from .moving_incidents import LEFT, left_incidents
from .node_reports import exchange_reports
from .schema import MIGRATIONS, count_shards, migrate, version_of

# Nodes with whether their version is older than the schema, then shards with whether they have left an incident and whether a command waits for them, as rows of one form: each statement of
# a look costs as much as what it asks.
_SEEN = f"""
SELECT NULL::int, name, incarnation, process, configuration, is_able, skew_ns,
    (extract(epoch FROM clock_timestamp() - beat_at) * 1e9)::bigint, {{older}}, false FROM node WHERE {{others}}
UNION ALL SELECT shard, '', split_part(incarnation, '/', 1), owner, configuration, clock_timestamp() - alive_at >= {LEASE}, epoch,
    position, EXISTS (SELECT FROM incident WHERE incident.shard = shard.shard AND {LEFT}), EXISTS (SELECT FROM command WHERE command.shard = shard.shard AND answer IS NULL) FROM shard
"""  # noqa: S608 - constants
_OLDER = "known < (SELECT version FROM watchkeeper_schema)"
_LOOK = _SEEN.format(others="true", older=_OLDER)
_LOOK_BEFORE_KNOWN = _SEEN.format(others="true", older="false")
# A name belongs to the node that beats under it; that of a silent one is free. The other parts of a statement do not see what it writes.
_BEAT = f"""
WITH beat AS (
    INSERT INTO node (name, incarnation, process, beat_at, configuration, is_able, skew_ns, known)
    VALUES (%s, %s, %s, clock_timestamp(), %s, %s, %s - (extract(epoch FROM clock_timestamp()) * 1e9)::bigint, {len(MIGRATIONS)})
    ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, process = excluded.process, beat_at = excluded.beat_at,
        configuration = excluded.configuration, is_able = excluded.is_able, skew_ns = excluded.skew_ns,
        known = excluded.known
        WHERE node.incarnation = excluded.incarnation OR clock_timestamp() - node.beat_at >= {LEASE}
    RETURNING name, incarnation, process, configuration, is_able, skew_ns, known)
SELECT NULL::int, name, incarnation, process, configuration, is_able, skew_ns, 0::bigint, {_OLDER}, false FROM beat UNION ALL
{_SEEN.format(others="name NOT IN (SELECT name FROM beat)", older=_OLDER)}
"""  # noqa: S608 - constants
_SKEW = "SELECT %s - (extract(epoch FROM clock_timestamp()) * 1e9)::bigint"
_FORGET = "DELETE FROM node WHERE clock_timestamp() - beat_at >= %s * interval '1 second'"
_LEAVE = "DELETE FROM node WHERE name = %s AND incarnation = %s"
_TAKE = """
SELECT id, shard, message FROM command WHERE answer IS NULL AND shard = ANY(%s::int[])
    AND clock_timestamp() - made_at < %s * interval '1 second' ORDER BY id LIMIT %s
"""
# Nothing is answered for a shard that another node runs by now: that one obeys.
_ANSWER = """
UPDATE command SET answer = %s WHERE id = %s AND EXISTS (
    SELECT FROM shard WHERE shard.shard = command.shard AND split_part(incarnation, '/', 1) = %s)
"""
_OUTLIVED = "DELETE FROM command WHERE clock_timestamp() - made_at >= %s * interval '1 second'"
_ASK = "INSERT INTO command (shard, message) SELECT unnest(%s::int[]), %s RETURNING id"
_ANSWERS = "SELECT id, answer FROM command WHERE id = ANY(%s::bigint[]) AND answer IS NOT NULL"
_OF_INCIDENT = "SELECT shard FROM incident WHERE id = %s ORDER BY is_open DESC LIMIT 1"
_OF_NOTICE = "SELECT shard FROM outbox WHERE key = %s LIMIT 1"
# A target that has moved has samples on each of its shards, and its marks on the last one alone. The mark of a shard itself has no target.
_RECORDED = """
SELECT shard, count(*) FROM (
    SELECT DISTINCT ON (name) name, shard FROM (
        SELECT target AS name, shard, 1 AS kind, at_ns AS place FROM checkpoint
        UNION ALL SELECT target, shard, 1, coalesce(at_ns, 0) FROM heard WHERE target <> ''
        UNION ALL SELECT name, shard, 0, id FROM target) AS kept
    ORDER BY name, kind DESC, place DESC) AS last
GROUP BY shard
"""
_LOOK_S = 0.05
_ANSWER_NS_MIN = 100 * NS_PER_MS
"""The wait of the last look for an answer: the interval in which a connection looks whether the server is silent."""
_MAY_BE_OBEYED = f"the command may be obeyed yet, for {limits.COMMAND_KEPT_NS // NS_PER_S} s: look, and give it again if it was not"
NODES_SINCE = 2
"""The first version of the schema with nodes."""
KNOWN_SINCE = 4
"""The first version in which nodes say the version that they know."""
_KEPT_S = limits.COMMAND_KEPT_NS / NS_PER_S


class ShardCommand(NamedTuple):
    """A message for the owner of a shard."""

    id: int
    shard: int
    message: bytes


class Membership:
    """One node's connection for its row. Used by one thread; each method opens it where it is lost."""

    def __init__(self, url: str, name: str, now: Moment) -> None:
        """Without a name the node has one of its host and process: two processes of one machine have two."""
        self._place: DatabasePlace = database_place(url)
        self.name = name or f"{socket.gethostname().partition('.')[0]}-{os.getpid()}"
        self.incarnation, self._process = token_hex(8), this_process(now).text
        self._connection: BoundedConnection | None = None
        self.skew_ns = 0
        """How far the wall clock of this machine was ahead of that of the database at the last look."""
        self._asked: set[int] = set()
        """The shards for which commands waited at the last beat."""

    def join(self, now: Moment) -> int:
        """Brings the schema to the newest version; returns the number of shards. Raises: StoreError."""
        with self._connected("joining") as connection:
            self.skew_ns = one(connection, _SKEW, (now.wall_ns,))
            migrate(connection, self._place)
            connection.execute(_FORGET, (limits.NODE_KEPT_NS / NS_PER_S,))
            return count_shards(connection, self._place)

    def beat(self, stamp: ConfigurationStamp, now: Moment, *, is_able: bool) -> ClusterView:
        """Shows that this node lives, and returns what it sees.

        Raises: StoreBusy where another living node has its name; StoreError.
        """
        said = (
            self.name,
            self.incarnation,
            text(self._process),
            text(stamp.text),
            is_able,
            now.wall_ns,
        )
        with self._connected("beating") as connection:
            rows = connection.execute(_BEAT, said).fetchall()
        view, self._asked = _seen(rows), {row[0] for row in rows if row[-1]}
        mine = next((each for each in view.members if each.incarnation == self.incarnation), None)
        if mine is not None:
            self.skew_ns = mine.skew_ns
        else:
            other = next((each.process for each in view.members if each.name == self.name), "another process")
            raise StoreBusy(name_taken(self.name, other, self._place.shown))
        return view

    def exchange(self, problems: str, *, is_teller: bool) -> dict[str, str]:
        """Leaves the own problems of this node for others, and returns theirs by name where it is to tell of them. Raises: StoreError."""
        with self._connected("exchanging problems") as connection:
            return exchange_reports(
                connection, self.name, self.incarnation, text(problems), is_teller=is_teller
            )

    def left_incidents(self) -> list[LeftIncident]:
        """Returns the open incidents that shards have left for others. Raises: StoreError."""
        with self._connected("reading incidents") as connection:
            return left_incidents(connection)

    def take(self, shards: Collection[int]) -> list[ShardCommand]:
        """Returns the commands that waited for some shards at the last beat, oldest first. Raises: StoreError."""
        wanted = sorted(self._asked.intersection(shards))
        if not wanted:
            return []
        asked = (wanted, _KEPT_S, limits.COMMANDS_AT_ONCE)
        with self._connected("reading commands") as connection:
            return [
                ShardCommand(number, shard, bytes(message))
                for number, shard, message in connection.execute(_TAKE, asked).fetchall()
            ]

    def answer(self, command_id: int, answer: bytes) -> None:
        """Answers a command, unless its shard is another node's by now; any thread may call it. Raises: StoreError."""
        with connected(self._place, "answering at") as connection:
            connection.execute(_ANSWER, (answer, command_id, self.incarnation))

    def forget_outlived(self) -> None:
        """Deletes commands and answers of which nobody hears any more, and rows of long silent nodes. Raises: StoreError."""
        with self._connected("doing housekeeping") as connection:
            connection.execute(_FORGET, (limits.NODE_KEPT_NS / NS_PER_S,))
            connection.execute(_OUTLIVED, (_KEPT_S,))

    def leave(self) -> None:
        """Takes the row away, and ends the connection."""
        with suppress(psycopg.Error, OSError):
            if self._connection is not None:
                self._connection.execute(_LEAVE, (self.name, self.incarnation))
        self.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                connection.close()

    @contextmanager
    def _connected(self, doing: str) -> Iterator[BoundedConnection]:
        try:
            with explained(f"{doing} at {self._place.shown}"):
                if self._connection is None:
                    self._connection = connect(self._place)
                yield self._connection
        except StoreBusy as error:
            # A table that is locked, and no word of another process that has the name.
            self.close()
            raise StoreError(str(error)) from error
        except BaseException:
            self.close()
            raise


class CommandSender:
    """Sends messages to the owners of shards, and waits for their answers. Blocks; any thread may use it."""

    def __init__(self, url: str, clock: MomentClock, pause: Callable[[float], object]) -> None:
        """`pause` waits for a number of seconds between two looks for an answer."""
        self._place, self._clock, self._pause = database_place(url), clock, pause

    def ask(self, shards: Collection[int], message: bytes, until: Deadline) -> list[bytes]:
        """Returns the answer of each shard. All of them are asked in one transaction, or none.

        Raises: NotSent where nothing of it has happened; TimeoutError where one has not answered in time, and StoreError where the
        store failed meanwhile: it may be obeyed yet.
        """
        given, is_sent, answers = self._clock.read(), False, list[bytes]()
        try:
            with connected(self._place, "sending a command by", self._answer_ns(until)) as connection:
                connection.answer_ns = self._answer_ns(until)
                is_sent = True
                try:
                    rows = connection.execute(_ASK, (list(shards), message)).fetchall()
                except psycopg.Error as error:
                    # A statement that the server refused, as for a lock or for room on its disk, has written nothing.
                    is_sent = error.diag.severity_nonlocalized != "ERROR"
                    raise
                asked = [number for (number,) in rows]
                answers = self._answers(connection, asked, until)
        except StoreError as error:
            if not is_sent:
                raise NotSent(f"nothing was done: {error}") from error
            raise StoreError(f"{error}: {_MAY_BE_OBEYED}") from error
        # Not inside: a TimeoutError is an OSError, which is explained as a failure of the store.
        if len(answers) < len(shards):
            silent = count_of(len(shards) - len(answers), "shard")
            those = "the node that is to obey" if len(shards) == 1 else f"the nodes of {silent}"
            waited_s = (self._clock.read().monotonic_ns - given.monotonic_ns) / NS_PER_S
            raise TimeoutError(f"{those} did not answer within {waited_s:.0f} s: {_MAY_BE_OBEYED}")
        return answers

    def _answers(self, connection: BoundedConnection, asked: Collection[int], until: Deadline) -> list[bytes]:
        """Returns the answers, of some of the shards where the others did not answer in time."""
        while True:
            connection.answer_ns = self._answer_ns(until)
            answers: dict[int, bytes] = dict(connection.execute(_ANSWERS, (asked,)).fetchall())
            left_s = until.remaining_s(self._clock.read())
            if len(answers) == len(asked) or not left_s:
                return [bytes(answers[number]) for number in asked if number in answers]
            self._pause(min(_LOOK_S, left_s))

    def owner_of(self, until: Deadline, *, incident: str = "", key: str = "") -> int | None:
        """Returns the shard that has an incident or a notice; None where there is none. Raises: NotSent where that cannot be read."""
        query = _OF_INCIDENT if incident else _OF_NOTICE
        try:
            with connected(self._place, "reading", self._answer_ns(until)) as connection:
                connection.answer_ns = self._answer_ns(until)
                found: int | None = one(connection, query, (incident or key,))
                return found
        except StoreError as error:
            raise NotSent(f"nothing was done: {error}") from error

    def _answer_ns(self, until: Deadline) -> int:
        """Returns how long the next answer of the server may take."""
        left_ns = round(until.remaining_s(self._clock.read()) * NS_PER_S)
        return max(min(left_ns, limits.POSTGRES_ANSWER_NS), _ANSWER_NS_MIN)


def look_at(url: str) -> ClusterView:
    """Returns the nodes and shards of a store as another process sees them; nothing of one that one process has alone. Raises: StoreError."""
    place = database_place(url)
    with connected(place, "looking at", limits.POSTGRES_CONNECT_NS) as connection:
        version = version_of(connection) or 0
        has_nodes = version >= NODES_SINCE and count_shards(connection, place) > 1
        look = _LOOK if version >= KNOWN_SINCE else _LOOK_BEFORE_KNOWN
        return _seen(connection.execute(look).fetchall()) if has_nodes else ClusterView()


def recorded_targets(url: str) -> dict[int, int]:
    """Returns the number of targets that the record has of each shard, each target counted where it was kept last. Raises: StoreError."""
    with connected(database_place(url), "reading", limits.POSTGRES_CONNECT_NS) as connection:
        return dict(connection.execute(_RECORDED).fetchall())


def _seen(rows: Sequence[tuple[Any, ...]]) -> ClusterView:
    members = [_member(row) for row in rows if row[0] is None]
    shards = [_shard(row) for row in rows if row[0] is not None]
    return ClusterView(
        members=tuple(sorted(members, key=lambda each: each.name)),
        shards=tuple(sorted(shards, key=lambda each: each.shard)),
    )


def _member(row: tuple[Any, ...]) -> Member:
    _, name, incarnation, process, configuration, is_able, skew_ns, silent_ns, is_older, _ = row
    return Member(
        name=name,
        incarnation=incarnation,
        process=process,
        stamp=read_stamp(configuration) or ConfigurationStamp(),
        is_able=is_able,
        is_older=is_older,
        is_alive=silent_ns < limits.TENURE_LEASE_NS,
        silent_ns=max(silent_ns, 0),
        skew_ns=skew_ns,
    )


def _shard(row: tuple[Any, ...]) -> ShardRow:
    shard, _, incarnation, owner, configuration, is_silent, epoch, position, has_left, _ = row
    return ShardRow(
        shard=shard,
        incarnation=incarnation,
        owner=owner,
        epoch=epoch,
        position=position,
        stamp=read_stamp(configuration) or ConfigurationStamp(),
        is_silent=is_silent,
        has_left=has_left,
    )
