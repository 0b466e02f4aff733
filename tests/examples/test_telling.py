"""The example of routes and channels: valid as it is, complete, and doing what its comments say."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from watchkeeper.adapters.configuration import load
from watchkeeper.domain.specification.channel import Channel
from watchkeeper.domain.time.moment import wall_ns_of
from watchkeeper.launcher.main import cli
from watchkeeper.testing.world import World

EXAMPLE = Path(__file__).parents[2] / "examples" / "telling.yaml"
NO_KINDS = {"id", "min_severity", "give_up_after", "in_flight_max", "after", "rate", "call"}
"""The fields of a channel that are no kind of one, and the kind that needs a program of Python."""
WEDNESDAY_NOON, SUNDAY_NIGHT = "2026-06-03T10:00:00Z", "2026-06-07T01:00:00Z"
TOLD_OF_REST = {"book", "prometheus", "mail", "teams", "matrix"}


@pytest.fixture
def configuration():
    return load(EXAMPLE, {})


def world_at(configuration, moment, *fallen, script="ok 5m, down 30m, ok"):
    world = World(configuration)
    world.step_wall(wall_ns_of(moment) - world.now.wall_ns)
    for target in world.targets:
        world.script(target, script if target in fallen else "ok")
    return world


def told(world, configuration):
    """How many notices each channel had that had any."""
    counts = {channel.id: len(world.notices(channel.id)) for channel in configuration.channels}
    return {channel: count for channel, count in counts.items() if count}


def members_of(world, channel):
    return {member.target for notice in world.notices(channel) for member in notice.digest.members}


def test_check_accepts_the_example_and_doubts_nothing_of_it():
    done = CliRunner().invoke(cli, ["check", str(EXAMPLE)])
    assert (done.exit_code, "warning" in done.output, done.output.count("\n")) == (0, False, 2), done.output
    assert "may show a notice twice" in done.output


def test_the_example_has_every_kind_of_channel(configuration):
    kinds = {field.name for field in msgspec.structs.fields(Channel)} - NO_KINDS
    assert kinds - {channel.given() for channel in configuration.channels} == set()


def test_the_example_hides_what_lies_behind_a_dead_gateway(configuration):
    world = world_at(configuration, WEDNESDAY_NOON, "gateway", "api-eu", "api-us", "database", "checkout")
    world.run("25m")
    assert told(world, configuration) == dict.fromkeys(TOLD_OF_REST, 1)
    assert {waiting.hold.reason for waiting in world.status().waits} >= {"depends on gateway"}


def test_the_example_tells_a_group_at_once_and_then_those_who_must_step_in(configuration):
    world = world_at(configuration, WEDNESDAY_NOON, "api-eu", "api-us")
    world.run("20m")
    assert set(told(world, configuration)) == {"book", "prometheus", "chat", "oncall", "phone"}
    assert members_of(world, "chat") == {"api-eu", "api-us"}
    world.run("10m")
    assert members_of(world, "pager") == members_of(world, "boss") == {"api-eu", "api-us"}
    assert "all-hands" not in told(world, configuration)


def test_the_example_holds_the_shop_on_its_patch_day(configuration):
    world = world_at(configuration, SUNDAY_NIGHT, "api-eu", script="ok 5m, down")
    world.run("1h")
    assert told(world, configuration) == {}
    world.run("70m")
    assert {"chat", "oncall", "book"} <= set(told(world, configuration))


def test_the_example_lets_a_named_channel_take_the_place_of_every_route(configuration):
    world = world_at(configuration, WEDNESDAY_NOON, "lift", script="ok 5m, down")
    world.run("30m")
    assert told(world, configuration) == {"phone": 1, "boss": 1}
