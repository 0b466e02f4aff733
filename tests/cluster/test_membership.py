"""The rules of nodes and shards: which node is to run a shard, and what a node does when it looks."""

import pytest
from watchkeeper.domain import limits
from watchkeeper.domain.cluster.assignment import assigned
from watchkeeper.domain.cluster.membership import ClusterView, Member, ShardRow, StartRetries, plan
from watchkeeper.domain.cluster.stamp import ConfigurationStamp

OLD, NEW = ConfigurationStamp("old", 1), ConfigurationStamp("new", 2)


def member(name, stamp=NEW, **fields):
    return Member(name=name, incarnation=f"of {name}", process=f"process of {name}", stamp=stamp, **fields)


def view(members, owners, stamp=NEW, silent=()):
    """A view of shards, each with the name of its owner or empty."""
    shards = tuple(
        ShardRow(
            shard=number,
            incarnation=owner and f"of {owner}",
            owner=owner,
            stamp=stamp,
            is_silent=number in silent,
        )
        for number, owner in enumerate(owners)
    )
    return ClusterView(members=tuple(members), shards=shards)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 20])
def test_no_node_has_more_than_its_share(count):
    found = assigned(16, [f"node{number}" for number in range(count)])
    assert sorted(found) == [*range(16)]
    assert max(map([*found.values()].count, found.values())) <= -(-16 // count)


def test_a_node_that_comes_or_goes_moves_few_shards_but_its_own():
    before, after = assigned(64, ["a", "b", "c"]), assigned(64, ["a", "b", "c", "d"])
    moved = [shard for shard in before if before[shard] != after[shard]]
    assert len(moved) <= 24
    assert assigned(64, ["c", "a", "b"]) == before


def test_a_lone_node_claims_what_is_free_and_what_is_silent_once_it_may_take_over():
    seen = view([member("a")], ["", "gone"], silent=(1,))
    assert plan(seen, "of a", (), may_take_over=False).claim == (0,)
    assert plan(seen, "of a", (), may_take_over=True).claim == (0, 1)
    assert plan(seen, "of a", (0, 1), may_take_over=True).claim == ()


def test_a_node_that_the_store_does_not_know_does_nothing():
    assert plan(view([member("a")], [""]), "of b", (0,), may_take_over=True) == ((), ())


def test_an_older_node_claims_nothing_of_a_newer_configuration_until_it_is_abandoned():
    seen = view([member("a", OLD)], ["", ""])
    assert plan(seen, "of a", (), may_take_over=True) == ((), ())
    assert plan(seen, "of a", (), may_take_over=True, abandoned=(1,)).claim == (1,)


def test_an_older_node_releases_its_shards_to_a_newer_one():
    seen = view([member("a", OLD), member("b")], ["a", "a"], OLD)
    assert plan(seen, "of a", (0, 1), may_take_over=True).release == (0, 1)
    dead = view([member("a", OLD), member("b", is_alive=False)], ["a", "a"], OLD)
    assert plan(dead, "of a", (0, 1), may_take_over=True).release == ()


def test_a_node_that_is_not_able_leaves_all_to_the_others_and_none_to_nobody():
    seen = view([member("a", is_able=False), member("b")], ["", ""])
    assert plan(seen, "of a", (), may_take_over=True).claim == ()
    assert plan(seen, "of b", (), may_take_over=True).claim == (0, 1)
    neither = view([member("a", is_able=False), member("b", is_able=False)], ["", ""])
    assert sum(len(plan(neither, f"of {name}", (), may_take_over=True).claim) for name in "ab") == 2


def test_a_shard_that_does_not_start_is_tried_after_ever_longer_pauses():
    retries, now_ns, pauses = StartRetries(), 0, []
    for _ in range(6):
        retries.failed(3, now_ns, is_of_shard=True)
        began_ns = now_ns
        while retries.waiting(now_ns):
            now_ns += limits.NODE_TRY_NS // 2
        pauses.append((now_ns - began_ns) // limits.NODE_TRY_NS)
    assert pauses == [1, 2, 4, 8, 15, 15]
    assert retries.is_able(now_ns), "it would start on no other node either"
    retries.failed(3, now_ns, is_of_shard=True)
    retries.started(3)
    assert retries.waiting(now_ns) == frozenset()


def test_a_node_on_which_shards_do_not_start_is_not_able_for_ever_longer():
    retries, now_ns, lengths = StartRetries(), 0, []
    for _ in range(7):
        for shard in range(4):
            retries.failed(shard, now_ns, is_of_shard=False)
        began_ns = now_ns
        while not retries.is_able(now_ns):
            now_ns += limits.NODE_TRY_NS
        lengths.append((now_ns - began_ns) // limits.NODE_UNABLE_NS)
    assert lengths == [1, 2, 4, 8, 16, 20, 20]
