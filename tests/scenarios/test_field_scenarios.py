"""Behaviour that the bug trackers of comparable tools call for: one test a row."""

import pytest
from watchkeeper import ALL
from watchkeeper.domain.incidents.notice import NoticeReason
from watchkeeper.domain.messages.notice_text import notice_text
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.probe import Heartbeat, Http
from watchkeeper.domain.specification.rule import Consecutive, NoData, NoDataPolicy
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.testing.world import World

QUICK = (Consecutive(id="down", after=2, recover=2),)
OPENED, RESOLVED = "shop/down opened", "shop/down resolved"
HOUR_NS = 3_600 * NS_PER_S


def shop(**fields):
    http = Http(url="http://shop.example/")
    return Target(
        **(
            {
                "id": "shop",
                "every": "10s",
                "http": http,
                "rules": QUICK,
                "default_rules": False,
                "notify": ("ops",),
            }
            | fields
        )
    )


def world_of(*targets, script="ok"):
    world = World(targets or (shop(),), through_bytes=True)
    world.script("shop", script)
    return world


def test_down_then_muted_then_well_tells_one_recovery():
    world = world_of(script="ok 1m, down 5m, ok")
    world.run("3m")
    world.silence("shop", "10m")
    world.run("5m")
    assert world.delivered("ops") == [OPENED]
    world.run("10m")
    assert world.delivered("ops") == [OPENED, RESOLVED]


def test_down_through_a_silence_is_not_notified_twice():
    world = world_of(script="ok 1m, down")
    world.run("3m")
    world.silence("shop", "10m")
    world.run("1h")
    assert world.delivered("ops") == [OPENED]


def test_an_incident_within_a_silence_is_never_notified():
    world = world_of(script="ok 1m, down 5m, ok")
    world.silence("shop", "30m")
    world.run("2h")
    assert world.delivered("ops") == []
    assert len(world.incidents()) == 1


def test_an_incident_that_outlasts_a_silence_is_notified_once():
    world = world_of(script="ok 1m, down")
    world.silence(ALL, "30m")
    world.run("2h")
    (notice,) = world.notices("ops")
    assert notice.reason is NoticeReason.CATCH_UP
    late_ns = notice.created_at_ns - notice.incident.opened_at_ns
    assert late_ns > 25 * 60 * NS_PER_S, "it is told late, with the time at which it really began"


@pytest.mark.parametrize("status", [301, 302, 400, 403, 404])
def test_a_wrong_answer_of_a_receiver_loses_neither_beginning_nor_end(status):
    world = world_of(script="ok 10m, down 40m, ok")
    world.script_channel("ops", f"ok 5m, status {status} 10m, ok")
    world.run("2h")
    assert world.delivered("ops") == [OPENED, RESOLVED]


@pytest.mark.parametrize("status", [404, 410])
def test_the_end_is_told_though_the_beginning_was_given_up(status):
    channel = Channel(id="ops", log=Log(), give_up_after="1m")
    world = World((shop(),), channels=(channel,), through_bytes=True)
    world.script("shop", "ok 10m, down 40m, ok")
    world.script_channel("ops", f"ok 5m, status {status} 30m, ok")
    world.run("2h")
    assert world.delivered("ops") == [RESOLVED]


