"""The lines about shards that a node has taken, handed over and lost."""

import logging

import pytest
from watchkeeper.host.cluster.shard_news import LOOKS_MAX, ShardNews


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
