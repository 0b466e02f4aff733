"""The assignment of shards to nodes: bounded, whole, and few moves when a node comes or goes."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.cluster.assignment import assigned

NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=6)
NODES = st.lists(NAMES, min_size=1, max_size=7, unique=True)
SHARDS = st.integers(1, 64)


def counts(found, nodes):
    return [list(found.values()).count(node) for node in nodes]


@given(SHARDS, NODES)
def test_every_shard_has_a_node_and_no_node_has_more_than_its_share(shards, nodes):
    found = assigned(shards, nodes)
    assert sorted(found) == list(range(shards))
    assert set(found.values()) <= set(nodes)
    assert max(counts(found, nodes)) <= -(-shards // len(nodes))


@given(SHARDS, NODES, st.randoms(use_true_random=False))
def test_the_order_of_the_nodes_makes_no_difference(shards, nodes, chance):
    shuffled = chance.sample(nodes, len(nodes))
    assert assigned(shards, nodes) == assigned(shards, shuffled) == assigned(shards, frozenset(nodes))


def test_without_nodes_nothing_is_assigned():
    assert assigned(8, ()) == {}


@given(NODES)
def test_a_shard_of_its_own_for_each_node_where_there_are_as_many(nodes):
    assert sorted(assigned(len(nodes), nodes).values()) == sorted(nodes)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8])
def test_a_node_that_leaves_moves_its_own_shards_and_few_others(count):
    """The others make room for balance alone: measured over 40 clusters of each size."""
    moved = own = 0
    for cluster in range(40):
        nodes = [f"node-{cluster}-{number}" for number in range(count)]
        before, after = assigned(64, nodes), assigned(64, nodes[1:])
        mine = {shard for shard, node in before.items() if node == nodes[0]}
        own += len(mine)
        moved += sum(before[shard] != after.get(shard) for shard in before if shard not in mine)
    assert moved < own
    assert count > 2 or moved == 0


@pytest.mark.parametrize("count", [2, 3, 5, 8])
def test_a_node_that_returns_gets_its_former_shards(count):
    nodes = [f"node-{number}" for number in range(count)]
    before = assigned(64, nodes)
    assigned(64, nodes[:-1])
    assert assigned(64, nodes) == before


def test_the_assignment_is_the_same_in_every_version():
    assert assigned(8, ["a", "b", "c"]) == {0: "a", 1: "c", 2: "a", 3: "a", 4: "c", 5: "b", 6: "c", 7: "b"}
