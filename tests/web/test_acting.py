"""Commands: durable when they are answered, harmless when repeated, and written down with their author."""

import logging
import threading
from urllib.parse import quote

import apsw
import pytest
from watchkeeper import Heartbeat, Target, Tcp
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.domain import limits
from watchkeeper.domain.units import NS_PER_S


def test_a_pause_is_seen_at_once_and_may_be_repeated(operator, runtime):
    for _ in range(2):
        assert operator.put("/targets/shop/pause").json["paused"] is True
    assert {each.id: each.paused for each in runtime.status().targets}["shop"] is True
    for _ in range(2):
        assert operator.delete("/targets/shop/pause").json["paused"] is False


def test_an_acknowledgement_is_in_the_store_when_it_is_answered(operator, store, incident):
    said = operator.put(f"/incidents/{incident.id}/acknowledgement", {"note": "rolling back"}).json
    assert (said["acknowledged_by"], said["note"]) == ("a-operator", "rolling back")
    (recorded,) = StoreReader(store).incidents()
    assert recorded.acknowledged_by == "a-operator"
    again = operator.put(f"/incidents/{incident.id}/acknowledgement", {})
    assert (again.status, again.json["sequence"]) == (200, said["sequence"])


def test_an_incident_that_is_unknown_or_over_cannot_be_acknowledged(operator, runtime, incident):
    assert operator.put("/incidents/inc_0/acknowledgement").status == 404
    runtime.heartbeat("shop")
    runtime.status()
    answer = operator.put(f"/incidents/{incident.id}/acknowledgement")
    assert answer.status == 409
    assert (
        answer.json["detail"]
        == f"the incident {incident.id} is resolved: there is nothing left to acknowledge"
    )


def test_a_heartbeat_is_reported_for_a_target_without_a_key(operator, runtime):
    said = operator.post("/targets/shop/heartbeat", {"ok": False, "detail": "no stock\nmore"}).json
    assert (said["status"], said["explanation"]) == ("down", "reported: no stock")
    assert operator.post("/targets/shop/heartbeat").json["status"] == "up"
    runtime.track(Target(id="port", tcp=Tcp(host="127.0.0.1", port=9), paused=True))
    begun = operator.post("/targets/shop/heartbeat", {"start": True, "ok": False, "run": "r1"}).json
    assert (begun["status"], begun["samples"]) == ("up", 2)
    operator.post("/targets/shop/heartbeat", {"run": "r1"})
    ended, started, *_ = operator.get("/targets/shop/pings").json["items"]
    assert (ended["kind"], started["kind"], started["run"]) == ("success", "start", "r1")
    assert ended["duration_ms"] > 0
    refused = operator.post("/targets/port/heartbeat")
    assert (refused.status, refused.json["detail"]) == (
        409,
        "the target 'port' takes no heartbeats: it is of kind tcp",
    )
    assert operator.post("/targets/none/heartbeat").status == 404


def test_a_silence_is_previewed_made_changed_and_ended(operator, incident):
    assert operator.get("/silences/preview?target=shop").json == {
        "targets": 1,
        "target_ids": ["shop"],
        "open_incidents": [incident.id],
        "until": None,
    }
    assert operator.get("/silences/preview").json["targets"] == 2
    made = operator.put("/silences/deploy", {"target": "shop", "length": "1h", "reason": "deploy"}).json
    assert (made["id"], made["target"], made["by"], made["reason"]) == (
        "deploy",
        "shop",
        "a-operator",
        "deploy",
    )
    changed = operator.put("/silences/deploy", {"target": "shop", "until": "2099-01-01T00:00:00Z"}).json
    assert (changed["until"], changed["created_at"]) == ("2099-01-01T00:00:00Z", made["created_at"])
    assert operator.get("/silences").json["items"] == [changed]
    assert operator.get("/silences/deploy").json == changed
    assert operator.delete("/silences/deploy").json == changed
    assert operator.get("/silences").json["items"] == []
    gone = operator.delete("/silences/deploy")
    assert (gone.status, gone.json["detail"]) == (
        404,
        "no silence in force has the id 'deploy'; in force: none",
    )


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({}, 400, "a silence has a length or an end: give one of the two"),
        (
            {"length": "1h", "until": "2099-01-01T00:00:00Z"},
            400,
            "a silence has a length or an end: give one of the two",
        ),
        ({"until": "2020-01-01T00:00:00Z"}, 409, "this silence has no possible end"),
        ({"length": "99999999h"}, 409, "a length is wrong"),
        ({"length": "1h", "by": "mallory"}, 400, "the body is wrong"),
        ({"length": "soon"}, 400, "the body is wrong"),
        ([1], 400, "the body is wrong"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(operator, body, status, detail):
    answer = operator.put("/silences/x", body)
    assert (answer.status, answer.json["detail"]) == (status, detail)
    assert operator.get("/silences").json["items"] == []


def test_a_silence_of_an_unknown_target_is_refused(operator):
    assert operator.put("/silences/x", {"target": "shpo", "length": "1h"}).status == 404


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"not json", {"content_type": "application/json"}, 400),
        (b"\xff\xfe", {"content_type": "application/json"}, 400),
        (b'{"length": NaN}', {"content_type": "application/json"}, 400),
        (b"[" * 50_000, {"content_type": "application/json"}, 400),
        (b'{"length": "1h"}', {"content_type": "text/plain"}, 415),
        (b'{"length": "1h"}', {}, 415),
        (b'{"length": "1h"}', {"content_type": "application/json", "content_encoding": "gzip"}, 415),
        (b" " * 70_000, {"content_type": "application/json"}, 413),
    ],
)
def test_a_body_that_is_no_small_json_is_refused(operator, body, headers, status):
    assert operator.put("/silences/x", body, **headers).status == status


