"""A silence names what it mutes, first."""

import asyncio

import pytest
from watchkeeper import ALL, Channel, Http, Log, Runtime, Target, UnknownName, UsageError
from watchkeeper.domain.incidents.record import silence_id
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.testing import FakeRuntime, World

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
    assert (silence.id, silence.target, silence.by, silence.reason) == (silence_id("a"), "a", "ada", "move")


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


@pytest.fixture
def runtime():
    """A real runtime with two targets of one group."""
    targets = [
        Target(id=name, every="1h", group="front", http=Http(url="http://127.0.0.1:9/"))
        for name in ("shop", "mail")
    ]
    with Runtime(targets=targets) as made:
        yield made


def test_a_silence_is_ended_by_the_id_that_its_command_returned(runtime):
    name = runtime.silence("shop", "2h", by="ada")
    assert name == silence_id("shop")
    runtime.unsilence(name, by="bob")
    assert runtime.status().silences == ()


def test_an_unknown_silence_is_refused_with_those_in_force(runtime):
    with pytest.raises(UnknownName, match="no silence in force has the id 's-1'; in force: none"):
        runtime.unsilence("s-1")
    works = runtime.silence("*", "2h", id="works", match=["group=front", "severity=info"])
    assert works == "works"
    runtime.silence(ALL, "1h", id="night")
    runtime.silence("shop", "0s", id="over")
    with pytest.raises(
        UnknownName, match=r"'s-1'; in force: works \(group=front, severity=info\), night \(all targets\)"
    ):
        runtime.unsilence("s-1")
    runtime.unsilence("night")
    with pytest.raises(UnknownName, match="'night'; in force: works"):
        runtime.unsilence("night")


def test_a_silence_of_an_earlier_process_is_ended_by_its_id(tmp_path):
    targets = [Target(id="shop", every="1h", http=Http(url="http://127.0.0.1:9/"))]
    with Runtime(targets=targets, store=tmp_path / "watch.db") as runtime:
        name = runtime.silence("shop", "2h", match="rule=down")
    with Runtime(targets=targets, store=tmp_path / "watch.db") as runtime:
        assert runtime.status()["shop"].silences[0].match == ("rule=down",)
        runtime.unsilence(name)
        assert runtime.status()["shop"].silences == ()


def test_the_same_silence_again_replaces_the_former_and_another_stands_beside_it(runtime):
    first = runtime.silence("*", "2h", by="ada", reason="deploy", match=["group=front", "rule=down"])
    again = runtime.silence("*", "1h", by="bob", match=["rule=down", "group=front"])
    other = runtime.silence("*", "1h", match=["group=front"])
    silences = {each.id: each for each in runtime.status().silences}
    assert first == again
    assert silences.keys() == {first, other}
    assert (silences[first].by, silences[first].reason) == ("bob", "")


def test_a_target_shows_the_silences_that_mute_it_now(runtime):
    runtime.silence("shop", "2h", by="ada", reason="move")
    runtime.silence("mai?", "2h", id="glob")
    runtime.silence(ALL, "2h", id="works", match="group!=front")
    status = runtime.status()
    assert [each.reason for each in status["shop"].silences] == ["move"]
    assert [each.id for each in status["mail"].silences] == ["glob"]
    runtime.track(Target(id="mails", every="1h", http=Http(url="http://127.0.0.1:9/")))
    assert [each.id for each in runtime.status()["mails"].silences] == ["works"]
    runtime.track(Target(id="mails", every="1h", group="front", http=Http(url="http://127.0.0.1:9/")))
    assert runtime.status()["mails"].silences == ()
    (row,) = runtime.status().to_dict()["targets"][0]["silences"]
    assert (row["id"], row["by"], row["reason"]) == (silence_id("shop"), "ada", "move")


def test_a_preview_says_what_a_silence_would_mute_and_until_when(runtime):
    shown = runtime.preview_silence("*", until="2099-01-01T00:00:00Z", match="group=front")
    assert (shown.targets, shown.incidents, shown.until.year) == (("shop", "mail"), (), 2099)
    assert runtime.preview_silence("m*").targets == ("mail",)
    assert runtime.preview_silence("shop").until is None
    assert runtime.preview_silence(ALL, match=["group=back"]).targets == ()
    assert runtime.status().silences == ()
    with pytest.raises(UnknownName, match="'shpo'"):
        runtime.preview_silence("shpo")
    with pytest.raises(UsageError, match="a length or an end"):
        runtime.preview_silence("shop", "1h", until="2099-01-01T00:00:00Z")
    assert asyncio.run(runtime.aio.preview_silence("shop", "1h")).targets == ("shop",)


@pytest.mark.parametrize("match", ["group", ["group=front", "=x"], "severity=bad", "rule=~(", ["a=b"] * 17])
def test_a_matcher_that_cannot_be_read_makes_no_silence(runtime, match):
    with pytest.raises(ValueError, match="matcher"):
        runtime.silence(ALL, "1h", match=match)
    assert runtime.status().silences == ()


def test_a_preview_of_a_world_names_the_open_incidents():
    with FakeRuntime(targets=BOTH, channels=[Channel(id="ops", log=Log())]) as runtime:
        runtime.world.script("a", "down")
        runtime.world.run("2m")
        shown = runtime.preview_silence("*", match="rule=down")
        assert [incident.target for incident in shown.incidents] == ["a"]
        assert runtime.preview_silence("b").incidents == ()
        name = runtime.silence("*", "1h", match="rule=down")
        runtime.unsilence(name)
        assert runtime.status().silences == ()


def test_a_world_ends_a_silence_by_its_id(world):
    name = world.silence("?", "2h", match=["severity=critical"])
    world.run("10m")
    assert world.delivered("ops") == []
    world.unsilence(name)
    world.run("2s")
    assert sorted(world.delivered("ops")) == ["a/down opened", "b/down opened"]
    with pytest.raises(UnknownName, match="in force: none"):
        world.unsilence(name)
