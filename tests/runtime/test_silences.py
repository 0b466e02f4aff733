"""A silence names what it mutes, first."""

import pytest
from watchkeeper import ALL, Http, Runtime, Target, UnknownName, UsageError
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.testing import World

QUICK = (Consecutive(id="down", after=1, recover=1),)
BOTH = [
    Target(id=name, every="30s", http=Http(url=f"http://{name}/"), rules=QUICK, notify=("ops",))
    for name in "ab"
]


@pytest.fixture
def world():
    """Two targets, both of which fail after a minute."""
    made = World(BOTH)
    for name in "ab":
        made.script(name, "ok 1m, down")
    return made


def test_a_silence_by_position_mutes_its_target_alone(world):
    world.silence("a", "2h")
    world.run("10m")
    assert world.delivered("ops") == ["b/down opened"]


def test_all_targets_are_muted_by_the_constant_alone(world):
    world.silence(ALL, "2h")
    world.run("10m")
    assert (world.delivered("ops"), len(world.incidents())) == ([], 2)


def test_a_further_silence_of_a_target_replaces_the_former_one(world):
    world.silence("a", "2h")
    world.silence(ALL, "2h", id="works")
    world.silence("a", "0s")
    world.run("10m")
    assert world.delivered("ops") == []
    world.silence(ALL, "0s", id="works")
    world.run("2s")
    assert sorted(world.delivered("ops")) == ["a/down opened", "b/down opened"]


def test_a_world_mutes_until_a_moment_and_says_who_and_why(world):
    world.silence("a", until="2030-01-01T00:00:00Z", by="ada\nother", reason="move")
    (silence,) = world.status().silences
    assert (silence.id, silence.target, silence.by, silence.reason) == ("target a", "a", "ada", "move")


def test_a_world_refuses_the_silence_of_an_unknown_target(world):
    with pytest.raises(KeyError, match="no target 'zz'; there are a, b"):
        world.silence("zz", "2h")
    assert world.status().silences == ()


@pytest.mark.parametrize("wrong", [{}, {"length": "1h", "until": "2030-01-01T00:00:00Z"}])
def test_a_world_needs_one_of_length_and_end(world, wrong):
    with pytest.raises(UsageError, match="a length or an end"):
        world.silence("a", **wrong)


def test_a_silence_that_has_ended_already_is_refused_and_ends_no_other(world):
    world.silence("a", "2h")
    with pytest.raises(UsageError, match="2020-01-01T00:00:00Z has passed"):
        world.silence("a", until="2020-01-01T00:00:00Z")
    assert len(world.status().silences) == 1


def test_a_runtime_refuses_the_silence_of_no_target_and_of_an_unknown_one():
    with Runtime(targets=[Target(id="shop", every="1h", http=Http(url="http://127.0.0.1:9/"))]) as runtime:
        with pytest.raises(UnknownName, match="no target is named 'shopp', did you mean shop"):
            runtime.silence("shopp", "2h")
        with pytest.raises(UsageError, match="names its target, or ALL for every one, not None"):
            runtime.silence(None, "2h")
        runtime.silence("shop", "2h", by="ada", reason="move")
        (silence,) = runtime.status().silences
        assert (silence.target, silence.by, silence.reason) == ("shop", "ada", "move")
