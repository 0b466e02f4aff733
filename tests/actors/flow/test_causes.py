"""The cause of an incident stays what it was, and its newest finding follows."""

import json

import pytest
from watchkeeper.domain.incidents.notice_body import notice_body
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive, NoData, Threshold
from watchkeeper.testing.world import World

QUICK = (Consecutive(id="down", after=1, recover=1),)
REFUSED = "connection_refused: as scripted"
ANSWERED = "condition_failed: [STATUS] (503) == 200"


@pytest.fixture
def world(shop):
    asked = {"tcp": None, "http": Http(url="http://shop/"), "expect": ("[STATUS] == 200",)}
    world = World([shop(rules=QUICK, **asked)])
    world.script("shop", "ok 1m, status 503 2m, down 5m, ok")
    world.run("2m")
    return world


def of(incident):
    return incident.cause, incident.latest


def test_an_open_incident_keeps_its_cause_and_follows_what_is_found(world):
    assert of(world.incidents()[0]) == (ANSWERED, ANSWERED)
    world.run("3m")
    assert of(world.incidents()[0]) == (ANSWERED, REFUSED)
    assert len(world.notices("ops")) == 1, "another finding is no step"


def test_an_acknowledged_incident_still_says_what_is_wrong(world):
    world.run("3m")
    world.acknowledge(world.incidents()[0].id, "ann", note="restarting it")
    (seen,) = world.incidents()
    assert of(seen) == (ANSWERED, REFUSED)
    assert (seen.acknowledged_by, seen.note, seen.reason) == ("ann", "restarting it", "acknowledged")
    assert seen.summary() == f"acknowledged by ann (restarting it): {REFUSED}"


def test_an_ended_incident_says_what_it_was_and_how_long(world):
    world.run("10m")
    (ended,) = world.incidents()
    assert of(ended) == (ANSWERED, REFUSED)
    assert (ended.reason, ended.explanation, ended.lasted) == ("recovered", "ok", "7m")
    assert ended.summary() == f"recovered after 7m: {ANSWERED}"
    document = json.loads(notice_body(world.notices("ops")[-1]))["incident"]
    assert {name: document[name] for name in ("cause", "latest", "note", "lasted")} == {
        "cause": ANSWERED,
        "latest": REFUSED,
        "note": None,
        "lasted": "7m",
    }


@pytest.mark.parametrize("again", [World.restart, World.crash])
def test_the_newest_finding_survives_another_process(world, again):
    world.run("3m")
    again(world)
    assert of(world.incidents()[0]) == (ANSWERED, REFUSED)
    world.acknowledge(world.incidents()[0].id)
    assert of(world.incidents()[0]) == (ANSWERED, REFUSED)
    world.run("10m")
    assert of(world.incidents()[0]) == (ANSWERED, REFUSED)


def test_the_newest_finding_survives_a_store_that_cannot_be_written(world):
    world.fill_store("3m")
    world.run("4m")
    assert of(world.incidents()[0]) == (ANSWERED, REFUSED)
    world.restart()
    assert of(world.incidents()[0]) == (ANSWERED, REFUSED)


@pytest.mark.parametrize("actor", ["owner", "sink", "recorder"])
def test_the_newest_finding_survives_the_crash_of_an_actor(world, actor):
    world.run("3m")
    getattr(world.system, actor).tell(object())
    world.run("10s")
    assert of(world.incidents(open_only=True)[0]) == (ANSWERED, REFUSED)


def test_a_good_sample_of_an_open_incident_leaves_the_newest_bad_finding(shop):
    slow = (Consecutive(id="down", after=1, recover=5),)
    world = World([shop(rules=slow)])
    world.script("shop", "down 30s, ok 20s, hang 10s, ok")
    world.run("45s")
    assert world.incidents()[0].latest == REFUSED
    world.run("16s")
    assert world.incidents()[0].latest.startswith("timed_out")


def test_a_threshold_says_its_newest_figure(shop):
    rule = Threshold(id="slow", measure="response_time", operator=">", value=300, window=1)
    world = World([shop(rules=(rule,))])
    world.script("shop", "ok 1m, slow 400ms 1m, slow 900ms 5m, ok")
    world.run("3m")
    assert [text.split(" is ")[1] for text in of(world.incidents()[0])] == [
        "400 ms, > 300 ms",
        "900 ms, > 300 ms",
    ]


def test_missing_evidence_says_what_the_samples_are_instead(shop):
    world = World([shop(rules=(NoData(id="silent", after="1m"),))])
    world.script("shop", "ok 1m, unknown 10m, ok")
    world.run("5m")
    (incident,) = world.incidents()
    assert incident.cause.startswith("no evidence for too long; the last attempt: ")
    assert incident.cause.endswith("as scripted")
