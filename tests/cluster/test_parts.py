"""The parts of a node: the commands that it sends, its row, and what happens once in the cluster."""

import threading

import pytest
from clustered import JOBS, SHARDS, Nodes, job_on, problems
from databases import schema_of
from looking import until
from pykka import ActorDeadError
from watchkeeper import PingOptions, StoreBusy
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.opening import database_nodes
from watchkeeper.domain import limits
from watchkeeper.domain.cluster.membership import ClusterView, Member, ShardRow
from watchkeeper.domain.cluster.placement import Placement
from watchkeeper.domain.cluster.stamp import ConfigurationStamp
from watchkeeper.domain.errors import NotSent, StoreNewer
from watchkeeper.domain.read_model.status import AbandonedWork
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline
from watchkeeper.host.cluster.node import Node
from watchkeeper.host.cluster.shard_configuration import ShardedConfiguration
from watchkeeper.testing import ManualClock


class Idle:
    """A factory of engines that is given no shards, as another node has them all."""

    def left(self, shard):
        pass

    def grace_ns(self):
        return 0


class Alone:
    """The row of the only node of a store whose shards are free."""

    name, incarnation = "a", "a1"

    def beat(self, stamp, now, *, is_able):
        me = Member(name="a", incarnation="a1", process="process 1", stamp=stamp)
        return ClusterView(members=(me,), shards=(ShardRow(shard=0),))

    def leave(self):
        pass


class EngineAlone:
    """An engine that starts, and notes that it has ended."""

    ended = False

    def start(self):
        pass

    def stop(self, within_ns):
        self.ended = True
        return AbandonedWork()


class Faulty(Idle):
    """A factory that meets an error which nobody has foreseen, before an engine runs or when it is given its commands."""

    def __init__(self, when):
        self.when, self.engine = when, EngineAlone()

    def make(self, shard, *, is_outdated, known_epoch):
        if self.when == "made":
            raise KeyError("zürich")
        return self.engine

    def activate(self, shard, engine, begin):
        raise KeyError("zürich")


@pytest.mark.parametrize("when", ["made", "activated"])
def test_an_error_that_nobody_has_foreseen_is_logged_with_the_shard_that_does_not_start(caplog, when):
    factory = Faulty(when)
    node = Node(Alone(), SystemClock(), ConfigurationStamp, factory, lambda: None)
    with pytest.raises(KeyError):
        node.start()
    (record,) = (each for each in caplog.records if "does not start" in each.message)
    assert record.message == "Shard 0 does not start on node a: KeyError: 'zürich'"
    assert record.exc_info is not None
    assert dict(node.problems())["node"] == "shard 0 does not start: KeyError: 'zürich'"
    assert factory.engine.ended == (when == "activated")


class Watched(Alone):
    """The same with two shards, which keeps whether the node has said that it is able to run shards."""

    def __init__(self):
        self.able = []

    def beat(self, stamp, now, *, is_able):
        self.able.append(is_able)
        me = Member(name="a", incarnation="a1", process="process 1", stamp=stamp)
        return ClusterView(members=(me,), shards=(ShardRow(shard=0), ShardRow(shard=1)))


class EngineRunning(EngineAlone):
    """An engine that runs, and answers nothing."""

    def on_end(self, heard):
        pass

    def ask(self, *question):
        raise ActorDeadError


class Outdated(Idle):
    """A factory whose first shard has run before the schema was made newer."""

    def make(self, shard, *, is_outdated, known_epoch):
        if shard:
            raise StoreNewer("written by a newer watchkeeper")
        return EngineRunning()

    def activate(self, shard, engine, begin):
        begin()
        return True


def test_a_node_that_a_newer_schema_refuses_is_not_able_for_as_long_as_any():
    row, clock = Watched(), ManualClock()
    node = Node(row, clock, ConfigurationStamp, Outdated(), lambda: None)
    node.start()
    try:
        until(lambda: not row.able[-1])
        clock.advance(limits.NODE_UNABLE_NS_MAX - 1)
        said = len(row.able)
        # The first of these may have begun before the clock was moved.
        until(lambda: len(row.able) > said + 1)
        assert not any(row.able[said:])
    finally:
        node.stop(0)


