"""A restart of the process, or of an actor, keeps the time for which a target has been silent."""

import pytest
from watchkeeper.domain.read_model.job import job_of
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.rule import Consecutive, NoData
from watchkeeper.domain.supervision.last_heard import LastHeard
from watchkeeper.protocol.supervisor import LastHeardResumed
from watchkeeper.testing.world import World

from tests.actors.flow.driver import run_to_start

S = 1_000_000_000
H = 3_600 * S
QUICK = (Consecutive(id="down", after=1, recover=1),)


def nightly(shop, **fields):
    said = {"every": "24h", "tcp": None, "heartbeat": Heartbeat(grace="1h"), "rules": QUICK} | fields
    return shop("nightly", **said)


def silent(shop, **fields):
    return shop(**({"every": "1s", "timeout": "1s", "rules": (NoData(id="silent", after="5s"),)} | fields))


def crash_supervisor(world):
    world.system.supervisor.tell("no message")


@pytest.mark.parametrize("how", [World.restart, World.crash])
def test_a_heartbeat_is_missed_in_time_though_the_process_restarts_every_day(shop, how):
    world = World([nightly(shop)])
    world.run("1h")
    world.heartbeat("nightly")
    beat = world.now
    for _ in range(5):
        world.run("23h")
        how(world)
    assert [incident.opened_at_ns for incident in world.incidents()] == [beat.wall_ns + 25 * H]
    assert world.delivered("ops") == ["nightly/down opened"]


def test_a_heartbeat_that_became_due_while_nothing_ran_is_missed_at_once(shop):
    world = World([nightly(shop)])
    world.heartbeat("nightly")
    beat = world.now
    world.run("24h45m")
    world.restart("30m")
    world.run("1s")
    assert [incident.opened_at_ns for incident in world.incidents()] == [beat.wall_ns + 25 * H]


def test_a_heartbeat_never_heard_counts_from_when_it_was_first_tracked(shop):
    world = World([nightly(shop)])
    first = world.now
    for _ in range(3):
        world.run("10h")
        world.restart()
    assert [incident.opened_at_ns for incident in world.incidents()] == [first.wall_ns + 25 * H]


def test_a_miss_that_was_counted_before_a_restart_counts_once(shop):
    world = World([nightly(shop, rules=(Consecutive(id="down", after=2, recover=1),))])
    world.heartbeat("nightly")
    beat = world.now
    world.run("26h")
    world.restart()
    world.run("22h")
    assert world.incidents() == ()
    world.run("2h")
    assert [incident.opened_at_ns for incident in world.incidents()] == [beat.wall_ns + 25 * H]


@pytest.mark.parametrize("how", [World.restart, World.crash, crash_supervisor])
def test_misses_in_a_row_take_their_periods_though_the_process_restarts_at_once(shop, how):
    rules = (Consecutive(id="down", after=3, recover=1),)
    world = World([nightly(shop, every="1m", heartbeat=Heartbeat(grace="10s"), rules=rules)])
    world.heartbeat("nightly")
    world.run("30s")
    world.restart("30m")
    began = world.now
    world.run("2s")
    for _ in range(4):
        how(world)
        world.run("2s")
    assert world.incidents() == ()
    world.run("3m")
    (incident,) = world.incidents()
    assert incident.reason == "heartbeat_missed"
    assert world.notices("ops")[0].incident.at_ns > began.wall_ns + 60 * S


def test_a_long_stop_is_no_silence_of_a_heartbeat(shop):
    world = World([nightly(shop)])
    world.heartbeat("nightly")
    world.run("20h")
    world.restart("100h")
    started = world.now
    world.run("4h59m")
    assert world.incidents() == ()
    world.run("2m")
    assert [incident.opened_at_ns for incident in world.incidents()] == [started.wall_ns + 5 * H]


