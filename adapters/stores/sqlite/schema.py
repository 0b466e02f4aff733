"""The schema: forward-only steps, each applied once, all in one transaction."""

from collections.abc import Sequence

import apsw

from ....domain.errors import StoreError, StoreNewer
from .connection import digest, transaction

APPLICATION_ID = 0x5761_7463
"""`Watc`: how a file of ours is told from somebody else's database."""

FIRST = """
CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, 0, zeroblob(32));

-- Append-only. A transition has the channel ''; the other rows say what a channel heard.
CREATE TABLE chain (
    position INTEGER PRIMARY KEY, incident TEXT NOT NULL, sequence INTEGER NOT NULL, channel TEXT NOT NULL,
    body TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX chain_of_incident ON chain (incident, channel, sequence);

-- Where each incident stands: its latest transition. `is_live`: open, or some channel has not heard its end.
CREATE TABLE incident (
    ordinal INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, rule TEXT NOT NULL,
    sequence INTEGER NOT NULL, position INTEGER NOT NULL, is_open INTEGER NOT NULL, is_live INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_open_incident ON incident (target, rule) WHERE is_open;
CREATE INDEX live_incident ON incident (ordinal) WHERE is_live;
CREATE INDEX incident_of_target ON incident (target);

-- `digest` covers every other column; the incident's body is in the chain.
CREATE TABLE outbox (
    ordinal INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, incident TEXT NOT NULL, sequence INTEGER NOT NULL,
    channel TEXT NOT NULL, change TEXT NOT NULL, reason TEXT NOT NULL, created_at_ns INTEGER NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, at_ns INTEGER NOT NULL, detail TEXT NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE INDEX undelivered ON outbox (state, ordinal) WHERE state <> 'delivered';
CREATE INDEX outbox_of_incident ON outbox (incident);

CREATE TABLE checkpoint (
    target TEXT PRIMARY KEY, state BLOB NOT NULL, at_ns INTEGER NOT NULL, digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE silence (id TEXT PRIMARY KEY, until_ns INTEGER NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE blind (
    started_at_ns INTEGER NOT NULL, ended_at_ns INTEGER NOT NULL, cause TEXT NOT NULL,
    PRIMARY KEY (started_at_ns, ended_at_ns, cause)
) STRICT, WITHOUT ROWID;

CREATE TABLE target (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE finding (
    id INTEGER PRIMARY KEY, outcome TEXT NOT NULL, reason TEXT NOT NULL, UNIQUE (outcome, reason)
) STRICT;
CREATE TABLE explanation (
    at_us INTEGER NOT NULL, target INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (at_us, target)
) STRICT, WITHOUT ROWID;

-- Hours and days are counted from 1970. Keys begin with the time: writing appends, and dropping cuts off a prefix.
CREATE TABLE sealed_hour (hour INTEGER PRIMARY KEY) STRICT;
CREATE TABLE rolled_day (day INTEGER PRIMARY KEY) STRICT;
CREATE TABLE chunk (
    hour INTEGER NOT NULL, target INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (hour, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE hourly (
    hour INTEGER NOT NULL, target INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (hour, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE daily (
    day INTEGER NOT NULL, target INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (day, target)
) STRICT, WITHOUT ROWID;
"""

SECOND = """
ALTER TABLE head ADD COLUMN writes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE silence ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
UPDATE silence SET digest = digest(id, until_ns, body);
ALTER TABLE blind ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
UPDATE blind SET digest = digest(started_at_ns, ended_at_ns, cause);
"""

