"""The findings of several locations as people and programs see them: pages, API, metrics, notices and the body of a webhook."""

import json
import re

import pytest
from asgi import exchanged
from asking import TOKENS, tokens
from markup import faults_of
from watchkeeper import Agents, Channel, Http, Log, Target, Token, Web
from watchkeeper.domain.incidents.notice_body import notice_body
from watchkeeper.testing import FakeRuntime

PLACES = ("fra", "iad", "syd")
SCRIPTS = {
    "minority": "ok 1m, down from fra",
    "majority": "ok 1m, down from fra iad",
    "silent": "ok 1m, hang from fra iad",
    "slow": "ok 1m, degraded from fra hang from syd",
    "well": "ok",
}


@pytest.fixture(scope="module")
def world():
    http, web = Http(url="http://h/"), Web(listen="127.0.0.1:0", tokens=[Token(**each) for each in tokens()])
    targets = [
        Target(id=name, every="10s", http=http, expect=["[STATUS] == 200"], locations=PLACES, notify=("ops",))
        for name in SCRIPTS
    ]
    agents = Agents(nats="nats://h", locations=PLACES)
    with FakeRuntime(
        targets=[*targets, Target(id="here", http=http)],
        agents=agents,
        channels=[Channel(id="ops", log=Log())],
        web=web,
    ) as made:
        for name, script in SCRIPTS.items():
            made.world.script(name, script)
        made.world.run("5m")
        yield made


def asked(runtime, path):
    headers = {"authorization": f"Bearer {TOKENS['viewer']}", "host": "localhost"}
    status, _, body = exchanged(runtime.asgi(), "GET", path, headers)
    assert status == 200
    return body.decode()


def test_the_api_has_a_row_for_each_location(world):
    found = json.loads(asked(world, "/api/v1/targets/minority"))
    assert (found["status"], found["latency_ms"]) == ("up", 5.0)
    assert found["locations"] == [
        {
            "location": "fra",
            "outcome": "down",
            "reason": "connection_refused",
            "latency_ms": None,
            "explanation": "connection_refused: as scripted",
        },
        *(
            {"location": name, "outcome": "up", "reason": "ok", "latency_ms": 5.0, "explanation": ""}
            for name in ("iad", "syd")
        ),
    ]
    assert json.loads(asked(world, "/api/v1/targets/here"))["locations"] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("majority", "connection_refused: down from fra and iad, up from syd"),
        ("silent", "location_silent: no answer from fra and iad, up from syd"),
        ("minority", ""),
    ],
)
def test_the_api_says_from_where_a_target_is_not_up(world, name, said):
    assert json.loads(asked(world, f"/api/v1/targets/{name}"))["explanation"] == said


def test_the_list_marks_a_location_that_decides_nothing(world):
    page = asked(world, "/")
    assert faults_of(page) == []
    marks = dict(_marks(page))
    assert marks == {"minority": "down from fra", "slow": "degraded from fra, no answer from syd"}


def _marks(page):
    for row in re.split(r"<tr", page):
        name, mark = re.search(r'data-t="(\w+)"', row), re.search(r"<span class=apart>(.*?)</span>", row)
        if name and mark:
            yield name[1], mark[1]


def test_the_page_of_a_target_has_a_table_of_its_locations(world):
    page = asked(world, "/t/minority")
    assert faults_of(page) == []
    rows = re.findall(r'<tr><th scope="row">(\w+)</th><td><span class="s (\w+)"></span> (\w+)</td>', page)
    assert rows == [("fra", "down", "down"), ("iad", "up", "up"), ("syd", "up", "up")]
    assert "<code>connection_refused: as scripted</code>" in page
    assert "It is down when 2 of 3 say so." in page
    assert "<b>Not from everywhere:</b> down from fra." in page
    assert page.count("asked at each location") == 1


def test_the_page_of_another_target_has_none(world):
    page = asked(world, "/t/here")
    assert 'id="places"' not in page
    assert "Not from everywhere" not in asked(world, "/t/well")


def test_metrics_have_a_gauge_for_each_location_that_has_answered(world):
    found = re.findall(
        r'^watchkeeper_target_location_up\{target="(\w+)",.*location="(\w+)"\} (\S+)$',
        asked(world, "/metrics"),
        re.MULTILINE,
    )
    seen = {(target, place): float(value) for target, place, value in found}
    assert [seen.get(("minority", place)) for place in PLACES] == [0, 1, 1]
    assert [seen.get(("slow", place)) for place in PLACES] == [1, 1, None]
    assert [seen.get(("silent", place)) for place in PLACES] == [None, None, 1]
    assert not any(target == "here" for target, _ in seen)


def test_notices_and_the_body_of_a_webhook_say_from_where(world):
    (notice,) = world.world.notices("ops")
    assert notice.incident.explanation == "connection_refused: down from fra and iad, up from syd"
    assert b"down from fra and iad, up from syd" in notice_body(notice)


def test_the_status_of_the_host_has_them_too(world):
    found = world.status()["minority"]
    assert [(each.location, each.outcome.value) for each in found.locations] == [
        ("fra", "down"),
        ("iad", "up"),
        ("syd", "up"),
    ]
    assert world.status()["here"].locations == ()