@pytest.mark.parametrize("words", ["down", "hang", "status 503"])
def test_a_dead_channel_delays_and_loses_nothing(words):
    world = world_of(script="ok 10m, down")
    world.script_channel("ops", f"ok 5m, {words} 30m, ok")
    world.run("2h")
    assert world.delivered("ops") == [OPENED]
    (notice,) = world.notices("ops")
    began = notice.incident.opened_at_ns - world.now.wall_ns + 2 * HOUR_NS
    assert abs(began - HOUR_NS // 6) <= 10 * NS_PER_S, "it is told with the time at which it really began"
    told_ns = world.now.wall_ns - 2 * HOUR_NS + 7 * HOUR_NS // 12
    assert "late" in notice_text(notice, now_wall_ns=told_ns).body


def test_a_recovery_is_never_notified_before_its_problem():
    world = world_of(script="ok 10m, down 10m, ok")
    world.script_channel("ops", "ok 5m, down 1h, ok")
    world.run("3h")
    assert world.delivered("ops") == [OPENED, RESOLVED]


def test_a_death_between_commit_and_send_is_notified_after_the_restart():
    world = world_of(script="down")
    world.script_channel("ops", "down")
    world.run("1m")
    assert world.delivered("ops") == []
    world.crash()
    world.script_channel("ops", "ok")
    world.run("1m")
    assert world.delivered("ops") == [OPENED]


def test_dead_between_send_and_record_repeats_the_same_key():
    world = world_of(script="down")
    world.script_channel("ops", "hang")
    world.run("15s")
    world.crash()
    world.script_channel("ops", "ok")
    world.run("5m")
    posts = world.messengers["ops"].posts
    assert len(posts) > 1
    assert len({post.notice.key for post in posts}) == 1
    assert world.delivered("ops") == [OPENED]


def test_a_restart_with_an_open_incident_says_nothing():
    world = world_of(script="down")
    world.run("1m")
    world.restart()
    world.run("10m")
    assert world.delivered("ops") == [OPENED]
    assert len(world.incidents()) == 1


def test_the_clock_of_a_pending_rule_survives_a_restart():
    rules = (Consecutive(id="down", after=1, recover=1, for_="5m"),)
    world = world_of(shop(rules=rules), script="down")
    world.run("4m")
    world.crash()
    world.run("3m")
    assert world.delivered("ops") == [OPENED], "the five minutes went on, they did not begin anew"


def test_keep_firing_survives_a_restart():
    rules = (Consecutive(id="down", after=1, recover=1, keep_firing_for="10m"),)
    world = world_of(shop(rules=rules), script="down 1m, ok")
    world.run("6m")
    world.restart()
    world.run("2m")
    assert world.delivered("ops") == [OPENED]
    world.run("20m")
    assert world.delivered("ops") == [OPENED, RESOLVED]


def test_flapping_that_ends_well_ends_with_a_recovery():
    spells = ", ".join(["down 30s, ok 30s"] * 20)
    world = world_of(script=f"ok 1m, {spells}, ok")
    world.run("2h")
    told = world.delivered("ops")
    assert told[-1] == RESOLVED
    assert told == [OPENED, RESOLVED] * (len(told) // 2), "opened and resolved take turns"


def test_a_heartbeat_missed_under_a_silence_is_notified_at_its_end():
    job = Target(
        id="job",
        every="1m",
        heartbeat=Heartbeat(grace="10s"),
        rules=QUICK,
        default_rules=False,
        notify=("ops",),
    )
    world = World([job], through_bytes=True)
    world.heartbeat("job")
    world.silence("job", "30m")
    world.run("20m")
    assert world.delivered("ops") == []
    assert len(world.incidents(open_only=True)) == 1
    world.run("20m")
    assert world.delivered("ops") == ["job/down opened"]


def test_five_minutes_of_sleep_open_nothing_and_are_recorded():
    job = Target(
        id="job",
        every="1m",
        heartbeat=Heartbeat(grace="10s"),
        rules=QUICK,
        default_rules=False,
        notify=("ops",),
    )
    world = world_of(shop(), job)
    world.heartbeat("job")
    world.run("30s")
    world.suspend("5m")
    world.run("20s")
    world.heartbeat("job")
    world.run("30s")
    assert world.incidents() == ()
    assert [interval.cause for interval in world.status().blind] == ["suspended"]


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS, 10 * 8_766 * HOUR_NS, -50 * 8_766 * HOUR_NS])
def test_a_clock_that_is_set_moves_no_check_and_opens_nothing(step_ns):
    world = world_of()
    world.run("5m")
    before = world.status().targets[0].samples
    world.step_wall(step_ns)
    world.run("5m")
    assert world.status().targets[0].samples == 2 * before
    assert world.incidents() == ()
    assert [interval.cause for interval in world.status().blind] == ["clock_stepped"]


