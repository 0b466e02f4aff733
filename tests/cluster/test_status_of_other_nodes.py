"""The status of targets of another node is what that node says of them: since when, what runs, and what each location found."""

from datetime import timedelta

import pytest
from clustered import fail, job_on, name_on, two_nodes
from hostile.server import HostileServer
from looking import until
from nats_server import NatsServer
from watchkeeper import Agent, Agents, Composite, Consecutive, Heartbeat, Target, Tcp, connect

pytestmark = pytest.mark.needs("postgres")

SHARD = 1
CHECK = name_on(SHARD, "check")
WELL, ILL, RUNS, NEVER, PAUSED = (
    job_on(SHARD, prefix) for prefix in ("well", "ill", "runs", "never", "paused")
)
FIRST = job_on(SHARD, "first")
BOTH = Target(
    id=name_on(SHARD, "both"),
    every="1s",
    composite=Composite(worst_of=(FIRST.id,)),
    rules=(Consecutive(id="down", after=1),),
    default_rules=False,
    notify=(),
)
RARE = Target(id=name_on(SHARD, "rare"), every="30d", heartbeat=Heartbeat(grace="1h"), notify=())


@pytest.fixture(scope="module")
def nodes(database_server, tmp_path_factory):
    with two_nodes(
        database_server,
        tmp_path_factory.mktemp("state"),
        targets=[WELL, ILL, RUNS, NEVER, PAUSED, RARE, FIRST, BOTH],
        checks={CHECK: lambda: 3},
    ) as made:
        yield made


@pytest.fixture(scope="module")
def pair(nodes):
    """The node that runs the shard of the targets, and the other one."""
    near = nodes.by_shard()[SHARD]
    return nodes.runtimes[near], nodes.runtimes["b" if near == "a" else "a"]


def agree(pair, target):
    """Waits until both nodes say the same of a target, and returns its status."""
    near, far = pair

    def said(runtime):
        row = runtime.status()[target]
        heard_us = row.heard_ns and row.heard_ns // 1_000  # a store keeps microseconds
        return row.status.value, row.since_ns, row.kind == "heartbeat" and heard_us

    assert until(lambda: said(near) == said(far))
    return said(near)[0]


def test_a_target_that_is_up_is_so_since_the_moment_that_its_node_says(pair):
    near, _ = pair
    assert until(lambda: near.status()[CHECK].samples > 3)
    assert agree(pair, CHECK) == "up"


def test_a_job_is_as_it_is_since_its_report(pair):
    near, _ = pair
    for job in (WELL, RARE):
        near.heartbeat(job.id)
        assert until(lambda: near.status()[job.id].status.value == "up")  # noqa: B023
        assert agree(pair, job.id) == "up"


def test_an_outage_that_ends_is_dated_as_its_node_dates_it(pair):
    near, _ = pair
    fail(near, ILL.id)
    assert until(lambda: near.status()[ILL.id].status.value == "down")
    assert agree(pair, ILL.id) == "down"
    near.heartbeat(ILL.id)
    assert until(lambda: near.status()[ILL.id].status.value == "up")
    assert agree(pair, ILL.id) == "up"


def test_a_composite_target_is_told_alike(pair):
    fail(pair[0], FIRST.id)
    assert until(lambda: all(runtime.status()[BOTH.id].status.value == "down" for runtime in pair))
    assert agree(pair, BOTH.id) == "down"

    def said(runtime):
        row = runtime.status()[BOTH.id]
        return row.explanation, row.sample and row.sample.explanation()

    assert until(lambda: said(pair[0]) == said(pair[1]))


def test_a_second_pause_is_dated_anew_and_alike(pair):
    near, far = pair
    dated = []
    for _ in range(2):
        near.pause(PAUSED.id)
        assert until(lambda: near.status()[PAUSED.id].paused)
        assert until(lambda: far.status()[PAUSED.id].paused)
        dated.append(far.status()[PAUSED.id].since_ns)
        assert near.status()[PAUSED.id].since_ns == dated[-1]
        near.resume(PAUSED.id)
        assert until(lambda: not far.status()[PAUSED.id].paused)
    assert dated[0] < dated[1]


@pytest.fixture
def jobs(nodes):
    """Returns a job as each node tells it."""
    clients = [connect(nodes.store, node=name) for name in ("a", "b")]
    return lambda job: [client.target(job.id).job for client in clients]


def test_a_job_that_runs_does_so_at_every_node(pair, jobs):
    near, _ = pair
    with near.job(RUNS.id):
        assert until(lambda: None not in [each.running_since for each in jobs(RUNS)])
    assert until(lambda: [each.running_since for each in jobs(RUNS)] == [None, None])


def test_a_job_that_was_never_heard_is_expected_at_the_same_moment_everywhere(jobs):
    def is_agreed():
        near, far = (each.expected_at for each in jobs(NEVER))
        # The record has a moment as the time that has passed since, to the microsecond or so.
        return near is not None and far is not None and abs(near - far) < timedelta(seconds=0.1)

    assert until(is_agreed)


@pytest.mark.needs("nats")
def test_the_findings_of_locations_are_known_at_every_node(database_server, tmp_path):
    with (
        NatsServer("fra", "iad") as nats,
        HostileServer(greeting=lambda visit: visit.wait_for_client_to_leave()) as server,
        Agent(location="fra", nats=nats.url("fra")),
    ):
        shop = Target(
            id=name_on(SHARD, "shop"),
            every="1s",
            timeout="1s",
            tcp=Tcp(host="127.0.0.1", port=server.port),
            # No agent serves iad, whose word would decide.
            locations=["fra", "iad"],
            quorum=1,
            notify=(),
        )
        agents = Agents(nats=nats.url(), locations=["fra", "iad"])
        with two_nodes(database_server, tmp_path, targets=[shop], agents=agents) as nodes:
            near = nodes.by_shard()[SHARD]
            at = {name: nodes.runtimes[name] for name in (near, "b" if near == "a" else "a")}

            def found(runtime):
                return [
                    (each.location, each.outcome.value, each.reason.value)
                    for each in runtime.status()[shop.id].locations
                ]

            wanted = [("fra", "up", "ok"), ("iad", "unknown", "location_silent")]
            for runtime in at.values():
                assert until(lambda: found(runtime) == wanted)  # noqa: B023
