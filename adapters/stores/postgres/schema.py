"""The schema: forward-only steps, each applied once, all in one transaction."""

from collections.abc import Sequence

from psycopg import sql
from psycopg.errors import LockNotAvailable

from ....domain import limits
from ....domain.errors import StoreError, StoreNewer
from ....domain.line import count_of
from ..place import DatabasePlace
from .connection import BoundedConnection, one, transaction

LOCK = 0x5761_7463
"""`Watc`: the advisory lock of those who make or change the schema."""
_LOCK_TRIES = 10
"""Each lasts `POSTGRES_LOCK_NS`: a loaded server takes seconds to make the schema for another process."""
# A query of the catalogue sees what others have committed by then; to_regclass answers by what this session knew of it when it last took
# a lock on a table, and goes on to find none after the wait for those who make it.
_IS_MADE = """
SELECT true FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = 'watchkeeper_schema'
"""

FIRST = """
CREATE TABLE watchkeeper_schema (version int NOT NULL);
INSERT INTO watchkeeper_schema VALUES (0);

-- The owner of each shard, its signs of life by the clock of the server, and the end of its chain. A commit begins with this row.
CREATE TABLE shard (
    shard int PRIMARY KEY, owner text NOT NULL, incarnation text NOT NULL, epoch bigint NOT NULL, commits bigint NOT NULL,
    beats bigint NOT NULL, configuration text NOT NULL, alive_at timestamptz NOT NULL, backend int NOT NULL,
    position bigint NOT NULL, hash bytea NOT NULL, writes bigint NOT NULL
) WITH (fillfactor = 20);
INSERT INTO shard VALUES (0, '', '', 0, 0, 0, '', 'epoch', 0, 0, decode(repeat('00', 32), 'hex'), 0);

-- Append-only. A transition has the channel ''; the other rows say what a channel heard.
CREATE TABLE chain (
    shard int NOT NULL, position bigint NOT NULL, incident text NOT NULL, sequence bigint NOT NULL, channel text NOT NULL,
    body text NOT NULL, hash bytea NOT NULL, PRIMARY KEY (shard, position)
);
CREATE UNIQUE INDEX chain_of_incident ON chain (incident, channel, sequence, shard);

-- Where each incident stands; the ordinal is the position of its first step.
CREATE TABLE incident (
    shard int NOT NULL, ordinal bigint NOT NULL, id text NOT NULL, target text NOT NULL, rule text NOT NULL,
    sequence bigint NOT NULL, position bigint NOT NULL, is_open boolean NOT NULL, is_live boolean NOT NULL,
    PRIMARY KEY (id, shard)
);
CREATE UNIQUE INDEX one_open_incident ON incident (target, rule, shard) WHERE is_open;
CREATE INDEX live_incident ON incident (ordinal) WHERE is_live;
CREATE INDEX incident_of_target ON incident (target);
CREATE INDEX incident_by_ordinal ON incident (ordinal);

CREATE TABLE outbox (
    shard int NOT NULL, ordinal bigint GENERATED ALWAYS AS IDENTITY, key text NOT NULL, incident text NOT NULL,
    sequence bigint NOT NULL, channel text NOT NULL, change text NOT NULL, reason text NOT NULL,
    created_at_ns bigint NOT NULL, state text NOT NULL, attempts bigint NOT NULL, at_ns bigint NOT NULL,
    detail text NOT NULL, reminder bigint NOT NULL, remark text NOT NULL, digest text NOT NULL,
    PRIMARY KEY (key, shard)
);
CREATE INDEX undelivered ON outbox (state, ordinal) WHERE state <> 'delivered';
CREATE INDEX outbox_of_incident ON outbox (incident);
-- The digests that tell of an incident.
CREATE TABLE member (shard int NOT NULL, incident text NOT NULL, key text NOT NULL, PRIMARY KEY (incident, key, shard));
CREATE TABLE told (
    shard int NOT NULL, incident text NOT NULL, channel text NOT NULL, sequence bigint NOT NULL, at_ns bigint NOT NULL,
    reminders bigint NOT NULL, memory text NOT NULL, grouping text NOT NULL, PRIMARY KEY (incident, channel, shard)
);
CREATE TABLE grouped (
    shard int NOT NULL, channel text NOT NULL, grouping text NOT NULL, at_ns bigint NOT NULL,
    PRIMARY KEY (channel, grouping, shard)
);
CREATE TABLE delivery (
    shard int NOT NULL, key text NOT NULL, attempt bigint NOT NULL, channel text NOT NULL, at_ns bigint NOT NULL,
    took_ns bigint, result text NOT NULL, detail text NOT NULL, PRIMARY KEY (key, attempt, shard)
);
CREATE INDEX delivery_by_time ON delivery (at_ns);

CREATE TABLE checkpoint (
    shard int NOT NULL, target text NOT NULL, state bytea NOT NULL, at_ns bigint NOT NULL, PRIMARY KEY (target, shard)
);
CREATE TABLE silence (
    shard int NOT NULL, id text NOT NULL, until_ns bigint NOT NULL, body text NOT NULL, PRIMARY KEY (id, shard)
);
CREATE TABLE announcement (
    shard int NOT NULL, id text NOT NULL, created_at_ns bigint NOT NULL, until_ns bigint, body text NOT NULL,
    PRIMARY KEY (id, created_at_ns, shard)
);
CREATE TABLE heard (
    shard int NOT NULL, target text NOT NULL, at_ns bigint NOT NULL, missed_at_ns bigint, run text, run_at_ns bigint,
    PRIMARY KEY (target, shard)
);
CREATE TABLE pause (
    shard int NOT NULL, target text NOT NULL, at_ns bigint NOT NULL, by text NOT NULL, PRIMARY KEY (target, shard)
);
CREATE TABLE latest (shard int NOT NULL, incident text NOT NULL, text text NOT NULL, PRIMARY KEY (incident, shard));
CREATE TABLE blind (
    shard int NOT NULL, started_at_ns bigint NOT NULL, ended_at_ns bigint NOT NULL, cause text NOT NULL,
    PRIMARY KEY (started_at_ns, ended_at_ns, cause, shard)
);

-- Samples. Hours and days are counted from 1970. A block has those of one commit that lie in one hour, until that is sealed.
CREATE TABLE target (
    id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, shard int NOT NULL, name text NOT NULL, UNIQUE (name, shard)
);
CREATE TABLE finding (
    id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, outcome text NOT NULL, reason text NOT NULL, UNIQUE (outcome, reason)
);
CREATE TABLE block (
    shard int NOT NULL, hour int NOT NULL, number bigint NOT NULL, data bytea NOT NULL, PRIMARY KEY (hour, number, shard)
);
ALTER TABLE block ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE TABLE explanation (
    shard int NOT NULL, at_us bigint NOT NULL, target int NOT NULL, text text NOT NULL, PRIMARY KEY (at_us, target)
);
CREATE TABLE evidence (
    shard int NOT NULL, at_us bigint NOT NULL, target int NOT NULL, body bytea NOT NULL, PRIMARY KEY (target, at_us)
);
CREATE INDEX evidence_by_time ON evidence (at_us);
-- The days with samples that are not summed up, and those that are.
CREATE TABLE open_day (shard int NOT NULL, day int NOT NULL, PRIMARY KEY (day, shard));
CREATE TABLE rolled_day (shard int NOT NULL, day int NOT NULL, PRIMARY KEY (day, shard));
CREATE TABLE chunk (
    shard int NOT NULL, hour int NOT NULL, target int NOT NULL, data bytea NOT NULL, PRIMARY KEY (hour, target)
);
ALTER TABLE chunk ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE TABLE hourly (
    shard int NOT NULL, hour int NOT NULL, target int NOT NULL, body bytea NOT NULL, PRIMARY KEY (hour, target)
);
CREATE TABLE daily (
    shard int NOT NULL, day int NOT NULL, target int NOT NULL, body bytea NOT NULL, PRIMARY KEY (day, target)
);
"""

