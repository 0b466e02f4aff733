"""Objectives in a whole system: their counts ride with the held samples, and outlive every kind of end."""

import pytest
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Slo
from watchkeeper.domain.specification.target import Target
from watchkeeper.testing.world import World

SHOP = Target(
    id="shop",
    every="10s",
    http=Http(url="http://shop.example/"),
    default_rules=False,
    slo=Slo(objective="99.9%"),
    notify=("ops",),
)


def world_of(script="ok 2h, down 2m, ok", *targets):
    configuration = Configuration(channels=(Channel(id="ops", log=Log()),), targets=targets or (SHOP,))
    world = World(configuration, through_bytes=True)
    world.script("shop", script)
    return world


def openings(world):
    return [(incident.rule, incident.opened_at_ns) for incident in world.incidents()]


def test_an_outage_spends_the_budget_and_its_end_closes_the_page():
    world = world_of()
    world.run("2h2m")
    assert sorted(world.delivered("ops")) == ["shop/slo-page opened", "shop/slo-ticket opened"]
    world.run("1h")
    assert "shop/slo-page resolved" in world.delivered("ops")
    assert "shop/slo-ticket resolved" not in world.delivered("ops")


@pytest.mark.parametrize("end", ["crash", "restart"])
def test_the_counts_go_on_after_the_end_of_a_process(end):
    """Two hours of good samples and the first bad one come before the end, and no step of an incident."""
    unbroken, broken = world_of(), world_of()
    for world in (unbroken, broken):
        world.run("2h12s")
        assert openings(world) == []
    getattr(broken, end)()
    for world in (unbroken, broken):
        world.run("1m30s")
        assert len(openings(world)) == 2
    assert openings(broken) == openings(unbroken)


def test_good_samples_of_an_objective_ride_to_the_sink_together():
    """Each changes the counts, and none of them is a message of its own."""
    steps = []
    for slo in (Slo(objective="99.9%"), None):
        target = Target(
            id="shop",
            every="10ms",
            timeout="10ms",
            http=SHOP.http,
            default_rules=False,
            **({"slo": slo} if slo else {}),
        )
        world = world_of("ok", target)
        world.run("1s")
        before = world.dispatcher.steps
        world.run("10s")
        steps.append(world.dispatcher.steps - before)
    with_objective, without = steps
    assert with_objective <= without * 1.01


def test_counts_held_at_a_crash_of_the_owner_are_recorded():
    world = world_of("ok 30m, down")
    world.run("30m25s")
    world.system.owner.tell(object())
    world.run("1m30s")
    unbroken = world_of("ok 30m, down")
    unbroken.run("31m55s")
    assert openings(world) == openings(unbroken)


def test_a_new_objective_takes_over_what_is_counted():
    world = world_of("ok 1h, down 1m, ok")
    world.run("1h5m")
    assert {rule for rule, _ in openings(world)} == {"slo-page", "slo-ticket"}
    relaxed = Target(
        id="shop", every="10s", http=SHOP.http, default_rules=False, slo=Slo(objective="90%"), notify=("ops",)
    )
    world.track(relaxed)
    world.run("1m")
    assert all(not incident.is_open for incident in world.incidents())
    world.track(SHOP)
    world.run("1m")
    assert any(incident.is_open for incident in world.incidents())
