"""`status` while the database does not answer: what all nodes of this machine know, each of its own shards."""

import json

import pytest
from click.testing import CliRunner
from clustered import JOBS, SHARDS, Nodes, problems, shards_of
from databases import HASTY, new_store
from looking import until
from postgres_server import PostgresServer
from watchkeeper import connect
from watchkeeper.adapters.net.listening import control_socket_path, nodes_here
from watchkeeper.domain.read_model.status import UNREAD
from watchkeeper.launcher.main import cli

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A store whose server has stopped, with three nodes: the first by name has an older configuration, and no shard."""
    with pytest.MonkeyPatch.context() as patch, PostgresServer(settings=HASTY) as server:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        nodes = Nodes(new_store(server, SHARDS))
        try:
            nodes.start("a", targets=JOBS[:1])
            nodes.start("b")
            until(lambda: shards_of(nodes.runtimes["a"])["a"] == ())
            nodes.start("c")
            nodes.settle("b", "c")
            for name in nodes.runtimes:
                # One after the other: CPython before 3.11.8 may fail where threads parse at the same time, as the first answer of a site does.
                connect(nodes.store, node=name).status()
            server.stop()
            for runtime in nodes.runtimes.values():
                until(lambda: "store" in problems(runtime))  # noqa: B023  # it is used up in this round
            yield nodes.store
        finally:
            nodes.close()


def test_every_target_is_shown_by_the_node_that_runs_it(stopped):
    shown = CliRunner().invoke(cli, ["status", "--store", stopped])
    assert shown.exit_code == 0
    assert shown.stderr.endswith("this is what nodes a, b, c on this machine know without it:\n")
    assert UNREAD not in shown.stdout
    assert "run by nodes a, b, c" in shown.stdout
    found = json.loads(CliRunner().invoke(cli, ["status", "--store", stopped, "--json"]).stdout)
    assert {row["target"] for row in found["targets"]} == {each.id for each in JOBS}
    assert [(row["name"], len(row["shards"])) for row in found["nodes"]] == [("a", 0), ("b", 2), ("c", 2)]


def test_the_sockets_of_nodes_name_them_whatever_they_are_called(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    store = "postgresql://keeper@db.example/watch"
    control_socket_path(store).parent.mkdir(parents=True)
    paths = [control_socket_path(store, name) for name in ("birch", "of the büro", "n" * 128)]
    for path in paths:
        path.touch()
    found = [control_socket_path(store, name) for name in nodes_here(store)]
    assert sorted(found) == sorted(paths)
    assert nodes_here(str(tmp_path / "watch.db")) == ()
