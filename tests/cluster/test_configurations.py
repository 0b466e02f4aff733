"""Configurations of nodes: the newest wins, an older node claims nothing, and a reload of all changes targets wherever they lie."""

import pytest
from clustered import JOBS, OPS, SHARDS, fail, job_on, name_on, problems, shards_of
from looking import until
from ports import free_port
from watchkeeper import (
    CallChannel,
    Channel,
    Composite,
    Connectivity,
    Consecutive,
    Record,
    Route,
    StoreError,
    Target,
    Tcp,
    connect,
)
from watchkeeper.adapters.stores.opening import look_at_nodes
from watchkeeper.domain.time.moment import NS_PER_MS

from tests.support.left_behind import becomes_true

pytestmark = pytest.mark.needs("postgres")

LATE = tuple(job_on(shard, "late") for shard in range(SHARDS))
NEWER = "another node has a newer configuration: reload this one"


def targets_of(runtime):
    return [each.id for each in runtime.status().targets]


def test_a_node_with_an_older_configuration_gives_its_shards_away_until_it_is_reloaded(nodes):
    a, b = nodes.start("a"), nodes.start("b")
    nodes.settle("a", "b")
    b.reload(nodes.configuration([*JOBS, *LATE]))
    until(lambda: shards_of(b) == {"a": (), "b": (0, 1, 2, 3)})
    assert problems(a)["node"] == NEWER
    until(lambda: problems(b) == {})
    # A verb reaches the node that runs shards, though the name of the other one comes before.
    assert connect(nodes.store).test_channel("ops").result == "accepted"
    assert [each.has_newest for each in a.status().nodes] == [False, True]
    for each in LATE:
        b.heartbeat(each.id)
    a.reload(nodes.configuration([*JOBS, *LATE]))
    nodes.settle("a", "b")
    for runtime in (a, b):
        assert targets_of(runtime) == [each.id for each in (*JOBS, *LATE)]
        assert becomes_true(lambda: problems(runtime) == {})  # noqa: B023
        runtime.heartbeat(LATE[0].id)
        until(lambda: runtime.status()[LATE[0].id].status.value == "up")  # noqa: B023


def test_a_reload_that_asks_for_another_number_of_shards_is_refused_before_any_is_handed_over(nodes):
    a = nodes.start("a")
    before = {shard: row.epoch for shard, row in enumerate(look_at_nodes(nodes.store).shards)}
    other = nodes.store.replace(f"shards={SHARDS}", "shards=8")
    for store, says in (
        (other, "was made with 4 shards, and its URL says shards=8"),
        (f"postgresql://keeper@127.0.0.1:{free_port()}/postgres", "the store failed while looking at"),
    ):
        with pytest.raises(StoreError, match=says):
            a.reload(nodes.configuration(options={"store": store}))
    assert {shard: row.epoch for shard, row in enumerate(look_at_nodes(nodes.store).shards)} == before
    assert shards_of(a) == {"a": (0, 1, 2, 3)}
    a.heartbeat(JOBS[0].id)


@pytest.mark.slow
def test_an_older_node_takes_what_nobody_else_runs_and_resolves_nothing(nodes):
    a = nodes.start("a")
    b = nodes.start("b", [*JOBS, *LATE])
    until(lambda: shards_of(b) == {"a": (), "b": (0, 1, 2, 3)})
    for each in LATE:
        fail(b, each.id)
    nodes.until_heard(SHARDS)
    nodes.stop("b")
    assert "shards" not in problems(a)
    nodes.settle("a")
    assert {one.target for one in a.incidents(open_only=True)} == {each.id for each in LATE}
    assert len(nodes.heard) == SHARDS


@pytest.mark.slow
def test_targets_are_added_changed_and_removed_wherever_they_lie(nodes):
    a, b = nodes.start("a", [*JOBS, *LATE]), nodes.start("b", [*JOBS, *LATE])
    nodes.settle("a", "b")
    for each in (*JOBS, *LATE):
        fail(a, each.id)
    nodes.until_heard(2 * SHARDS)
    more = tuple(job_on(shard, "more") for shard in range(SHARDS))
    changed = [job_on(shard, group="shop") for shard in range(SHARDS)]
    for runtime in (a, b):
        runtime.reload(nodes.configuration([*changed, *more]))
    nodes.settle("a", "b")
    for runtime in (a, b):
        assert targets_of(runtime) == [each.id for each in (*JOBS, *more)]
        assert {runtime.status()[each.id].metadata.group for each in JOBS} == {"shop"}
        until(lambda: len(runtime.incidents(open_only=True)) == SHARDS)  # noqa: B023
    nodes.until_heard(3 * SHARDS)
    assert sorted(nodes.told())[-SHARDS * 2 :] == sorted(
        (each.id, change) for each in LATE for change in ("opened", "resolved")
    )
    for each in more:
        fail(b, each.id)
    until(lambda: len(a.incidents(open_only=True)) == 2 * SHARDS)


def test_a_reload_that_restarts_gives_the_shards_back(nodes):
    a, b = nodes.start("a"), nodes.start("b")
    nodes.settle("a", "b")
    fail(a, JOBS[0].id)
    other = Channel(id="other", call=CallChannel(name="announce"))
    for runtime in (a, b):
        runtime.reload(nodes.configuration(channels=[OPS, other]))
    nodes.settle("a", "b")
    for runtime in (a, b):
        assert runtime.test_channel("other").result == "accepted"
        until(lambda: problems(runtime) == {})  # noqa: B023
        assert [one.target for one in runtime.incidents(open_only=True)] == [JOBS[0].id]
    assert [each for each in nodes.told() if each[0] == JOBS[0].id] == [(JOBS[0].id, "opened")]