def test_a_notice_that_was_given_up_is_sent_again(runtime, operator):
    runtime.track(Target(id="deafened", heartbeat=Heartbeat(), notify=["deaf"]))
    assert operator.post("/notices/msg_0/redrive").status == 404
    with runtime.subscribe() as events:
        runtime.heartbeat("deafened", ok=False)
        runtime.status()
    assert [row["channel"] for row in operator.get("/notices?channel=deaf").json["items"]] == ["deaf"]
    assert operator.get("/notices?channel=nobody").json["items"] == []
    assert events.dropped == 0


def test_an_acknowledgement_has_an_end_and_is_changed_by_its_author_alone(operator, admin, incident):
    path = f"/incidents/{incident.id}/acknowledgement"
    first = operator.put(path, {"note": "looking", "length": "2h"}).json
    assert first["acknowledged_until"] > first["acknowledged_at"]
    assert operator.put(path, {"note": "looking", "until": first["acknowledged_until"]}).json == first
    other = admin.put(path, {"note": "mine"}).json
    assert (other["acknowledged_by"], other["note"]) == ("a-operator", "looking")
    changed = operator.put(path, {"note": "rolling back"}).json
    assert changed["note"] == "rolling back"
    assert all(changed[each] == first[each] for each in ("acknowledged_at", "acknowledged_until"))
    worse = [operator.put(path, body).json for body in ({"until_worse": True}, {}, {"until_worse": False})]
    assert [row["acknowledged_until_worse"] for row in worse] == [True, True, False]


def test_a_withdrawn_acknowledgement_is_gone_and_cannot_be_withdrawn_again(operator, admin, store, incident):
    path = f"/incidents/{incident.id}/acknowledgement"
    said = operator.delete(path)
    assert (said.status, said.json["detail"]) == (404, f"the incident {incident.id} is not acknowledged")
    operator.put(path, {"note": "looking"})
    gone = admin.delete(path).json
    assert (gone["acknowledged_at"], gone["acknowledged_by"], gone["note"]) == (None, None, "")
    assert gone["explanation"] == "a-admin has withdrawn the acknowledgement of a-operator"
    (recorded,) = StoreReader(store).incidents()
    assert recorded.acknowledged_by is None


def test_an_acknowledgement_of_a_resolved_incident_stays_in_the_record(operator, runtime, incident):
    path = f"/incidents/{incident.id}/acknowledgement"
    operator.put(path, {"note": "looking"})
    runtime.heartbeat("shop")
    runtime.status()
    said = operator.delete(path)
    assert (said.status, said.json["detail"]) == (
        409,
        f"the incident {incident.id} is resolved: its acknowledgement stays in the record",
    )
    assert operator.put(path, {"note": "late"}).json["note"] == "looking"
    assert operator.delete("/incidents/inc_0/acknowledgement").status == 404


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (
            {"length": "1h", "until": "2100-01-01T00:00:00Z"},
            400,
            "an acknowledgement has a length or an end: give one of the two",
        ),
        ({"until": "2020-01-01T00:00:00Z"}, 409, "this acknowledgement has no possible end"),
        ({"length": "0s"}, 409, "this acknowledgement has no possible end"),
    ],
)
def test_an_acknowledgement_that_makes_no_sense_is_refused(operator, incident, body, status, detail):
    answer = operator.put(f"/incidents/{incident.id}/acknowledgement", body)
    assert (answer.status, answer.json["detail"]) == (status, detail)
    assert operator.get(f"/incidents/{incident.id}").json["acknowledged_by"] is None


