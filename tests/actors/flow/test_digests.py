"""Digests, escalations and reminders through the whole runtime, in virtual time, with crashes between any two of its steps."""

from itertools import pairwise

import pytest
from watchkeeper import Channel, Configuration, Http, Log, Route, Target
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import NoticeReason
from watchkeeper.domain.specification.routing import Escalation
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.testing.world import World

OPS, BOSS = Channel(id="ops", log=Log()), Channel(id="boss", log=Log())


def watched(number, group="shop", every="10s"):
    return Target(
        id=f"t{number:02}",
        group=group,
        every=every,
        timeout="2s",
        http=Http(url=f"http://t{number}.example/"),
        flapping=False,
    )


def world_of(*targets, **route):
    said = {"id": "shop", "to": ("ops",), "group_by": ("group",)} | route
    return World(Configuration(targets=targets, channels=(OPS, BOSS), routes=(Route(**said),)))


def told(world, channel="ops"):
    """The kind of each notice, and how many incidents it tells of."""
    return [(notice.change.value, len(notice.steps)) for notice in world.notices(channel)]


def test_forty_targets_behind_one_backend_are_two_posts_while_it_lasts_and_two_for_the_end():
    world = world_of(*[watched(number) for number in range(40)])
    for number in range(40):
        world.script(f"t{number:02}", f"ok {60 + number}s, down 30m, ok")
    world.run("20m")
    down = told(world)
    assert [kind for kind, _ in down] == ["opened", "changed"]
    assert sum(count for _, count in down) == 40
    world.run("40m")
    ends = told(world)[2:]
    assert ends[-1][0] == "resolved"
    assert len(ends) <= 2
    assert sum(count for _, count in ends) == 40
    assert world.incidents(open_only=True) == ()


def test_each_group_has_a_digest_of_its_own():
    world = world_of(watched(1), watched(2), watched(3, group="mail"))
    for number in (1, 2, 3):
        world.script(f"t{number:02}", "ok 1m, down")
    world.run("10m")
    groups = {notice.digest.group: len(notice.steps) for notice in world.notices("ops")}
    assert groups == {"shop: group=shop": 2, "shop: group=mail": 1}


def test_an_incident_that_ends_before_its_digest_is_told_to_no_channel():
    world = world_of(watched(1), group_wait="2m")
    world.script("t01", "ok 1m, down 1m, ok")
    world.run("30m")
    assert [incident.change for incident in world.incidents()] == [TransitionKind.RESOLVED]
    assert told(world) == []


@pytest.mark.parametrize("after_s", [62, 80, 95, 120, 125, 130, 300, 500])
def test_a_crash_changes_no_digest_and_repeats_none_under_another_key(after_s):
    world = world_of(watched(1), watched(2))
    for number in (1, 2):
        world.script(f"t{number:02}", "ok 1m, down 20m, ok")
    world.run(f"{after_s}s")
    world.crash()
    world.run("1h")
    # A recovery and an opening that crashes lie between may share one digest; each is told once.
    steps = [step for notice in world.notices("ops") for step in notice.steps]
    assert len({(step.incident_id, step.change) for step in steps}) == len(steps) == 4
    made = [notice.created_at_ns for notice in world.notices("ops")]
    assert all(later - before >= 300 * NS_PER_S for before, later in pairwise(made))


@pytest.mark.parametrize("script", ["down 10m, ok", "hang 10m, ok", "status 503 10m, ok", "slow 1s 20m, ok"])
def test_a_receiver_that_fails_gets_the_same_digest_again_under_its_key(script):
    world = world_of(watched(1), watched(2))
    for number in (1, 2):
        world.script(f"t{number:02}", "ok 1m, down 30m, ok")
    world.script_channel("ops", script)
    world.run("2h")
    by_key = {}
    for post in world.messengers["ops"].posts:
        by_key.setdefault(post.notice.key, []).append(post.notice)
    assert all(notice == notices[0] for notices in by_key.values() for notice in notices)
    assert told(world)[-1] == ("resolved", 2)
    heard = {}
    for notice in world.notices("ops"):
        heard |= {step.incident_id: step.change for step in notice.steps}
    assert set(heard.values()) == {TransitionKind.RESOLVED}


