"""Questions: the JSON rules that hold for all of them, and the answer of each."""

import re

import pytest
from asking import Asking
from watchkeeper import Heartbeat, Http, Target

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_the_status_counts_the_targets(viewer, incident):
    said = viewer.get("/status").json
    assert TIME.fullmatch(said.pop("as_of"))
    assert said == {
        "healthy": True,
        "targets": {"up": 0, "degraded": 0, "down": 1, "unknown": 1, "paused": 0},
        "open_incidents": 1,
        "silences": 0,
        "problems": [],
        "nodes": [],
    }


def test_a_target_is_told_with_its_newest_sample_and_its_incidents(viewer, incident):
    said = viewer.get("/targets/shop").json
    assert TIME.fullmatch(said.pop("sampled_at"))
    assert TIME.fullmatch(said.pop("since"))
    job = said.pop("job")
    assert job["text"].startswith("expected ")
    assert TIME.fullmatch(job["expected_at"])
    assert said == {
        "id": "shop",
        "group": "shop/front",
        "name": "The shop",
        "labels": {"team": "sales"},
        "description": "",
        "link": "",
        "runbook": "https://wiki.example/shop",
        "public": "",
        "kind": "heartbeat",
        "status": "down",
        "raw": "down",
        "explanation": "reported: no stock",
        "paused": False,
        "outcome": "down",
        "reason": "reported",
        "latency_ms": None,
        "samples": 1,
        "missed": 0,
        "open_incidents": [incident.id],
        "silences": [],
        "maintenance": None,
        "locations": [],
    }


def test_an_unknown_target_is_answered_with_a_sentence(viewer):
    answer = viewer.get("/targets/shpo")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json["detail"] == "no target is named 'shpo', did you mean shop"
    for rest in ("attempts", "samples", "hours", "days", "uptime", "pings"):
        assert (
            viewer.get(f"/targets/nothing-like-it/{rest}").json["detail"]
            == "no target is named 'nothing-like-it'"
        )


def test_the_parts_of_a_list_follow_each_other_by_key(runtime, viewer):
    for number in range(7):
        runtime.track(Target(id=f"t-{number}", heartbeat=Heartbeat()))
    runtime.status()
    first = viewer.get("/targets?q=T-&limit=3").json
    assert ([row["id"] for row in first["items"]], first["next"]) == (["t-0", "t-1", "t-2"], "t-2")
    second = viewer.get("/targets?q=t-&limit=3&after=t-2").json
    assert ([row["id"] for row in second["items"]], second["next"]) == (["t-3", "t-4", "t-5"], "t-5")
    third = viewer.get("/targets?q=t-&limit=3&after=t-5").json
    assert ([row["id"] for row in third["items"]], third["next"]) == (["t-6"], None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("group=shop", ["shop"]),
        ("group=shop/front", ["shop"]),
        ("group=sho", []),
        ("label=team=sales", ["shop"]),
        ("label=team=other", []),
        ("q=THE", ["shop"]),
    ],
)
def test_targets_are_found_by_what_is_said_of_them(viewer, query, found):
    assert [row["id"] for row in viewer.get(f"/targets?{query}").json["items"]] == found


def test_the_evidence_of_a_bad_sample_is_told(runtime, viewer, site_that_fails):
    with runtime.subscribe(samples=True) as events:
        runtime.track(Target(id="web", every="1h", timeout="20s", http=Http(url=site_that_fails)))
        runtime.check_now("web")
        assert events.get(20).sample.target == "web"
    runtime.status()
    rows = viewer.get("/targets/web/evidence").json["items"]
    assert (rows[0]["ip"], rows[0]["body"]) == ("127.0.0.1", "no stock")
    assert rows[0]["phases_ms"].keys() >= {"connect", "first_byte"}


def test_targets_are_found_by_their_status(viewer, incident):
    found = viewer.get("/targets?status=down").json
    assert [row["id"] for row in found["items"]] == ["shop"]


@pytest.mark.parametrize(
    ("query", "pointer", "detail"),
    [
        ("limit=0", "/limit", "Expected `int` >= 1"),
        ("limit=1001", "/limit", "Expected `int` <= 1000"),
        ("limit=x", "/limit", "Expected `int`, got `str`"),
        ("status=dwon", "/status", "choose one of unknown, up, degraded, down, paused"),
        ("nope=1", "", "Object contains unknown field `nope`"),
        ("limit=1&limit=2", "limit", "is repeated"),
    ],
)
def test_a_wrong_parameter_is_named(viewer, query, pointer, detail):
    answer = viewer.get(f"/targets?{query}")
    assert answer.status == 400
    assert answer.json["errors"] == [{"pointer": pointer, "detail": detail}]


def test_an_unchanged_answer_is_not_sent_again(viewer):
    answer = viewer.get("/targets")
    tag = answer.headers["etag"]
    again = viewer.get("/targets", if_none_match=f'"other", {tag}')
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert viewer.get("/targets", if_none_match='"other"').status == 200


def test_every_answer_forbids_shared_caches_frames_and_guesses_of_its_type(viewer, incident):
    for path in ("/targets", "/nothing", "/targets/none", "/openapi.json"):
        headers = viewer.get(path).headers
        assert headers["cache-control"] == "private, no-cache"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].endswith("frame-ancestors 'none'")
        assert "server" not in headers


