"""Targets that are put over the API: watched at once, replaced whole, and apart from those of the configuration."""

import json

import pytest
from watchkeeper import Configuration, ConfigurationError, Heartbeat, Runtime, RuntimeOptions, Target
from watchkeeper.domain import limits

PORT = {"tcp": {"host": "127.0.0.1", "port": 9}, "every": "1h", "group": "ports", "notify": ["ops"]}
CANARY = "canary-of-the-shop"


def test_a_target_is_put_replaced_and_deleted(admin, runtime):
    made = admin.put("/targets/port", PORT)
    assert (made.status, made.json["id"], made.json["kind"], made.json["group"]) == (
        200,
        "port",
        "tcp",
        "ports",
    )
    again = admin.put("/targets/port", {"id": "port", "heartbeat": {"grace": "5m"}})
    assert (again.json["kind"], again.json["group"]) == ("heartbeat", "")
    assert [row.id for row in runtime.status().targets] == ["backup", "shop", "port"]
    gone = admin.delete("/targets/port")
    assert (gone.status, gone.json["id"]) == (200, "port")
    assert [row.id for row in runtime.status().targets] == ["backup", "shop"]
    assert admin.delete("/targets/port").status == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_target_of_the_configuration_is_refused(admin, runtime, method):
    @runtime.check("depth", every="1h")
    def depth():
        return 1

    origins = {"shop": "the configuration", "depth": "a check of the program"}
    for name, origin in origins.items():
        body = json.dumps(PORT).encode() if method == "PUT" else None
        headers = {"content_type": "application/json"} if body else {}
        answer = admin.ask(method, f"/api/v1/targets/{name}", body, **headers)
        assert answer.status == 409
        assert answer.json["detail"] == f"target {name!r} is stated by {origin}: change it there"
    assert {row.id for row in runtime.status().targets} == {"backup", "shop", "depth"}


def test_every_problem_of_a_target_is_told_with_its_pointer(admin):
    answer = admin.put(
        "/targets/port",
        {
            "id": "prot",
            "tcp": {"host": "h", "port": 70_000},
            "evry": "5s",
            "timeout": "soon",
            "expect": ["[STATUS] == 200", 7],
            "notify": ["none"],
            "labels": {"a/b": "x"},
        },
    )
    assert (answer.status, answer.json["detail"]) == (400, "the target cannot be watched as it is")
    faults = {fault["pointer"]: fault["detail"] for fault in answer.json["errors"]}
    assert set(faults) >= {"/id", "/tcp/port", "/evry", "/timeout", "/expect/1", "/labels/a~1b"}
    assert faults["/evry"].startswith("unknown key, did you mean every")


def test_a_target_of_the_right_shape_without_sense_is_a_conflict(admin):
    answer = admin.put(
        "/targets/port", {**PORT, "notify": ["ospo"], "every": "1ns", "expect": ["[STATUS] == 200"]}
    )
    assert answer.status == 409
    assert {fault["pointer"] for fault in answer.json["errors"]} == {"/notify/0", "/every", "/expect/0"}


@pytest.mark.parametrize(
    ("probe", "pointer", "says"),
    [
        ({"call": {"name": "refsue"}}, "/call/name", "did you mean refuse"),
        ({"exec": {"argv": ["/bin/true"]}}, "/exec", "allow_exec"),
        ({"http": {"url": "http://h/", "bearer": "***"}}, "/http/bearer", "write the secret itself"),
        (
            {"http": {"url": "http://h/", "cookies": {"lang": "***"}}},
            "/http/cookies/lang",
            "write the secret itself",
        ),
        (
            {"http": {"url": "http://h/", "headers": {"X-Token": "***"}}},
            "/http/headers/X-Token",
            "the secret itself",
        ),
        ({}, "", "exactly one of"),
    ],
)
def test_a_probe_that_cannot_be_run_is_refused(admin, probe, pointer, says):
    answer = admin.put("/targets/new", probe)
    assert answer.status in {400, 409}
    (fault,) = answer.json["errors"]
    assert fault["pointer"] == pointer
    assert says in fault["detail"]
    assert admin.get("/targets/new").status == 404


def test_the_key_of_another_heartbeat_is_refused(admin, runtime):
    mine = {"heartbeat": {"key": "key-of-the-backup-0001"}, "every": "1h"}
    answer = admin.put("/targets/thief", mine)
    says = "target 'backup' has this key: each heartbeat has its own"
    assert (answer.status, answer.json["errors"]) == (409, [{"pointer": "/heartbeat/key", "detail": says}])
    own = {"heartbeat": {"key": "key-of-another-job-02"}, "every": "1h"}
    assert [admin.put("/targets/job", own).status for _ in range(2)] == [200, 200]
    with pytest.raises(ConfigurationError, match=r"heartbeat\.key: target 'backup' has this key"):
        runtime.track(Target(id="thief", heartbeat=Heartbeat(key="key-of-the-backup-0001"), every="1h"))


def test_a_call_of_a_known_function_is_watched(admin, runtime):
    assert admin.put("/targets/new", {"call": {"name": "refuse"}, "every": "1h"}).json["kind"] == "call"


def test_no_answer_shows_a_secret_of_a_target_that_was_put(admin, viewer, runtime):
    http = {
        "url": f"http://127.0.0.1:9/?token={CANARY}",
        "headers": {"X-Api-Key": CANARY},
        "body": CANARY,
    }
    made = admin.put("/targets/site", {"http": http, "every": "1h"})
    assert made.status == 200
    assert admin.post("/targets/site/check").status == 200
    wrong = admin.put("/targets/site", {"http": {**http, "bearer": [CANARY], "tls": CANARY}})
    assert wrong.status == 400
    answers = [
        made,
        wrong,
        *(admin.get(path) for path in ("/config", "/targets/site", "/targets/site/attempts")),
    ]
    answers += [viewer.get(path) for path in ("/targets", "/targets/site/samples", "/targets/site/evidence")]
    for answer in answers:
        assert CANARY not in answer.body.decode()


def test_a_body_that_is_no_object_is_refused(admin):
    for body in (b"[]", b"7", b"{", b'{"tcp": NaN}'):
        assert admin.put("/targets/port", body, content_type="application/json").status == 400


def test_a_reload_removes_what_was_put_and_a_full_runtime_takes_no_more(admin, runtime, store, monkeypatch):
    admin.put("/targets/port", PORT)
    monkeypatch.setattr(limits, "TARGETS_MAX", 3)
    assert admin.put("/targets/port", PORT).status == 200
    refused = admin.put("/targets/late", PORT)
    assert (refused.status, refused.json["errors"][0]["detail"]) == (
        409,
        "3 targets are the most in one runtime",
    )
    shop = Target(id="shop", heartbeat=Heartbeat(), every="1h")
    runtime.reload(Configuration(runtime=RuntimeOptions(store=store), targets=[shop]))
    assert [row.id for row in runtime.status().targets] == ["shop"]


def test_a_target_that_a_program_tracks_may_be_replaced_here(admin, runtime):
    runtime.track(Target(id="late", heartbeat=Heartbeat(), every="1h"))
    assert admin.put("/targets/late", PORT).json["kind"] == "tcp"
    assert isinstance(runtime, Runtime)


def test_only_an_admin_puts_targets(operator, viewer):
    assert operator.put("/targets/port", PORT).status == 403
    assert viewer.delete("/targets/shop").status == 403
