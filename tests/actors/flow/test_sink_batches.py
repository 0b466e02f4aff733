"""The batches of the sink: their content, their order, and the transitions that it refuses."""

import pytest
from records import opened, then
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.limits import GENERATIONS_PER_RUN
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.time.duration import NS_PER_DAY
from watchkeeper.protocol.owner import SampleTaken
from watchkeeper.protocol.sink import RecordSamples
from watchkeeper.testing.world import World

QUICK = (Consecutive(id="down", after=1, recover=1),)


def test_samples_of_a_clock_gone_astray_are_counted_where_a_user_sees_them(shop, tmp_path):
    world = World([shop()])
    world.store.close()
    world.store = SqliteStore(str(tmp_path / "watch.db"))
    world.crash()
    world.run("1m")
    assert "samples_left_out_of_record" not in dict(world.status().counters)
    world.step_wall(-50 * 365 * NS_PER_DAY)
    world.run("1m")
    assert dict(world.status().counters)["samples_left_out_of_record"] == 6


def test_a_sample_that_comes_twice_is_counted_where_a_user_sees_it(shop):
    world = World([shop()])
    world.run("1m")
    assert "samples_not_newer" not in dict(world.status().counters)
    (seen,) = world.status().targets
    world.system.owner.tell(SampleTaken(seen.sample, seen.attempt))
    world.run("1m")
    assert dict(world.status().counters)["samples_not_newer"] == 1


def test_the_last_gathered_records_are_written_at_a_stop(watched, shop):
    world = watched(shop())
    world.run("1m")
    while world.prober.started == 6:
        world.run("10ms")
    world.run("10ms")
    world.restart()
    assert len(world.store.samples("shop")) == 7


def test_after_a_failure_the_store_is_opened_again_before_a_write(watched, shop):
    world = watched(shop(rules=QUICK))
    calls = []
    for name in ("close", "open", "commit"):
        noted(world.store, name, calls)
    world.script("shop", "ok 1m, down")
    world.run("30s")
    world.store.failing = "commit"
    world.run("30s")
    world.store.failing = None
    world.run("1m")
    failed = calls.index("commit failed")
    assert calls[failed + 1 : failed + 4] in (["close", "open", "commit"], ["close", "open", "commit failed"])
    assert world.delivered("ops") == ["shop/down opened"]


def noted(store, name, calls):
    call = getattr(store, name)

    def noting(*arguments):
        calls.append(name)
        try:
            return call(*arguments)
        except Exception:
            calls[-1] = f"{name} failed"
            raise

    setattr(store, name, noting)


@pytest.mark.parametrize("again", ["the same step", "a step too far", "a step after the end"])
def test_an_illegal_transition_is_counted_and_harms_no_other(watched, shop, again):
    world = watched(shop())
    world.script("shop", "ok 1m, down 1m, ok")
    world.run("90s" if again != "a step after the end" else "4m")
    step = world.store.steps()[-1]
    stray = {
        "the same step": step,
        "a step too far": then(then(step, TransitionKind.CHANGED), TransitionKind.CHANGED),
        "a step after the end": then(opened(step.incident_id), TransitionKind.RESOLVED),
    }[again]
    # `watched` has begun the world a second time.
    world.system.sink.tell(RecordSamples(2 * GENERATIONS_PER_RUN + 1, (), (stray,), ()))
    world.run("5m")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]
    assert world.status().healthy, world.status().problems
    assert dict(world.status().counters)["illegal_transitions"] == 1


def test_a_silence_that_ended_while_nobody_ran_is_followed_up(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down")
    world.run("30s")
    world.silence("shop", "5m")
    world.run("2m")
    assert world.delivered("ops") == []
    world.stall("10m")
    world.crash()
    world.run("1s")
    assert world.delivered("ops") == ["shop/down opened"]


def test_a_new_specification_keeps_the_incident_that_is_open(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down 3m, ok")
    world.run("90s")
    (before,) = world.incidents(open_only=True)
    world.track(shop(rules=QUICK, every="5s"))
    world.run("1m")
    (after,) = world.incidents(open_only=True)
    assert after.id == before.id
    world.run("5m")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]
    assert world.status().healthy, world.status().problems


def test_while_one_batch_cannot_be_written_no_other_is_tried(watched, shop):
    world = watched(shop(every="200ms", timeout="100ms"))
    calls = []
    for name in ("close", "open", "commit"):
        noted(world.store, name, calls)
    world.run("10s")
    world.store.failing = "commit"
    world.run("20s")
    world.store.failing = None
    world.run("10s")
    failures = [place for place, call in enumerate(calls) if call == "commit failed"]
    assert len(failures) >= 3
    assert {calls[place + 1] for place in failures} == {"close"}


def test_a_step_that_was_judged_before_a_restart_is_counted_not_recorded(shop):
    world = World([shop()])
    world.script("shop", "ok 1m, down 1m, ok")
    world.run("4m")
    world.system.sink.tell(object())
    world.run("1m")
    stray = opened("inc_of_another_life", target="shop", rule="down", notify=("ops",))
    world.system.sink.tell(RecordSamples(GENERATIONS_PER_RUN + 1, (), (stray,), ()))
    world.run("5m")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]
    assert world.incidents(open_only=True) == ()
    assert dict(world.status().counters)["stale_transitions"] == 1
