# ruff: noqa: S608  # the schemas are those of the test
"""Databases that cannot be used: each says what is wrong and what to do, at the start and while nodes run."""

import threading

import pytest
from click.testing import CliRunner
from clustered import JOBS, SHARDS, Nodes, fail, problems, shards_of
from databases import HASTY, new_store, schema_of
from looking import until
from ports import free_port
from postgres_server import PostgresServer
from watchkeeper import ConfigurationError, StoreError
from watchkeeper.launcher.main import cli

from tests.support.left_behind import becomes_true, descriptors, threads_since

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def refused(store):
    """Returns the error of a start, which leaves no thread and no descriptor behind."""
    threads, opened = set(threading.enumerate()), descriptors()
    with pytest.raises((ConfigurationError, StoreError)) as raised:
        Nodes(store).made("a").start()
    assert threads_since(threads) == set()
    assert becomes_true(lambda: descriptors() <= opened)
    return raised.value


@pytest.mark.parametrize("shards", ["0", "x", "257", "-1", ""])
def test_a_number_of_shards_that_is_none_is_a_problem_of_the_configuration(database_server, shards):
    error = refused(new_store(database_server, shards))
    assert isinstance(error, ConfigurationError)
    assert "write a number from 1 to 256" in str(error)


def test_another_number_than_the_store_has_is_refused(store):
    with_four = Nodes(store)
    with_four.start("a")
    with_four.close()
    error = refused(store.replace(f"shards={SHARDS}", "shards=8"))
    assert "was made with 4 shards, and its URL says shards=8: leave that out, or make a new store" in str(
        error
    )


def test_a_database_that_is_not_there_is_named(database_server):
    error = refused(f"postgresql://keeper:secret@127.0.0.1:{free_port()}/postgres?shards=4")
    assert isinstance(error, StoreError)
    assert "the store failed while looking at postgresql://keeper:***@127.0.0.1" in str(error)
    assert "secret" not in str(error)


def test_a_newer_schema_is_refused(store, database_server):
    nodes = Nodes(store)
    nodes.start("a")
    nodes.close()
    database_server.sql(f"UPDATE {schema_of(store)}.watchkeeper_schema SET version = 99")
    assert "has schema version 99, written by a newer watchkeeper" in str(refused(store))


@pytest.mark.slow
def test_a_node_that_an_upgrade_has_left_behind_keeps_no_shard_that_it_cannot_write(nodes, database_server):
    """It would be alive and able, so that no other node took its shards, while it records and tells nothing."""
    runtime = nodes.start("a")
    nodes.settle("a")
    schema = schema_of(nodes.store)
    database_server.sql(f"UPDATE {schema}.watchkeeper_schema SET version = 99")
    database_server.sql(f"SELECT pg_terminate_backend(backend) FROM {schema}.shard")
    until(lambda: "does not start" in problems(runtime).get("node", ""))
    assert "has schema version 99, written by a newer watchkeeper" in problems(runtime)["node"]
    able = f"SELECT is_able FROM {schema}.node"
    until(lambda: database_server.sql(able) == "f")
    until(lambda: shards_of(runtime)["a"] == ())