THIRD = """
-- When each target was last heard; the empty name says until when a process kept this record.
CREATE TABLE heard (
    target TEXT PRIMARY KEY, at_ns INTEGER NOT NULL, missed_at_ns INTEGER, digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE pause (
    target TEXT PRIMARY KEY, at_ns INTEGER NOT NULL, by TEXT NOT NULL, digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- The rest of a bad sample; which ones are kept is not for the store to choose.
CREATE TABLE evidence (
    at_us INTEGER NOT NULL, target INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (at_us, target)
) STRICT;
CREATE INDEX evidence_of_target ON evidence (target, at_us);
-- The newest finding for an open incident since its latest transition.
CREATE TABLE latest (incident TEXT PRIMARY KEY, text TEXT NOT NULL, digest BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""

FOURTH = """
-- Each try to deliver a notice: written when it begins, and again with its answer. Without `took_ns` it has none.
CREATE TABLE delivery (
    key TEXT NOT NULL, attempt INTEGER NOT NULL, channel TEXT NOT NULL, at_ns INTEGER NOT NULL, took_ns INTEGER,
    result TEXT NOT NULL, detail TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (key, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_by_time ON delivery (at_ns);
"""

FIFTH = """
-- The owner of this store, and its signs of life; each commit advances it. A restart builds on nothing of it.
CREATE TABLE tenure (
    id INTEGER PRIMARY KEY CHECK (id = 1), owner TEXT NOT NULL, incarnation TEXT NOT NULL, epoch INTEGER NOT NULL,
    commits INTEGER NOT NULL, beats INTEGER NOT NULL, has_lock INTEGER NOT NULL, configuration TEXT NOT NULL
) STRICT;
INSERT INTO tenure VALUES (1, '', '', 0, 0, 0, 1, '');

-- What public pages announce; an id that is used again after its end has another row.
CREATE TABLE announcement (
    id TEXT NOT NULL, created_at_ns INTEGER NOT NULL, until_ns INTEGER, body TEXT NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (id, created_at_ns)
) STRICT, WITHOUT ROWID;
"""

SIXTH = """
-- The rest of a notice that is a reminder, has a remark, or is a digest with members. Its row in the outbox covers this, too.
CREATE TABLE addition (
    key TEXT PRIMARY KEY, reminder INTEGER NOT NULL, remark TEXT NOT NULL, body TEXT NOT NULL, digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- The digests that tell of an incident.
CREATE TABLE member (
    incident TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (incident, key)
) STRICT, WITHOUT ROWID;
-- How and when each channel last took a notice of an incident. The step is in the chain; a reminder of it is written over this.
CREATE TABLE told (
    incident TEXT NOT NULL, channel TEXT NOT NULL, sequence INTEGER NOT NULL, at_ns INTEGER NOT NULL,
    reminders INTEGER NOT NULL, memory TEXT NOT NULL, grouping TEXT NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (incident, channel)
) STRICT, WITHOUT ROWID;
INSERT INTO told
SELECT incident, channel, sequence, at_ns, 0, '', '', digest(incident, channel, sequence, at_ns, 0, '', '')
FROM outbox WHERE state = 'delivered' AND sequence = (
    SELECT max(sequence) FROM outbox AS later
    WHERE later.incident = outbox.incident AND later.channel = outbox.channel AND later.state = 'delivered');
-- When the last digest of each group was made.
CREATE TABLE grouped (
    channel TEXT NOT NULL, grouping TEXT NOT NULL, at_ns INTEGER NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (channel, grouping)
) STRICT, WITHOUT ROWID;
"""

SEVENTH = """
-- The run of a job that has begun and not ended stands beside when its target was last heard.
CREATE TABLE heard_before (
    target TEXT PRIMARY KEY, at_ns INTEGER NOT NULL, missed_at_ns INTEGER, run TEXT, run_at_ns INTEGER, digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO heard_before
SELECT target, at_ns, missed_at_ns, NULL, NULL, digest(target, at_ns, missed_at_ns, NULL, NULL) FROM heard;
DROP TABLE heard;
ALTER TABLE heard_before RENAME TO heard;
"""

MIGRATIONS: tuple[str, ...] = (FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH)
"""Step n leads from version n to n + 1. A released step is never edited. `digest` is that of the rows' own digests."""


def migrate(connection: apsw.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Brings a file of any earlier version to the newest. Raises StoreError for a newer one and for no file of ours."""
    version = refuse_newer(connection, len(migrations))
    if version == len(migrations):
        return
    connection.create_scalar_function("digest", digest)
    with transaction(connection):
        for step in migrations[version:]:
            connection.execute(step)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", len(migrations))


def refuse_strangers(connection: apsw.Connection) -> None:
    """Refuses the database of another program before anything in it is touched.

    Raises: StoreError for such a database.
    """
    application_id = connection.pragma("application_id")
    if application_id == APPLICATION_ID:
        return
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if application_id or tables:
        raise StoreError(f"{connection.filename} is a database of another program; nothing in it was touched")


def refuse_others(connection: apsw.Connection) -> None:
    """Refuses a file of another schema version.

    Raises: StoreError for a newer file, for an empty one, and for an older one that no runtime of this version has opened yet.
    """
    version = refuse_newer(connection)
    if not version:
        raise StoreError(f"there is no store at {connection.filename}: the file is empty")
    if version < len(MIGRATIONS):
        raise StoreError(
            f"{connection.filename} has schema version {version}, written by an older watchkeeper;"
            f" it is brought to version {len(MIGRATIONS)} when a runtime opens it"
        )


def refuse_newer(connection: apsw.Connection, newest: int = len(MIGRATIONS)) -> int:
    """Returns the schema version of a file.

    Raises: StoreNewer for a newer one.
    """
    version = int(connection.pragma("user_version"))
    if version > newest:
        raise StoreNewer(
            f"{connection.filename} has schema version {version}, written by a newer watchkeeper;"
            f" this one knows versions up to {newest}"
        )
    return version
