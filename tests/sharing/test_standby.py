"""Processes on one store: one is active, the others stand by, pass commands on and take over."""

import pytest
from host_servers import until


def test_the_second_process_stands_by_and_runs_no_check(host):
    first, second = host(), host()
    assert (first.started, second.started) == ("active", "standby")
    first.wait_for("len(ran) > 3", True)
    assert second.ask("len(ran)") == "0"
    assert second.ask("runtime") == "<Runtime standby: 2 targets, 1 channel>"


def test_a_standby_takes_over_when_the_active_process_is_killed(host):
    first, second = host(), host()
    first.kill()
    second.wait_for("runtime.role", "active")
    second.wait_for("len(ran) > 0", True)
    roles = "(event.role for event in iter(lambda: events.get(60), None) if hasattr(event, 'role'))"
    assert second.ask(f"[role for _, role in zip((1, 2), {roles})]") == "['standby', 'active']"


def test_a_process_that_stopped_stands_by_when_it_starts_again(host):
    first, second = host(), host()
    assert first.ask("bool(runtime.stop()), runtime.role") == "(False, 'stopped')"
    second.wait_for("runtime.role", "active")
    assert first.ask("runtime.start() or runtime.role") == "standby"
    second.ask("runtime.stop()")
    first.wait_for("runtime.role", "active")


def test_a_command_during_the_change_waits_for_the_next_active_process(host):
    first, second = host(), host()
    first.kill()
    assert second.ask("runtime.heartbeat('job')") == "None"
    assert second.ask("runtime.status()['job'].status.value") == "up"
    assert second.role == "active"


def test_a_standby_without_the_web_extra_reads_the_store_and_refuses_commands(host):
    first, second = host(), host("without web")
    first.ask("[runtime.heartbeat('job', ok=False) for _ in range(3)]")
    first.wait_for("len(heard)", 1)
    second.wait_for(
        "(runtime.status()['job'].status.value, runtime.status()['queue'].status.value)", ("down", "up")
    )
    ((part, says),) = eval(second.ask("runtime.status().problems"))  # noqa: S307  # the test's own words
    assert (part, "watchkeeper[web]" in says) == ("standby", True)
    assert second.ask("[each.target for each in runtime.incidents(open_only=True)]") == "['job']"
    assert second.ask("runtime.heartbeat('job')").startswith(
        "NotRunning: a stand-by reaches the active process"
    )
    assert second.ask("runtime.serve('127.0.0.1:8080')").startswith(
        "ConfigurationError: web: needs the extra `web`"
    )


def test_a_forked_child_of_the_active_process_stands_by_at_its_first_use(host):
    first = host()
    used = "in_child(lambda: (runtime.role, runtime.heartbeat('job'), runtime.status().healthy))"
    assert first.ask(used) == "('standby', None, True)"
    assert first.ask("runtime.status()['job'].status.value") == "up"
    assert first.ask("in_child(lambda: (runtime.start(), runtime.role))") == "(None, 'standby')"


def test_a_forked_child_of_a_standby_stands_by(host):
    _, second = host(), host()
    assert second.ask("in_child(lambda: (runtime.role, runtime.heartbeat('job')))") == "('standby', None)"


def test_a_forked_child_takes_over_when_its_parent_is_killed(host):
    first = host()
    assert first.ask("in_child_that_stays(lambda: until(lambda: runtime.role, 'active'))") == "standby"
    first.popen.kill()
    assert first.line() == "True active"


def test_several_processes_that_start_at_once_leave_one_active(host):
    waiting = [host("wait") for _ in range(3)]
    for each in waiting:
        each.popen.stdin.write("runtime.start() or runtime.role\n")
        each.popen.stdin.flush()
    assert sorted(each.line() for each in waiting) == ["active", "standby", "standby"]


@pytest.mark.slow
def test_a_frozen_process_is_replaced_and_stands_by_when_it_thaws(host, store):
    first, second = host(), host()
    first.freeze(store)
    try:
        second.wait_for("runtime.role", "active")
        assert second.ask("runtime.heartbeat('job')") == "None"
    finally:
        first.thaw()
    first.wait_for("runtime.role", "standby")
    assert f"{store} was claimed by process {second.popen.pid} on " in first.next_role_detail
    assert first.ask("runtime.status()['job'].status.value") == "up"
    assert first.ask("runtime.heartbeat('job', detail='thawed')") == "None"
    assert second.ask("runtime.status()['job'].sample.detail") == "thawed"


@pytest.mark.slow
def test_a_successor_that_is_killed_before_the_frozen_owner_thaws_is_followed(host, store):
    first, second, third = host(), host(), host()
    first.freeze(store)
    try:
        until(lambda: "active" in (second.role, third.role))
        successor, last = (second, third) if second.role == "active" else (third, second)
        # The frozen process has the lock: only the silence of the successor shows that it is dead.
        successor.kill()
        last.wait_for("runtime.role", "active")
        assert last.ask("runtime.heartbeat('job')") == "None"
    finally:
        first.thaw()
    first.wait_for("runtime.role", "standby")
    assert first.ask("runtime.status()['job'].status.value") == "up"
