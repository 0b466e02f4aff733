"""Nodes in processes of their own: one is killed or frozen, and one is forked."""

from contextlib import ExitStack

import pytest
from clustered import SHARDS
from databases import new_store

from tests.sharing.conftest import HostProcess

pytestmark = pytest.mark.needs("postgres")

HELD = "sum(len(each.shards) for each in runtime.status().nodes if each.is_this)"


@pytest.fixture
def host(database_server, tmp_path, monkeypatch):
    """Starts programs that are nodes of one store, and ends them."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    store = new_store(database_server, SHARDS)
    with ExitStack() as stack:

        def start():
            process = HostProcess(store)
            stack.callback(process.close)
            return process

        yield start


@pytest.mark.slow
def test_a_forked_child_says_that_it_is_to_start_and_is_a_node_then(host):
    process = host()
    verbs = ("heartbeat('job')", "pause('job')", "silence('job', '1h')", "status()", "attempts('job')")
    for verb in verbs:
        said = process.ask(f"in_child(lambda: raised(lambda: runtime.{verb}))")
        assert "start it again in this one after forking" in said, verb
    nodes = "[each.is_this for each in runtime.status().nodes if each.is_alive]"
    started = f"in_child(lambda: (runtime.start(), runtime.heartbeat('job', detail='child'), {nodes}, runtime.stop())[2])"
    assert sorted(process.ask(started).strip("[]").split(", ")) == ["False", "True"]
    process.wait_for(HELD, SHARDS)
    assert process.ask("runtime.status()['job'].status.value") in {"up", "unknown"}
    assert process.ask("runtime.status().problems") == "()"


@pytest.mark.slow
def test_a_killed_node_is_replaced_and_a_command_waits_for_that(host):
    first, second = host(), host()
    second.wait_for(HELD, SHARDS // 2)
    first.wait_for(HELD, SHARDS // 2)
    first.ask("[runtime.heartbeat('job', ok=False) for _ in range(3)]")
    second.wait_for("[each.target for each in runtime.incidents(open_only=True)]", ["job"])
    first.kill()
    assert second.ask("runtime.silence('job', '1h', id='s')") == "s"
    second.wait_for(HELD, SHARDS)
    assert second.ask("[each.id for each in runtime.status().silences]") == "['s']"
    assert second.ask("[each.target for each in runtime.incidents(open_only=True)]") == "['job']"
    assert "1 node silent" in second.ask("dict(runtime.status().problems)['nodes']")
    ran = int(second.ask("len(ran)"))
    second.wait_for(f"len(ran) > {ran + 2}", True)


@pytest.mark.slow
def test_a_frozen_node_is_replaced_and_takes_its_share_again(host):
    first, second = host(), host()
    first.wait_for(HELD, SHARDS // 2)
    first.freeze()
    try:
        second.wait_for(HELD, SHARDS)
        assert second.ask("runtime.heartbeat('job')") == "None"
    finally:
        first.thaw()
    first.wait_for(HELD, SHARDS // 2)
    second.wait_for(HELD, SHARDS // 2)
    for process in (first, second):
        process.wait_for("runtime.status().problems", ())
