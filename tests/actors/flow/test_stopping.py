"""The end of a system: running attempts end or are cancelled, and pending notices are sent by the next one."""

import pytest
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.time.duration import parse_duration
from watchkeeper.protocol.recorder import GetAbandoned
from watchkeeper.testing.world import World

S = 1_000_000_000
QUICK = (Consecutive(id="down", after=1, recover=1),)


def test_stopping_waits_for_what_runs_and_counts_it(driven, shop):
    world = driven(shop(every="10s", timeout="4s"))
    while not world.prober.requests:
        world.run("100ms")
    attempt = world.prober.requests[-1].attempt
    now_ns = world.clock.read().monotonic_ns
    world.dispatcher.call_at(now_ns + S, lambda: world.prober.answer(attempt))
    assert world.restart() == ()
    assert len(world.store.samples("shop")) == 1
    assert world.prober.cancelled == []


def test_an_attempt_that_runs_too_long_is_cancelled_at_half_time(driven, shop):
    world = driven(shop(every="1m", timeout="50s"))
    while not world.prober.requests:
        world.run("1s")
    attempt = world.prober.requests[-1].attempt
    began = world.clock.read()
    assert world.restart() == ()
    assert world.prober.cancelled == [attempt]
    assert world.clock.read().since(began) < 10 * S


@pytest.mark.parametrize("channel", ["status 503 10m, ok", "hang 10m, ok"])
def test_a_notice_pending_at_a_stop_is_delivered_after_the_start(shop, channel):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down")
    world.script_channel("ops", channel)
    world.run("3m")
    old = world.system
    assert world.restart() == ()
    said = old.recorder.ask(GetAbandoned(), 60.0)
    assert "notices left in the outbox" in {abandoned.what for abandoned in said}
    world.run("30m")
    assert world.delivered("ops") == ["shop/down opened"]
    assert len({post.notice.key for post in world.messengers["ops"].posts}) == 1


def test_stopping_starts_nothing_more(shop):
    world = World([shop(every="1s", timeout="500ms")])
    world.run("10s")
    old, started = world.dispatcher, world.prober.started
    world.restart()
    old.run_until(world.clock.read().monotonic_ns + parse_duration("1ms"))
    assert world.prober.started == started


def test_only_what_runs_is_cancelled_at_half_time(driven, shop):
    world = driven(*(shop(name, every="1m", timeout="50s") for name in ("idle", "busy", "idle too")))
    while len(world.prober.requests) < 3:
        world.run("1s")
    busy = next(request.attempt for request in world.prober.requests if request.attempt.target == "busy")
    for request in world.prober.requests:
        if request.attempt != busy:
            world.prober.answer(request.attempt)
    world.run("1s")
    assert world.restart() == ()
    assert world.prober.cancelled == [busy]
