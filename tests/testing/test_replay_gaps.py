"""Replay of times in which a target, or every target, was not watched: pauses, stops, restarts, a suspended machine."""

import pytest
from watchkeeper import (
    Channel,
    Configuration,
    Consecutive,
    Heartbeat,
    Http,
    Log,
    NoData,
    Route,
    RuntimeOptions,
    Target,
    Threshold,
)
from watchkeeper.actors.system import SINK
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.units import NS_PER_MINUTE, NS_PER_S
from watchkeeper.protocol.sink import GetPauses
from watchkeeper.testing import World
from watchkeeper.testing.replaying.comparing import compare
from watchkeeper.testing.replaying.replay import replay


def configured(*targets, **route):
    return Configuration(
        runtime=RuntimeOptions(notify=()),
        channels=[Channel(id="ops", log=Log())],
        routes=[Route(to=["ops"], **route)],
        targets=targets,
    )


def http(name, **fields):
    return Target(id=name, every="1m", http=Http(url=f"http://{name}.example/"), flapping=False, **fields)


@pytest.fixture
def compared(tmp_path):
    """Records a course of events and returns it beside its replay by the same configuration."""

    def compare_once(configuration, course, later="0s", *, is_wall_steady=True):
        world = World(configuration, is_wall_steady=is_wall_steady)
        world.stop()
        path = str(tmp_path / "watch.db")
        world.store = SqliteStore(path)
        world.start(configuration)
        begun_ns = world.now.wall_ns
        course(world)
        world.ask(SINK, GetPauses())
        world.stop()
        world.stall(later)
        return replay(StoreReader(path), configuration, begun_ns, world.now.wall_ns)

    return compare_once


def rows(found, within_ns=NS_PER_S):
    """Returns what was decided and told, on both sides."""
    sides = (found.recorded, found.told), (found.replayed, found.taken)
    return [
        (
            sorted((each.place, round(each.opened_at_ns / within_ns)) for each in spans.values()),
            sorted((each.subject, each.change, round(each.at_ns / within_ns)) for each in notices),
        )
        for spans, notices in sides
    ]


def test_a_pause_is_no_silence_of_its_target(compared):
    def pauses(world):
        world.run("20m10s")
        world.pause("shop")
        world.run("2h")
        world.resume("shop")
        world.run("20m")

    recorded, replayed = rows(compared(configured(http("shop"), http("cart")), pauses))
    assert recorded == replayed == ([], [])


def test_silence_after_a_pause_is_told_of_as_it_was(compared):
    def pauses(world):
        world.script("shop", "ok 20m, down 50m, unknown 30m, ok")
        world.run("25m10s")
        world.pause("shop")
        world.run("40m")
        world.resume("shop")
        world.run("1h")

    recorded, replayed = rows(compared(configured(http("shop"), http("cart")), pauses), NS_PER_MINUTE)
    assert [place for place, _ in recorded[0]] == ["shop/down", "shop/silent"]
    assert recorded == replayed


def test_a_child_does_not_wait_for_a_parent_that_is_paused(compared):
    def pauses(world):
        world.script("cart", "ok 40m, down 20m, ok")
        world.run("20m10s")
        world.pause("gateway")
        world.run("1h")

    recorded, replayed = rows(
        compared(configured(http("gateway"), http("cart", depends_on=["gateway"])), pauses)
    )
    assert len(recorded[1]) == 2
    assert recorded == replayed


def test_a_record_that_begins_with_silence_tells_of_it(compared):
    def begins_silent(world):
        world.script("shop", "unknown 15m, ok")
        world.run("30m")

    recorded, replayed = rows(compared(configured(http("shop"), http("cart")), begins_silent), NS_PER_MINUTE)
    assert [place for place, _ in recorded[0]] == ["shop/silent"]
    assert recorded == replayed


def test_the_end_of_a_record_before_the_end_of_the_span_is_no_silence(compared):
    recorded, replayed = rows(compared(configured(http("shop")), lambda world: world.run("20m"), "5h"))
    assert recorded == replayed == ([], [])


STOPPED = {
    "a clock of `for`": (Consecutive(id="down", after=1, for_="15m"), "ok 5m, down 40m, ok"),
    "a clock of `keep_firing_for`": (
        Consecutive(id="down", after=1, keep_firing_for="15m"),
        "ok 5m, down 2m, ok",
    ),
    "a window of time": (
        Threshold(id="slow", value=500, window="10m", aggregate="mean"),
        "ok 5m, slow 2s 4m, ok",
    ),
    "a window of samples": (
        Threshold(id="slow", value=500, window=8, aggregate="max"),
        "ok 5m, slow 2s 4m, ok",
    ),
    "a wait for evidence": (NoData(id="silent", after="15m"), "ok 5m, unknown 50m, ok"),
}


@pytest.mark.parametrize("what", STOPPED)
def test_a_stop_of_the_process_is_to_a_rule_as_it_was(compared, what):
    rule, script = STOPPED[what]

    def stops(world):
        world.script("shop", script)
        world.run("10m10s")
        world.restart("20m")
        world.run("1h")

    target = http("shop", default_rules=False, rules=[rule])
    recorded, replayed = rows(compared(configured(target, http("cart")), stops), 3 * NS_PER_MINUTE)
    assert recorded[0]
    assert recorded == replayed


def test_nothing_is_told_in_a_stop_and_what_came_due_follows_at_its_end(compared):
    def stops(world):
        world.script("shop", "ok 5m, down 4h, ok")
        world.run("20m10s")
        world.restart("2h")
        world.run("3h")

    configuration = configured(http("shop"), http("cart"), remind_every="30m")
    recorded, replayed = rows(compared(configuration, stops), 3 * NS_PER_MINUTE)
    assert [change for _, change, _ in recorded[1]].count("reminder") == 4
    assert recorded == replayed


def test_a_heartbeat_that_was_due_in_a_stop_makes_no_process_of_it(compared):
    def stops(world):
        world.script("shop", "ok 5m, down 4h, ok")
        world.run("20m10s")
        world.restart("25m")
        world.run("3h")

    job = Target(id="job", every="20m", heartbeat=Heartbeat(grace="5m"))
    configuration = configured(http("shop"), job, remind_every="30m")
    recorded, replayed = rows(compared(configuration, stops), 3 * NS_PER_MINUTE)
    assert {place for place, _ in recorded[0]} == {"shop/down", "job/missed"}
    assert recorded == replayed


def test_the_windows_of_rules_go_on_over_a_suspended_machine(compared):
    def sleeps(world):
        world.script("shop", "ok 5m, slow 2s 4m, ok")
        world.run("10m10s")
        world.suspend("20m")
        world.run("1h")

    target = http("shop", default_rules=False, rules=[STOPPED["a window of time"][0]])
    recorded, replayed = rows(
        compared(configured(target, http("cart")), sleeps, is_wall_steady=False), 3 * NS_PER_MINUTE
    )
    assert recorded[0]
    assert recorded == replayed


def test_the_rules_whose_windows_a_short_restart_would_have_emptied_are_named(compared):
    window, last = STOPPED["a window of time"][0], Threshold(id="last", value=500)
    found = compared(configured(http("shop", rules=[window, last])), lambda world: world.run("10m"))
    (said,) = (text for text in compare(found).limits if text.startswith("a restart shows"))
    assert "a gap of 3m and more" in said
    assert said.endswith("here it goes on: shop/slow")