@pytest.mark.parametrize("by", [-400 * 24 * H, -2 * H, 2 * H, 400 * 24 * H])
@pytest.mark.parametrize("how", ["while it runs", "before a stop", "before a crash"])
def test_a_wall_clock_that_is_set_makes_no_heartbeat_late(shop, by, how):
    world = World([nightly(shop)])
    world.heartbeat("nightly")
    world.run("20h")
    world.step_wall(by)
    if how == "while it runs":
        world.run("1m")
    if how == "before a crash":
        world.crash()
    else:
        world.restart()
    world.run("4h")
    assert world.incidents() == ()
    world.run("1h")
    assert len(world.incidents()) == 1


def test_a_beat_after_a_restart_begins_a_whole_period(shop):
    world = World([nightly(shop)])
    world.heartbeat("nightly")
    world.run("24h30m")
    world.restart()
    world.heartbeat("nightly")
    world.run("24h59m")
    assert world.incidents() == ()


def test_a_heartbeat_resumed_before_a_restart_has_a_whole_period(shop):
    world = World([nightly(shop)])
    world.heartbeat("nightly")
    world.pause("nightly")
    world.run("60h")
    world.resume("nightly")
    world.run("1m")
    world.restart()
    world.run("24h")
    assert world.incidents() == ()
    world.run("1h")
    assert len(world.incidents()) == 1


def test_a_target_that_becomes_a_heartbeat_has_a_whole_period(shop):
    world = World([shop("nightly", every="10m")])
    world.run("20h")
    world.script("nightly", "unknown")
    world.run("5h")
    world.track(nightly(shop))
    world.restart()
    world.run("24h")
    assert world.incidents() == ()
    world.run("1h")
    assert len(world.incidents()) == 1


def moved_to(world, store):
    """Lets a world go on with the record of another."""
    world.store.close()
    store.close()
    world.store = store
    world.crash()


def test_a_host_that_tracks_its_target_after_the_start_resumes_it_too(shop):
    before, world = World([nightly(shop)]), World([shop(every="10m")])
    before.heartbeat("nightly")
    beat = before.now
    before.run("20h")
    before.restart()
    world.run("20h")
    moved_to(world, before.store)
    world.run("50s")
    world.track(nightly(shop))
    world.run("6h")
    assert [incident.opened_at_ns for incident in world.incidents()] == [beat.wall_ns + 25 * H]


def test_a_target_tracked_anew_after_it_was_untracked_waits_from_then_on(shop):
    world = World([nightly(shop), shop(every="10m")])
    world.heartbeat("nightly")
    world.run("20h")
    world.untrack("nightly")
    world.restart()
    world.track(nightly(shop))
    world.run("24h")
    assert world.incidents() == ()


def test_a_supervisor_that_crashes_forgets_no_heartbeat(shop):
    world = World([nightly(shop)])
    world.heartbeat("nightly")
    beat = world.now
    world.run("20h")
    world.system.supervisor.tell("no message")
    world.run("6h")
    assert world.system.supervisor.epoch == 2
    assert [incident.opened_at_ns for incident in world.incidents()] == [beat.wall_ns + 25 * H]


@pytest.mark.parametrize("gap", [World.stall, World.suspend])
def test_a_supervisor_that_crashes_at_the_end_of_a_gap_counts_no_beat_of_it_as_missed(shop, gap):
    world = World([nightly(shop, every="10s", heartbeat=Heartbeat(grace="2s"))])
    world.heartbeat("nightly")
    world.run("4s")
    crash_supervisor(world)
    gap(world, "30s")
    world.run("8s")
    world.heartbeat("nightly")
    world.run("1s")
    assert world.system.supervisor.epoch == 2
    assert world.incidents() == ()


@pytest.mark.parametrize("how", [World.restart, World.crash])
def test_silence_is_told_in_time_though_the_process_restarts_before(shop, how):
    world = World([silent(shop)])
    world.script("shop", "ok 10s, unknown")
    world.run("10s")
    for _ in range(3):
        world.run("3s")
        how(world)
    assert world.delivered("ops") == ["shop/silent opened"]


