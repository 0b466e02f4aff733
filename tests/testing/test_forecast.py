"""Forecasts: drawn from a seed, the same every time, and true to the given faults and scripts."""

import logging

import msgspec
import pytest
from logged import messages
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Heartbeat, Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.units import NS_PER_MINUTE
from watchkeeper.testing import World
from watchkeeper.testing.fakes import ScriptedStore
from watchkeeper.testing.forecast import (
    CHANNEL_WORDS,
    FAULTS,
    KINDS,
    SEED_VERSION,
    draw_course,
    parse_faults,
    parse_seed,
    run_course,
    seed_text,
)

RULES = (Consecutive(id="down", after=2, recover=1),)
SHOP = Target(
    id="shop",
    every="30s",
    http=Http(url="http://shop.example/"),
    rules=RULES,
    default_rules=False,
    notify=("ops", "dev"),
)
JOB = Target(
    id="job", every="1m", heartbeat=Heartbeat(grace="10s"), rules=RULES, default_rules=False, notify=("ops",)
)
CHANNELS = (Channel(id="ops", log=Log()), Channel(id="dev", log=Log(), give_up_after="10m"))
HOURS = Configuration(targets=(SHOP, JOB), channels=CHANNELS)


def course(configuration=HOURS, seed=1, minutes=120, faults=(), **scripts):
    return draw_course(configuration, seed=seed, minutes=minutes, faults=faults, scripts=scripts)


def opened_in(forecast):
    return [incident.target for incident in forecast.incidents]


def test_a_seed_means_the_same_course_every_time():
    assert course(seed=7, faults=FAULTS) == course(seed=7, faults=FAULTS)
    assert course(seed=7).scripts != course(seed=8).scripts


def test_another_target_changes_nothing_for_the_others():
    alone = Configuration(targets=(SHOP,), channels=CHANNELS)
    assert course(alone).scripts["shop"] == course().scripts["shop"]


def test_a_course_that_is_watched_is_the_same():
    drawn, heard = course(shop="ok 30m, down 10m, ok", job="ok"), []
    forecast = run_course(drawn, heard.append)
    assert forecast == run_course(drawn)
    assert heard == [minute * NS_PER_MINUTE for minute in range(1, 121)]
    assert opened_in(forecast) == ["shop"]
    assert [len(forecast.notices[name]) for name in ("ops", "dev")] == [2, 2]


def test_a_heartbeat_target_follows_its_script():
    forecast = run_course(course(shop="ok", job="ok 30m, down 10m, ok"))
    assert opened_in(forecast) == ["job"]
    assert [notice.change for notice in forecast.notices["ops"]] == ["opened", "resolved"]
    assert run_course(course(shop="ok", job="ok")).incidents == ()


def test_a_job_by_a_schedule_reports_after_its_moments():
    nightly = Heartbeat(schedule="*:20", zone="Asia/Kathmandu", grace="10s")
    job = Target(id="job", heartbeat=nightly, rules=RULES, default_rules=False, notify=("ops",))
    hours = Configuration(targets=(job,), channels=CHANNELS)
    assert run_course(course(hours, job="ok")).incidents == ()
    assert opened_in(run_course(course(hours, minutes=200, job="ok 30m, down"))) == ["job"]


@pytest.mark.parametrize("seed", range(4))
def test_a_day_of_all_faults_breaks_no_invariant(seed):
    drawn = course(seed=seed, minutes=24 * 60, faults=FAULTS)
    assert {mishap.fault for mishap in drawn.mishaps} == set(KINDS)
    forecast = run_course(drawn)
    assert forecast.broken == ""
    assert forecast.incidents
    assert forecast.simulated_ns >= 24 * 60 * NS_PER_MINUTE


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_met_however_short_the_time(fault):
    drawn = course(minutes=10, faults=(fault,))
    if fault in CHANNEL_WORDS:
        assert any(
            word in script for word in CHANNEL_WORDS[fault] for script in drawn.channel_scripts.values()
        )
    else:
        assert [mishap.fault for mishap in drawn.mishaps] == [fault]
    assert run_course(drawn).broken == ""


def test_the_effect_of_a_fault_can_be_seen():
    calm = run_course(course(minutes=600, shop="ok 1h, down", job="ok"))
    seen = run_course(course(minutes=600, faults=("acknowledge",), shop="ok 1h, down", job="ok"))
    assert calm.incidents[0].acknowledged_at_ns is None
    assert seen.incidents[0].acknowledged_by == "operator"


def test_a_forecast_leaves_logging_as_it_was(caplog):
    run_course(course(faults=("store_full",), shop="ok 1m, down", job="ok"))
    logging.getLogger("watchkeeper").error("still heard")
    assert messages(caplog) == ["still heard"]


def test_a_target_that_is_paused_is_left_alone():
    paused = Configuration(targets=(Target(id="shop", every="30s", http=SHOP.http, paused=True),))
    assert course(paused, faults=("pause",)).mishaps == ()


def test_a_seed_of_another_version_is_refused():
    assert parse_seed("7") == parse_seed(seed_text(7)) == 7
    with pytest.raises(ValueError, match=f"4-7 is of version 4, .* this is version {SEED_VERSION}: use 5-7"):
        parse_seed("4-7")
    for text in ("", "x", "5-", "x-7"):
        with pytest.raises(ValueError, match="is no seed: write a whole number like 7"):
            parse_seed(text)


def test_fault_names_are_read_in_one_order():
    assert parse_faults("stall, death") == parse_faults("death,stall") == ("death", "stall")
    assert (parse_faults("none"), parse_faults("all")) == ((), FAULTS)


@pytest.mark.parametrize("name", ["reconfigure", "disk_torn", "", "death,oops"])
def test_a_fault_that_there_is_not_is_refused(name):
    with pytest.raises(ValueError, match=r"no fault is called .*; there are all, none, channel_down"):
        parse_faults(name)


def test_a_script_for_an_unknown_target_names_the_known_ones():
    with pytest.raises(ValueError, match="no target 'shpo' to follow a script; there are shop, job"):
        course(shpo="ok")


def restless(world):
    """A silence ends, a commit fails, and the wall clock goes back into the silence."""
    world.silence("shop", "5m")
    world.run("10m")
    world.script("shop", "ok 2m, down 5m, ok 3m, down")
    world.fill_store("3m")
    world.run("10m")
    world.step_wall(-20 * NS_PER_MINUTE)
    world.fill_store("1m")


def test_a_silence_that_is_over_is_not_taken_for_one_in_force():
    world = World([SHOP])
    restless(world)
    world.run("4m")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved", "shop/down opened"]


def test_a_silence_that_a_new_process_finds_in_force_is_no_surprise():
    world = World([SHOP])
    restless(world)
    world.crash()
    world.run("4m")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]


class Forgetful(ScriptedStore):
    """A store that restores no incident once it `forgets`: the defect of a recovery that reads too little."""

    forgets = False

    def open(self, now):
        restored = super().open(now)
        return msgspec.structs.replace(restored, incidents=()) if self.forgets else restored


def test_a_restart_that_forgets_is_a_defect_that_a_world_finds():
    world = World([SHOP])
    world.store = Forgetful(world.clock.read)
    world.crash()
    world.script("shop", "down")
    world.run("5m")
    world.store.forgets = True
    world.crash()
    with pytest.raises(AssertionError, match=r"^S11: open incidents"):
        world.run("1m")
