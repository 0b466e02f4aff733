"""Connections to PostgreSQL: how they are set up, how long each answer may take, and what an error means."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeAlias, TypeVar

import msgspec
import psycopg
from psycopg import errors, sql
from psycopg.rows import TupleRow

from ....domain import limits
from ....domain.errors import StoreBusy, StoreCorrupt, StoreError
from ....domain.line import MASK
from ....domain.store_place import store_secrets, unknown_parameter
from ....domain.units import NS_PER_MS, NS_PER_S
from ..place import DatabasePlace

R = TypeVar("R")
Parameters: TypeAlias = tuple[Any, ...]
_WAKE_S = 0.1
ENCODING = "UTF8"
"""That of the texts of a store, on the way and in the database."""
_MEANINGS = {
    # Texts of bytes: with `off`, those that the library writes arrive as others.
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    # NULL in an array: with `off`, it is a word.
    "array_nulls": "on",
    "transform_null_equals": "off",
    # Shards write side by side, and each statement sees what others have committed before it.
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    # A connection that has nothing to say is kept; one whose server hangs is given up by this side.
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
}
_NOTHING_READY = 0
"""The value that psycopg sends into a wait where the socket was silent for an interval."""


class BoundedConnection(psycopg.Connection[TupleRow]):
    """Ends itself where the server is silent for too long: `statement_timeout` is counted by the server, which may be hung."""

    answer_ns = limits.POSTGRES_ANSWER_NS

    def wait(self, gen: Generator[Any, Any, R], interval: float = _WAKE_S, *args: Any, **named: Any) -> R:
        looks = round(self.answer_ns / NS_PER_S / _WAKE_S)
        try:
            return super().wait(_bounded(gen, looks), min(interval, _WAKE_S), *args, **named)
        except _Silent:
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"the server has not answered within {self.answer_ns / NS_PER_S:g} s"
            ) from None


class _Silent(Exception):  # it never leaves this module
    """The server was silent at too many looks."""


def _bounded(gen: Generator[Any, Any, R], looks: int) -> Generator[Any, Any, R]:
    silent = 0
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            silent += ready == _NOTHING_READY
            if silent > looks:
                raise _Silent
            wanted = gen.send(ready)
    except StopIteration as end:
        found: R = end.value
        return found


def connect(place: DatabasePlace, answer_ns: int = limits.POSTGRES_ANSWER_NS) -> BoundedConnection:
    """Returns a connection whose every wait has an end; of several hosts, to the one that may be written.

    Raises: psycopg.Error; StoreError for a URL that the library does not read, and for a database that is not encoded as UTF-8.
    """
    if problem := url_problem(place):
        raise StoreError(f"{place.shown} {problem}")
    given = psycopg.conninfo.conninfo_to_dict(place.url)
    usual: dict[str, Any] = {
        "connect_timeout": limits.POSTGRES_CONNECT_NS // NS_PER_S,
        "tcp_user_timeout": answer_ns // NS_PER_MS,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "application_name": "watchkeeper",
        "target_session_attrs": "read-write",
    }
    chosen = {name: value for name, value in usual.items() if name not in given}
    # Said in any case: PGCLIENTENCODING and the database's own encoding would have texts arrive as other ones, or as bytes.
    connection = BoundedConnection.connect(
        place.url, autocommit=True, **{**chosen, "client_encoding": ENCODING}
    )
    try:
        _refuse_other_encodings(connection, place)
        connection.answer_ns = answer_ns
        _set_up(connection, place, answer_ns)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: BoundedConnection, place: DatabasePlace, answer_ns: int) -> None:
    """Says each setting on which the meaning of a statement or of a value rests: a role or a database may have another one."""
    answer, lock, idle = (str(ns // NS_PER_MS) for ns in (answer_ns, limits.POSTGRES_LOCK_NS, 2 * answer_ns))
    settings = {
        **_MEANINGS,
        "search_path": sql.Identifier(place.schema).as_string(connection),
        "statement_timeout": answer,
        "lock_timeout": lock,
        "idle_in_transaction_session_timeout": idle,
    }
    # A setting that a server of an older version lacks stays away. Of synchronous_commit, which may be stronger, `off` alone is replaced.
    connection.execute(
        "SELECT set_config(name, said, false) FROM unnest(%s::text[], %s::text[]) AS asked (name, said)"
        " WHERE current_setting(name, true) IS NOT NULL"
        " UNION ALL SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        ([*settings], [*settings.values()]),
    )


def refuse_shared_connections(connection: BoundedConnection, place: DatabasePlace) -> None:
    """Refuses a pooler that lends one connection of the server to several clients by turns: settings and prepared statements go astray.

    A pooler names another process of the server than the one that answers. Asked by a second client, it lends what the first one
    has used, as that has nothing more to say. Where it lends the second one nothing, this is not known. Raises: StoreError.
    """
    process = _process_of(connection)
    if process == connection.info.backend_pid:
        return
    with suppress(psycopg.Error), closing(connect(place, limits.POSTGRES_CONNECT_NS)) as second:
        if _process_of(second) == process:
            raise StoreError(
                f"between this machine and the database of {place.shown} is a pooler that lends a connection for one transaction:"
                " name the server itself, or set the pooler to the mode session"
            )


def _process_of(connection: BoundedConnection) -> int:
    found: int = one(connection, "SELECT pg_backend_pid()")
    return found


def _refuse_other_encodings(connection: BoundedConnection, place: DatabasePlace) -> None:
    found = connection.info.parameter_status("server_encoding") or one(connection, "SHOW server_encoding")
    if found != ENCODING:
        raise StoreError(
            f"the database of {place.shown} is encoded as {found}, and names and texts may have every character:"
            f" make one with CREATE DATABASE watch ENCODING '{ENCODING}' TEMPLATE template0"
        )


def url_problem(place: DatabasePlace) -> str:
    """Returns what is wrong with a URL that the client library does not read, without a connection; empty for one that it reads."""
    try:
        psycopg.conninfo.conninfo_to_dict(place.url)
    except psycopg.ProgrammingError as error:
        # Its words may hold the password.
        says = unknown_parameter(place.url) or _line(error)
        for secret in store_secrets(place.url):
            says = says.replace(secret, MASK)
        return f"is no URL of a database: {says}"
    return ""


@contextmanager
def transaction(connection: BoundedConnection) -> Iterator[None]:
    """All of it or nothing; of statements that are sent one by one."""
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: BoundedConnection) -> None:
    with suppress(psycopg.Error):
        connection.execute("ROLLBACK")


@contextmanager
def reading(connection: BoundedConnection) -> Iterator[None]:
    """A transaction that sees one moment and writes nothing."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        roll_back(connection)


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turns the errors of PostgreSQL and of unreadable bytes into those of watchkeeper.

    Raises: StoreBusy, StoreCorrupt or StoreError in place of the original error.
    """
    try:
        yield
    except errors.LockNotAvailable as error:
        raise StoreBusy(f"another connection holds {_locked(error)} while {doing}") from error
    except (errors.DataCorrupted, errors.IndexCorrupted, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise StoreCorrupt(f"the store does not read back while {doing}: {_line(error)}") from error
    except errors.InsufficientPrivilege as error:
        raise StoreError(
            f"the role may not do what is needed while {doing}: {_line(error)}:"
            " let it own the schema (CREATE SCHEMA ... AUTHORIZATION role)"
        ) from error
    except (psycopg.Error, OSError) as error:
        raise StoreError(f"the store failed while {doing}: {_line(error)}") from error


def _locked(error: errors.LockNotAvailable) -> str:
    """Returns what is locked: the server names the table of a locked row, and of a locked table nothing."""
    has_row = "shard" in (error.diag.context or "")
    return "the row of the owner" if has_row else "a lock on a table of the store"


@contextmanager
def connected(
    place: DatabasePlace, doing: str, answer_ns: int = limits.POSTGRES_ANSWER_NS
) -> Iterator[BoundedConnection]:
    """A connection for one purpose, which is closed at its end; `doing` begins what its errors say. Raises: as `explained` does."""
    with explained(f"{doing} {place.shown}"):
        connection = connect(place, answer_ns)
        try:
            yield connection
        finally:
            connection.close()


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def one(connection: BoundedConnection, query: str, said: Parameters = ()) -> Any:
    """Returns the one value of an answer; None where there is no row."""
    row = connection.execute(query, said).fetchone()
    return None if row is None else row[0]