def checked(name, **named):
    return Target(id=name, every="50ms", timeout="50ms", tcp=Tcp(host="127.0.0.1", port=1), **named)


def test_a_target_that_moves_to_another_shard_keeps_its_history(nodes):
    """A dependency joins two targets: one of them moves to the shard of the other."""
    first, second = name_on(0, "alpha"), name_on(1, "beta")
    runtime = nodes.start("a", [checked(first, rules=()), checked(second, rules=()), job_on(1)])
    record = Record(nodes.store)
    until(lambda: {first, second} <= {*record.targets()})
    fail(runtime, job_on(1).id)
    moved = checked(second, rules=(), depends_on=[first])
    runtime.reload(nodes.configuration([checked(first, rules=()), moved, job_on(1)]))
    before = record.samples(second)
    until(lambda: len(record.samples(second)) > len(before) + 3)
    after = record.samples(second)
    assert after[: len(before)] == before
    assert [each.at_ns for each in after] == sorted({each.at_ns for each in after})
    assert record.targets() == tuple(sorted((first, second, job_on(1).id)))
    assert record.uptime(second).count >= len(after)
    assert sum(day[second].count for _, day in record.days("1d")) >= len(after)
    assert runtime.status()[second].samples > 0


def test_a_member_that_moves_to_the_shard_of_its_composite_target_keeps_its_incident(nodes):
    first, second = job_on(0, "alpha"), job_on(1, "beta")
    a = nodes.start("a", [first, second])
    fail(a, second.id)
    nodes.until_told([(second.id, "opened")])
    both = Target(id="whole", every="1s", composite=Composite(worst_of=(first.id, second.id)), rules=())
    a.reload(nodes.configuration([first, second, both]))
    until(lambda: both.id in {row.id for row in a.status().targets})
    a.heartbeat(second.id, ok=False)
    assert until(lambda: a.status()["whole"].raw.value == "down")
    assert [each.target for each in a.incidents(open_only=True)] == [second.id]
    # Under one key: a busy machine may stop its shard before the answer of the channel is recorded.
    assert len({notice.key for _, notice in nodes.heard}) == 1, nodes.heard


def test_a_target_that_a_new_configuration_lacks_is_resolved_at_the_start(nodes):
    a = nodes.start("a", [*JOBS, *LATE])
    for each in LATE:
        fail(a, each.id)
    nodes.until_heard(SHARDS)
    nodes.stop("a")
    a = nodes.start("a")
    nodes.until_heard(2 * SHARDS)
    assert a.incidents(open_only=True) == ()
    assert {change for _, change in nodes.told()[SHARDS:]} == {"resolved"}


def test_a_renamed_target_goes_on_on_its_shard(nodes):
    old = job_on(2)
    a, b = nodes.start("a", [old]), nodes.start("b", [old])
    nodes.settle("a", "b")
    fail(a, old.id)
    nodes.until_heard(1)
    new = Target(id="renamed", every="1h", heartbeat=old.heartbeat, notify=("ops",), renamed_from=[old.id])
    for runtime in (a, b):
        runtime.reload(nodes.configuration([new]))
    nodes.settle("a", "b")
    for runtime in (a, b):
        until(lambda: [one.target for one in runtime.incidents(open_only=True)] == ["renamed"])  # noqa: B023
    b.heartbeat("renamed")
    nodes.until_heard(3)
    assert nodes.told() == [(old.id, "opened"), ("renamed", "changed"), ("renamed", "resolved")]


def test_a_digest_needs_its_targets_on_one_shard(nodes):
    targets = [job_on(shard, group="shop", notify=()) for shard in range(SHARDS)]
    # On a busy machine the incidents open one after the other: the first digest has some of them then, and the next one all.
    route = Route(
        match=["group=shop"], to=["ops"], group_by=["group"], group_wait="500ms", group_interval="1s"
    )
    a = nodes.start("a", targets, routes=[route])
    nodes.start("b", targets, routes=[route])
    nodes.settle("a", "b")
    for each in targets:
        fail(a, each.id)
    until(lambda: len(a.incidents(open_only=True)) == SHARDS)

    def told():
        """The targets of the newest digest."""
        return {each.target for _, notice in nodes.heard[-1:] for each in notice.digest.members}

    until(lambda: told() == {each.id for each in targets})


def test_a_lost_network_blinds_every_shard_and_is_recorded_once(nodes):
    gateway = checked(name_on(0, "gateway"))
    # After a take-over a shard hears of a site and of the gateway in any order.
    patient = {"rules": (Consecutive(id="down", after=100),), "default_rules": False}
    others = [checked(name_on(shard, "site"), **patient) for shard in range(SHARDS)]
    options = {"connectivity": Connectivity(targets=(gateway.id,), every="50ms"), "notify": ("ops",)}
    for name in ("a", "b"):
        nodes.start(name, [gateway, *others], options=options)
    nodes.settle("a", "b")
    record = Record(nodes.store)
    for runtime in nodes.runtimes.values():
        until(lambda: "all of gateway" in problems(runtime).get("network", ""))  # noqa: B023
        until(lambda: {each.status.value for each in runtime.status().targets} == {"unknown"})  # noqa: B023
        assert runtime.incidents(open_only=True) == ()
    until(lambda: len(record.samples(gateway.id)) > 11)
    at = [each.at_ns for each in record.samples(gateway.id)]
    # Once for each tick, whether its answer came early or late: the shards that probe the target for themselves would double that.
    assert len(at) <= (at[-1] - at[0]) / (50 * NS_PER_MS) + 3
    assert record.targets().count(gateway.id) == 1
    nodes.stop("b")
    nodes.settle("a")
    a = nodes.runtimes["a"]
    until(lambda: all(each.sample for each in a.status().targets))
    assert a.incidents(open_only=True) == ()
