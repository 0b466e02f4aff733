"""Own problems of shards and nodes are told once each, by the owner of the first shard, wherever they are."""

import threading

import psycopg
import pytest
from clustered import OPS, SHARDS, fail, job_on, problems
from databases import schema_of
from looking import WITHIN_S, until
from watchkeeper import CallChannel, Channel, HealthChanged
from watchkeeper.domain import limits
from watchkeeper.domain.time.moment import NS_PER_MS

pytestmark = pytest.mark.needs("postgres")

PAGED = tuple(job_on(shard, "paged", notify=("pager",)) for shard in range(SHARDS))


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """Tenths of a second stand for minutes."""
    monkeypatch.setattr(limits, "OWN_PROBLEMS_EVERY_NS", 50 * NS_PER_MS)
    monkeypatch.setattr(limits, "NODE_PROBLEMS_EVERY_NS", 0)
    monkeypatch.setattr(limits, "NODE_TOLD_NS", 50 * NS_PER_MS)
    monkeypatch.setattr(limits, "OWN_CHANNEL_PATIENCE_NS", 100 * NS_PER_MS)
    monkeypatch.setattr(limits, "OWN_SILENCE_PATIENCE_NS", 100 * NS_PER_MS)
    monkeypatch.setattr(limits, "OWN_PROBLEM_GONE_NS", 200 * NS_PER_MS)


class Pager:
    """A receiver that refuses until it works."""

    def __init__(self):
        self.works = threading.Event()

    def __call__(self, notice):
        return self.works.is_set()


@pytest.fixture
def paged(nodes):
    """Two nodes whose channel `pager` is dead, and which tell `ops` of it; the name of the owner of the first shard comes first."""
    pager = Pager()
    channels = [OPS, Channel(id="pager", call=CallChannel(name="page"))]
    for name in ("a", "b"):
        nodes.start(name, PAGED, channels=channels, callables={"page": pager}, options={"notify": ("ops",)})
    nodes.settle("a", "b")
    first = nodes.by_shard()[0]
    return pager, first, "b" if first == "a" else "a"


def own(nodes):
    """Returns what was told of the runtime itself."""
    return [
        (name, notice.incident.rule, notice.change.value)
        for name, notice in nodes.heard
        if notice.incident.target == "watchkeeper"
    ]


def test_a_channel_that_is_dead_for_one_shard_of_another_node_is_told_once(nodes, paged, database_server):
    _, first, other = paged
    (shard, *_) = [shard for shard, name in nodes.by_shard().items() if name == other]
    fail(nodes.runtimes[first], PAGED[shard].id)
    until(lambda: own(nodes))
    (incident,) = [
        each for each in nodes.runtimes[other].incidents(open_only=True) if each.target == "watchkeeper"
    ]
    assert (incident.rule, incident.severity) == ("channel pager", "warning")
    assert incident.cause == f"node {other}: it returned False"
    assert "channel pager" not in problems(nodes.runtimes[first])
    assert own(nodes) == [(first, "channel pager", "opened")]
    with psycopg.connect(database_server.socket_dsn, autocommit=True) as connection:
        query = f"SELECT name, problems <> '' FROM {schema_of(nodes.store)}.node ORDER BY name"  # noqa: S608
        assert dict(connection.execute(query).fetchall())[other]
        nodes.stop(other)
        assert other not in dict(connection.execute(query).fetchall()), "its problems end with its row"


@pytest.mark.slow
def test_a_channel_that_is_dead_for_all_shards_is_one_incident_and_survives_its_teller(nodes, paged):
    """The node that told of it stops in order: the next owner of the first shard repeats nothing and tells of the end."""
    pager, first, other = paged
    for each in PAGED:
        fail(nodes.runtimes[other], each.id)
    until(lambda: own(nodes))
    nodes.stop(first)
    nodes.settle(other)
    until(lambda: "channel pager" in problems(nodes.runtimes[other]))
    pager.works.set()
    until(lambda: len(own(nodes)) == 2)
    assert own(nodes) == [(first, "channel pager", "opened"), (other, "channel pager", "resolved")]


@pytest.fixture
def set_beat(nodes, database_server):
    """Writes the row of another node `b`, whose last sign of life was so long ago."""

    def write(ago):
        table = f"{schema_of(nodes.store)}.node"
        with psycopg.connect(database_server.socket_dsn, autocommit=True) as connection:
            connection.execute(
                f"INSERT INTO {table} (name, incarnation, process, beat_at, configuration, is_able, skew_ns, known)"  # noqa: S608
                " SELECT 'b', 'x', 'process 7 on mon2', clock_timestamp() - %s::interval, '', false, 0, known"
                f" FROM {table} WHERE name = 'a'"
                " ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at",
                (ago,),
            )

    return write


def test_a_problem_of_nodes_is_an_event_of_each_and_its_end_too(nodes, set_beat):
    a = nodes.start("a")
    with a.subscribe() as events:

        def next_of_nodes():
            heard = iter(lambda: events.get(WITHIN_S), None)
            return next(each for each in heard if isinstance(each, HealthChanged) and each.part == "nodes")

        set_beat("10 minutes")
        assert next_of_nodes().detail == "1 node silent: b (process 7 on mon2)"
        set_beat("-1 hour")
        assert next_of_nodes().detail == ""


@pytest.mark.slow
def test_a_silent_node_is_told_once_and_its_return_too(nodes, set_beat):
    a = nodes.start("a", options={"notify": ("ops",)})
    set_beat("10 minutes")
    until(lambda: "nodes" in problems(a))
    until(lambda: own(nodes))
    (incident,) = a.incidents(open_only=True)
    assert (incident.rule, incident.cause) == ("silent node b", "process 7 on mon2 shows no sign of life")
    set_beat("0 s")
    until(lambda: len(own(nodes)) == 2)
    assert own(nodes) == [("a", "silent node b", "opened"), ("a", "silent node b", "resolved")]
