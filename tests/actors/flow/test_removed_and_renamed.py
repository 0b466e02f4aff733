"""Targets that were removed or renamed while no process ran: incidents, counters, silences and marks of what was heard."""

from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.rule import Consecutive, NoData
from watchkeeper.testing.world import World

S = 1_000_000_000
H = 3_600 * S
QUICK = (Consecutive(id="down", after=1, recover=1),)


def goes_on(before, *targets):
    """Returns a world that goes on with the record of another, as a process does after an edit of its file."""
    before.store.close()
    world = World(Configuration(targets=targets))
    world.clock.advance(before.now.monotonic_ns - world.now.monotonic_ns)
    world.store.close()
    world.store = before.store
    world.crash()
    return world


def down(*targets, length="1m"):
    world = World(Configuration(targets=targets))
    for target in world.targets:
        world.script(target, "down")
    world.run(length)
    return world


def nightly(shop, name="nightly", **fields):
    said = {"every": "24h", "tcp": None, "heartbeat": Heartbeat(grace="1h"), "rules": QUICK} | fields
    return shop(name, **said)


def test_an_incident_whose_target_left_the_file_ends_at_the_start(shop):
    world = goes_on(down(shop(rules=QUICK)), shop("mail"))
    world.run("1s")
    assert world.delivered("ops") == ["shop/down resolved"]
    assert world.notices("ops")[0].incident.reason == "removed"
    world.restart()
    world.run("5m")
    assert len(world.delivered("ops")) == 1


def test_an_incident_whose_target_a_host_does_not_track_again_ends_within_a_minute(shop):
    before = down(shop(rules=QUICK))
    world = World([shop("mail")])
    before.store.close()
    world.store.close()
    world.store = before.store
    world.crash()
    world.run("50s")
    assert world.delivered("ops") == []
    world.run("20s")
    assert world.delivered("ops") == ["shop/down resolved"]


def test_an_incident_whose_rule_left_the_file_ends_at_the_start(shop):
    world = goes_on(down(shop(rules=QUICK)), shop(rules=(Consecutive(id="other", after=9),)))
    world.run("1s")
    assert world.delivered("ops") == ["shop/down resolved"]
    assert world.notices("ops")[0].incident.reason == "retired"


def test_a_target_that_comes_back_after_it_left_the_file_begins_anew(shop):
    rules = (Consecutive(id="down", after=3, recover=1),)
    before = down(shop(rules=rules), nightly(shop), length="15s")
    world = goes_on(before, shop("mail"))
    world.run("30h")
    world = goes_on(world, shop(rules=rules), nightly(shop))
    world.script("shop", "down 15s, ok")
    world.run("23h")
    assert world.incidents() == ()


def test_a_renamed_target_keeps_its_incident(shop):
    world = goes_on(down(shop(rules=QUICK)), shop("store", rules=QUICK, renamed_from=("shop",)))
    world.script("store", "down 5m, ok")
    world.run("4m")
    (incident,) = world.incidents(open_only=True)
    assert (incident.target, incident.reason) == ("store", "renamed")
    assert incident.explanation == "its target was named shop"
    world.restart()
    world.script("store", "down 5m, ok")
    world.run("10m")
    assert world.delivered("ops") == ["store/down changed", "store/down resolved"]
    assert {notice.incident.id for notice in world.notices("ops")} == {incident.id}


def test_an_incident_under_a_former_and_the_present_name_is_kept_once(shop):
    both = down(shop(rules=QUICK), shop("store", rules=QUICK))
    world = goes_on(both, shop("store", rules=QUICK, renamed_from=("shop",)))
    world.script("store", "down")
    world.run("1m")
    (incident,) = world.incidents(open_only=True)
    assert (incident.target, incident.change) == ("store", TransitionKind.OPENED)
    assert len(world.delivered("ops")) == 1
    assert world.notices("ops")[0].incident.reason == "removed"


def test_an_incident_of_a_rule_that_a_renamed_target_lacks_ends(shop):
    other = (Consecutive(id="other", after=9),)
    world = goes_on(down(shop(rules=QUICK)), shop("store", rules=other, renamed_from=("shop",)))
    world.run("1m")
    assert [notice.incident.reason for notice in world.notices("ops")] == ["retired"]


def test_a_renamed_target_goes_on_counting(shop):
    rules = (Consecutive(id="down", after=3, recover=1),)
    before = down(shop(every="1h", rules=rules), length="90m")
    assert before.incidents() == ()
    world = goes_on(before, shop("store", every="1h", rules=rules, renamed_from=("shop",)))
    world.script("store", "down")
    world.run("90m")
    assert world.delivered("ops") == ["store/down opened"]