def test_a_schema_of_another_program_is_left_alone(store, database_server):
    schema = schema_of(store)
    database_server.sql(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.mine (id int)")
    assert "has tables of another program; nothing in it was touched" in str(refused(store))


def test_a_role_without_rights_is_told_what_it_needs(store, database_server):
    database_server.sql(
        "DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    error = refused(store.replace("postgresql://keeper@", "postgresql://guest@"))
    assert "let it own the schema (CREATE SCHEMA ... AUTHORIZATION role)" in str(error)


def test_a_server_that_may_only_be_read_is_told(store):
    error = refused(f"{store}&options=-c%20default_transaction_read_only%3Don")
    assert "read-only" in str(error)


def test_too_few_connections_at_the_start_are_told_and_leave_nothing(database_server):
    with PostgresServer(settings=(*HASTY, "max_connections=6")) as server:
        nodes = Nodes(new_store(server, 16))
        try:
            runtime = nodes.start("a")
            says = problems(runtime)["node"]
            assert "does not start: the store failed while opening" in says
            assert "too many clients already" in says
        finally:
            nodes.close()
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'watchkeeper'"
        assert becomes_true(lambda: server.sql(count) == "0")


@pytest.mark.parametrize(
    ("store", "status", "says"),
    [
        ("postgresql://127.0.0.1/watch?shards=0", 2, "write a number from 1 to 256"),
        (
            "postgresql://127.0.0.1:1/watch",
            3,
            "the store failed while looking at postgresql://127.0.0.1:1/watch",
        ),
    ],
)
def test_a_run_that_cannot_use_its_database_ends_with_the_status_of_its_kind(tmp_path, store, status, says):
    path = tmp_path / "watchkeeper.yaml"
    path.write_text(f"runtime: {{store: '{store}'}}\n")
    found = CliRunner().invoke(cli, ["run", str(path), "--node", "a"])
    assert (found.exit_code, says in found.stderr) == (status, True), found.stderr


def test_a_node_on_which_engines_do_not_start_leaves_its_shards_to_the_other(nodes, database_server):
    """The role of the second node has too few connections for its shards."""
    role = f"few_{schema_of(nodes.store)}"
    database_server.sql(f"CREATE ROLE {role} LOGIN IN ROLE keeper CONNECTION LIMIT 2")
    a = nodes.start("a")
    b = Nodes(nodes.store.replace("keeper@", f"{role}@"))
    try:
        runtime = b.start("b")
        until(lambda: "too many connections for role" in problems(runtime).get("node", ""))
        nodes.settle("a")
        assert problems(a) == {}
        assert [each.id for each in runtime.status().targets] == [each.id for each in JOBS]
    finally:
        b.close()


def test_a_shard_that_does_not_verify_leaves_the_others_where_they_are(nodes, database_server):
    for name in ("a", "b"):
        nodes.start(name)
    nodes.settle("a", "b")
    fail(nodes.runtimes["a"], JOBS[1].id)
    nodes.until_heard(1)
    owner = nodes.by_shard()[1]
    other = "b" if owner == "a" else "a"
    database_server.sql(f"UPDATE {schema_of(nodes.store)}.chain SET body = body || ' ' WHERE shard = 1")
    nodes.stop(owner)
    runtime = nodes.runtimes[other]
    until(lambda: "shard 1 does not start" in problems(runtime).get("node", ""))
    until(lambda: shards_of(runtime)[other] == (0, 2, 3))
    nodes.start(owner)
    until(lambda: sorted(map(len, shards_of(runtime).values())) == [1, 2])
    assert not any(each.is_alive and not each.shards for each in runtime.status().nodes)


@pytest.mark.slow
def test_an_outage_of_the_database_changes_no_owner_and_is_told_once_it_is_back():
    with PostgresServer() as server:
        nodes = Nodes(new_store(server, SHARDS))
        try:
            a, b = nodes.start("a"), nodes.start("b")
            nodes.settle("a", "b")
            before = nodes.by_shard()
            server.kill()
            for runtime in (a, b):
                until(lambda: {"node", "store"} <= {*problems(runtime)})  # noqa: B023
                assert [each.id for each in runtime.status().targets] == [each.id for each in JOBS]
            near = nodes.runtimes[before[0]]
            fail(near, JOBS[0].id)
            until(lambda: near.status()[JOBS[0].id].status.value == "down")
            assert nodes.heard == []
            far = b if near is a else a
            with pytest.raises(StoreError):
                far.heartbeat(JOBS[0].id)
            with pytest.raises(StoreError, match="nothing was done: the store failed"):
                far.silence(JOBS[1].id, "1h")
            server.start()
            nodes.until_heard(1)
            for runtime in (a, b):
                until(lambda: problems(runtime) == {})  # noqa: B023
            assert nodes.by_shard() == before
            assert nodes.told() == [(JOBS[0].id, "opened")]
            assert [runtime.status().silences for runtime in (a, b)] == [(), ()]
        finally:
            nodes.close()
