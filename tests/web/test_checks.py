"""`POST /targets/{target}/check`: one attempt, its record where it ends in time, and what is refused."""

import socket

import pytest
from watchkeeper import Http, Target, Tcp
from watchkeeper.domain import limits
from watchkeeper.domain.units import NS_PER_S


@pytest.fixture
def silent():
    """A server that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        yield server


def test_a_check_is_answered_with_its_record_and_the_target_after_it(operator, runtime, site_that_fails):
    runtime.track(Target(id="site", every="1h", http=Http(url=site_that_fails), expect=["[STATUS] == 200"]))
    answer = operator.post("/targets/site/check")
    assert answer.status == 200
    attempt, target = answer.json["attempt"], answer.json["target"]
    assert (attempt["state"], attempt["outcome"], attempt["lateness_ms"] < 60_000) == (
        "finished",
        "down",
        True,
    )
    assert (target["id"], target["outcome"], target["samples"]) == ("site", "down", 1)
    assert operator.get("/targets/site/attempts").json["items"] == [attempt]
    again = operator.post("/targets/site/check", {}).json
    assert again["attempt"]["number"] == attempt["number"] + 1


def test_a_check_that_outlasts_the_wait_is_accepted_and_is_one(operator, runtime, silent, monkeypatch):
    monkeypatch.setattr(limits, "SETTLED_NS", NS_PER_S // 2)
    probe = Tcp(host="127.0.0.1", port=silent.getsockname()[1], expect="welcome")
    runtime.track(Target(id="mail", every="1h", timeout="60s", tcp=probe))
    for _ in range(2):
        answer = operator.post("/targets/mail/check")
        assert (answer.status, answer.json["attempt"], answer.json["target"]["samples"]) == (202, None, 0)
    silent.accept()[0].close()
    silent.setblocking(False)
    with pytest.raises(BlockingIOError):
        silent.accept()


def test_a_target_that_cannot_be_checked_is_refused_with_the_reason(operator, runtime):
    runtime.track(Target(id="port", tcp=Tcp(host="127.0.0.1", port=9), paused=True))
    answers = [operator.post(f"/targets/{name}/check") for name in ("shop", "port", "none")]
    assert [(answer.status, answer.json["detail"]) for answer in answers] == [
        (409, "target 'shop' is a heartbeat: its job reports, and there is nothing to start"),
        (409, "target 'port' is paused: resume it before it is checked"),
        (404, "no target is named 'none'"),
    ]


def test_a_check_needs_the_role_operator(viewer):
    assert viewer.post("/targets/shop/check").status == 403
