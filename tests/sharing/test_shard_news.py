"""The lines about shards that a node has taken, handed over and lost."""

import logging

import pytest
from watchkeeper.adapters.configuration import load
from watchkeeper.domain.cluster.membership import ClusterView, Member, ShardRow
from watchkeeper.domain.cluster.stamp import ConfigurationStamp, stamp_of
from watchkeeper.domain.errors import StoreBusy
from watchkeeper.domain.read_model.node_status import counts_of, node_statuses, shards_text
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.web import Web
from watchkeeper.host.cluster.shard_news import LOOKS_MAX, ShardNews
from watchkeeper.launcher.operate.scene import scene_of


@pytest.fixture
def news():
    made = ShardNews("b")
    made.begin({0, 1})
    return made


def test_shards_that_came_back_from_other_nodes_are_told_of_and_a_later_hand_over_is_none_of_a_silent_node(
    news,
):
    news.loses(0)
    news.loses(1)
    news.claims(0, "")
    news.claims(1, "")
    assert news.lines({0}, 4, is_settled=False) == []
    back = (
        "Other nodes had claimed 2 shards (0, 1) from node b, which was silent, and it has taken them again"
    )
    assert news.lines({0, 1}, 4, is_settled=True) == [(logging.WARNING, f"{back}; it runs 2 of 4 shards")]
    assert news.lines({0, 1}, 4, is_settled=True) == []
    assert news.lines({0}, 4, is_settled=True) == [
        (logging.INFO, "Node b has handed over 1 shard (1); it runs 1 of 4 shards")
    ]


def test_shards_of_one_moment_are_one_line(news):
    for shard in (4, 5, 6, 9):
        news.claims(shard, "")
    assert news.lines({0, 1, 4, 5, 6, 9}, 16, is_settled=True) == [
        (logging.INFO, "Node b has taken 4 shards (4-6, 9); it runs 6 of 16 shards")
    ]
    assert news.lines({0, 1, 4, 5, 6, 9}, 16, is_settled=True) == []


def test_a_line_waits_for_shards_that_are_on_their_way_and_not_for_ever(news):
    assert news.lines({0, 1, 2}, 4, is_settled=False) == []
    assert news.lines({0, 1, 2, 3}, 4, is_settled=True) == [
        (logging.INFO, "Node b has taken 2 shards (2, 3); it runs 4 of 4 shards")
    ]
    waits = [bool(news.lines({0}, 4, is_settled=False)) for _ in range(LOOKS_MAX)]
    assert waits == [False] * (LOOKS_MAX - 1) + [True]


def test_the_owners_that_were_silent_are_named_once(news):
    for shard, owner in ((2, "node a"), (3, "node a"), (4, "")):
        news.claims(shard, owner)
    ((_, text),) = news.lines(range(5), 5, is_settled=True)
    assert text == "Node b has taken 3 shards (2-4) of node a, which is silent; it runs 5 of 5 shards"


def test_shards_that_were_handed_over_and_those_that_others_claimed_have_lines_of_their_own(news):
    news.loses(1)
    assert news.lines((), 2, is_settled=True) == [
        (
            logging.WARNING,
            "Other nodes have claimed 1 shard (1) from node b, which was silent; it runs 0 of 2 shards",
        ),
        (logging.INFO, "Node b has handed over 1 shard (0); it runs 0 of 2 shards"),
    ]


@pytest.mark.parametrize(
    ("shards", "text"),
    [((), ""), ((3,), "3"), ((1, 0), "0, 1"), ((0, 1, 2), "0-2"), ((7, 2, 3, 4, 0, 8), "0, 2-4, 7, 8")],
)
def test_runs_of_shards_are_drawn_together(shards, text):
    assert shards_text(shards) == text


OLD, NEW = ConfigurationStamp("old", 1), ConfigurationStamp("new", 2)


def view():
    return ClusterView(
        members=(
            Member(name="a", incarnation="1", process="process 1", stamp=OLD),
            Member(name="b", incarnation="2", process="process 2", stamp=NEW, silent_ns=5),
            Member(name="c", incarnation="3", process="process 3", stamp=NEW, is_alive=False),
        ),
        shards=(
            ShardRow(shard=0, incarnation="2", owner="process 2"),
            ShardRow(shard=1),
            ShardRow(shard=2, incarnation="3", owner="process 3", is_silent=True),
            ShardRow(shard=3, incarnation="2", owner="process 2"),
        ),
    )


def test_each_node_has_its_remarks():
    found = node_statuses(view(), 100, {0: 7, 1: 1, 2: 2, 3: 3}.__getitem__, "2", (0, 3))
    assert [(each.name, each.targets, each.seen_at_ns, each.remarks) for each in found] == [
        ("a", 0, 100, ("older configuration",)),
        ("b", 10, 95, ("this one",)),
        ("c", 2, 100, ("silent",)),
    ]


def test_shards_that_nobody_runs_are_counted_with_those_of_silent_nodes():
    counts = counts_of(view(), "b", 2)
    assert (counts.alive, counts.silent, counts.owned, counts.unserved, counts.shards) == (2, 1, 2, 2, 4)
    assert counts.words == "b runs 2 of 4 shards, with 1 other node"


def test_the_name_of_a_living_node_is_taken_and_that_of_a_silent_one_is_free():
    view().require_free("c", "the store")
    with pytest.raises(StoreBusy, match="process 1 is the node 'a' of the store: give this one another name"):
        view().require_free("a", "the store")


def test_the_address_at_which_a_node_listens_is_no_part_of_its_configuration():
    first, second = (Configuration(targets=(), web=Web(listen=f"127.0.0.1:{port}")) for port in (1, 2))
    assert stamp_of(first, 0) == stamp_of(second, 0) == stamp_of(Configuration(targets=()), 0)


def test_a_reload_of_an_unchanged_file_with_defaults_is_no_newer_configuration(tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    path.write_text("defaults: {every: 2s}\ntargets: [{id: shop, tcp: {host: h, port: 1}}]\n")
    read = load(path, {})
    assert read.defaults.every == "2s"
    started = Configuration(targets=read.targets)
    assert stamp_of(read, 0) == stamp_of(started, 0), "a start passes the targets on, and a reload all of it"
    slower = path.with_name("slower.yaml")
    slower.write_text(path.read_text().replace("2s", "3s"))
    assert stamp_of(load(slower, {}), 0) != stamp_of(read, 0)


def test_the_first_lines_of_a_run_and_the_service_manager_name_the_node(tmp_path):
    scene = scene_of(tmp_path / "a.yaml", Configuration(targets=()), (), "a runs 4 of 8 shards")
    assert ("node", "a runs 4 of 8 shards") in scene.facts()
    assert scene.fields()["node"] == "a runs 4 of 8 shards"
    assert scene.service_line == "watching no target, no channel; node a runs 4 of 8 shards"
    alone = scene_of(tmp_path / "a.yaml", Configuration(targets=()), ())
    assert "node" not in {*dict(alone.facts()), *alone.fields()}
    assert alone.service_line == "watching no target, no channel"
