"""Databases of tests: one server for a whole session, and a schema of its own for each store."""

from itertools import count

from postgres_server import PostgresServer

# Speed alone: tests that end the server in the middle of a commit have one of their own, whose data is durable.
HASTY = ("fsync=off", "full_page_writes=off")
_NUMBERS = count(1)


def new_store(server: PostgresServer, shards: int = 1) -> str:
    """Returns the URL of a store that is not there yet; one process runs it, or several where it has several shards."""
    return f"{server.socket_dsn}&shards={shards}&schema=store_{next(_NUMBERS)}"


def schema_of(url: str) -> str:
    """Returns the schema of a store's URL."""
    return url.rpartition("schema=")[2]