def test_a_channel_that_refuses_is_shown_with_each_try(runtime, operator):
    runtime.track(Target(id="deafened", heartbeat=Heartbeat(), notify=["deaf", "ops"]))
    with runtime.subscribe() as events:
        runtime.heartbeat("deafened", ok=False)
        wanted = {"HealthChanged", "NoticeEnded"}
        while wanted and (event := events.get(10)) is not None:
            wanted.discard(type(event).__name__)
    assert not wanted
    (incident,) = runtime.incidents()
    operator.put("/targets/shop/pause")  # answered once everything before it is durable
    told = operator.get(f"/incidents/{incident.id}/told").json["items"]
    assert [(row["channel"], row["told"], row["waiting"]) for row in told] == [
        ("deaf", None, "opened"),
        ("ops", "opened", None),
    ]
    notices = operator.get(f"/incidents/{incident.id}/notices").json["items"]
    tries = {row["channel"]: row["tries"] for row in notices}
    assert [(each["attempt"], each["result"]) for each in tries["ops"]] == [(1, "accepted")]
    first = tries["deaf"][0]
    assert (first["attempt"], first["result"]) == (1, "failed")
    assert "this receiver takes nothing" in first["detail"]
    assert first["took_ms"] >= 0


def test_a_channel_is_tested_over_the_api_with_the_answer_of_its_receiver(operator, viewer):
    said = operator.post("/channels/ops/test")
    assert (said.status, said.json["result"], said.json["attempt"]) == (200, "accepted", 1)
    failed = operator.post("/channels/deaf/test").json
    assert (failed["result"], "this receiver takes nothing" in failed["detail"]) == ("failed", True)
    assert operator.post("/channels/nobody/test").status == 404
    rows = viewer.get("/channels").json["items"]
    assert [(row["id"], row["kind"], row["pending"], row["dead"], row["stuck"]) for row in rows] == [
        ("deaf", "call", 0, 0, False),
        ("ops", "log", 0, 0, False),
    ]


def test_a_channel_with_notices_that_wait_is_shown_stuck(runtime, viewer):
    runtime.track(Target(id="deafened", heartbeat=Heartbeat(), notify=["deaf"]))
    with runtime.subscribe() as events:
        runtime.heartbeat("deafened", ok=False)
        while type(events.get(10)).__name__ != "HealthChanged":
            pass
    runtime.status()
    deaf = viewer.get("/channels").json["items"][0]
    assert (deaf["id"], deaf["pending"], deaf["stuck"]) == ("deaf", 1, True)
    assert "this receiver takes nothing" in deaf["problem"]
    assert deaf["oldest_pending_at"] is not None


def test_a_reload_without_a_file_is_refused_with_the_reason(admin):
    answer = admin.post("/reload")
    assert answer.status == 409
    assert answer.json["detail"] == "reload() without a configuration needs a runtime made by from_config()"


def test_each_command_is_one_line_of_the_log_with_its_author(operator, control, caplog):
    with caplog.at_level(logging.INFO, logger="watchkeeper.web.audit"):
        operator.put("/targets/shop/pause")
        operator.put("/targets/a%0Ab/pause")
        control.delete("/targets/shop/pause", watchkeeper_author="otto")
        operator.get("/status")
    lines = [record.getMessage() for record in caplog.records if record.name == "watchkeeper.web.audit"]
    assert lines == [
        "PUT /api/v1/targets/shop/pause by a-operator from 127.0.0.1: 200",
        r"PUT /api/v1/targets/a\nb/pause by a-operator from 127.0.0.1: 404",
        "DELETE /api/v1/targets/shop/pause by otto from socket: 200",
    ]


@pytest.mark.parametrize("said", ["", " ", "\xc2\x85"])
def test_a_command_by_the_socket_always_has_an_author(control, said):
    assert (
        control.put("/silences/s", {"length": "1h"}, watchkeeper_author=said).json["by"] == "control socket"
    )


@pytest.mark.parametrize("name", ["a" * 65, "-x", "a%20b", "a%E2%80%A8b", "%C3%A4"])
def test_an_id_of_a_silence_that_could_not_be_found_again_is_refused(operator, name):
    assert operator.put(f"/silences/{name}", {"length": "1h"}).status == 400


def test_a_silence_that_a_program_named_otherwise_can_be_ended(runtime, operator):
    runtime.silence("shop", "1h", id="Umzug (heute)")
    (row,) = operator.get("/silences").json["items"]
    assert operator.delete(f"/silences/{quote(row['id'])}").status == 200
    assert operator.get("/silences").json["items"] == []


def test_a_command_that_cannot_be_written_yet_is_accepted_and_not_said_to_be_done(
    operator, store, incident, monkeypatch
):
    """Another program holds the database, as a backup tool may."""
    monkeypatch.setattr(limits, "SETTLED_NS", NS_PER_S // 2)
    other = apsw.Connection(store)
    other.set_busy_timeout(5_000)  # the runtime may be in the middle of a commit
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = operator.put(f"/incidents/{incident.id}/acknowledgement")
        assert (answer.status, answer.json["acknowledged_by"]) == (202, None)
    finally:
        other.execute("ROLLBACK")
        other.close()
    settled(operator, f"/incidents/{incident.id}", "acknowledged_by", "a-operator")


def settled(asking, path, field, value):
    while asking.get(path).json[field] != value:
        threading.Event().wait(0.2)
