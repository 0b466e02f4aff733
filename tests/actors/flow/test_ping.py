"""The dead-man's ping goes while polling, judging, committing and sending move, and stops when one of them does not."""

import pytest
from msgspec.structs import replace
from watchkeeper import Channel, Configuration, Consecutive, RuntimeOptions
from watchkeeper.protocol.sink import SendTest
from watchkeeper.testing.world import World

from tests.actors.flow.driver import Driver

OPS = Channel(id="ops", webhook={"url": "http://ops.example/"})
BOSS = Channel(id="boss", webhook={"url": "http://boss.example/"})
LOG = Channel(id="log", log={})
PING = {"url": "https://hc.example/ping/KEY", "every": "1m"}
RULES = (Consecutive(id="down", after=1, recover=1),)


def pinging(*targets, channels=(OPS,), ping=PING):
    options = RuntimeOptions(ping=ping)
    return World(Configuration(runtime=options, channels=channels, targets=targets), through_bytes=True)


def pings(world, length="10m"):
    """How many pings arrive in a length of time."""
    before = len(world.pinger.pings)
    world.run(length)
    return len(world.pinger.pings) - before


def park(address, times=60):
    """Lets an actor crash at each restart for some minutes, before it comes to what waits for it."""
    for _ in range(times):
        address.tell(object())


def says(world):
    return dict(world.status().problems).get("ping", "")


def counted(world, name):
    world.run("5s")
    return dict(world.status().counters).get(name, 0)


def test_a_ping_goes_each_period_while_everything_moves(shop):
    world = pinging(shop())
    first, *_ = world.pinger.pings

    assert first.since(world.now) == 0, "the first one goes at the start"
    assert pings(world, "10m") == 10
    assert counted(world, "pings_sent") == 11
    assert says(world) == ""


def test_a_runtime_without_work_pings_too():
    assert pings(pinging(channels=())) == 10


def test_no_ping_goes_where_none_is_configured(shop):
    assert pings(pinging(shop(), ping=None)) == 0


def test_polling_that_stands_still_stops_the_ping(shop):
    world = pinging(shop())
    scripted, world.prober = world.prober, Driver()
    world.crash()
    pings(world, "2m")
    assert pings(world) == 0
    assert says(world).startswith("the ping is held back: polling stands still")

    world.prober = scripted
    world.crash()
    pings(world, "2m")
    assert pings(world) == 10
    assert says(world) == ""


def test_one_target_without_answers_stops_no_ping(shop):
    world = pinging(shop(), shop("till"))
    driver = world.prober = Driver()
    world.crash()

    def answer_till(request, done, start=driver.start):
        handle = start(request, done)
        if request.attempt.target == "till":
            world.dispatcher.call_at(world.now.monotonic_ns + 1, lambda: driver.answer(request.attempt))
        return handle

    driver.start = answer_till
    pings(world, "2m")

    assert pings(world) == 10


def test_targets_that_are_down_are_polled(shop):
    world = pinging(shop())
    world.script("shop", "hang 1h")

    assert pings(world) == 10


def test_paused_targets_stop_no_ping(shop):
    world = pinging(shop(paused=True))

    assert pings(world) == 10


def test_judging_that_stands_still_stops_the_ping(shop):
    world = pinging(shop())
    world.run("30s")
    park(world.system.owner)

    assert pings(world, "5m") == 0
    assert says(world) == "the ping is held back: judging stands still"

    world.run("30m")
    assert pings(world) == 10


def test_committing_that_stands_still_stops_the_ping(shop):
    world = pinging(shop())
    world.run("30s")
    world.fill_store("10m")
    before = len(world.pinger.pings)
    world.run("10m")
    assert len(world.pinger.pings) - before == 0
    assert says(world) == "the ping is held back: committing stands still: nothing new is recorded"

    world.run("2m")
    assert pings(world) == 10


def test_rounds_that_an_earlier_supervisor_has_begun_prove_nothing(shop):
    """They came round while no supervisor ran; since then judging stands still."""
    world = pinging(shop())
    world.run("30s")
    park(world.system.supervisor, times=12)
    world.run("10s")
    park(world.system.owner)
    assert pings(world, "5m") == 0

    world.run("30m")
    assert pings(world) == 10


def test_sending_that_stands_still_stops_the_ping(shop):
    world = pinging(shop(rules=RULES))
    world.script("shop", "ok 1m, down")
    world.script_channel("ops", "status 503 20m, ok")
    world.run("3m")
    assert pings(world) == 0
    assert says(world) == "the ping is held back: sending stands still: no channel takes notices"

    world.run("20m")
    assert pings(world) == 10


def test_a_channel_that_takes_a_test_lets_the_ping_go_again_though_its_notice_was_given_up(shop):
    world = pinging(shop(rules=RULES), channels=(replace(OPS, give_up_after="2m"),))
    world.script("shop", "ok 1m, down")
    world.script_channel("ops", "status 503 20m, ok")
    world.run("25m")
    assert pings(world) == 0, "the last notice was refused"

    world.system.sink.ask(SendTest("ops", "ann"), 10.0)
    world.run("1m")
    assert pings(world) == 10
    assert says(world) == ""


@pytest.mark.parametrize(("other", "goes"), [(BOSS, True), (LOG, False)])
def test_another_channel_but_the_log_keeps_the_ping_going(shop, other, goes):
    world = pinging(shop(rules=RULES, notify=("ops", other.id)), channels=(OPS, other))
    world.script("shop", "ok 1m, down")
    world.script_channel("ops", "status 503")
    world.run("3m")

    assert pings(world) == (10 if goes else 0)


def test_a_courier_that_is_gone_stops_the_ping(shop):
    world = pinging(shop())
    world.run("30s")
    park(world.system.couriers["ops"])

    assert pings(world, "5m") == 0
    assert "sending stands still" in says(world)


def test_a_ping_that_fails_is_counted_and_shown_and_opens_no_incident(shop):
    world = pinging(shop())
    world.run("30s")
    world.script_ping("status 503 30m, ok")
    world.run("20m")

    assert says(world) == "the ping failed: HTTP 503"
    assert counted(world, "pings_failed") == 20
    assert world.status().incidents == ()
    assert world.delivered("ops") == []

    world.run("20m")
    assert says(world) == ""


def test_the_status_says_when_the_last_ping_was_answered(shop):
    world = pinging(shop())
    assert pinging(shop(), ping=None).status().pinged_at is None
    world.run("150s")
    first = world.status().pinged_at
    assert 25 <= (world.status().at - first).total_seconds() <= 31, "each minute"
    world.script_ping("status 503")
    world.run("10m")
    failing = world.status()
    assert failing.pinged_at == first, "one that fails is no answer"
    assert failing.to_dict()["pinged_at"] is not None
    world.script_ping("ok")
    world.run("1m")
    assert world.status().pinged_at > first


def test_a_receiver_that_hangs_has_one_ping_at_a_time(shop):
    world = pinging(shop(), ping={**PING, "every": "10s"})
    world.script_ping("hang")

    assert pings(world, "10m") <= 60
    assert says(world) == "the ping failed: timed out"


def test_the_ping_goes_on_after_a_crash_of_any_actor(shop):
    world = pinging(shop())
    for address in (*world.system.addresses(),):
        address.tell(object())
        world.run("90s")

    assert pings(world) == 10


def test_the_ping_stops_with_the_runtime(shop):
    world = pinging(shop())
    world.run("30s")
    world.stop()
    before = len(world.pinger.pings)
    world.clock.advance(600 * 10**9)
    world.dispatcher.run_until_idle()

    assert len(world.pinger.pings) == before
