"""The first start of several processes on an empty schema: one makes the tables, and the others take them as they are."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from databases import new_store, schema_of
from looking import until
from watchkeeper.adapters.stores.place import database_place
from watchkeeper.adapters.stores.postgres.connection import connect
from watchkeeper.adapters.stores.postgres.schema import FIRST, LOCK, migrate, version_of

pytestmark = pytest.mark.needs("postgres")
# Two tables: with many the server often has the others read the catalogue again, whatever they ask.
SHORT = (FIRST.partition("-- Append-only")[0],)
WAITING = "FROM pg_stat_activity WHERE wait_event = 'advisory'"


def migrated(url, settings="SELECT 1"):
    place = database_place(url)
    with connect(place) as connection:
        connection.execute(settings)
        migrate(connection, place, SHORT)
        return version_of(connection)


@pytest.fixture
def holding(database_server):
    """A session that holds the lock of those who make the schema."""
    with psycopg.connect(database_server.socket_dsn) as session:
        session.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        yield session


@pytest.mark.parametrize("is_there", [True, False])
def test_processes_that_wait_for_each_other_find_the_tables_of_the_first(database_server, holding, is_there):
    """All of them wait for the lock, and have looked before: the tables are made behind their backs."""
    url = new_store(database_server, 4)
    if is_there:
        database_server.sql(f"CREATE SCHEMA {schema_of(url)}")
    with ThreadPoolExecutor(3) as several:
        found = [several.submit(migrated, url, "SET lock_timeout = 0") for _ in range(3)]
        try:
            until(lambda: database_server.sql(f"SELECT count(*) {WAITING}") == "3", 20)
        finally:
            holding.rollback()
        assert [each.result(20) for each in found] == [1, 1, 1]


def test_a_process_waits_for_a_slow_one_longer_than_for_a_row(database_server, holding):
    url, seen = new_store(database_server, 4), set()

    def has_tried_again():
        seen.update(database_server.sql(f"SELECT xact_start {WAITING}").splitlines())
        return len(seen) > 1

    with ThreadPoolExecutor(1) as one:
        found = one.submit(migrated, url, "SET lock_timeout = 300")
        try:
            until(has_tried_again, 20)
        finally:
            holding.rollback()
        assert found.result(20) == 1
