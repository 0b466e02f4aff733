"""A host's own tests: a world that shows what would happen, without waiting for it."""

import pytest
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Heartbeat, Http
from watchkeeper.domain.specification.rule import Consecutive, Threshold
from watchkeeper.domain.specification.target import Target
from watchkeeper.testing import World

HTTP = Http(url="http://shop.example/health")
QUICK = (Consecutive(id="down", after=2, recover=1),)


def shop(**fields):
    return Target(
        **(
            {
                "id": "shop",
                "every": "10s",
                "http": HTTP,
                "rules": QUICK,
                "default_rules": False,
                "notify": ("ops",),
            }
            | fields
        )
    )


def test_a_day_passes_in_a_test_of_ten_lines():
    world = World([shop(every="30s")])
    world.script("shop", "ok 10h, down 90s, ok")
    world.run("24h")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]
    assert world.status().targets[0].samples == 24 * 120


def test_a_world_takes_and_refuses_what_a_runtime_does():
    lists = {"expect": ["[STATUS] == 200"], "rules": [*QUICK], "notify": ["ops"]}
    world = World([shop(**lists)])
    world.track(shop(id="other", **lists))
    world.script("other", "ok 1m, down 5m, ok")
    world.run("10m")
    assert world.delivered("ops") == ["other/down opened", "other/down resolved"]
    with pytest.raises(ConfigurationError, match=r"targets\[0\].expect\[0\]"):
        World([shop(expect=["[STATUZ] == 200"])])
    with pytest.raises(ConfigurationError, match="oops"):
        world.track(shop(notify=["oops"]))


def test_an_outage_ends_no_incident_about_slowness():
    """A refusal comes sooner than any answer, and its latency says nothing about the target's."""
    slow = Threshold(id="slow", value=100, window=3)
    world = World([shop(rules=(*QUICK, slow))])
    world.script("shop", "ok 5m, slow 300ms 5m, down 5m, slow 300ms 5m, ok 5m")
    world.run("20m")
    assert world.delivered("ops") == ["shop/slow opened", "shop/down opened", "shop/down resolved"]
    world.run("5m")
    assert world.delivered("ops")[3:] == ["shop/slow resolved"]


def test_a_world_takes_a_whole_configuration():
    ops = Channel(id="ops", log=Log())
    world = World(Configuration(targets=(shop(),), channels=(ops,)))
    world.script("shop", "down")
    world.run("1m")
    assert world.delivered("ops") == ["shop/down opened"]


def test_a_world_takes_the_path_of_a_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_URL", "http://shop.example/")
    path = tmp_path / "watch.yaml"
    path.write_text("targets: [{id: shop, every: 5s, http: {url: '${SHOP_URL}'}}]\n")
    assert World(path).targets == ("shop",)


@pytest.mark.parametrize("text", ["ok 10m down", "wonky 1m", "ok, down 10m", "ok forever", ""])
def test_a_script_that_means_nothing_is_refused(text):
    world = World([shop()])
    with pytest.raises(ValueError, match=r"."):
        world.script("shop", text)


@pytest.mark.parametrize(
    ("script", "known"), [(World.script, "shop"), (World.script_channel, "ops")], ids=["target", "channel"]
)
def test_a_script_for_an_unknown_target_names_the_known_ones(script, known):
    with pytest.raises(KeyError, match=known):
        script(World([shop()]), "shpo", "ok")


def test_operators_and_hosts_act_on_a_running_world():
    world = World([shop(), Target(id="job", every="1m", heartbeat=Heartbeat(grace="10s"))])
    world.pause("shop")
    world.run("1m")
    assert world.status().targets[0].samples == 0
    world.resume("shop")
    world.heartbeat("job")
    world.untrack("job")
    world.track(shop(id="other"))
    world.run("1m")
    assert world.targets == ("shop", "other")
    assert [target.samples for target in world.status().targets] == [6, 6]


def test_a_stopped_world_goes_on_where_it_was():
    world = World([shop()])
    world.script("shop", "down")
    world.run("1m")
    assert world.restart() == ()
    world.crash()
    world.run("10m")
    assert world.delivered("ops") == ["shop/down opened"]
    assert len(world.incidents(open_only=True)) == 1


def test_a_world_whose_wall_clock_is_steady_wakes_up_seldom_and_tells_the_same():
    told, turns = [], []
    for is_wall_steady in (False, True):
        job = Target(id="job", every="3h", heartbeat=Heartbeat(), notify=("ops",))
        world = World([job], is_wall_steady=is_wall_steady)
        world.silence("job", "4h")
        world.run("8h")
        told.append(
            [(notice.created_at_ns, notice.subject, notice.change) for notice in world.notices("ops")]
        )
        turns.append(world.dispatcher.steps)
    assert told[0] == told[1]
    assert len(told[0]) == 1
    assert turns[1] < turns[0] / 3
