# ruff: noqa: S608  # the schemas are those of the test
"""Owners of a shard in PostgreSQL: claimed once, fenced for ever, taken over from a silent one by the clock of the server."""

import psycopg
import pytest
from databases import new_store, schema_of
from msgspec.structs import replace
from records import NOON, opened, sample_at
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.opening import holder_of, make_reader
from watchkeeper.adapters.stores.place import database_place
from watchkeeper.adapters.stores.postgres.connection import connect
from watchkeeper.adapters.stores.postgres.membership import Membership
from watchkeeper.adapters.stores.postgres.schema import MIGRATIONS, migrate
from watchkeeper.adapters.stores.postgres.store import PostgresStore
from watchkeeper.adapters.stores.postgres.watch import DatabaseWatch
from watchkeeper.domain import limits
from watchkeeper.domain.cluster.stamp import ConfigurationStamp
from watchkeeper.domain.errors import StoreBusy, StoreError, StoreFenced, StoreNewer
from watchkeeper.domain.incidents.record import Batch, PauseMark
from watchkeeper.domain.time.moment import NS_PER_S

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture
def url(server):
    return new_store(server)


@pytest.fixture
def stores(url):
    """Makes stores of one database, which are closed at the end."""
    made = []

    def make(**named):
        made.append(PostgresStore(url, **named))
        return made[-1]

    yield make
    for store in made:
        store.close()


def age(url, server):
    """Lets the owner of a store look silent for a whole lease by the clock of the server."""
    server.sql(f"UPDATE {schema_of(url)}.shard SET alive_at = alive_at - interval '1 minute'")


