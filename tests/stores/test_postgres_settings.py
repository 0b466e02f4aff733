"""Settings of a role or a database that give statements and values another meaning have none on what a store writes and reads."""

import pytest
from databases import new_store
from records import NOON, notice_of, opened, sample_at
from watchkeeper.adapters.stores.opening import make_reader, make_store
from watchkeeper.adapters.stores.place import database_place
from watchkeeper.adapters.stores.postgres.connection import connect
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.time.moment import NS_PER_S

pytestmark = pytest.mark.needs("postgres")
OTHERWISE = {
    "standard_conforming_strings": "off",
    "bytea_output": "escape",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "search_path": "pg_temp",
    "datestyle": "German",
    "timezone": "Asia/Kolkata",
    "lock_timeout": "1ms",
    "synchronous_commit": "off",
}
"""Settings that an older program or its administrator may have chosen for all connections."""


@pytest.fixture(scope="module")
def database(database_server):
    """The name of a database with these settings."""
    database_server.sql("CREATE DATABASE otherwise ENCODING UTF8 TEMPLATE template0")
    for name, value in OTHERWISE.items():
        database_server.sql(f"ALTER DATABASE otherwise SET {name} = '{value}'")
    yield "otherwise"
    database_server.sql("DROP DATABASE otherwise WITH (FORCE)")


@pytest.fixture
def url(database, database_server):
    return new_store(database_server).replace(f"/{database_server.database}?", f"/{database}?")


def written(place):
    """Returns all that a store at a place reads back of a small record, and what it restores."""
    step = opened(explanation="a path \\x41 in C:\\temp")
    seen = sample_at(1, detail="back\\slash"), sample_at(2 * NS_PER_S)
    store = make_store(place)
    try:
        store.open(NOON)
        store.commit(Batch(transitions=(step,), notices=(notice_of(step),), samples=seen))
        store.commit(Batch(samples=(sample_at(3 * NS_PER_S, "another"),)))
    finally:
        store.close()
    try:
        restored = store.open(NOON)
    finally:
        store.close()
    reader = make_reader(place)
    return (
        restored,
        reader.incidents(),
        reader.samples("shop", 0, 2**62),
        [*reader.latest(0, 2**62)],
        reader.verify().links,
    )


def test_a_record_reads_back_as_that_of_a_file_does_whatever_the_database_has_set(url, tmp_path):
    found, of_a_file = written(url), written(str(tmp_path / "watch.db"))
    assert found == of_a_file


@pytest.mark.parametrize("setting", ["idle_session_timeout", "transaction_timeout"])
def test_a_connection_that_has_nothing_to_say_for_a_while_is_not_ended_by_the_server(
    database, database_server, url, setting
):
    if setting not in database_server.sql("SELECT name FROM pg_settings").splitlines():
        pytest.skip(f"this server has no {setting}")
    database_server.sql(f"ALTER DATABASE {database} SET {setting} = '1h'")
    connection = connect(database_place(url))
    try:
        assert connection.execute("SELECT current_setting(%s)", (setting,)).fetchone() == ("0",)
    finally:
        connection.close()
