"""This machine's own network gone: nobody is blamed, one interval is recorded, and the health says it."""

import pytest
from watchkeeper import (
    Channel,
    Configuration,
    ConfigurationError,
    Connectivity,
    Consecutive,
    Heartbeat,
    Http,
    Log,
    NoData,
    Observation,
    Outcome,
    Reason,
    RuntimeOptions,
    Target,
    Tcp,
)
from watchkeeper.domain.time.moment import NS_PER_S as S
from watchkeeper.testing.world import World

from tests.actors.flow.driver import DOWN, UP

QUICK = (Consecutive(id="down", after=3, recover=1),)
ONCE = (Consecutive(id="missed", after=1, recover=1),)
OUTAGE = "ok 5m, down 5m, ok"
NO_ROUTE = Observation(outcome=Outcome.UNKNOWN, reason=Reason.BLIND, detail="no route")


def http(name, **fields):
    return Target(
        **{
            "id": name,
            "every": "10s",
            "http": Http(url=f"http://{name}/"),
            "rules": QUICK,
            "notify": ("ops",),
            **fields,
        }
    )


def gateway(name="gateway", **fields):
    return Target(**{"id": name, "every": "1m", "tcp": Tcp(host=name, port=53), "rules": QUICK, **fields})


def world_of(*targets, named=("gateway",), every="5s", told=()):
    speaking = Connectivity(targets=named, every=every) if named else None
    options = RuntimeOptions(connectivity=speaking, notify=told)
    channels = (Channel(id="ops", log=Log()),)
    return World(Configuration(runtime=options, channels=channels, targets=targets))


def test_nine_targets_down_with_the_gateway_open_one_incident_of_the_runtime_itself():
    world = world_of(gateway(), *(http(f"shop{n}") for n in range(9)), told=None)
    for name in world.targets:
        world.script(name, OUTAGE)
    world.run("8m")
    assert world.status().problems == (
        (
            "network",
            "the network of this machine is gone: all of gateway fail, so no sample counts against a target",
        ),
    )
    assert {target.sample.outcome for target in world.status().targets} == {Outcome.UNKNOWN}
    world.run("12m")

    assert world.delivered("ops") == ["watchkeeper/network opened", "watchkeeper/network resolved"]
    assert ([incident.target for incident in world.incidents()], world.status().problems) == (
        ["watchkeeper"],
        (),
    )
    (interval,) = world.status().blind
    assert interval.cause == "network_lost"
    assert 295 * S <= interval.ended_at_ns - interval.started_at_ns <= 310 * S


def test_a_target_down_while_the_gateway_answers_is_told():
    world = world_of(gateway(), http("shop"))
    world.script("shop", OUTAGE)
    world.run("20m")

    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]
    assert world.status().blind == ()


def test_one_of_two_that_speak_for_the_network_is_enough_for_it_to_stand():
    world = world_of(gateway(), gateway("far"), http("shop"), named=("gateway", "far"))
    world.script("shop", OUTAGE)
    world.script("gateway", OUTAGE)
    world.run("20m")

    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]


def test_the_outage_that_outlasts_that_of_the_network_is_told():
    world = world_of(gateway(), http("shop"))
    world.script("gateway", OUTAGE)
    world.script("shop", "ok 5m, down 10m, ok")
    world.run("10m")
    assert world.delivered("ops") == []
    world.run("3m")

    assert world.delivered("ops") == ["shop/down opened"]


def test_those_that_speak_for_the_network_are_checked_as_often_as_was_said():
    world = world_of(gateway(every="1m"), gateway("far", every="2s"), named=("gateway", "far"))
    world.run("10m")
    samples = {target.id: target.samples for target in world.status().targets}

    assert samples == {"gateway": pytest.approx(120, abs=1), "far": pytest.approx(300, abs=1)}


def test_silence_while_the_network_is_gone_is_no_lack_of_data_and_no_missed_beat():
    silent = (*QUICK, NoData(id="silent", after="1m"))
    nightly = Target(id="nightly", every="1m", heartbeat=Heartbeat(grace="10s"), rules=QUICK, notify=("ops",))
    world = world_of(gateway(), http("shop", rules=silent), nightly)
    for name in ("gateway", "shop"):
        world.script(name, OUTAGE)
    for _ in range(5):
        world.heartbeat("nightly")
        world.run("1m")
    world.run("5m")
    for _ in range(10):
        world.heartbeat("nightly")
        world.run("1m")

    assert (world.incidents(), world.delivered("ops")) == ((), [])


