"""Every verb at a node that does not run the shard: the owner obeys, and errors are those of one process."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from click.testing import CliRunner
from clustered import JOBS, SHARDS, fail, job_on, name_on, problems, two_nodes
from databases import schema_of
from looking import until
from watchkeeper import Route, StoreError, UnknownName, UsageError, connect
from watchkeeper.adapters.stores.opening import look_at_nodes
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.output import ExitStatus

pytestmark = pytest.mark.needs("postgres")

SHOP = Route(id="shop", match=["group=shop"], to=["ops"])
CHECK = name_on(1, "check")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO command%'"
TRIES_MAX = 8


@pytest.fixture(scope="module")
def nodes(database_server, tmp_path_factory):
    with two_nodes(
        database_server, tmp_path_factory.mktemp("state"), routes=[SHOP], checks={CHECK: lambda: 3}
    ) as made:
        yield made


@pytest.fixture
def pair(nodes):
    """Returns, for a shard, the node that runs it and the other one."""

    def of(shard):
        near = nodes.by_shard()[shard]
        return nodes.runtimes[near], nodes.runtimes["b" if near == "a" else "a"]

    return of


def job(shard):
    return JOBS[shard].id


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_heartbeat_reaches_the_node_that_runs_the_shard(pair, shard):
    near, far = pair(shard)
    far.heartbeat(job(shard), detail="from afar")
    assert near.status()[job(shard)].sample.detail == "from afar"
    assert far.status()[job(shard)].status.value == "up"


def test_a_job_reports_its_start_and_its_end_from_another_node(pair):
    near, far = pair(0)
    before = near.status()[job(0)].samples
    with far.job(job(0)):
        pass
    assert near.status()[job(0)].samples == before + 1


def test_a_pause_and_its_end_are_obeyed_and_seen_by_both(pair):
    near, far = pair(1)
    far.pause(CHECK, by="ann")
    assert near.status()[CHECK].paused
    assert far.status()[CHECK].status.value == "paused"
    with pytest.raises(UsageError, match="is paused: resume it before it is checked"):
        far.check_now(CHECK)
    far.resume(CHECK)
    assert not near.status()[CHECK].paused
    assert not far.status()[CHECK].paused


def test_a_target_of_another_node_is_shown_as_its_own_node_shows_it(pair):
    """Its newest answer, and since when it is as it is."""
    near, far = pair(1)
    assert until(lambda: near.status()[CHECK].sample is not None)
    assert until(lambda: far.status()[CHECK].sample is not None)

    def said(runtime):
        row = runtime.status()[CHECK]
        return row.status, row.sample.outcome, row.sample.reason

    assert until(lambda: said(near) == said(far))
    there = far.status()[CHECK]
    assert there.sample.latency_ns is not None
    sampled_ns = there.sample.at.wall_ns
    assert until(lambda: far.status()[CHECK].sample.at.wall_ns > sampled_ns)
    # A gap between two checks of a busy machine begins the status anew, at both.
    assert until(lambda: far.status()[CHECK].since_ns == near.status()[CHECK].since_ns)


def test_a_heartbeat_of_a_paused_target_of_another_node_says_that_it_counts_for_nothing(nodes, pair):
    _, far = pair(3)
    far.pause(job(3))
    try:
        for name in ("a", "b"):
            assert connect(nodes.store, node=name).heartbeat(job(3)).paused
    finally:
        far.resume(job(3))


def test_a_command_that_waits_holds_up_no_other_request_and_costs_no_shard(nodes, pair, database_server):
    """The table of commands is locked for longer than a wait for a lock lasts: a second."""
    near, far = pair(1)
    client = connect(nodes.store, node=next(each.name for each in far.status().nodes if each.is_this))
    client.target_names()
    epochs = [row.epoch for row in look_at_nodes(nodes.store).shards]
    with (
        psycopg.connect(database_server.socket_dsn) as held,
        psycopg.connect(database_server.socket_dsn, autocommit=True) as looking,
        ThreadPoolExecutor(1) as others,
    ):
        held.execute(f"LOCK TABLE {schema_of(nodes.store)}.command IN ACCESS EXCLUSIVE MODE")

        def is_answered_meanwhile():
            paused = others.submit(client.pause, CHECK)
            assert until(lambda: paused.done() or looking.execute(WAITING).fetchone() == (1,))
            client.target_names()
            waits = not paused.done()
            assert "nothing was done: another connection holds a lock on a table" in str(paused.exception())
            assert isinstance(paused.exception(), StoreError)
            return waits

        # On a busy machine the other request may take a second by itself: then once more.
        assert any(is_answered_meanwhile() for _ in range(TRIES_MAX))
        # Every node has others to tell of a silence, whichever of them the verb reaches.
        ended = CliRunner().invoke(cli, ["silence", CHECK, "--for", "1h", "--store", nodes.store])
        assert (ended.exit_code, "nothing was done: another connection holds a lock" in ended.stderr) == (
            ExitStatus.STORE,
            True,
        )
        assert until(lambda: "node" in problems(far))
    assert until(lambda: problems(far) == {} == problems(near))
    assert [row.epoch for row in look_at_nodes(nodes.store).shards] == epochs
    assert not near.status()[CHECK].paused


def test_an_attempt_is_started_by_another_node(pair):
    near, far = pair(1)
    before = near.attempts(CHECK)
    far.check_now(CHECK)
    assert until(lambda: near.attempts(CHECK) != before)
    assert until(lambda: far.attempts(CHECK)[-1].outcome == "up")
    with pytest.raises(UsageError, match="is a heartbeat: its job reports"):
        pair(2)[1].check_now(job(2))


def test_an_incident_is_acknowledged_and_that_withdrawn_by_another_node(pair):
    near, far = pair(2)
    fail(far, job(2))
    (incident,) = [one for one in near.incidents(open_only=True) if one.target == job(2)]
    far.acknowledge(incident.id, by="ann", note="mine")
    (seen,) = [one for one in near.incidents(open_only=True) if one.id == incident.id]
    assert seen.acknowledged_by == "ann"
    assert until(lambda: [one.acknowledged_by for one in far.incidents() if one.id == incident.id] == ["ann"])
    far.unacknowledge(incident.id, by="ann")
    (seen,) = [one for one in near.incidents(open_only=True) if one.id == incident.id]
    assert seen.acknowledged_by is None
    far.heartbeat(job(2))
    for runtime in (near, far):
        with pytest.raises(UnknownName, match="no open incident is"):
            runtime.acknowledge(incident.id, by="ann")


@pytest.mark.parametrize("ends", [0, 1])
def test_a_silence_holds_on_every_shard_and_is_shown_once(nodes, pair, ends):
    runtimes = pair(0)
    runtimes[0].silence("job*", "1h", id="s", by="ann")
    for runtime in runtimes:
        status = runtime.status()
        assert [each.id for each in status.silences] == ["s"]
        assert [len(status[each.id].silences) for each in JOBS] == [1] * SHARDS
    assert runtimes[1].preview_silence("job*", "1h").targets == tuple(each.id for each in JOBS)
    runtimes[ends].unsilence("s", by="ann")
    assert [runtime.status().silences for runtime in runtimes] == [(), ()]
    for runtime in runtimes:
        with pytest.raises(UnknownName, match="no silence"):
            runtime.unsilence("s")


@pytest.mark.parametrize("at", [0, 1])
def test_an_announcement_is_made_and_ended_at_any_node(pair, at):
    runtimes = pair(0)
    name = runtimes[at].announce("Slow", by="ann")
    for runtime in runtimes:
        assert [each.id for each in runtime.status().announcements] == [name]
    runtimes[1 - at].end_announcement(name)
    for runtime in runtimes:
        assert runtime.status().announcements == ()
        with pytest.raises(UnknownName, match="no announcement"):
            runtime.end_announcement(name)


@pytest.mark.parametrize("at", [0, 1])
def test_a_drill_is_begun_and_ended_at_any_node(nodes, pair, at):
    runtimes = pair(0)
    name = runtimes[at].drill("shop", by="ann")
    for runtime in runtimes:
        assert until(lambda: name in [one.id for one in runtime.incidents(open_only=True)])  # noqa: B023
    runtimes[1 - at].end_drill(name)
    for runtime in runtimes:
        assert until(lambda: name not in [one.id for one in runtime.incidents(open_only=True)])  # noqa: B023
        with pytest.raises(UnknownName):
            runtime.end_drill(name)
        with pytest.raises(UnknownName, match="no route"):
            runtime.drill("shap")


def test_a_test_of_a_channel_and_a_redrive_are_answered_by_any_node(pair):
    for runtime in pair(0):
        assert runtime.test_channel("ops", by="ann").result == "accepted"
        assert runtime.redrive("none") is False
        with pytest.raises(UnknownName, match="did you mean ops"):
            runtime.test_channel("op")


def test_errors_are_those_of_one_process(pair):
    for runtime in pair(1):
        for refused in (
            runtime.pause,
            runtime.resume,
            runtime.check_now,
            runtime.heartbeat,
            runtime.attempts,
        ):
            with pytest.raises(UnknownName, match=f"did you mean {job(1)}"):
                refused(f"{job(1)}x")
        with pytest.raises(UnknownName):
            runtime.silence("jab", "1h")
        with pytest.raises(UnknownName):
            runtime.acknowledge("none", by="ann")
        for report in (runtime.heartbeat, runtime.job):
            with pytest.raises(UsageError, match="takes no heartbeats"):
                report(CHECK)
        for stated in (
            lambda: runtime.track(job_on(3, "late")),  # noqa: B023
            lambda: runtime.untrack(job(0)),  # noqa: B023
            lambda: runtime.check("late")(lambda: 3),  # noqa: B023
        ):
            with pytest.raises(UsageError, match="several nodes share this store: state the target"):
                stated()


def test_a_node_answers_for_all_shards_on_an_event_loop(pair):
    async def asked(runtime):
        status = await runtime.aio.status()
        await runtime.aio.attempts(CHECK)
        return (
            [each.id for each in status.targets],
            isinstance(await runtime.aio.incidents(), tuple),
            (await runtime.aio.test_channel("ops")).result,
            await runtime.aio.redrive("none"),
        )

    for runtime in pair(1):
        assert asyncio.run(asked(runtime)) == ([*(each.id for each in JOBS), CHECK], True, "accepted", False)
