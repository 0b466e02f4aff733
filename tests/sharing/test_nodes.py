"""Nodes of one store as people meet them: the status, the page, the metrics, and the sockets by which verbs reach them."""

import json
import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from asking import Asking
from click.testing import CliRunner
from databases import new_store
from looking import until
from watchkeeper import Heartbeat, Runtime, Target, Web, connect
from watchkeeper.adapters.net.listening import (
    ControlSocket,
    connect_control_socket,
    control_socket_path,
    control_socket_paths,
)
from watchkeeper.launcher.main import cli

pytestmark = pytest.mark.needs("postgres")
SHARDS = 4
NAMES = ("orders", "backup", "report")


def node_of(store, name, **options):
    targets = [Target(id=each, every="1h", heartbeat=Heartbeat()) for each in NAMES]
    return Runtime(targets=targets, store=store, node=name, **options)


def shared(runtime):
    """The shards of each node, by what one of them says."""
    return {each.name: len(each.shards) for each in runtime.status().nodes}


class Shared(NamedTuple):
    """A store, its two nodes, and where the second one serves its page."""

    store: str
    first: Runtime
    second: Runtime
    url: str


@pytest.fixture(scope="module")
def nodes(database_server, tmp_path_factory):
    """Two nodes, `a` and `b`, on one store in halves; the second one serves its page."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        store = new_store(database_server, SHARDS)
        first = stack.enter_context(node_of(store, "a"))
        second = stack.enter_context(node_of(store, "b", web=Web(listen="127.0.0.1:0")))
        assert until(lambda: shared(second) == {"a": SHARDS // 2, "b": SHARDS // 2})
        yield Shared(store, first, second, second.serve("127.0.0.1:0"))


def verb(*words, status=0):
    found = CliRunner().invoke(cli, words)
    assert found.exit_code == status, found.output
    return found.stdout


def test_a_node_has_all_nodes_in_its_status(nodes):
    status = nodes.second.status()
    assert [(each.name, each.is_this, each.is_alive) for each in status.nodes] == [
        ("a", False, True),
        ("b", True, True),
    ]
    assert sorted(shard for each in status.nodes for shard in each.shards) == list(range(SHARDS))
    assert sum(each.targets for each in status.nodes) == len(NAMES)
    assert not status.problems


def test_each_node_has_a_control_socket_of_its_own(nodes):
    store = nodes.store
    assert [path.exists() for path in (control_socket_path(store, "a"), control_socket_path(store, "b"))] == [
        True,
        True,
    ]
    said = connect(store).status()
    assert {row.id for row in said.targets} == set(NAMES)
    assert [row.name for row in said.nodes] == ["a", "b"]
    assert [row.this for row in said.nodes] == [True, False], "the first one that answers"


def test_verbs_reach_any_node_and_hold_for_all(nodes):
    store = nodes.store
    assert "mutes 1 target" in verb("silence", "backup", "--for", "1h", "--id", "night", "--store", store)
    assert until(lambda: all(each.status()["backup"].silences for each in nodes[1:3]))
    verb("unsilence", "night", "--store", store)


def test_the_status_shows_nodes_in_a_block_of_their_own(nodes):
    store = nodes.store
    lines = verb("status", "--store", store).splitlines()
    at = lines.index("")
    assert lines[at + 1].split() == ["NODE", "TARGETS", "SHARDS", "SEEN", "NOTE"]
    assert re.fullmatch(
        rf"a     \d        2: [0-9, -]+  +[0-9.]+ s ago  process {os.getpid()} on .*", lines[at + 2]
    )
    assert lines[at + 4] == ""
    assert lines[-1] == "run by nodes a, b"


def test_the_status_of_a_store_that_is_only_named_counts_the_targets_that_its_record_has(nodes):
    def recorded():
        found = json.loads(verb("status", "--store", nodes.store, "--json"))
        return {row["name"]: row["targets"] for row in found["nodes"]}

    # The record has a heartbeat once the first commit of its shard is durable.
    assert until(lambda: recorded() == {each.name: each.targets for each in nodes.second.status().nodes})
    assert sum(recorded().values()) == len(NAMES)
    assert "not configured" not in verb("status", "--store", nodes.store)


def test_the_status_as_json_has_the_nodes(nodes):
    store = nodes.store
    found = json.loads(verb("status", "--store", store, "--json"))["nodes"]
    assert [(row["name"], row["alive"], row["newest"], len(row["shards"])) for row in found] == [
        ("a", True, True, 2),
        ("b", True, True, 2),
    ]


def test_the_status_over_the_api_has_the_nodes(nodes):
    url = nodes.url
    found = Asking(url).ask("GET", "/api/v1/status").json["nodes"]
    assert [(row["name"], row["this"]) for row in found] == [("a", False), ("b", True)]
    remote = json.loads(verb("status", "--url", url, "--json"))["nodes"]
    assert [row["name"] for row in remote] == ["a", "b"]


def test_the_page_of_the_runtime_has_a_table_of_nodes(nodes):
    text = Asking(nodes.url).ask("GET", "/self").body.decode()
    assert "This process is node b, one of 2 that live: it runs 2 shards, and answers for all." in text
    table = text.partition('id="of-nodes"')[2].partition("</section>")[0]
    assert table.count("<tr>") == 3
    assert "this one" in table


def test_the_metrics_count_nodes_and_shards(nodes):
    lines = Asking(nodes.url).ask("GET", "/metrics").body.decode().splitlines()
    assert [line for line in lines if re.match("watchkeeper_(nodes|shards)", line)] == [
        'watchkeeper_nodes{state="alive"} 2',
        'watchkeeper_nodes{state="silent"} 0',
        "watchkeeper_nodes_older 0",
        "watchkeeper_shards 2",
        "watchkeeper_shards_unserved 0",
    ]


def test_nodes_that_listen_at_different_addresses_have_one_configuration(nodes):
    assert all(each.has_newest for each in nodes.first.status().nodes)


def test_a_node_that_leaves_removes_its_own_socket_alone_and_one_line_tells_its_shards(
    database_server, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    caplog.set_level("INFO", "watchkeeper.host.cluster")
    store = new_store(database_server, SHARDS)
    with node_of(store, "a") as first:
        with node_of(store, "b"):
            assert until(lambda: shared(first) == {"a": 2, "b": 2})
            # The row of a shard has its owner before the engine runs.
            assert until(lambda: any(re.match("Node b .* it runs 2 of 4", each) for each in caplog.messages))
        assert until(lambda: shared(first) == {"a": 4})
        assert control_socket_paths(store)[1:] == (control_socket_path(store, "a"),)
        assert connect(store).status().nodes[0].name == "a"
        assert until(lambda: any("it runs 4 of 4" in each for each in caplog.messages))
    # Shards that are on their way for some seconds, on a busy machine, are told in two lines.
    said = "\n".join(caplog.messages)
    assert sum(map(int, re.findall(r"Node a has handed over (\d) shards? \(.*\); it runs", said))) == 2
    assert sum(map(int, re.findall(r"Node a has taken (\d) shards? \(.*\); it runs [34] of 4", said))) == 2
    assert said.count("Node b hands over its 2 shards and leaves") == 1
    assert (
        "no node runs"
        in CliRunner().invoke(cli, ["silence", "backup", "--for", "1h", "--store", store]).stderr
    )
    verb("silence", "backup", "--for", "1h", "--store", store, status=4)
    assert verb("status", "--store", store).splitlines()[-1].startswith("not running")


def test_sockets_of_nodes_that_were_killed_go_and_those_of_others_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    store = "postgresql://keeper@db.example/watch?shards=8"
    made = {name: ControlSocket(store, name) for name in ("killed", "young", "lives")}
    for name in ("killed", "young"):
        made[name].socket.close()
    an_hour_ago = made["lives"].path.stat().st_mtime - 3_600
    for name in ("killed", "lives"):
        os.utime(made[name].path, (an_hour_ago, an_hour_ago))
    last = ControlSocket(store, "last")
    try:
        assert {path.name.rpartition("-")[2] for path in control_socket_paths(store)[1:]} == {
            "young.sock",
            "lives.sock",
            "last.sock",
        }
    finally:
        for each in (made["lives"], last):
            each.close()


def test_the_paths_of_sockets_are_those_of_the_store_however_it_is_named(monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/watchkeeper")
    store = "postgresql://keeper@db.example/watch"
    assert control_socket_path(store, "a") == control_socket_path(f"{store}?shards=8", "a")
    assert control_socket_path(store, "a") != control_socket_path(f"{store}?shards=8&schema=eu", "a")
    for name in ("../../etc/x", "ö", "n" * 200, " "):
        path = control_socket_path(store, name)
        assert (str(path.parent), len(path.name) < 80) == ("/var/lib/watchkeeper", True)


def test_a_node_that_lives_is_reached_before_one_that_may_be_frozen(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    store = "postgresql://keeper@db.example/watch"
    first, second = ControlSocket(store, "a"), ControlSocket(store, "b")
    try:
        with connect_control_socket(store, 1, ["b"]) as connected:
            assert Path(connected.getpeername()).name == second.path.name
        with connect_control_socket(store, 1, ["gone"]) as connected:
            assert Path(connected.getpeername()).name == first.path.name
    finally:
        first.close()
        second.close()