def looks(url, count=limits.TENURE_LEASE_NS // limits.TENURE_LOOK_NS + 1):
    """A watch after so many looks that take no time."""
    watch = DatabaseWatch(url)
    free = [watch.look(NOON.shifted(number * limits.TENURE_LOOK_NS)) for number in range(count)]
    watch.close()
    return watch, free


def test_a_live_owner_is_named_and_keeps_its_store(url, stores):
    stores().open(NOON)
    assert holder_of(url).startswith("process ")
    with pytest.raises(StoreBusy, match="is held by process"):
        stores().open(NOON)
    _, free = looks(url, 3)
    assert free == [False, False, False]


def test_an_owner_that_closes_leaves_the_store_to_anybody(url, stores):
    first = stores()
    first.open(NOON)
    first.close()
    assert holder_of(url) is None
    assert stores().open(NOON).epoch == 2


def test_a_silent_owner_is_taken_over_and_fenced_for_ever(url, server, stores):
    frozen, next_one = stores(), stores()
    frozen.open(NOON)
    frozen.commit(Batch(transitions=(opened(),)))
    age(url, server)
    assert holder_of(url) is None
    assert next_one.open(NOON).incidents == (opened().incident,)
    for _ in range(2):
        with pytest.raises(StoreFenced, match="was claimed by process"):
            frozen.commit(Batch(pauses=(PauseMark("shop", 1),)))
    with pytest.raises(StoreFenced):
        frozen.beat()
    frozen.close()
    with pytest.raises(StoreFenced):
        frozen.open(NOON)
    assert make_reader(url).pauses() == ()
    next_one.commit(Batch(pauses=(PauseMark("door", 1),)))


WRITES = {
    "samples": lambda store: store.commit(Batch(samples=(sample_at(1_000),))),
    "notices": lambda store: store.commit(Batch(transitions=(opened(),))),
    "maintenance": lambda store: store.run_maintenance(NOON.shifted(limits.HOUSE_SETTLE_NS)),
}


@pytest.mark.parametrize("write", WRITES)
def test_every_write_of_a_former_owner_is_refused(url, server, stores, write):
    frozen, next_one = stores(), stores()
    frozen.open(NOON)
    frozen.commit(Batch(samples=(sample_at(0),)))
    frozen.run_maintenance(NOON)
    age(url, server)
    next_one.open(NOON)
    with pytest.raises(StoreFenced):
        WRITES[write](frozen)
    reader = make_reader(url)
    assert (reader.incidents(), len(reader.samples("shop", 0, 2**62))) == ((), 1)


def test_a_beat_shows_that_an_owner_lives(url, server, stores):
    owner = stores()
    owner.open(NOON)
    age(url, server)
    owner.beat()
    with pytest.raises(StoreBusy):
        stores().open(NOON)


def test_a_watch_waits_for_a_whole_lease_of_looks(url, stores):
    owner = stores()
    owner.open(NOON)
    watch, free = looks(url)
    assert free == [False] * (len(free) - 1) + [True]
    owner.beat()
    with pytest.raises(StoreBusy):
        stores(lapsed=watch.lapsed).open(NOON)
    watch, _ = looks(url)
    assert stores(lapsed=watch.lapsed).open(NOON).epoch == 2


def test_a_clock_of_the_server_that_was_set_back_keeps_no_store(url, server, stores):
    """The row of a dead owner lies in the future: the looks of a lease free it."""
    stores().open(NOON)
    server.sql(f"UPDATE {schema_of(url)}.shard SET alive_at = alive_at + interval '1 year'")
    watch, _ = looks(url)
    assert stores(lapsed=watch.lapsed).open(NOON).epoch == 2


def test_a_connection_that_holds_the_row_of_a_dead_owner_is_ended(url, stores):
    stores().open(NOON)
    # Stands for the connection of an owner that ended in the middle of a commit.
    dead = connect(database_place(url))
    dead.execute("UPDATE shard SET backend = pg_backend_pid(), alive_at = alive_at - interval '1 minute'")
    dead.execute("BEGIN")
    dead.execute("UPDATE shard SET beats = beats")
    assert stores().open(NOON).epoch == 2
    dead.close()


def test_a_row_that_another_connection_holds_makes_the_store_busy(url, stores):
    stores().open(NOON)
    holding = connect(database_place(url))
    holding.execute("BEGIN")
    holding.execute("UPDATE shard SET beats = beats")
    with pytest.raises(StoreBusy):
        stores().open(NOON)
    holding.close()


def test_a_schema_of_a_newer_version_is_refused_with_both_numbers(url, server, stores):
    owner = stores()
    owner.open(NOON)
    owner.close()
    server.sql(f"UPDATE {schema_of(url)}.watchkeeper_schema SET version = 99")
    says = f"version 99, written by a newer watchkeeper; this one knows versions up to {len(MIGRATIONS)}$"
    for ask in (lambda: stores().open(NOON), lambda: make_reader(url).incidents()):
        with pytest.raises(StoreNewer, match=says):
            ask()


def test_an_owner_that_finds_a_newer_schema_once_it_has_lost_its_connection_has_lost_the_store(
    url, server, stores
):
    owner = stores()
    owner.open(NOON)
    schema = schema_of(url)
    server.sql(f"UPDATE {schema}.watchkeeper_schema SET version = 99")
    owner.beat()
    server.sql(f"SELECT pg_terminate_backend(backend) FROM {schema}.shard")
    with pytest.raises(StoreError):
        owner.beat()
    owner.close()
    for _ in range(2):
        with pytest.raises(
            StoreFenced, match=r"version 99, .*: nothing more is recorded or told by this process"
        ):
            owner.open(NOON)


def test_a_schema_of_another_program_is_left_alone(url, server, stores):
    server.sql(f"CREATE SCHEMA {schema_of(url)}; CREATE TABLE {schema_of(url)}.block (theirs int)")
    with pytest.raises(StoreError, match=r"another program; nothing in it was touched: .*schema=NAME"):
        stores().open(NOON)
    assert server.sql(f"SELECT count(*) FROM pg_tables WHERE schemaname = '{schema_of(url)}'") == "1"


def test_a_store_that_is_not_there_is_named_to_its_readers(url):
    with pytest.raises(StoreError, match=r"there is no store at postgresql://.* nothing has been recorded"):
        make_reader(url).incidents()


def test_a_step_of_the_schema_is_taken_once_and_whole(url, server):
    place = database_place(url)
    connection = connect(place)
    migrate(connection, place)
    with pytest.raises(psycopg.errors.UndefinedTable):
        migrate(
            connection, place, (*MIGRATIONS, "CREATE TABLE extra (a int); INSERT INTO missing VALUES (1);")
        )
    migrate(connection, place, (*MIGRATIONS, "CREATE TABLE extra (a int)"))
    migrate(connection, place, (*MIGRATIONS, "CREATE TABLE extra (a int)"))
    connection.close()
    assert server.sql(f"SELECT version FROM {schema_of(url)}.watchkeeper_schema") == str(len(MIGRATIONS) + 1)


def test_an_epoch_that_the_database_has_forgotten_is_not_given_again(stores):
    assert stores(known_epoch=7).open(NOON).epoch == 8


def test_a_node_learns_how_far_its_clock_is_ahead_of_that_of_the_database(server):
    now = SystemClock().read()
    ahead = replace(now, wall_ns=now.wall_ns + 240 * NS_PER_S)
    membership = Membership(new_store(server, shards=4), "a", now)
    assert membership.join(ahead) == 4
    assert membership.skew_ns // NS_PER_S in range(235, 242)
    membership.beat(ConfigurationStamp(), now, is_able=True)
    assert membership.skew_ns // NS_PER_S in range(-5, 2)
    membership.leave()


def test_a_role_without_rights_is_told_what_it_needs(server):
    server.sql("DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN")
    url = new_store(server).replace("//keeper@", "//poor@")
    with pytest.raises(StoreError, match="let it own the schema"):
        PostgresStore(url).open(NOON)


def test_a_changed_step_is_noticed_at_the_next_opening(url, server, stores):
    owner = stores()
    owner.open(NOON)
    owner.commit(Batch(transitions=(opened(), replace(opened("inc_2", target="door")))))
    owner.close()
    assert not make_reader(url).verify().problems
    server.sql(f"UPDATE {schema_of(url)}.chain SET body = replace(body, 'shop', 'shoq') WHERE position = 1")
    with pytest.raises(StoreError, match="link 1 of the chain does not verify"):
        stores().open(NOON)
    assert "link 1" in make_reader(url).verify().problems[0]
