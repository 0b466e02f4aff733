"""Targets in planned maintenance are marked on every page and in the API, as long as it is in force."""

import re

import pytest
from asking import Asking, settled
from host_servers import until
from markup import page_of
from watchkeeper import Channel, Configuration, Heartbeat, Log, Maintenance, Runtime, Target

ALWAYS = {"from_": "2020-01-01T00:00:00Z", "until": "2199-01-01T00:00:00Z"}
PATCH = Maintenance(id="patch-day", match=["group=shop"], **ALWAYS)
SLOW = Maintenance(id="tuning", match=["target=door", "rule=slow"], **ALWAYS)
OVER = Maintenance(
    id="over", match=["target=door"], from_="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z"
)
GROUPS = {"cart": "shop", "mail": "office", "door": "house"}


def stated(*maintenance):
    targets = [
        Target(id=name, group=group, heartbeat=Heartbeat(), every="1h", notify=["ops"])
        for name, group in GROUPS.items()
    ]
    return {"targets": targets, "channels": [Channel(id="ops", log=Log())], "maintenance": maintenance}


@pytest.fixture
def fleet():
    """Three jobs, of which `cart` is down and in maintenance, and `door` in one that holds another rule's incidents alone."""
    with Runtime(**stated(PATCH, SLOW, OVER)) as runtime:
        for name in GROUPS:
            runtime.heartbeat(name, ok=name == "mail")
        settled(runtime)
        yield runtime


@pytest.fixture
def viewer(fleet):
    return Asking(fleet.serve("127.0.0.1:0"))


def row_of(page, target):
    (row,) = re.findall(rf'<tr class="\w+" data-t="{target}".*?(?=<tr|</tbody>)', page, re.DOTALL)
    return re.sub(r"<[^>]+>", " ", row)


def test_a_row_in_maintenance_says_so(viewer):
    page = page_of(viewer, "/?view=all")
    assert {name: "in maintenance" in row_of(page, name) for name in GROUPS} == {
        "cart": True,
        "mail": False,
        "door": True,
    }
    assert "Two are in maintenance." in page


def test_a_filter_shows_the_targets_in_maintenance_alone(viewer):
    page = page_of(viewer, "/?status=maintenance")
    assert set(re.findall(r'data-t="([^"]+)"', page)) == {"cart", "door"}
    assert re.search(r'aria-current="true">Maintenance 2</a>', page)


def test_an_open_incident_names_the_maintenance_that_holds_its_notices(viewer):
    page = page_of(viewer, "/")
    lines = re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
    said = {re.search(r'<a href="/i/[^"]+">([^<]+)</a>', line)[1]: line for line in lines}
    assert re.search(r"maintenance patch-day until .*?, nobody is told", said["cart"], re.DOTALL)
    assert "maintenance" not in said["door"], "that one holds the incidents of another rule"


def test_the_page_of_a_target_names_its_maintenance(viewer):
    assert "<b>In maintenance</b> by patch-day until" in page_of(viewer, "/t/cart")
    assert "In maintenance" not in page_of(viewer, "/t/mail")


def test_the_page_of_an_incident_names_its_maintenance(fleet, viewer):
    said = {
        each.target: "<b>In maintenance</b> by patch-day until" in page_of(viewer, f"/i/{each.id}")
        for each in fleet.incidents()
    }
    assert said == {"cart": True, "door": False}


def test_the_api_says_which_maintenance_a_target_is_in(viewer):
    rows = {row["id"]: row["maintenance"] for row in viewer.get("/targets").json["items"]}
    assert rows["cart"] == {"id": "patch-day", "match": ["group=shop"], "until": "2199-01-01T00:00:00Z"}
    assert (rows["mail"], rows["door"]["id"]) == (None, "tuning")


def test_a_maintenance_that_a_reload_takes_away_is_marked_no_longer(fleet, viewer):
    assert "in maintenance" in page_of(viewer, "/?days=90")
    fleet.reload(Configuration(**stated(SLOW)))
    assert viewer.get("/targets/cart").json["maintenance"] is None
    until(lambda: "one is in maintenance." in page_of(viewer, "/").lower())