def test_a_restart_in_the_middle_of_an_interval_keeps_it():
    world = world_of(watched(1), watched(2))
    world.script("t01", "ok 1m, down")
    world.script("t02", "ok 3m, down")
    world.run("3m30s")
    world.restart(away="10s")
    world.run("20m")
    first, second = world.notices("ops")
    assert 300 * NS_PER_S <= second.created_at_ns - first.created_at_ns < 302 * NS_PER_S
    assert (second.change, len(second.steps)) == (TransitionKind.CHANGED, 1)


def escalating():
    steps = (Escalation(after="15m", to=("boss",)),)
    return world_of(watched(1, every="1m"), group_by=(), escalate=steps, remind_every="1h")


def test_an_incident_that_nobody_sees_is_escalated_and_reminded_of():
    world = escalating()
    world.script("t01", "ok 1m, down 210m, ok")
    world.run("5h")
    ops, boss = world.notices("ops"), world.notices("boss")
    assert [notice.change.value for notice in ops if not notice.reminder] == ["opened", "resolved"]
    assert [notice.reminder for notice in ops if notice.reminder] == [1, 2, 3]
    assert {notice.reason for notice in ops if notice.reminder} == {NoticeReason.REMINDER}
    opened_ns, escalated_ns = ops[0].created_at_ns, boss[0].created_at_ns
    assert 900 * NS_PER_S <= escalated_ns - opened_ns < 901 * NS_PER_S
    assert boss[-1].change is TransitionKind.RESOLVED


def test_an_acknowledgement_stops_escalation_and_reminders():
    world = escalating()
    world.script("t01", "ok 1m, down 5h, ok")
    world.run("10m")
    (incident,) = world.incidents(open_only=True)
    world.acknowledge(incident.id, by="anna")
    world.run("6h")
    assert world.delivered("ops") == ["t01/down opened", "t01/down acknowledged", "t01/down resolved"]
    assert world.delivered("boss") == []


def test_a_restart_forgets_neither_an_escalation_nor_a_reminder():
    world = escalating()
    world.script("t01", "ok 1m, down 5h, ok")
    world.run("10m")
    world.restart(away="1m")
    world.run("40m")
    assert world.delivered("boss") == ["t01/down opened"]
    world.crash(away="1m")
    world.run("30m")
    assert [notice.reminder for notice in world.notices("ops")] == [0, 1]
    world.run("1h")
    assert [notice.reminder for notice in world.notices("ops")] == [0, 1, 2]


def test_a_group_is_reminded_of_with_one_digest():
    world = world_of(watched(1, every="1m"), watched(2, every="1m"), remind_every="1h")
    for number in (1, 2):
        world.script(f"t{number:02}", "ok 1m, down 3h, ok")
    world.run("4h")
    said = [(notice.reminder, notice.change.value, len(notice.steps)) for notice in world.notices("ops")]
    assert said == [(0, "opened", 2), (1, "changed", 2), (2, "changed", 2), (0, "resolved", 2)]


def test_a_storm_is_told_by_few_digests_and_each_end_too():
    count = 200
    world = world_of(*[watched(number, every="30s") for number in range(count)])
    for number in range(count):
        world.script(f"t{number:02}", f"ok {60 + number % 60}s, down 10m, ok")
    world.run("25m")
    assert len(told(world)) <= 4
    heard = {}
    for notice in world.notices("ops"):
        heard |= {step.incident_id: step.change for step in notice.steps}
    assert len(heard) == count
    assert set(heard.values()) == {TransitionKind.RESOLVED}
