"""Every actor crashed at every moment of an incident: it comes back, and the notices are exactly the same."""

import pytest
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.testing.world import World

from tests.actors.flow.driver import poller

S = 1_000_000_000
LIFE = "ok 1m, down 1m, ok"
TOLD = ["shop/down opened", "shop/down resolved"]
ACTORS = ("supervisor", "owner", "sink", "recorder", "courier", "poller", "all of them")
MOMENTS = {
    "before anything": "30s",
    "as it breaks": "65s",
    "while it is pending": "75s",
    "as it opens": "85s",
    "while it is open": "110s",
    "while it recovers": "125s",
    "as it ends": "135s",
    "afterwards": "3m",
}


def addresses(world, actor):
    system = world.system
    places = {
        "supervisor": [system.supervisor],
        "owner": [system.owner],
        "sink": [system.sink],
        "recorder": [system.recorder],
        "courier": list(system.couriers.values()),
        "poller": [poller(world)],
    }
    return (
        [address for place in places.values() for address in place]
        if actor == "all of them"
        else places[actor]
    )


def crash(world, actor):
    for address in addresses(world, actor):
        address.tell(object())


def live_through(world, when, happens, script=LIFE):
    world.script("shop", script)
    world.run(when)
    happens()
    world.run("6m")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("channel", ["ok", "slow 4s", "status 503 90s, ok"])
def test_a_crash_of_any_actor_changes_no_notice(shop, actor, moment, channel):
    world = World([shop()])
    world.script_channel("ops", channel)
    live_through(world, MOMENTS[moment], lambda: crash(world, actor))
    assert world.delivered("ops") == TOLD
    assert world.status().healthy, world.status().problems
    assert world.incidents(open_only=True) == ()
    assert all(address.alive for address in addresses(world, "all of them"))
    states = {outgoing.delivery.state for outgoing in world.store.outbox()}
    assert states == {DeliveryState.DELIVERED}


@pytest.mark.parametrize("change", [1, 2])
@pytest.mark.parametrize("actor", ACTORS)
def test_a_crash_while_a_notice_is_on_its_way_changes_nothing(shop, actor, change):
    world = World([shop()])
    world.script("shop", LIFE)
    world.script_channel("ops", "slow 4s")
    posts = world.messengers["ops"].posts
    while len(posts) < change:
        world.run("500ms")
    crash(world, actor)
    world.run("6m")
    assert world.delivered("ops") == TOLD
    assert len(posts) <= 3, "one more at most, under the same key"
    assert world.status().healthy, world.status().problems
    assert {outgoing.delivery.state for outgoing in world.store.outbox()} == {DeliveryState.DELIVERED}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("channel", ["ok", "slow 4s", "status 503 90s, ok", "hang 2m, ok"])
def test_a_death_of_the_process_changes_no_notice(shop, moment, channel):
    world = World([shop()])
    world.script_channel("ops", channel)
    live_through(world, MOMENTS[moment], world.crash)
    assert world.delivered("ops") == TOLD
    assert world.status().healthy, world.status().problems


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("channel", ["ok", "slow 4s", "status 503 90s, ok"])
def test_an_orderly_restart_changes_no_notice(shop, moment, channel):
    world = World([shop()])
    world.script_channel("ops", channel)
    late = []
    live_through(world, MOMENTS[moment], lambda: late.extend(world.restart()))
    assert late == []
    assert world.delivered("ops") == TOLD


@pytest.mark.parametrize("actor", ACTORS[:-1])
def test_an_actor_that_crashes_often_is_parked_and_comes_back(shop, actor):
    world = World([shop(every="5s")])
    # An address outlives its incarnations; without a living one it keeps the message for the next.
    struck = addresses(world, actor)
    for _ in range(8):
        for address in struck:
            address.tell(object())
        world.run("3s")
    world.run("12m")
    assert all(address.alive for address in struck)
    live_through(world, "1m", lambda: None)
    assert world.delivered("ops") == TOLD


@pytest.mark.parametrize("actor", ACTORS[:-1])
def test_a_crash_is_seen_while_it_lasts_and_not_after(shop, actor):
    world = World([shop()])
    world.run("1m")
    crash(world, actor)
    world.run("1ms")
    if actor != "recorder":
        parts = dict(world.status().problems)
        name = {"courier": "courier/ops", "poller": "poller/shop"}.get(actor, actor)
        assert name in parts
    world.run("2m")
    assert world.status().healthy


def test_mail_that_waits_for_an_actor_goes_to_its_next_incarnation(watched, shop):
    """Messages to the sink while it is dead are recorded when it is back."""
    world = watched(shop(rules=(Consecutive(id="down", after=1),)))
    world.script("shop", "ok 1m, down")
    world.run("1m")
    for _ in range(6):
        crash(world, "sink")
        world.run("2s")
    world.run("5m")
    assert world.delivered("ops") == ["shop/down opened"]
    (incident,) = world.incidents()
    assert next(step.sequence for step in world.store.steps() if step.incident_id == incident.id) == 1


def test_a_new_read_model_shows_what_the_old_one_showed(shop):
    world = World([shop(), shop("mail")])
    world.script("shop", "down")
    world.run("2m")
    before = world.status()
    crash(world, "recorder")
    world.run("1m")
    after = world.status()
    assert [target.id for target in after.targets] == [target.id for target in before.targets]
    assert after.incidents == before.incidents
    assert [target.status for target in after.targets] == [target.status for target in before.targets]


def test_a_target_that_goes_while_its_poller_is_dead_takes_its_address_along(shop):
    world = World([shop()])
    (poller,) = addresses(world, "poller")
    poller.tell(object())
    world.dispatcher.run_until_idle()
    assert not poller.alive
    world.untrack("shop")
    world.run("10m")
    assert poller.closed
    assert len(poller) == 0
