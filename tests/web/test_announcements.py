"""Announcements over the API: made, changed, read and ended."""

import pytest
from asking import tokens
from msgspec import convert
from watchkeeper import Runtime, Web

LATER = "2099-01-01T00:00:00Z"


@pytest.fixture
def runtime(store):
    pages = [{"id": "shop", "title": "The shop"}]
    web = {"listen": "127.0.0.1:0", "tokens": tokens(), "pages": pages}
    with Runtime(store=store, web=convert(web, Web)) as made:
        yield made


def test_an_announcement_is_made_changed_read_and_ended(operator, viewer):
    made = operator.put("/announcements/pay", {"title": "Payments are slow", "kind": "outage"})
    assert (made.status, made.json["by"], made.json["until"]) == (200, "a-operator", None)
    changed = operator.put(
        "/announcements/pay", {"title": "Payments are slow", "text": "The cause\n\nis found."}
    )
    assert changed.json["created_at"] == made.json["created_at"]
    assert viewer.get("/announcements/pay").json == changed.json
    assert viewer.get("/announcements").json["items"] == [changed.json]
    assert operator.delete("/announcements/pay").json == changed.json
    assert viewer.get("/announcements").json["items"] == []
    assert viewer.get("/announcements/pay").status == 404
    assert operator.delete("/announcements/pay").status == 404


def test_a_maintenance_has_a_start_and_a_length(operator):
    body = {"title": "A move", "kind": "maintenance", "start": LATER, "length": "2h", "pages": ["shop"]}
    made = operator.put("/announcements/move", body).json
    assert (made["starts_at"], made["until"]) == (LATER, "2099-01-01T02:00:00Z")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"title": ""}, 400),
        ({"title": " "}, 409),
        ({"title": "x" * 201}, 400),
        ({"title": "x", "text": "x" * 4_001}, 400),
        ({"title": "x", "kind": "party"}, 400),
        ({"title": "x", "kind": "maintenance"}, 409),
        ({"title": "x", "start": LATER}, 409),
        ({"title": "x", "until": "2020-01-01T00:00:00Z"}, 409),
        ({"title": "x", "until": LATER, "length": "1h"}, 409),
        ({"title": "x", "until": "9999-01-01T00:00:00Z"}, 409),
        ({"title": "x", "pages": ["mail"]}, 404),
        ({"title": "x", "secret": "y"}, 400),
    ],
)
def test_an_announcement_of_nonsense_is_refused(operator, viewer, body, status):
    assert operator.put("/announcements/pay", body).status == status
    assert viewer.get("/announcements").json["items"] == []


def test_an_id_that_no_path_can_have_is_refused(operator):
    assert operator.put("/announcements/a%20b", {"title": "x"}).status == 400


def test_an_announcement_too_many_is_refused_and_one_that_stands_is_changed(operator, runtime):
    for number in range(64):
        runtime.announce(f"Number {number}", id=f"n{number}")
    refused = operator.put("/announcements/more", {"title": "One more"})
    assert (refused.status, refused.json["detail"]) == (
        409,
        "64 announcements stand: end one before you make another",
    )
    assert operator.put("/announcements/n7", {"title": "Another"}).status == 200
