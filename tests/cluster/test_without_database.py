"""The parts of a node by themselves, with what stands around them scripted: no database is asked."""

import pytest
from looking import until
from watchkeeper import Configuration, WatchkeeperError
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.cluster.membership import ClusterView, Member, ShardRow
from watchkeeper.domain.cluster.stamp import ConfigurationStamp
from watchkeeper.domain.errors import StoreBusy
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.host.cluster.node import Node
from watchkeeper.host.cluster.shard_responder import ShardResponder
from watchkeeper.host.configured import ConfiguredTargets
from watchkeeper.host.sharing.peer_wire import read_reply
from watchkeeper.protocol.codec import encode
from watchkeeper.protocol.sink import EndAnnouncement


class FreeShard:
    """The membership of a node in a store whose one shard is always free."""

    name, incarnation = "a", "1"
    looks = 0

    def beat(self, stamp, now, *, is_able):
        self.looks += 1
        member = Member(name=self.name, incarnation=self.incarnation, process="", stamp=stamp)
        return ClusterView(members=(member,), shards=(ShardRow(shard=0),))

    def leave(self):
        pass


class Refusing:
    """A factory whose engines never start; the first time it takes two looks of the node to let a shard go."""

    def __init__(self, membership):
        self.membership, self.made, self.made_meanwhile = membership, 0, None

    def make(self, shard, *, is_outdated, known_epoch):
        self.made += 1
        raise StoreBusy("held by another one")

    def left(self, shard):
        looks, made = self.membership.looks, self.made
        if made == 1:
            until(lambda: self.membership.looks > looks + 1)
            self.made_meanwhile = self.made - made


def test_a_shard_is_claimed_again_only_once_its_last_run_is_cleared_away():
    membership = FreeShard()
    factory = Refusing(membership)
    node = Node(membership, SystemClock(), ConfigurationStamp, factory, lambda: None)
    node.start()
    until(lambda: factory.made_meanwhile is not None)
    node.stop(NS_PER_S)
    assert factory.made_meanwhile == 0


class Command:
    """A command of another node."""

    id, shard = 7, 0

    def __init__(self, message):
        self.message = encode(message)


class Defective:
    """An engine with a defect."""

    def tell(self, message):
        raise RuntimeError("a defect")


def test_a_defect_met_by_a_command_of_another_node_is_its_answer_and_is_logged(caplog):
    answers, message = [], EndAnnouncement("page", "ann")
    configured = ConfiguredTargets(Configuration(), None)
    responder = ShardResponder(configured, SystemClock(), str, lambda *answer: answers.append(answer), None)
    responder.take(Command(message), Defective())
    until(lambda: answers)
    responder.close()
    ((number, reply),) = answers
    assert number == Command.id
    with pytest.raises(WatchkeeperError, match="a defect"):
        read_reply(message, reply)
    assert "A command of another node met an internal fault" in caplog.text
