"""A store that was opened again after a failure and has lost writes, as after a copy or a fail-over: notices go on."""

import copy

import pytest
from watchkeeper.domain.incidents.record import Silence
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.supervision.last_heard import RUNTIME
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.protocol.sink import Mute

QUICK = (Consecutive(id="down", after=1, recover=1),)
OPENED, RESOLVED = "shop/down opened", "shop/down resolved"


def go_back(world, kept, *, failing_for):
    """The store fails for a while, and is then as it was when it was kept."""
    world.store.failing = "commit"
    world.run(failing_for)
    world.store.inner = kept
    world.store.failing = None


@pytest.fixture
def world(watched, shop):
    made = watched(shop(rules=QUICK))
    made.script("shop", "ok 1m, down 9m, ok 20m, down 10m, ok")
    made.run("30s")
    return made


def test_an_incident_that_the_store_has_lost_is_found_again_and_told_to_its_end(world, counter):
    kept = copy.deepcopy(world.store.inner)
    world.run("2m")
    assert world.delivered("ops") == [OPENED]
    go_back(world, kept, failing_for="10s")
    world.run("50m")
    # The store knows nothing of the first notice: a receiver may hear of it again.
    assert world.delivered("ops") == [OPENED, OPENED, RESOLVED, OPENED, RESOLVED]
    assert world.status().healthy, world.status().problems
    assert counter(world, "writes_lost") > 0


def test_a_step_that_follows_a_lost_one_is_not_refused_for_ever(world):
    kept = copy.deepcopy(world.store.inner)
    world.run("8m")
    assert world.delivered("ops") == [OPENED]
    go_back(world, kept, failing_for="10m")
    world.run("10m")
    assert world.status().healthy, world.status().problems
    world.run("40m")
    assert world.delivered("ops") == [OPENED, OPENED, RESOLVED]


def test_an_incident_that_the_store_has_still_open_is_resolved_again(world):
    world.run("2m")
    kept = copy.deepcopy(world.store.inner)
    world.run("10m")
    assert world.delivered("ops") == [OPENED, RESOLVED]
    go_back(world, kept, failing_for="10s")
    world.run("5m")
    assert world.store.changes() == ["opened", "resolved", "resolved"]
    assert world.delivered("ops") == [OPENED, RESOLVED], "under the same key, which the receiver knows"
    assert world.status().healthy, world.status().problems


def test_a_silence_that_was_not_written_yet_is_kept_with_all_that_was_heard(world):
    kept = copy.deepcopy(world.store.inner)
    world.run("2m")
    now_ns = world.clock.read().wall_ns
    world.store.failing = "commit"
    silence = Silence(id="works", target="shop", until_ns=now_ns + 3_600 * NS_PER_S, created_at_ns=now_ns)
    world.system.sink.tell(Mute(silence))
    go_back(world, kept, failing_for="1m")
    world.run("2m")
    assert world.status().silences == (silence,)
    world.store.close()
    restored = world.store.open(world.clock.read())
    assert restored.silences == (silence,)
    assert {mark.target for mark in restored.heard} == {RUNTIME, "shop"}
    assert world.delivered("ops") == [OPENED], "the silence holds"