def test_a_renamed_heartbeat_is_due_when_it_would_have_been(shop):
    before = World(Configuration(targets=(nightly(shop),)))
    before.heartbeat("nightly")
    beat = before.now
    before.run("20h")
    world = goes_on(before, nightly(shop, "backup", renamed_from=("older", "nightly")))
    world.run("1h")
    world.restart()
    world.run("5h")
    assert [incident.opened_at_ns for incident in world.incidents()] == [beat.wall_ns + 25 * H]


def test_a_renamed_target_that_a_host_tracks_late_keeps_incident_and_beat(shop):
    before = World([nightly(shop), shop(rules=QUICK)])
    before.heartbeat("nightly")
    before.script("shop", "down")
    beat = before.now
    before.run("20h")
    world = World([shop("mail")])
    world.clock.advance(before.now.monotonic_ns - world.now.monotonic_ns)
    before.store.close()
    world.store.close()
    world.store = before.store
    world.crash()
    world.track(nightly(shop, "backup", renamed_from=("nightly",)))
    world.track(shop("store", rules=QUICK, renamed_from=("shop",)))
    world.script("store", "down")
    world.run("6h")
    assert [incident.target for incident in world.incidents()] == ["store", "backup"]
    assert world.incidents()[1].opened_at_ns == beat.wall_ns + 25 * H


def test_a_silence_follows_a_renamed_target(shop):
    before = down(shop(rules=QUICK))
    before.silence("shop", "1h")
    world = goes_on(before, shop("store", rules=QUICK, renamed_from=("shop",)))
    world.script("store", "down 5m, ok 5m, down 10m, ok")
    world.run("30m")
    world.restart()
    world.script("store", "down")
    world.run("20m")
    assert world.delivered("ops") == []
    world.run("20m")
    assert "store/down opened" in world.delivered("ops")


def heard_of(world):
    """The targets of which the record says when they were last heard."""
    world.store.close()
    return {mark.target for mark in world.store.open(world.now).heard} - {""}


def test_a_rename_that_crashes_before_it_is_recorded_is_repeated(shop):
    before = down(shop(rules=QUICK), nightly(shop))
    before.heartbeat("nightly")
    before.run("1m")
    renamed = (
        shop("store", rules=QUICK, renamed_from=("shop",)),
        nightly(shop, "backup", renamed_from=("nightly",)),
    )
    before.store.refuse_until(2**62)
    world = goes_on(before, *renamed)
    for _ in range(3):
        world.crash()
        world.script("store", "down")
        world.run("30s")
    world.store.refuse_until(0)
    world.run("5m")
    assert [incident.target for incident in world.incidents(open_only=True)] == ["store"]
    assert world.delivered("ops") == ["store/down changed"]
    assert heard_of(world) == {"store", "backup"}


def test_a_sink_that_crashes_behind_a_rename_leaves_no_mark_of_the_former_name(shop):
    world = goes_on(
        World(Configuration(targets=(nightly(shop),))), nightly(shop, "backup", renamed_from=("nightly",))
    )
    world.system.sink.tell("no message")
    world.run("5m")
    assert heard_of(world) == {"backup"}


def test_the_mark_of_a_removed_target_is_dropped(shop):
    before = World(Configuration(targets=(nightly(shop), shop(rules=(NoData(id="silent"),)))))
    before.run("5m")
    before.restart()
    world = goes_on(before, shop("mail"))
    world.run("5m")
    world.restart()
    assert heard_of(world) == {"mail"}


def unwatched(shop):
    """A world with the open incident of a target that its host has not tracked again yet, and the incident."""
    before = down(shop(rules=QUICK, notify=("ops",)))
    world = World([shop("mail")])
    before.store.close()
    world.store.close()
    world.store = before.store
    world.crash()
    world.run("5s")
    (incident,) = world.status().incidents
    return world, incident.id


def test_the_incident_of_a_target_that_is_not_there_can_be_acknowledged_and_its_target_goes_on_with_that(
    shop,
):
    world, incident = unwatched(shop)
    world.acknowledge(incident, "otto", "is known", until="30s")
    world.run("1s")
    (seen,) = world.status().incidents
    assert (seen.acknowledged_by, seen.note) == ("otto", "is known")
    world.crash()
    world.run("1s")
    world.track(shop(rules=QUICK, notify=("ops",)))
    world.script("shop", "down")
    world.run("10s")
    (seen,) = world.status().incidents
    assert (seen.id, seen.acknowledged_by) == (incident, "otto")


def test_the_acknowledgement_of_a_target_that_is_not_there_is_withdrawn_and_ends_at_its_time(shop):
    world, incident = unwatched(shop)
    world.acknowledge(incident, "otto")
    world.run("1s")
    world.unacknowledge(incident, "anna")
    world.run("1s")
    assert world.status().incidents[0].acknowledged_by is None
    world.acknowledge(incident, "otto", until="10s")
    world.run("1s")
    assert world.status().incidents[0].acknowledged_by == "otto"
    world.crash()
    world.run("20s")
    assert world.status().incidents[0].acknowledged_by is None