def test_a_stalled_process_blames_nobody():
    world = world_of(shop(timeout="2s"), script="slow 1s")
    world.run("5m")
    world.stall("1m")
    world.run("5m")
    assert world.incidents() == ()
    assert "stalled" in {interval.cause for interval in world.status().blind}


def test_many_that_hang_at_once_do_not_delay_the_healthy():
    slow = [shop(id=f"slow-{number}", notify=()) for number in range(500)]
    world = world_of(shop(), *slow)
    for target in slow:
        world.script(target.id, "hang")
    world.run("2m")
    status = {target.id: target for target in world.status().targets}
    assert status["shop"].samples == 12
    assert status["shop"].missed == 0
    assert world.status().lateness.p99_ns < 10 * NS_PER_S // 4


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (NoDataPolicy.KEEP, [OPENED]),
        (NoDataPolicy.OK, [OPENED, RESOLVED]),
        (NoDataPolicy.FIRE, [OPENED, "shop/silent opened"]),
    ],
)
def test_evidence_that_vanishes_while_down_follows_the_policy(policy, told):
    rules = (*QUICK, NoData(id="silent", policy=policy))
    world = world_of(shop(rules=rules), script="down 5m, unknown")
    world.run("30m")
    assert world.delivered("ops") == told
    assert world.status()["shop"].raw is Status.UNKNOWN, (
        "an incident that stays open hides no lack of evidence"
    )


def test_a_target_that_hangs_for_ever_times_out_and_goes_on():
    world = world_of(shop(timeout="2s"), script="hang")
    world.run("5m")
    (target,) = world.status().targets
    assert target.sample.outcome is Outcome.TIMED_OUT
    assert target.samples == 30
    assert world.delivered("ops") == [OPENED]


def test_an_internal_fault_opens_and_resolves_nothing():
    world = world_of(script="ok 1m, unknown 10m, down 1m, unknown 30m, ok")
    world.run("5m")
    assert world.delivered("ops") == []
    world.run("30m")
    assert world.delivered("ops") == [OPENED]


def test_an_acknowledged_incident_is_only_notified_of_its_end():
    world = world_of(script="down 10m, ok")
    world.run("1m")
    (incident,) = world.incidents()
    world.acknowledge(incident.id)
    world.run("30m")
    assert world.delivered("ops")[-1] == RESOLVED
    assert [notice.change for notice in world.notices("ops")].count("opened") == 1


def test_a_target_that_is_removed_while_down_is_closed_once():
    world = world_of(script="down")
    world.run("1m")
    world.untrack("shop")
    world.run("1h")
    assert world.delivered("ops") == [OPENED, RESOLVED]
    assert world.incidents(open_only=True) == ()


def test_a_dead_letter_sent_again_leaves_later_ones_dead():
    world = world_of(script="down 10m, ok")
    world.run("1m")
    world.script_channel("ops", "status 410 1h, ok")
    world.acknowledge(world.incidents()[0].id)
    world.run("2h")
    dead = [post.notice.key for post in world.messengers["ops"].posts if not post.accepted]
    assert len(dead) == 2
    assert world.redrive(dead[0])
    world.run("10m")
    assert world.delivered("ops") == [OPENED, "shop/down acknowledged"]
    assert world.redrive(dead[1])
    world.run("10m")
    assert world.delivered("ops") == [OPENED, "shop/down acknowledged", RESOLVED]
    assert [post.attempt for post in world.messengers["ops"].posts if post.notice.key == dead[1]] == [1, 2]


def test_a_reload_does_not_count_one_missed_heartbeat_twice():
    rules = (Consecutive(id="down", after=5, recover=1),)
    job = Target(
        id="job",
        every="1m",
        heartbeat=Heartbeat(grace="5s"),
        rules=rules,
        default_rules=False,
        notify=("ops",),
    )
    world = World([job])
    world.run("66s")
    for _ in range(10):
        world.track(job)
        world.run("200ms")
    assert world.incidents() == ()
    world.run("5m")
    assert world.delivered("ops") == ["job/down opened"]
