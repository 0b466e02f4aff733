"""Nodes and their shards as people see them: remarks, figures, and names that are taken."""

import pytest
from msgspec.structs import replace
from watchkeeper.domain.cluster.membership import ClusterView, Member, ShardRow
from watchkeeper.domain.cluster.stamp import ConfigurationStamp
from watchkeeper.domain.errors import StoreBusy
from watchkeeper.domain.read_model.node_status import counts_of, node_statuses, shards_text


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
            Member(name="d", incarnation="4", process="process 4", stamp=NEW, is_able=False, is_older=True),
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
        ("d", 0, 100, ("older than the schema: upgrade it",)),
    ]


def test_a_silent_node_with_an_older_configuration_has_not_the_newest_one():
    old, new = (
        Member(name=each.digest, incarnation=each.digest, process="", stamp=each) for each in (OLD, NEW)
    )
    for silent, is_newest in ((old, False), (new, True)):
        living = new if silent is old else old
        seen = ClusterView(members=(living, replace(silent, is_alive=False)))
        found = {each.name: each.has_newest for each in node_statuses(seen, 0, int)}
        assert found == {living.name: True, silent.name: is_newest}


def test_shards_that_nobody_runs_are_counted_with_those_of_silent_nodes():
    counts = counts_of(view(), "b", 2)
    assert (counts.alive, counts.silent, counts.owned, counts.unserved, counts.shards) == (3, 1, 2, 2, 4)
    assert counts.words == "b runs 2 of 4 shards, with 2 other nodes"


def test_the_name_of_a_living_node_is_taken_and_that_of_a_silent_one_is_free():
    view().require_free("c", "the store")
    with pytest.raises(StoreBusy, match="process 1 is the node 'a' of the store: give this one another name"):
        view().require_free("a", "the store")