@pytest.mark.parametrize("how", [World.restart, World.crash])
def test_a_restart_while_the_network_is_gone_makes_no_beat_missed(how):
    job = Target(id="job", every="1m", heartbeat=Heartbeat(grace="10s"), rules=ONCE, notify=("ops",))
    world = world_of(gateway(), job)
    world.script("gateway", OUTAGE)
    for _ in range(5):
        world.heartbeat("job")
        world.run("1m")
    world.run("2m30s")
    how(world)
    world.run("2m50s")
    assert world.incidents() == ()
    world.run("1m")

    assert world.delivered("ops") == ["job/missed opened"]


def test_a_paused_gateway_speaks_for_nothing():
    world = world_of(gateway(), http("shop"))
    for name in world.targets:
        world.script(name, OUTAGE)
    world.run("7m")
    assert world.delivered("ops") == []
    world.pause("gateway")
    world.run("2m")

    assert world.delivered("ops") == ["shop/down opened"]
    assert world.status().problems == ()


LOCAL = Observation(connected=True, ip="127.0.0.1")


def poll(world, answers, seconds):
    """Answers each attempt within a second as its target's entry says."""
    for _ in range(seconds):
        world.run("1s")
        for attempt in [attempt for attempt in world.prober.done if world.prober.in_flight[attempt.target]]:
            world.prober.answer(attempt, answers[attempt.target])
            del world.prober.done[attempt]
    world.run("1ms")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "this-machine.example"])
def test_a_target_on_this_machine_proves_no_network(driven, shop, host):
    world = driven(shop(), shop("local", tcp=Tcp(host=host, port=1)))
    poll(world, {"shop": UP, "local": LOCAL}, 30)
    poll(world, {"shop": NO_ROUTE, "local": LOCAL}, 30)
    assert [part for part, _ in world.status().problems] == ["network"]
    poll(world, {"shop": UP, "local": LOCAL}, 30)

    assert [interval.cause for interval in world.status().blind] == ["network_lost"]


@pytest.mark.parametrize("host", ["127.0.0.1", "this-machine.example"])
def test_a_target_on_this_machine_needs_no_network_to_be_down(driven, shop, host):
    world = driven(shop(), shop("local", tcp=Tcp(host=host, port=1)))
    poll(world, {"shop": UP, "local": LOCAL}, 30)
    poll(world, {"shop": NO_ROUTE, "local": DOWN}, 60)

    assert [part for part, _ in world.status().problems] == ["network"]
    assert [(incident.target, incident.rule) for incident in world.incidents()] == [("local", "down")]


def test_a_target_that_is_seldom_checked_hides_no_loss_of_the_network(driven, shop):
    world = driven(shop(), shop("blog"), shop("slow", every="1h"))
    poll(world, dict.fromkeys(world.targets, UP), 3_700)
    poll(world, {"shop": NO_ROUTE, "blog": NO_ROUTE, "slow": UP}, 90)

    assert [part for part, _ in world.status().problems] == ["network"]


def test_one_target_without_a_route_beside_another_that_answers_is_no_lasting_loss(driven, shop):
    world = driven(shop(), shop("far", every="5m"))
    poll(world, {"shop": UP, "far": UP}, 330)
    poll(world, {"shop": NO_ROUTE, "far": UP}, 1_800)

    assert len(world.status().blind) <= 1
    assert "network" not in dict(world.status().problems)


def test_the_system_itself_may_say_that_nothing_can_be_reached(driven, shop):
    world = driven(shop(), shop("blog"))

    def polled(observation):
        asked = len(world.prober.requests)
        world.run("15s")
        for request in world.prober.requests[asked:]:
            world.prober.answer(request.attempt, observation)
        world.run("1s")

    polled(NO_ROUTE)
    ((part, problem),) = world.status().problems
    assert (part, "no target can be reached" in problem) == ("network", True)
    polled(UP)

    assert world.status().problems == ()
    assert [interval.cause for interval in world.status().blind] == ["network_lost"]
    assert world.incidents() == ()


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (("gatewy",), "there is no target 'gatewy', did you mean gateway"),
        (("nightly",), "is a heartbeat"),
        (("gateway", "gateway"), "stands twice"),
    ],
)
def test_a_name_that_cannot_speak_for_the_network_is_refused(named, words):
    nightly = Target(id="nightly", every="1m", heartbeat=Heartbeat())
    with pytest.raises(ConfigurationError) as refused:
        world_of(gateway(), nightly, named=named)

    assert words in str(refused.value)
