"""The rate of a channel in virtual time: a storm goes out at its pace, and nothing is lost by it."""

from collections import Counter

from watchkeeper import Channel, Configuration, Consecutive, Http, Log, Target
from watchkeeper.domain import limits
from watchkeeper.testing import World

RULES = (Consecutive(id="down", after=2, recover=1),)


def world(count, **channel):
    targets = [
        Target(
            id=f"api-{number:02}",
            every="10s",
            http=Http(url=f"http://api-{number}.example/"),
            rules=RULES,
            default_rules=False,
            notify=["ops"],
        )
        for number in range(count)
    ]
    made = World(Configuration(channels=[Channel(id="ops", log=Log(), **channel)], targets=targets))
    for target in targets:
        made.script(target.id, "ok 5m, down 1h, ok")
    return made


def minutes(made):
    return Counter(post.at.monotonic_ns // (60 * 10**9) for post in made.messengers["ops"].posts)


def test_a_storm_goes_out_at_the_rate_of_the_channel_and_each_incident_is_told():
    made = world(40, rate="10/1m", in_flight_max=64)
    made.run("20m")
    assert max(minutes(made).values()) <= 20
    assert len(made.delivered("ops")) == 40
    begun = sorted(post.at.monotonic_ns for post in made.messengers["ops"].posts)
    assert all(later - earlier >= 60 * 10**9 for earlier, later in zip(begun, begun[10:], strict=False))


def test_a_restart_during_a_storm_loses_nobody():
    made = world(40, rate="10/1m", in_flight_max=64)
    made.run("6m")
    made.crash()
    made.run("20m")
    assert sorted(made.delivered("ops")) == sorted(f"api-{number:02}/down opened" for number in range(40))


def test_an_end_that_comes_while_the_opening_waits_is_told_after_it():
    made = world(3, rate="1/10m")
    made.run("3h")
    assert len(made.delivered("ops")) == 6


def test_notices_that_wait_for_the_rate_while_the_store_is_full_keep_no_actor_busy(monkeypatch):
    """The moment at which the next one may leave passes, and none may before the record can be written."""
    monkeypatch.setattr(limits, "SIMULATED_STEPS_MAX", 10_000)
    made = world(3, rate="1/1m")
    made.run("5m30s")
    assert len(made.delivered("ops")) == 1
    made.fill_store("10m")
    made.run("9m")
    assert len(made.delivered("ops")) == 1
    made.run("5m")
    assert sum(told.startswith("api-") for told in made.delivered("ops")) == 3
