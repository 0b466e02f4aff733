"""Silences by matchers over the API: what they would mute, which target they mute, and what is refused."""

from urllib.parse import quote, urlencode

import pytest


def preview(asking, *matchers, **query):
    return asking.get(
        f"/silences/preview?{urlencode([*query.items(), *(('match', each) for each in matchers)])}"
    )


@pytest.mark.parametrize(
    ("matchers", "query", "targets"),
    [
        (["group=shop/front"], {}, ["shop"]),
        (["group=~shop/.*", "team=sales"], {}, ["shop"]),
        (["group=~shop/.*", "team!=sales"], {}, []),
        (["severity=critical"], {}, ["backup", "shop"]),
        ([], {"target": "sh*"}, ["shop"]),
        ([], {"target": "zz*"}, []),
        (["team!=sales"], {"target": "?????p"}, ["backup"]),
    ],
)
def test_a_preview_names_the_targets_that_a_silence_would_mute(viewer, matchers, query, targets):
    shown = preview(viewer, *matchers, **query).json
    assert (shown["targets"], shown["target_ids"]) == (len(targets), targets)


def test_a_preview_names_the_open_incidents_and_the_end(viewer, incident):
    until = "2099-01-01T00:00:00Z"
    shown = preview(viewer, "team=sales", f"severity={incident.severity.value}", until=until).json
    assert (shown["open_incidents"], shown["until"]) == ([incident.id], until)
    assert preview(viewer, "severity=info").json["open_incidents"] == []
    assert preview(viewer, length="1h").json["until"] is not None


def test_a_preview_is_as_of_now(viewer, runtime):
    assert viewer.get("/status").json["open_incidents"] == 0
    runtime.heartbeat("shop", ok=False)
    assert len(preview(viewer, target="shop").json["open_incidents"]) == 1


def test_a_preview_of_nonsense_is_refused(viewer):
    assert preview(viewer, target="shpo").status == 404
    assert preview(viewer, length="1h", until="2099-01-01T00:00:00Z").status == 409
    refused = preview(viewer, "group=shop", "group", "team=~(")
    assert (refused.status, refused.json["detail"]) == (409, "a matcher cannot be read")
    assert [each["pointer"] for each in refused.json["errors"]] == ["/match/1", "/match/2"]
    assert preview(viewer, *["team=x"] * 17).status == 400
    assert viewer.get("/silences/preview?target=a&target=b").status == 400


def test_a_target_shows_the_silences_that_mute_it(operator):
    body = {"match": ["group=~shop/.*", "team = sales"], "length": "1h", "reason": "deploy"}
    made = operator.put("/silences/deploy", body).json
    assert (made["target"], made["match"]) == ("*", ["group=~shop/.*", "team=sales"])
    assert operator.get("/targets/shop").json["silences"] == [made]
    assert operator.get("/targets/backup").json["silences"] == []
    operator.delete("/silences/deploy")
    assert operator.get("/targets/shop").json["silences"] == []


def test_a_silence_of_a_glob_needs_no_target_that_matches_yet(operator):
    made = operator.put("/silences/later", {"target": "new-*", "length": "1h"})
    assert (made.status, made.json["target"]) == (200, "new-*")


def test_a_silence_with_a_matcher_that_cannot_be_read_is_not_made(operator):
    refused = operator.put("/silences/x", {"match": ["team=~("], "length": "1h"})
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (409, "/match/0")
    assert "cannot be used: missing )" in refused.json["errors"][0]["detail"]
    assert operator.get("/silences").json["items"] == []


def test_a_silence_of_less_than_a_second_is_refused(operator):
    refused = operator.put("/silences/x", {"length": "6ns"})
    assert refused.status == 409
    assert refused.json["errors"] == [
        {"pointer": "/length", "detail": "it must end a second or more after now and before the year 2262"}
    ]


def test_a_silence_of_a_program_is_ended_by_its_id_and_its_author_is_recorded(runtime, operator):
    name = runtime.silence("shop", "1h", by="deploy-bot")
    assert operator.delete(f"/silences/{quote(name)}").json["by"] == "deploy-bot"
    assert runtime.status().silences == ()
    gone = operator.delete(f"/silences/{name}")
    assert (gone.status, gone.json["detail"]) == (
        404,
        f"no silence in force has the id '{name}'; in force: none",
    )
