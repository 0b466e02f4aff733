"""The application of a stand-by that a host has mounted: it answers questions, and passes commands on."""

import json
import socket

import pytest
from asgi import exchanged
from asking import TOKENS, tokens
from host_servers import until
from ports import free_port
from starlette.applications import Starlette
from starlette.routing import Mount
from watchkeeper import (
    ConfigurationError,
    Heartbeat,
    NotRunning,
    Runtime,
    Target,
    Token,
    UsageError,
    Web,
    connect,
)

JOB = Target(
    id="job", every="1h", heartbeat=Heartbeat(grace="1m", key="job-key-that-is-long-enough-to-be-one")
)


def made(store):
    return Runtime(
        store=store,
        targets=[JOB],
        web=Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()]),
    )


@pytest.fixture
def active(store):
    with made(store) as runtime:
        yield runtime


@pytest.fixture
def waiting(active, store):
    with made(store) as runtime:
        assert runtime.role == "standby"
        yield runtime


def asked(app, method, path, body=None, token=TOKENS["operator"]):
    """One request of a program below `/watch`: the status, and the body as JSON."""
    headers = {"host": "localhost"} | ({} if token is None else {"authorization": f"Bearer {token}"})
    sent = b"" if body is None else json.dumps(body).encode()
    if sent:
        headers["content-type"] = "application/json"
    status, _, said = exchanged(
        Starlette(routes=[Mount("/watch", app)]), method, f"/watch{path}", headers, sent
    )
    return status, json.loads(said) if said.startswith((b"{", b"[")) else said


def test_a_command_is_the_active_process_to_obey(active, waiting):
    status, row = asked(
        waiting.asgi(), "POST", "/api/v1/targets/job/heartbeat", {"ok": True, "detail": "fine"}
    )
    assert (status, row["status"]) == (200, "up")
    assert active.status()["job"].sample.detail == "fine"
    status, row = asked(waiting.asgi(), "PUT", "/api/v1/targets/job/pause")
    assert (status, row["paused"]) == (200, True)
    assert asked(waiting.asgi(), "GET", "/api/v1/targets/job")[1]["paused"] is True


def test_a_standby_tells_its_own_metrics_and_none_of_the_active_process(active, waiting):
    def metrics(runtime):
        status, body = asked(runtime.asgi(), "GET", "/metrics")
        assert status == 200
        return body.decode().splitlines()

    assert 'watchkeeper_role{role="standby"} 1' in metrics(waiting)
    assert 'watchkeeper_role{role="active"} 1' in metrics(active)
    series = 'watchkeeper_target_status{target="job",group=""} 3'
    assert (series in metrics(waiting), series in metrics(active)) == (False, True)


def test_the_author_of_a_command_is_the_one_of_the_request(active, waiting):
    for _ in range(3):
        active.heartbeat("job", ok=False)
    (incident,) = active.incidents(open_only=True)
    status, row = asked(
        waiting.asgi(), "PUT", f"/api/v1/incidents/{incident.id}/acknowledgement", {"note": "seen"}
    )
    assert (status, row["acknowledged_by"], row["note"]) == (200, "a-operator", "seen")


def test_a_name_with_a_space_and_an_author_of_any_script_are_passed_on_as_they_are(active, waiting):
    for runtime in (active, waiting):
        runtime.track(Target(id="nightly job", heartbeat=Heartbeat()))
    app = waiting.asgi(lambda scope: ("Jürgen Öhler 李", "operator"))
    status, _ = asked(app, "PUT", "/api/v1/silences/s", {"target": "nightly job", "length": "1h"})
    assert (status, [each.by for each in active.status().silences]) == (200, ["Jürgen Öhler 李"])
    status, row = asked(app, "PUT", "/api/v1/targets/nightly job/pause")
    assert (status, row["paused"]) == (200, True)


def test_the_roles_are_judged_before_a_command_is_passed_on(active, waiting):
    path = "/api/v1/targets/job/pause"
    assert asked(waiting.asgi(), "PUT", path, token=TOKENS["viewer"])[0] == 403
    assert asked(waiting.asgi(), "PUT", path, token=None)[0] == 401
    assert active.status()["job"].paused is False


def test_a_refusal_is_that_of_the_active_process(active, waiting):
    status, problem = asked(waiting.asgi(), "PUT", "/api/v1/targets/jab/pause")
    assert (status, problem["title"]) == (404, "There is no such thing")
    status, problem = asked(waiting.asgi(), "PUT", "/api/v1/silences/s", {"length": "never"})
    assert status in {400, 409}


def test_a_ping_of_a_job_reaches_the_active_process(active, waiting):
    assert asked(waiting.asgi(), "POST", f"/ping/{JOB.heartbeat.key}", token=None)[0] == 200
    assert active.status()["job"].status.value == "up"


def test_a_token_that_is_revoked_opens_no_standby(active, waiting):
    admin = TOKENS["admin"]
    status, token = asked(waiting.asgi(), "PUT", "/api/v1/tokens/deploy", {"role": "viewer"}, admin)
    assert status == 200
    assert asked(waiting.asgi(), "GET", "/api/v1/status", token=token["token"])[0] == 200
    assert asked(waiting.asgi(), "DELETE", "/api/v1/tokens/deploy", token=admin)[0] == 200
    assert asked(waiting.asgi(), "GET", "/api/v1/status", token=token["token"])[0] == 401


def test_a_standby_opens_the_doors_that_it_was_asked_for_when_it_takes_over(active, waiting):
    place = f"127.0.0.1:{free_port()}"
    assert waiting.serve(place) == f"http://{place}"
    with pytest.raises(ConfigurationError, match="choose a port"):
        waiting.serve("127.0.0.1:0")
    with pytest.raises(UsageError, match="stands by"):
        waiting.login_link()
    events = waiting.subscribe()
    active.stop()
    assert events.get(60).role == "active"
    assert connect(f"http://{place}", token=TOKENS["viewer"]).status().healthy
    assert waiting.login_link().startswith("http://127.0.0.1:")


def test_a_takeover_waits_for_the_address_of_the_api(active, store):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with Runtime(store=store, targets=[JOB], web=Web(listen=place)) as waiting:
            events = waiting.subscribe()
            active.stop()
            assert events.get(60).role == "active"
            waiting.heartbeat("job")
            taken.close()
            assert until(lambda: answers(place))


def answers(place):
    try:
        return connect(f"http://{place}").status().healthy
    except NotRunning:
        return False
