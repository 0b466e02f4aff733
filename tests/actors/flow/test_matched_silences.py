"""Silences by matchers, as they begin and end while targets are changed, removed and renamed, and processes end."""

import pytest
from msgspec.structs import replace
from watchkeeper import ALL
from watchkeeper.domain.incidents.record import Batch, Silence, silence_id
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.rule import Consecutive, Severity
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.protocol.sink import Mute, Unmute
from watchkeeper.testing.world import World

RULES = (Consecutive(id="down", after=1, recover=1),)
HOUR_NS = 3_600 * NS_PER_S


def target(name, **fields):
    fields = {"rules": RULES, "notify": ("ops",), **fields}
    return Target(id=name, every="30s", tcp=Tcp(host=name, port=80), **fields)


def world_of(*targets):
    world = World(targets)
    for each in targets:
        world.script(each.id, "ok 1m, down 30m, ok")
    return world


def test_a_silence_of_a_group_mutes_its_targets_alone():
    world = world_of(target("a", group="shop"), target("b", group="mail"))
    world.silence("*", "2h", match=["group=shop"])
    world.run("10m")
    assert world.delivered("ops") == ["b/down opened"]


def test_a_silence_of_a_severity_lets_the_others_through():
    mild = Consecutive(id="down", after=1, recover=1, severity=Severity.WARNING)
    world = world_of(target("a"), target("b", rules=(mild,)))
    world.silence("*", "2h", match="severity=warning")
    world.run("10m")
    assert world.delivered("ops") == ["a/down opened"]


def test_a_silence_of_a_rule_lets_the_other_rules_through():
    both = (*RULES, Consecutive(id="second", after=1, recover=1))
    world = world_of(target("a", rules=both))
    world.silence("a", "2h", match=["rule=second"])
    world.run("10m")
    assert world.delivered("ops") == ["a/down opened"]


def test_the_end_of_a_matched_silence_tells_what_is_still_open_once():
    world = world_of(target("a", group="shop"), target("b", group="shop"))
    world.script("b", "ok 1m, down 2m, ok")
    world.silence("?", "10m", match=["group=shop"])
    world.run("9m")
    assert world.delivered("ops") == []
    world.run("5m")
    assert world.delivered("ops") == ["a/down opened"]
    world.run("30m")
    assert world.delivered("ops") == ["a/down opened", "a/down resolved"]


@pytest.mark.parametrize("way", ["restart", "crash"])
def test_a_matched_silence_outlives_its_process(way):
    world = world_of(target("a", labels={"team": "it"}))
    world.silence("*", "2h", match=["team=it"])
    world.run("30s")
    getattr(world, way)("10s")
    world.run("10m")
    assert (world.delivered("ops"), len(world.incidents(open_only=True))) == ([], 1)
    getattr(world, way)("10s")
    world.run("5m")
    assert world.delivered("ops") == []
    (silence,) = world.status().silences
    assert (silence.target, silence.match) == ("*", ("team=it",))


def test_a_target_that_gets_other_labels_is_judged_by_these():
    world = world_of(target("a", labels={"team": "it"}), target("b"))
    world.silence("*", "2h", match=["team=it"])
    world.run("10m")
    assert world.delivered("ops") == ["b/down opened"]
    world.track(target("a", labels={"team": "sales"}))
    world.run("1s")
    assert world.delivered("ops") == ["b/down opened", "a/down opened"]
    world.track(target("b", labels={"team": "it"}))
    world.run("30m")
    assert world.delivered("ops") == ["b/down opened", "a/down opened", "a/down resolved"]


def test_a_target_whose_labels_changed_while_nothing_ran_is_judged_by_the_new_ones():
    world = world_of(target("a"))
    world.silence("*", "2h", match=["team=it"])
    world.silence("a", "3m")
    world.run("2m")
    world.stop()
    world.stall("5m")
    world.start([target("a", labels={"team": "it"})])
    world.script("a", "down 1h")
    world.run("10m")
    assert (world.delivered("ops"), len(world.incidents(open_only=True))) == ([], 1)


def test_a_sink_that_crashed_still_knows_the_labels():
    world = world_of(target("a", group="shop"))
    world.silence("*", "2h", match=["group=shop"])
    world.run("10s")
    world.system.sink.tell(object())
    world.run("10m")
    assert (world.delivered("ops"), len(world.incidents(open_only=True))) == ([], 1)


def test_the_end_of_a_removed_target_is_muted_by_its_former_labels():
    world = world_of(target("a", group="shop"), target("b"))
    world.run("2m")
    world.silence("*", "2h", match=["group=shop"])
    world.untrack("a")
    world.run("1m")
    assert "a/down resolved" not in world.delivered("ops")
    world.run("2h")
    assert world.delivered("ops").count("a/down resolved") == 1


def test_a_renamed_target_stays_muted_by_its_matchers():
    world = world_of(target("a", group="shop"))
    world.silence("*", "2h", match=["target=a"])
    world.silence("*", "1h", match=["group=shop"])
    world.run("2m")
    world.stop()
    world.start([target("z", group="shop", renamed_from=("a",))])
    world.script("z", "down 1h")
    world.run("65m")
    assert world.delivered("ops") == []
    assert {each.match for each in world.status().silences} == {("target=z",)}


def test_a_command_without_an_id_goes_on_with_the_silence_of_an_earlier_version():
    world = world_of(target("a"))
    old = Silence(id="target a", target="a", until_ns=world.now.wall_ns + HOUR_NS, by="ann")
    world.tell(Mute(old))
    made_ns = world.now.wall_ns
    world.run("10s")
    world.silence("a", "2h", by="bob")
    (silence,) = world.status().silences
    assert (silence.id, silence.by, silence.created_at_ns) == (silence_id("a"), "bob", made_ns)
    world.restart()
    assert world.status().silences == (silence,)


def test_a_silence_of_an_earlier_version_is_ended_without_its_id():
    world = world_of(target("a"))
    world.tell(Mute(Silence(id="all targets", until_ns=world.now.wall_ns + HOUR_NS)))
    world.silence(ALL, "0s")
    assert world.status().silences == ()
    world.restart()
    assert world.status().silences == ()


def test_the_author_of_an_end_is_recorded(sink):
    made = Silence(id="s", target="shop", until_ns=sink.wall_ns + HOUR_NS, by="ann", created_at_ns=7)
    sink.tell(Mute(made))
    sink.store.take()
    sink.tell(Unmute("s", "bob"))
    ended = replace(made, until_ns=sink.wall_ns, ended_by="bob")
    assert sink.store.take() == [Batch(silences=(ended,))]
    sink.tell(Unmute("s", "eve"))
    assert sink.store.take() == []