SECOND = """
-- The processes that share the store, and what they ask the owners of shards to do.
CREATE TABLE node (
    name text PRIMARY KEY, incarnation text NOT NULL, process text NOT NULL, beat_at timestamptz NOT NULL,
    configuration text NOT NULL, is_able boolean NOT NULL, skew_ns bigint NOT NULL
) WITH (fillfactor = 20);
CREATE TABLE command (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, shard int NOT NULL, message bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(), answer bytea
);
CREATE INDEX waiting_command ON command (shard, id) WHERE answer IS NULL;

-- Positions are those of one shard: these two say what is newer among incidents of several.
CREATE SEQUENCE incident_ordinal;
SELECT setval('incident_ordinal', coalesce((SELECT max(ordinal) FROM incident), 0) + 1, false);
ALTER TABLE incident ALTER ordinal SET DEFAULT nextval('incident_ordinal');
ALTER TABLE incident ADD moved_in xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX incident_moved ON incident (moved_in);
"""

THIRD = """
-- The own problems of a node and its shards, for the node that tells of them.
ALTER TABLE node ADD problems text NOT NULL DEFAULT '';

-- Incidents that wait for the shard on which their target lies by now.
CREATE INDEX left_incident ON incident (shard) WHERE is_open AND NOT is_live;
"""