def test_the_past_of_a_target_is_read_from_the_store(runtime, viewer, incident):
    runtime.heartbeat("shop", detail="stock again")
    runtime.status()
    (down, up) = viewer.get("/targets/shop/samples").json["items"]
    assert (down["outcome"], down["explanation"], up["outcome"]) == ("down", "reported: no stock", "up")
    (hour,) = viewer.get("/targets/shop/hours").json["items"]
    assert (hour["count"], hour["good"], hour["bad"], hour["uptime"]) == (2, 1, 1, 0.5)
    (day,) = viewer.get("/targets/shop/days").json["items"]
    assert (day["count"], day["uptime"]) == (2, 0.5)
    assert viewer.get("/targets/shop/uptime?span=48h").json["uptime"] == 0.5


def test_samples_come_in_parts_without_a_gap(runtime, viewer):
    for number in range(5):
        runtime.heartbeat("shop", ok=False, detail=f"report {number}")
        runtime.status()
    found, after = [], ""
    while after is not None:
        page = viewer.get(f"/targets/shop/samples?limit=2{after}").json
        found += [row["explanation"] for row in page["items"]]
        after = page["next"] and f"&after={page['next']}"
    assert found == [f"reported: report {number}" for number in range(5)]


@pytest.mark.parametrize("kind", ["samples", "hours", "days"])
def test_a_span_beyond_what_is_recorded_is_cut(viewer, incident, kind):
    every = f"/targets/shop/{kind}?since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z"
    found, after = [], ""
    while after is not None:
        page = viewer.get(every + after).json
        found += page["items"]
        after = page["next"] and f"&after={page['next']}"
    assert len(found) == 1


def test_a_time_without_a_zone_is_refused(viewer):
    assert viewer.get("/targets/shop/samples?since=2026-01-01T00:00:00").status == 400


def test_a_span_that_ends_before_it_begins_is_empty(viewer):
    past = "since=2026-06-01T00:00:00Z&until=2026-05-01T00:00:00Z"
    assert viewer.get(f"/targets/shop/samples?{past}").json == {"items": [], "next": None}


def test_an_incident_is_read_with_its_life_and_its_notices(viewer, runtime, incident):
    runtime.acknowledge(incident.id, by="anna")
    runtime.heartbeat("shop")
    runtime.status()
    said = viewer.get(f"/incidents/{incident.id}").json
    assert (said["status"], said["acknowledged_by"], said["rule"]) == ("resolved", "anna", "missed")
    steps = viewer.get(f"/incidents/{incident.id}/transitions").json["items"]
    assert [step["change"] for step in steps] == ["opened", "acknowledged", "resolved"]
    notices = viewer.get(f"/incidents/{incident.id}/notices").json["items"]
    assert {notice["channel"] for notice in notices} == {"ops"}
    assert viewer.get("/incidents?state=open").json["items"] == []
    assert [each["id"] for each in viewer.get("/incidents?state=resolved&target=shop").json["items"]] == [
        incident.id
    ]


def test_an_unknown_incident_is_answered_with_a_sentence(viewer):
    said = viewer.get("/incidents/inc_0").json["detail"]
    assert said == "no incident has the id 'inc_0': the list of incidents has those that are kept"
    assert viewer.get("/incidents/inc_0/told").json["detail"] == said


def test_incidents_come_in_parts_the_newest_first(runtime, viewer):
    for _ in range(3):
        runtime.heartbeat("shop", ok=False)
        runtime.heartbeat("shop")
        runtime.status()
    every = [row["id"] for row in viewer.get("/incidents").json["items"]]
    first = viewer.get("/incidents?limit=2").json
    second = viewer.get(f"/incidents?limit=2&after={first['next']}").json
    assert [row["id"] for row in (*first["items"], *second["items"])] == every
    assert second["next"] is None
    assert viewer.get("/incidents?after=inc_0").status == 404


def test_the_attempts_of_a_target_are_told_newest_first(runtime, viewer, incident):
    (attempt,) = viewer.get("/targets/shop/attempts").json["items"]
    assert (attempt["state"], attempt["outcome"]) == ("finished", "down")


def test_policies_are_told_in_milliseconds(viewer):
    rows = viewer.get("/policies").json["items"]
    assert {"RetryPolicy", "CachePolicy", "MailboxOverflow"} <= {row["kind"] for row in rows}
    assert not [name for row in rows for name in row if name.endswith("_ns") or "_ns_" in name]


def test_the_configuration_is_told_without_its_secrets(admin):
    body = admin.get("/config").body.decode()
    assert "key-of-the-backup" not in body
    said = admin.get("/config").json
    assert said["targets"][0]["heartbeat"]["key"] == "***"
    assert {token["sha256"] for token in said["web"]["tokens"]} == {"***"}


def test_the_runtime_tells_of_itself(viewer):
    said = viewer.get("/self").json
    assert said["healthy"] is True
    assert {"count", "p50_ms", "p99_ms"} <= said["lateness"].keys()


def test_health_and_readiness_are_one_word_for_everybody(runtime):
    strict = Asking(runtime.serve("127.0.0.1:0", anonymous="none"))
    assert strict.ask("GET", "/healthz").body == b"ok\n"
    assert strict.ask("GET", "/readyz").body == b"ready\n"
    assert strict.ask("HEAD", "/healthz").body == b""


def test_an_unknown_path_and_an_unknown_method_are_problems_too(viewer):
    assert viewer.get("/nothing").status == 404
    answer = viewer.delete("/status")
    assert (answer.status, answer.json["title"]) == (405, "The method is not known here")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "path", ["/targets/%2e%2e", "/targets/..%2fconfig", "/targets/a%00b", "//status", "/targets/shop/"]
)
def test_a_path_that_is_none_leads_nowhere(viewer, path):
    assert viewer.get(path).status == 404
