"""The record: a store that fails and recovers loses nothing, and no notice leaves before it is in the record."""

from contextlib import suppress
from itertools import pairwise

import pytest
from pykka import Timeout
from watchkeeper.actors.system import shut_down
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.protocol.recorder import GetAbandoned

QUICK = (Consecutive(id="down", after=1, recover=1),)
BOTH = ["shop/down opened", "shop/down resolved"]


def test_without_a_commit_no_notice_leaves(watched, shop):
    world = watched(shop(rules=QUICK))
    world.script("shop", "ok 1m, down 10m, ok")
    world.run("30s")
    world.store.failing = "commit"
    world.run("3m")
    assert world.store.failures >= 3
    assert world.delivered("ops") == []
    assert dict(world.status().problems)["store"] == "disk full"
    world.store.failing = None
    world.run("1m")
    assert world.delivered("ops") == BOTH[:1]
    assert world.status().healthy
    world.run("20m")
    assert world.delivered("ops") == BOTH


@pytest.mark.parametrize("call", ["commit", "run_maintenance", "recall"])
@pytest.mark.parametrize("length", ["1s", "40s", "15m"])
def test_a_store_that_fails_for_a_while_loses_nothing(watched, shop, call, length):
    world = watched(shop(rules=QUICK))
    world.script("shop", "ok 2m, down 3m, ok 3m, down 1m, ok")
    world.run("115s")
    world.store.failing = call
    world.redrive("msg_unheard_of")
    world.run(length)
    world.store.failing = None
    world.run("30m")
    assert sorted(world.delivered("ops")) == sorted(BOTH * 2)
    assert sorted(world.store.changes()) == sorted(["opened", "resolved"] * 2)
    assert world.status().healthy, world.status().problems
    # One sample every ten seconds, each once.
    kept = [sample.at.wall_ns for sample in world.store.samples("shop")]
    assert {later - earlier for earlier, later in pairwise(kept)} == {10_000_000_000}


@pytest.mark.parametrize("length", ["1s", "40s", "10m"])
def test_a_sink_that_cannot_open_its_store_again_finds_what_is_still_so(watched, shop, length):
    world = watched(shop(rules=QUICK))
    world.script("shop", "ok 2m, down 30m, ok")
    world.run("115s")
    world.store.failing = "open"
    world.system.sink.tell(object())
    world.run(length)
    world.store.failing = None
    world.run("1h")
    assert world.delivered("ops") == BOTH
    assert world.status().healthy, world.status().problems


def test_a_store_that_fails_over_and_over_repeats_nothing(watched, shop):
    world = watched(shop(rules=QUICK, flapping=False))
    world.script("shop", "ok 1m, down 1m, ok 1m, down 1m, ok 1m, down 1m, ok")
    for _ in range(120):
        world.store.failing = None if world.store.failing else "commit"
        world.run("7s")
    world.store.failing = None
    world.run("20m")
    assert world.delivered("ops") == BOTH * 3
    assert world.store.changes() == ["opened", "resolved"] * 3


def test_a_death_while_nothing_could_be_written_forgets_only_that(watched, shop):
    world = watched(shop(rules=QUICK))
    world.script("shop", "ok 1m, down 10m, ok")
    world.run("30s")
    world.store.failing = "commit"
    world.run("3m")
    world.store.failing = None
    world.crash()
    world.run("30m")
    assert world.delivered("ops") == BOTH
    assert world.store.changes() == ["opened", "resolved"]


@pytest.mark.parametrize("actor", ["sink", "supervisor"])
def test_a_crash_while_nothing_can_be_written_ends_well(watched, shop, actor):
    """A sink that crashes forgets what it could not write; an incident still open is found again."""
    world = watched(shop(rules=QUICK))
    world.script("shop", "ok 1m, down 10m, ok")
    world.run("30s")
    world.store.failing = "commit"
    world.run("2m")
    getattr(world.system, actor).tell(object())
    world.run("1m")
    world.store.failing = None
    world.run("30m")
    assert world.delivered("ops") == BOTH
    assert world.status().healthy, world.status().problems


def test_samples_are_durable_within_a_quarter_of_a_second(watched, shop):
    world = watched(shop(every="1s", timeout="500ms"))
    world.run("10s")
    for _ in range(50):
        world.run("100ms")
        seen = world.status().targets[0].sample.at.wall_ns
        durable = world.store.samples("shop")[-1].at.wall_ns
        if durable < seen // 1_000 * 1_000:
            world.run("250ms")
            assert world.store.samples("shop")[-1].at.wall_ns >= seen // 1_000 * 1_000


def test_a_failed_write_is_written_once_however_the_runtime_ends(watched, shop):
    world = watched(shop(rules=QUICK))
    world.script("shop", "ok 1m, down")
    world.run("30s")
    world.store.failing = "commit"
    world.run("2m")
    world.store.failing = None
    assert world.restart() == ()
    world.run("10m")
    assert world.delivered("ops") == BOTH[:1]
    assert world.store.changes() == ["opened"]


def driven_until(world):
    def wait(done, until_ns):
        with suppress(Timeout):
            world.dispatcher.drive(done, (until_ns - world.clock.read().monotonic_ns) / NS_PER_S)
        return done()

    return wait


def test_stopping_without_a_record_that_is_lost_says_nothing_of_records(watched, shop):
    world = watched(shop(rules=QUICK))
    world.run("30s")
    world.store.failing = "commit"
    shut_down(world.system, driven_until(world), world.clock.read(), 10 * NS_PER_S)
    assert "records not written" not in {
        left.what for left in world.system.recorder.ask(GetAbandoned(), 60.0)
    }


def test_stopping_with_a_store_that_cannot_write_says_what_was_left(watched, shop):
    """The batch that failed and all that gathered behind it: each step of an incident by name."""
    world = watched(shop(rules=QUICK), shop("bank", rules=QUICK))
    world.script("shop", "ok 1m, down")
    world.script("bank", "ok 2m, down")
    world.run("30s")
    world.store.failing = "commit"
    world.run("3m")
    shut_down(world.system, driven_until(world), world.clock.read(), 10 * NS_PER_S)
    said = {left.what: left.names for left in world.system.recorder.ask(GetAbandoned(), 60.0)}
    records, *steps = said["records not written"]
    assert int(records.removesuffix(" records")) >= 2 * 15
    assert sorted(steps) == ["opened bank/down", "opened shop/down"]