FOURTH = """
-- The version of the schema that the process of a node knows. One that does not say it knows the third.
ALTER TABLE node ADD known int NOT NULL DEFAULT 3;
"""

MIGRATIONS: tuple[str, ...] = (FIRST, SECOND, THIRD, FOURTH)
"""Step n leads from version n to n + 1. A released step is never edited."""


_SHARDS = """
INSERT INTO shard SELECT number, '', '', 0, 0, 0, '', 'epoch', 0, 0, decode(repeat('00', 32), 'hex'), 0
FROM generate_series(1, %s - 1) AS more (number)
"""
"""The other shards of a new store: as the first one."""


def migrate(
    connection: BoundedConnection, place: DatabasePlace, migrations: Sequence[str] = MIGRATIONS
) -> None:
    """Makes the schema, or brings an earlier one to the newest version.

    Raises: StoreNewer for a newer one; StoreError for a schema of the same name that another program has filled.
    """
    if version_of(connection) == len(migrations):
        return
    for tries_left in reversed(range(_LOCK_TRIES)):
        try:
            with transaction(connection):
                _migrate(connection, place, migrations)
            break
        except LockNotAvailable:
            if not tries_left:
                raise


def make_new(connection: BoundedConnection, place: DatabasePlace) -> None:
    """Makes the schema inside the caller's transaction. Raises: StoreError where a store is there already."""
    if version_of(connection) is not None:
        raise StoreError(
            f"{place.shown} has a store already, and it is left as it is: name another schema with ?schema=NAME"
        )
    _migrate(connection, place, MIGRATIONS)


def _migrate(connection: BoundedConnection, place: DatabasePlace, migrations: Sequence[str]) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    version = version_of(connection)
    is_new = version is None
    if version is None:
        _make(connection, place)
        version = 0
    if version > len(migrations):
        raise StoreNewer(_newer(place, version, len(migrations)))
    for step in migrations[version:]:
        connection.execute(step)
    if is_new:
        connection.execute(_SHARDS, (limits.SHARDS if place.shards is None else place.shards,))
    connection.execute("UPDATE watchkeeper_schema SET version = %s", (len(migrations),))


def _make(connection: BoundedConnection, place: DatabasePlace) -> None:
    if _tables(connection):
        raise StoreError(
            f"the schema {place.schema} of {place.shown} has tables of another program; nothing in it was touched:"
            " name another one with ?schema=NAME"
        )
    if one(connection, "SELECT current_schema()") is None:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(place.schema)))


def _tables(connection: BoundedConnection) -> int:
    return int(one(connection, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"))


def version_of(connection: BoundedConnection) -> int | None:
    """Returns the version of the schema; None where there is none."""
    if one(connection, _IS_MADE) is None:
        return None
    return int(one(connection, "SELECT version FROM watchkeeper_schema"))


def count_shards(connection: BoundedConnection, place: DatabasePlace) -> int:
    """Returns the number of shards of a store, or of the one that would be made.

    Raises: StoreError where the URL asks for another number than the store was made with.
    """
    if version_of(connection) is None:
        return limits.SHARDS if place.shards is None else place.shards
    found = int(one(connection, "SELECT count(*) FROM shard"))
    if place.shards not in {None, found}:
        raise StoreError(
            f"{place.shown} was made with {count_of(found, 'shard')}, and its URL says shards={place.shards}:"
            " leave that out, or make a new store in another ?schema=NAME"
        )
    return found


def refuse_others(connection: BoundedConnection, place: DatabasePlace) -> None:
    """Refuses a schema of another version. Raises: StoreNewer, StoreError for an older one, and where there is none."""
    version = version_of(connection)
    if version is None:
        raise StoreError(
            f"there is no store at {place.shown}: nothing has been recorded in its schema {place.schema}"
        )
    if version > len(MIGRATIONS):
        raise StoreNewer(_newer(place, version, len(MIGRATIONS)))
    if version < len(MIGRATIONS):
        raise StoreError(
            f"{place.shown} has schema version {version}, written by an older watchkeeper;"
            f" it is brought to version {len(MIGRATIONS)} when a runtime opens it"
        )


def _newer(place: DatabasePlace, version: int, newest: int) -> str:
    return (
        f"{place.shown} has schema version {version}, written by a newer watchkeeper;"
        f" this one knows versions up to {newest}"
    )
