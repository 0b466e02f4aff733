"""Processes on one store in PostgreSQL: one is active, the others stand by, pass commands on and take over."""

import pytest
from databases import new_store
from postgres_server import PostgresServer

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture
def store(database_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return new_store(database_server)


def test_the_second_process_stands_by_and_passes_commands_on(host):
    first, second = host(), host()
    assert (first.started, second.started) == ("active", "standby")
    first.wait_for("len(ran) > 3", True)
    assert second.ask("len(ran)") == "0"
    assert second.ask("runtime.heartbeat('job', detail='well')") == "None"
    assert first.ask("runtime.status()['job'].sample.detail") == "well"
    assert second.ask("runtime.status()['queue'].status.value") == "up"


def test_a_standby_takes_over_when_the_active_process_stops(host):
    first, second = host(), host()
    first.ask("[runtime.heartbeat('job', ok=False) for _ in range(3)]")
    first.wait_for("len(heard)", 1)
    assert first.ask("bool(runtime.stop())") == "False"
    second.wait_for("runtime.role", "active")
    assert second.ask("[each.target for each in runtime.incidents(open_only=True)]") == "['job']"
    assert second.ask("len(heard)") == "0", "it was told once"


def test_a_forked_child_stands_by_and_leaves_the_connection_to_its_parent(host):
    first = host()
    assert first.ask("in_child(lambda: (runtime.role, runtime.heartbeat('job')))") == "('standby', None)"
    assert first.ask("runtime.heartbeat('job', detail='mine')") == "None"
    assert (first.role, first.ask("runtime.status().problems")) == ("active", "()")


@pytest.mark.slow
def test_a_standby_takes_over_when_the_active_process_is_killed(host):
    first, second = host(), host()
    first.kill()
    second.wait_for("runtime.role", "active")
    second.wait_for("len(ran) > 0", True)


@pytest.mark.slow
def test_a_frozen_process_is_replaced_and_stands_by_when_it_thaws(host):
    first, second = host(), host()
    first.freeze()
    try:
        second.wait_for("runtime.role", "active")
        assert second.ask("runtime.heartbeat('job')") == "None"
    finally:
        first.thaw()
    first.wait_for("runtime.role", "standby")
    assert f"was claimed by process {second.popen.pid} on " in first.next_role_detail
    assert first.ask("runtime.heartbeat('job', detail='thawed')") == "None"
    assert second.ask("runtime.status()['job'].sample.detail") == "thawed"


@pytest.mark.slow
def test_an_incident_during_an_outage_of_the_database_is_told_once_when_it_is_back(
    host, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with PostgresServer() as server:
        process = host(at=new_store(server))
        server.kill()
        process.wait_for("[part for part, _ in runtime.status().problems]", ["store"])
        process.ask("[runtime.heartbeat('job', ok=False) for _ in range(3)]")
        process.wait_for("runtime.status()['job'].status.value", "down")
        assert process.ask("len(heard)") == "0", "nothing is told before it is recorded"
        server.start()
        process.wait_for("len(heard)", 1)
        process.wait_for("runtime.status().problems", ())
        assert process.ask("runtime.incidents(open_only=True)[0].sequence") == "1"
        assert process.ask("bool(runtime.stop()), len(heard)") == "(False, 1)"
