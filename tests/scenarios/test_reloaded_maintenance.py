"""Maintenance that a reload adds, changes or takes away while it is in force: what is held, what is told, and when."""

from datetime import timedelta

import pytest
from watchkeeper.domain.incidents.notice import NoticeReason
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.routing import Maintenance
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import utc, wall_ns_of
from watchkeeper.testing.world import World

OPENED, RESOLVED = "shop/down opened", "shop/down resolved"
SHOP = Target(
    id="shop",
    group="front",
    every="10s",
    http=Http(url="http://shop.example/"),
    rules=[Consecutive(id="down", after=2, recover=2)],
    default_rules=False,
    notify=["ops"],
)
CHANNELS = (Channel(id="ops", log=Log()),)


def at(clock):
    return wall_ns_of(f"2026-06-01T{clock}:00Z")


def patch(first, last, **fields):
    moments = {"from_": f"2026-06-01T{first}:00Z", "until": f"2026-06-01T{last}:00Z"}
    return Maintenance(**({"id": "patch", "match": ["group=front"]} | moments | fields))


def world_of(*maintenance, script):
    world = World(
        Configuration(channels=CHANNELS, targets=[SHOP], maintenance=maintenance), through_bytes=True
    )
    world.step_wall(at("12:00") - world.now.wall_ns)
    world.script("shop", script)
    return world


def reloaded(world, *maintenance):
    """Stops in order and goes on with another plan, as a reload does; nothing is left undone."""
    assert world.stop() == ()
    world.start(Configuration(channels=CHANNELS, targets=[SHOP], maintenance=maintenance))
    return world


def told_at(world):
    """The minutes at which `ops` was told, as of the clock on the wall."""
    return [f"{utc(notice.created_at_ns):%H:%M}" for notice in world.notices("ops")]


def test_maintenance_that_is_added_holds_what_opens_after_it():
    world = world_of(script="ok 10m, down")
    world.run("5m")
    reloaded(world, patch("12:00", "12:30"))
    world.run("20m")
    assert world.delivered("ops") == []
    world.run("10m")
    (notice,) = world.notices("ops")
    assert (notice.reason, told_at(world)) == (NoticeReason.CATCH_UP, ["12:30"])


def test_maintenance_that_is_added_to_a_told_incident_holds_its_recovery_alone():
    world = world_of(script="ok 2m, down 10m, ok")
    world.run("5m")
    assert world.delivered("ops") == [OPENED]
    reloaded(world, patch("12:00", "12:30"))
    world.run("20m")
    assert world.delivered("ops") == [OPENED]
    world.run("10m")
    assert world.delivered("ops") == [OPENED, RESOLVED]
    assert told_at(world)[1] == "12:30"


@pytest.mark.parametrize(
    ("later", "when"),
    [
        (patch("12:00", "12:20"), "12:20"),
        (patch("12:00", "12:50"), "12:50"),
        (patch("12:00", "12:30", id="renamed"), "12:30"),
        (patch("12:00", "12:30", match=["target=mail"]), "12:15"),
        (patch("12:00", "12:30", match=["target=shop", "rule=slow"]), "12:15"),
        (patch("12:00", "12:10"), "12:15"),
    ],
)
def test_maintenance_that_is_changed_ends_when_it_says_now(later, when):
    world = world_of(patch("12:00", "12:30"), script="ok 3m, down")
    world.run("15m")
    assert world.delivered("ops") == []
    reloaded(world, later)
    world.run("1h")
    assert (world.delivered("ops"), told_at(world)) == ([OPENED], [when])


def test_maintenance_that_is_taken_away_tells_at_once_what_still_lasts():
    world = world_of(patch("12:00", "13:00"), script="ok 3m, down")
    world.run("15m")
    reloaded(world)
    world.run("30s")
    (notice,) = world.notices("ops")
    assert notice.reason is NoticeReason.CATCH_UP
    opened = utc(notice.incident.opened_at_ns)
    assert abs(opened - utc(at("12:03"))) <= timedelta(seconds=10), "it is dated back to the first bad sample"
    world.run("2h")
    assert world.delivered("ops") == [OPENED]


def test_maintenance_that_is_taken_away_tells_nothing_of_what_began_and_ended_in_it():
    world = world_of(patch("12:00", "13:00"), script="ok 3m, down 5m, ok")
    world.run("15m")
    assert len(world.incidents()) == 1
    reloaded(world)
    world.run("2h")
    assert world.delivered("ops") == []


def test_maintenance_that_is_added_and_taken_away_leaves_one_opening_and_one_end():
    world = world_of(script="ok 2m, down 1h, ok")
    for plan in ((), (patch("12:00", "13:00"),), (), (patch("12:00", "13:30"),), ()):
        reloaded(world, *plan)
        world.run("15m")
    world.run("1h")
    assert world.delivered("ops") == [OPENED, RESOLVED]
