"""A target that moves to another shard takes along when it was heard, its commanded pause, its counts and its open incident."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from clustered import JOBS, SHARDS, fail, job_on, shards_of
from databases import schema_of
from looking import until
from msgspec.structs import replace
from watchkeeper import Composite, Consecutive, Target
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.host.cluster.problem_exchange import ProblemExchange
from watchkeeper.host.cluster.shard_engines import ShardEngines
from watchkeeper.host.cluster.shard_feed import NodeFeed
from watchkeeper.host.configured import ConfiguredTargets
from watchkeeper.host.subscriptions import Subscriptions

pytestmark = pytest.mark.needs("postgres")

FIRST = job_on(0, "alpha")
SECOND = job_on(1, "beta", rules=(Consecutive(id="down", after=3),), default_rules=False)
MISSED = {"rules": (), "default_rules": True}
"""Of a target that is told as soon as one ping is missed."""
APART = (FIRST, SECOND, *JOBS)
WHOLE = Target(id="whole", every="1h", composite=Composite(worst_of=(FIRST.id, SECOND.id)), rules=())
JOINED = (*APART, WHOLE)
"""A composite target joins the two: the second one moves to the shard of the first."""
HOUR_NS = 3_600 * NS_PER_S


class Told:
    """An engine that hears commands."""

    pauses = ()

    def __init__(self):
        self.commands = []

    def tell(self, command):
        self.commands.append(command)


class Unreachable:
    """The row of a node that is never written."""

    name, skew_ns = "a", 0


@pytest.fixture
def rows(nodes, database_server):
    """Returns the rows that a query of the store has; changes are written at once."""

    def ask(query, *said):
        with psycopg.connect(database_server.socket_dsn, autocommit=True) as connection:
            connection.execute(f"SET search_path TO {schema_of(nodes.store)}")
            found = connection.execute(query, said)
            return found.fetchall() if found.description else []

    return ask


def heard(rows):
    return rows("SELECT shard, at_ns FROM heard WHERE target = %s", SECOND.id)


def pauses(rows):
    return rows("SELECT shard, by FROM pause WHERE target = %s", SECOND.id)


def incident_rows(rows):
    return rows("SELECT shard, is_open FROM incident WHERE target = %s", SECOND.id)


def move_by_reload(nodes):
    nodes.runtimes["a"].reload(nodes.configuration(JOINED))
    nodes.settle("a")


def move_by_restart(nodes):
    nodes.stop("a")
    nodes.start("a", JOINED)


@pytest.fixture(params=[move_by_reload, move_by_restart], ids=["reload", "restart"])
def move(request):
    return request.param


def test_a_ping_a_pause_and_a_count_move_along(nodes, rows, move):
    a = nodes.start("a", APART)
    a.heartbeat(FIRST.id)
    for _ in range(2):
        a.heartbeat(SECOND.id, ok=False)
    a.pause(SECOND.id, by="ann")
    a.status()
    ((_, before_ns),) = heard(rows)
    move(nodes)
    a = nodes.runtimes["a"]
    until(lambda: [shard for shard, _ in pauses(rows)] == [0])
    assert a.status()[SECOND.id].paused
    assert pauses(rows) == [(0, "ann")]
    ((shard, after_ns),) = heard(rows)
    assert shard == 0
    assert abs(after_ns - before_ns) < NS_PER_S
    a.resume(SECOND.id)
    assert not a.status()[SECOND.id].paused
    assert pauses(rows) == []
    a.heartbeat(SECOND.id, ok=False)
    nodes.until_told([(SECOND.id, "opened")])


def test_a_ping_that_was_missed_while_a_target_moves_is_told(nodes, rows):
    """By its last ping, two hours ago, it is overdue: on the other shard, too."""
    nodes.start("a", (FIRST, replace(SECOND, default_rules=False, rules=()), *JOBS))
    nodes.runtimes["a"].heartbeat(SECOND.id)
    nodes.stop("a")
    rows("UPDATE heard SET at_ns = at_ns - %s WHERE target = %s", 2 * HOUR_NS, SECOND.id)
    nodes.start("a", (FIRST, replace(SECOND, **MISSED), WHOLE, *JOBS))
    nodes.until_told([(SECOND.id, "opened")])


def test_a_missed_ping_that_was_told_is_not_told_again_on_the_other_shard(nodes, rows):
    nodes.start("a", (FIRST, replace(SECOND, **MISSED), *JOBS))
    nodes.runtimes["a"].heartbeat(SECOND.id)
    nodes.stop("a")
    rows("UPDATE heard SET at_ns = at_ns - %s WHERE target = %s", 2 * HOUR_NS, SECOND.id)
    nodes.start("a", (FIRST, replace(SECOND, **MISSED), *JOBS))
    nodes.until_told([(SECOND.id, "opened")])
    nodes.stop("a")
    a = nodes.start("a", (FIRST, replace(SECOND, **MISSED), WHOLE, *JOBS))
    until(lambda: incident_rows(rows) == [(0, True)])
    a.heartbeat(SECOND.id)
    nodes.until_told([(SECOND.id, "opened"), (SECOND.id, "resolved")])
    assert rows("SELECT count(*) FROM checkpoint WHERE target = %s AND shard <> 0", SECOND.id) == [(0,)]


def test_a_pause_by_one_node_holds_where_another_takes_the_target_over(nodes, rows):
    """The other node is reloaded first, and has never run the shard of the pause."""
    for name in ("a", "b"):
        nodes.start(name, APART)
    nodes.settle("a", "b")
    owner = nodes.by_shard()[1]
    other = "b" if owner == "a" else "a"
    nodes.runtimes[owner].pause(SECOND.id, by="ann")
    nodes.runtimes[owner].heartbeat(SECOND.id)
    nodes.runtimes[other].reload(nodes.configuration(JOINED))
    nodes.runtimes[owner].reload(nodes.configuration(JOINED))
    nodes.settle("a", "b")
    for runtime in nodes.runtimes.values():
        until(lambda: runtime.status()[SECOND.id].paused)  # noqa: B023
    assert pauses(rows) == [(0, "ann")]


def test_a_node_that_is_not_reloaded_yet_reaches_a_target_on_its_new_shard(nodes):
    """It sends pings and commands to the shard on which the target was."""
    for name in ("a", "b"):
        nodes.start(name, APART)
    nodes.settle("a", "b")
    a, b = nodes.runtimes["a"], nodes.runtimes["b"]
    a.reload(nodes.configuration(JOINED))
    until(lambda: shards_of(a) == {"a": (0, 1, 2, 3), "b": ()})
    b.heartbeat(SECOND.id)
    until(lambda: a.status()[SECOND.id].status.value == "up")
    b.pause(SECOND.id, by="ann")
    assert a.status()[SECOND.id].paused


@pytest.mark.slow
def test_a_shard_that_starts_during_a_reload_begins_anew_where_a_target_has_moved(nodes):
    """Its engine was made by the former configuration: it would drop the marks of the target that it gives away."""
    given = nodes.configuration(APART)
    configured = ConfiguredTargets(given, {"announce": print})
    problems = ProblemExchange(Unreachable(), SystemClock())
    engines = ShardEngines(configured, NodeFeed(Subscriptions()), None, "x", str, problems)
    engines.share(SHARDS)
    made = [engines.make(shard, is_outdated=False, known_epoch=0) for shard in range(SHARDS)]
    try:
        configured.apply(configured.diff(nodes.configuration(JOINED)))
        begun = []
        asked = [engines.activate(shard, Told(), lambda: begun.append(1)) for shard in range(SHARDS)]
        assert asked == [False, False, True, True]
        assert len(begun) == SHARDS
    finally:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda engine: engine.stop(NS_PER_S), made))
        engines.close()


def test_a_resumed_target_finds_no_pause_of_its_former_shard(nodes, rows):
    a = nodes.start("a", APART)
    a.pause(SECOND.id, by="ann")
    move_by_reload(nodes)
    until(lambda: pauses(rows) == [(0, "ann")])
    a.resume(SECOND.id)
    a.reload(nodes.configuration(APART))
    nodes.settle("a")
    assert not a.status()[SECOND.id].paused
    assert pauses(rows) == []


def test_an_open_incident_goes_on_and_its_end_is_told_once(nodes, rows, move):
    a = nodes.start("a", APART)
    fail(a, SECOND.id)
    nodes.until_told([(SECOND.id, "opened")])
    ((before,),) = (a.incidents(open_only=True),)
    a.acknowledge(before.id, by="ann")
    nodes.until_told([(SECOND.id, "opened"), (SECOND.id, "acknowledged")])
    move(nodes)
    until(lambda: incident_rows(rows) == [(0, True)])
    a = nodes.runtimes["a"]
    until(lambda: a.status()[SECOND.id].status.value == "down")
    ((after,),) = (a.incidents(open_only=True),)
    assert (after.id, after.acknowledged_by) == (before.id, "ann")
    a.unacknowledge(after.id, by="bob")
    assert a.incidents(open_only=True)[0].acknowledged_by is None, "commands reach it at its new shard"
    # Else the end might be told instead of this.
    nodes.until_told([(SECOND.id, change) for change in ("opened", "acknowledged", "changed")])
    for _ in range(3):
        a.heartbeat(SECOND.id)
    until(lambda: incident_rows(rows) == [(0, False)])
    until(lambda: nodes.told()[-1] == (SECOND.id, "resolved"))
    told = [(notice.incident.id, notice.change.value) for _, notice in nodes.heard]
    assert told == [(before.id, change) for change in ("opened", "acknowledged", "changed", "resolved")]
    assert a.status().problems == ()


def test_a_shard_that_runs_takes_what_another_leaves_for_it(nodes, rows):
    a = nodes.start("a", APART)
    fail(a, SECOND.id)
    nodes.until_told([(SECOND.id, "opened")])
    nodes.stop("a")
    # Which of two shards opens first is left to chance: this one opens without the incident, which its former shard leaves afterwards.
    rows("UPDATE incident SET is_open = false, is_live = false")
    a = nodes.start("a", JOINED)
    rows("UPDATE incident SET is_open = true")
    until(lambda: incident_rows(rows) == [(0, True)])
    for _ in range(3):
        a.heartbeat(SECOND.id)
    nodes.until_told([(SECOND.id, "opened"), (SECOND.id, "resolved")])


def test_an_incident_moves_between_nodes_that_are_reloaded_one_after_the_other(nodes, rows):
    for name in ("a", "b"):
        nodes.start(name, APART)
    nodes.settle("a", "b")
    a, b = nodes.runtimes["a"], nodes.runtimes["b"]
    fail(a, SECOND.id)
    nodes.until_told([(SECOND.id, "opened")])
    a.reload(nodes.configuration(JOINED))
    b.reload(nodes.configuration(JOINED))
    nodes.settle("a", "b")
    for runtime in (a, b):
        until(lambda: [each.target for each in runtime.incidents(open_only=True)] == [SECOND.id])  # noqa: B023
    for _ in range(3):
        b.heartbeat(SECOND.id)
    nodes.until_told([(SECOND.id, "opened"), (SECOND.id, "resolved")])
    assert incident_rows(rows) == [(0, False)]
