# ruff: noqa: S608  # the schemas are those of the test
"""A node of an older version on a schema that a newer one has made: why it has no shard, and what is to be done."""

import json

import pytest
from asking import Asking
from click.testing import CliRunner
from clustered import SHARDS, Nodes, problems
from databases import new_store, schema_of
from looking import until
from watchkeeper import connect
from watchkeeper.adapters.stores.opening import look_at_nodes
from watchkeeper.domain.cluster.membership import ClusterView, Member, ShardRow
from watchkeeper.domain.cluster.node_problems import own_problem, shown_problems
from watchkeeper.domain.cluster.stamp import ConfigurationStamp
from watchkeeper.launcher.main import cli

NOTE = "older than the schema: upgrade it"
STARTS_NONE = "no shard starts on such a node, and it takes over from no other"


@pytest.fixture(scope="module")
def beside(database_server, tmp_path_factory):
    """A node beside one that was refused by the schema, whose row is as the version before wrote it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        nodes = Nodes(new_store(database_server, SHARDS))
        try:
            runtime = nodes.start("new")
            nodes.settle("new")
            # A row of the future lives as long as this test needs it.
            table = f"{schema_of(nodes.store)}.node"
            database_server.sql(
                f"INSERT INTO {table} (name, incarnation, process, beat_at, configuration, is_able, skew_ns)"
                " SELECT 'old', 'o', 'process 7 on far', clock_timestamp() + '1h', configuration, false, 0"
                f" FROM {table} WHERE name = 'new'"
            )
            until(lambda: len(runtime.status().nodes) > 1)
            yield nodes.store, runtime
        finally:
            nodes.close()


@pytest.mark.needs("postgres")
def test_the_status_of_a_node_says_that_another_is_older_than_the_schema(beside):
    _, runtime = beside
    found = {each.name: (each.is_older, len(each.shards), each.remarks) for each in runtime.status().nodes}
    assert found == {"new": (False, SHARDS, ("this one",)), "old": (True, 0, (NOTE,))}
    assert problems(runtime)["nodes"] == (
        f"1 node older than the schema: old (process 7 on far): upgrade it: {STARTS_NONE}"
    )


@pytest.mark.needs("postgres")
def test_the_verb_the_api_and_the_page_say_so(beside):
    store, runtime = beside
    shown = CliRunner().invoke(cli, ["status", "--store", store])
    (line,) = [each for each in shown.stdout.splitlines() if each.startswith("old ")]
    assert line.split("  ")[0] == "old"
    assert NOTE in line
    rows = json.loads(CliRunner().invoke(cli, ["status", "--store", store, "--json"]).stdout)["nodes"]
    assert [(row["name"], row["older"]) for row in rows] == [("new", False), ("old", True)]
    assert [(row.name, row.older) for row in connect(store).status().nodes] == [("new", False), ("old", True)]
    asking = Asking(runtime.serve("127.0.0.1:0"))
    assert NOTE in asking.ask("GET", "/self").body.decode()
    assert "watchkeeper_nodes_older 1" in asking.ask("GET", "/metrics").body.decode()


@pytest.mark.needs("postgres")
def test_nodes_are_seen_in_a_schema_in_which_they_do_not_say_what_they_know(
    database_server, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    nodes = Nodes(new_store(database_server, SHARDS))
    nodes.start("new")
    nodes.close()
    schema = schema_of(nodes.store)
    database_server.sql(
        f"ALTER TABLE {schema}.node DROP known; UPDATE {schema}.watchkeeper_schema SET version = 3"
    )
    assert len(look_at_nodes(nodes.store).shards) == SHARDS


OLD = Member(
    name="old", incarnation="o", process="process 7", stamp=ConfigurationStamp("x", 1), is_older=True
)


def test_a_node_that_is_refused_says_so_of_itself():
    view, why = ClusterView(members=(OLD,), shards=(ShardRow(shard=0),)), {0: "it has schema version 5"}
    assert own_problem(view, "o", "", why) == (
        f"this version is {NOTE}: {STARTS_NONE}; shard 0 does not start: it has schema version 5"
    )


def test_an_older_node_that_still_runs_its_shards_is_no_problem():
    view = ClusterView(members=(OLD,), shards=(ShardRow(shard=0, incarnation="o"),))
    assert [*shown_problems(view, "", ()), own_problem(view, "o", "", {})] == [""]