def test_a_target_never_heard_is_silent_in_time_though_the_process_restarts(shop):
    world = World([silent(shop)])
    world.script("shop", "unknown")
    for _ in range(3):
        world.run("3s")
        world.restart()
    assert world.delivered("ops") == ["shop/silent opened"]


@pytest.mark.parametrize("how", [World.restart, World.crash])
@pytest.mark.parametrize("away", ["0s", "30m", "100h"])
def test_a_target_that_answers_is_not_silent_because_nothing_ran(shop, how, away):
    world = World([silent(shop), silent(shop, name="slow", every="1h", rules=(NoData(id="silent"),))])
    for _ in range(3):
        world.run("3m")
        how(world, away)
    world.run("3m")
    assert world.incidents() == ()


def test_a_stop_is_no_silence_where_the_first_check_fails_on_our_own_side(shop):
    world = World([silent(shop, every="30s", rules=(NoData(id="silent", after="10m"),))])
    world.run("5m")
    world.script("shop", "unknown 35m, ok")
    world.restart("30m")
    world.run("15m")
    assert world.incidents() == ()


def test_an_answer_of_the_record_that_is_late_makes_no_time_out_doubtful(shop, driven):
    world = driven(nightly(shop), shop(rules=QUICK))
    run_to_start(world)
    world.run("1300ms")
    overdue = LastHeard("nightly", world.now.shifted(-26 * H), reports=True)
    world.system.supervisor.tell(LastHeardResumed((overdue,)))
    world.run("2s")
    assert {incident.target for incident in world.incidents()} == {"nightly", "shop"}


@pytest.mark.parametrize("how", [World.restart, World.crash])
def test_a_target_is_up_since_before_the_restart(shop, how):
    """A stop of three hours is no change; the outage before it was one."""
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 5m, down 5m, ok 10h")
    world.run("1h")
    status = world.status()["shop"]
    assert status.status == "up"
    assert status.since_ns == world.incidents()[0].resolved_at_ns
    how(world, "3h")
    world.run("1m")
    again = world.status()["shop"]
    assert (again.status, again.since_ns) == ("up", status.since_ns)


def expected_ns(world, target):
    """Returns when the next report of a job is expected, as hosts are told it."""
    return job_of(target, world.status()[target.id]).expected_ns


@pytest.mark.parametrize("how", [World.restart, World.crash, crash_supervisor])
def test_a_job_that_was_never_heard_is_expected_when_it_was(shop, how):
    target = nightly(shop)
    world = World([target])
    expected = {expected_ns(world, target)}
    since = {world.status()[target.id].since_ns}
    for _ in range(3):
        world.run("5h")
        how(world)
        world.run("1s")
        expected.add(expected_ns(world, target))
        since.add(world.status()[target.id].since_ns)
    assert (len(expected), len(since)) == (1, 1)


@pytest.mark.parametrize("how", [World.restart, World.crash])
def test_a_paused_job_is_expected_when_it_was_though_it_restarts(shop, how):
    target = nightly(shop)
    world = World([target])
    world.heartbeat(target.id)
    world.run("1h")
    world.pause(target.id)
    before = expected_ns(world, target)
    how(world)
    world.run("1s")
    assert world.status()[target.id].paused
    assert expected_ns(world, target) == before is not None


@pytest.mark.parametrize("how", [World.restart, World.crash])
def test_a_job_that_was_resumed_and_not_heard_is_expected_from_then_on(shop, how):
    target = nightly(shop)
    world = World([target])
    world.run("1h")
    world.pause(target.id)
    world.run("1h")
    world.resume(target.id)
    world.run("1s")
    resumed = expected_ns(world, target)
    assert resumed == world.now.wall_ns - S + 24 * H
    world.run("1h")
    how(world)
    world.run("1s")
    assert expected_ns(world, target) == resumed
