"""A shard that does not start on a node is tried again after a pause, and the others run meanwhile."""

from collections import Counter
from types import SimpleNamespace

from looking import until
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.cluster.membership import ClusterView, Member, ShardOwner
from watchkeeper.domain.cluster.stamp import ConfigurationStamp
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.read_model.status import AbandonedWork
from watchkeeper.host.cluster.node import Node

LOOKS = 6


class OnlySeat:
    """The row of the only node of a store with two free shards."""

    name, incarnation = "a", "1"

    def beat(self, stamp, now, *, is_able):
        member = Member(name="a", incarnation="1", process="process 1", stamp=stamp, is_able=is_able)
        return ClusterView(members=(member,), shards=(ShardOwner(shard=0), ShardOwner(shard=1)))

    def forget_outlived(self):
        """Nothing is outlived."""

    def leave(self):
        """Nobody else is there."""


class RefusingCrew:
    """Makes an engine of shard 0, and none of shard 1."""

    def __init__(self):
        self.made = Counter()

    def make(self, shard, *, is_outdated):
        self.made[shard] += 1
        if shard == 1:
            raise StoreError("sorry, too many clients already")
        return SimpleNamespace(
            start=lambda: None, on_end=lambda _: None, stop=lambda _: AbandonedWork(), pauses=()
        )

    def activate(self, shard, engine, begin):
        begin()

    def left(self, shard):
        """Nothing is kept of it."""

    def grace_ns(self):
        return 0


def test_a_shard_that_does_not_start_is_not_tried_at_every_look():
    crew, looks = RefusingCrew(), []
    node = Node(OnlySeat(), SystemClock(), lambda: ConfigurationStamp("x", 1), crew, lambda: looks.append(1))
    node.start()
    try:
        assert until(lambda: len(looks) >= LOOKS, 20)
        assert (crew.made[0], crew.made[1]) == (1, 1)
        assert [*node.engines] == [0]
        assert dict(node.problems())["node"] == "shard 1 does not start: sorry, too many clients already"
    finally:
        node.stop(0)
