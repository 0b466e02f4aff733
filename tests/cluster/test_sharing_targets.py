"""Nodes share the targets: each is probed by one of them, and every node answers for all."""

import os
from collections import Counter

import pytest
from clustered import JOBS, SHARDS, Nodes, fail, name_on, problems, shards_of
from databases import schema_of
from looking import until
from watchkeeper import IncidentChanged, Record, StoreBusy

from tests.support.left_behind import becomes_true

pytestmark = pytest.mark.needs("postgres")

CHECKS = tuple(name_on(shard, "check") for shard in range(SHARDS))


def counted(ran, name):
    """Returns a function for each check that counts its runs for a node."""
    return {check: lambda check=check: ran.update([(name, check)]) or 3 for check in CHECKS}


def test_each_target_is_probed_by_one_node_and_shown_by_all(nodes):
    ran = Counter()
    for name in ("a", "b"):
        nodes.start(name, checks=counted(ran, name))
    nodes.settle("a", "b")
    where = nodes.by_shard()
    owners = {(where[shard], check) for shard, check in enumerate(CHECKS)}
    # The last run of a former owner may have ended after its shard had gone, on a busy machine.
    for _ in range(2):
        ran.clear()
        until(lambda: all(ran[place] > 3 for place in owners))
    assert {*ran} == owners
    order = [*(each.id for each in JOBS), *CHECKS]
    for runtime in nodes.runtimes.values():
        until(lambda: all(runtime.status()[check].status.value == "up" for check in CHECKS))  # noqa: B023
        status = runtime.status()
        assert [each.id for each in status.targets] == order
        assert [each.name for each in status.nodes if each.is_this] == [
            name for name, each in nodes.runtimes.items() if each is runtime
        ]
        assert sum(each.targets for each in status.nodes) == len(order)
        assert all(runtime.attempts(check) for check in CHECKS)
        assert status.problems == ()
    record = Record(nodes.store)
    assert all(record.samples(check) for check in CHECKS)
    assert set(record.targets()) == {*CHECKS}


def changed(subscription):
    """Returns the targets whose incidents have changed since this was asked last."""
    events = iter(lambda: subscription.get(0.5), None)
    return {event.incident.target for event in events if type(event) is IncidentChanged}


def test_events_are_those_of_the_shards_of_a_node(nodes):
    a, b = nodes.start("a"), nodes.start("b")
    nodes.settle("a", "b")
    with a.subscribe() as of_a, b.subscribe() as of_b:
        for each in JOBS:
            fail(a, each.id)
        mine, others = set(), set()

        def are_all_heard():
            mine.update(changed(of_a))
            others.update(changed(of_b))
            return mine | others == {each.id for each in JOBS}

        until(are_all_heard)
    where = nodes.by_shard()
    assert mine == {each.id for shard, each in enumerate(JOBS) if where[shard] == "a"}
    assert not mine & others


def test_nodes_that_join_take_their_share_and_no_more(nodes):
    nodes.start("a")
    assert shards_of(nodes.runtimes["a"]) == {"a": (0, 1, 2, 3)}
    for names in ("ab", "abc", "abcd", "abcde"):
        nodes.start(names[-1])
        nodes.settle(*names)
        counts = sorted(map(len, shards_of(nodes.runtimes["a"]).values()))
        assert counts[-1] <= -(-SHARDS // len(names)), names
    idle = next(name for name, shards in shards_of(nodes.runtimes["a"]).items() if not shards)
    runtime = nodes.runtimes[idle]
    assert [each.id for each in runtime.status().targets] == [each.id for each in JOBS]
    runtime.heartbeat(JOBS[0].id, detail="from a node without a shard")
    assert runtime.silence("job*", "1h", id="s") == "s"
    runtime.unsilence("s")
    assert runtime.status()[JOBS[0].id].status.value == "up"


def test_the_number_of_shards_and_the_name_of_a_node_have_an_effect(store):
    seen = []
    for shards, name in ((2, "a"), (3, "b"), (3, None)):
        nodes = Nodes(f"{store}_{shards}{name or ''}".replace(f"shards={SHARDS}", f"shards={shards}"))
        try:
            (node,) = nodes.start(name).status().nodes
        finally:
            nodes.close()
        seen.append((node.name, node.shards))
    assert seen[:2] == [("a", (0, 1)), ("b", (0, 1, 2))]
    assert seen[2][0].endswith(f"-{os.getpid()}")


def test_a_node_of_a_taken_name_is_refused_and_the_other_one_goes_on(nodes):
    a = nodes.start("a")
    with pytest.raises(
        StoreBusy, match=r"process \d+ on .* is the node 'a' of .* another name \(--node NAME\)"
    ):
        nodes.made("a").start()
    assert shards_of(a) == {"a": (0, 1, 2, 3)}
    assert problems(a) == {}


def test_a_node_that_was_killed_a_moment_ago_starts_under_its_name(nodes, database_server):
    nodes.start("b")
    table = f"{schema_of(nodes.store)}.node"
    left = f"INSERT INTO {table} SELECT 'a', 'killed', process, clock_timestamp() - interval '2 s', configuration, true, 0 FROM {table}"  # noqa: S608
    database_server.sql(left)
    a = nodes.start("a")
    nodes.settle("a", "b")
    assert problems(a) == {}


def test_a_node_whose_name_was_taken_while_it_was_frozen_gives_its_shards_away(nodes, database_server):
    a, b = nodes.start("a"), nodes.start("b")
    nodes.settle("a", "b")
    table = f"{schema_of(nodes.store)}.node"
    taken = f"UPDATE {table} SET incarnation = 'other', process = 'process 1 on moon', beat_at = clock_timestamp() + interval '1 hour' WHERE name = 'a'"  # noqa: S608
    database_server.sql(taken)
    assert becomes_true(lambda: "process 1 on moon is the node 'a'" in problems(a).get("node", ""))
    assert becomes_true(lambda: not shards_of(b).get("a"))
    database_server.sql(f"DELETE FROM {table} WHERE name = 'a'")  # noqa: S608
    nodes.settle("a", "b")
    assert becomes_true(lambda: problems(a) == {})