@pytest.mark.needs("postgres")
def test_a_command_that_nobody_takes_ends_in_time_and_says_so(nodes):
    nodes.start("a")
    nodes.close()
    sender = database_nodes(nodes.store).command_sender(SystemClock(), threading.Event().wait)
    for shards, those in (([0, 1], "the nodes of 2 shards"), ([2], "the node that is to obey")):
        with pytest.raises(
            TimeoutError,
            match=f"{those} did not answer within \\d+ s: the command may be obeyed yet, for 60 s: look, and give it again",
        ):
            sender.ask(shards, b"", Deadline.after(SystemClock().read(), 100 * NS_PER_MS))


@pytest.mark.needs("postgres")
def test_a_command_that_the_database_refuses_is_not_done_and_says_so(nodes, database_server):
    nodes.start("a")
    nodes.close()
    # As for a table that cannot grow any more, on a disk that is full.
    database_server.sql(f"ALTER TABLE {schema_of(nodes.store)}.command ADD CHECK (false) NOT VALID")
    sender = database_nodes(nodes.store).command_sender(SystemClock(), threading.Event().wait)
    with pytest.raises(
        NotSent, match=r"nothing was done: the store failed while sending a command by .*check"
    ):
        sender.ask([0, 1], b"", Deadline.after(SystemClock().read(), 60 * NS_PER_S))


@pytest.mark.needs("postgres")
@pytest.mark.parametrize(("ahead_s", "way"), [(90, "ahead of"), (-90, "behind")])
def test_a_clock_that_is_off_by_more_than_a_second_is_told(nodes, ahead_s, way):
    """The row is written with a clock that is off, as that of another machine may be."""
    a = nodes.start("a")
    clock = SystemClock()
    now = clock.read()
    membership = database_nodes(nodes.store).membership("b", now)
    membership.join(now)
    node = Node(membership, clock, ConfigurationStamp, Idle(), lambda: None)
    says = f"the clock of this machine is 1m30s {way} that of the database: set it by NTP"

    def is_told():
        # Told to the nearest second: the row is written within half a one, mostly.
        ahead = clock.read().shifted(ahead_s * NS_PER_S)
        node.view = membership.beat(ConfigurationStamp(), ahead, is_able=True)
        return says in dict(node.problems())["node"]

    try:
        assert until(is_told)
        assert problems(a) == {}
    finally:
        node.stop(NS_PER_S)


@pytest.mark.needs("postgres")
def test_a_name_is_free_once_its_node_has_left(nodes):
    now = SystemClock().read()
    first, second = (database_nodes(nodes.store).membership("a", now) for _ in range(2))
    first.join(now)
    first.beat(ConfigurationStamp(), now, is_able=True)
    with pytest.raises(StoreBusy, match="is the node 'a'"):
        second.beat(ConfigurationStamp(), now, is_able=True)
    first.leave()
    assert [each.name for each in second.beat(ConfigurationStamp(), now, is_able=True).alive()] == ["a"]
    second.leave()


def test_pings_and_notices_of_own_problems_are_of_the_first_shard_alone():
    options = {"notify": ("ops",), "ping": PingOptions(url="http://127.0.0.1/ping")}
    configuration = Nodes("postgresql://127.0.0.1/watch").configuration(options=options)
    sharded = ShardedConfiguration(configuration, Placement(configuration, SHARDS))
    told = [sharded.of(shard).runtime for shard in range(SHARDS)]
    assert [each.notify for each in told] == [("ops",), (), (), ()]
    assert [each.ping is None for each in told] == [False, True, True, True]
    assert [[each.id for each in sharded.of(shard).targets] for shard in range(SHARDS)] == [
        [each.id] for each in JOBS
    ]


@pytest.mark.needs("postgres")
def test_a_reload_of_many_targets_is_told_to_each_engine_once(nodes):
    runtime = nodes.start("a", ())
    many = [job_on(shard, f"many{number}x") for number in range(8) for shard in range(SHARDS)]
    runtime.reload(nodes.configuration(many))
    until(lambda: len(runtime.status().targets) == len(many))
    runtime.reload(nodes.configuration(many[::2]))
    assert [each.id for each in runtime.status().targets] == [each.id for each in many[::2]]
    for each in many[::2]:
        runtime.heartbeat(each.id)
    until(lambda: {each.status.value for each in runtime.status().targets} == {"up"})
