"""The application inside those of hosts: FastAPI, Starlette and Django, and beside a WSGI host."""

import asyncio
import json
import os
import socket
import threading
from urllib.parse import urlencode

import pytest
import watchkeeper
from asgi import exchanged, scope_of
from asking import TOKENS, Asking, tokens
from django.core.asgi import get_asgi_application
from fastapi import FastAPI
from logged import records
from starlette.applications import Starlette
from starlette.routing import Mount
from uvicorn import Config, Server
from watchkeeper import Heartbeat, Runtime, Target, Token, Web
from watchkeeper.web import limits

WEB = Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()])


@pytest.fixture
def runtime():
    with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())], web=WEB) as made:
        yield made


def fetched(app, path, method="GET", token=None):
    """One request of a program: the status, and the body as JSON."""
    headers = {"host": "localhost"} | ({} if token is None else {"authorization": f"Bearer {token}"})
    status, _, body = exchanged(app, method, path, headers)
    return status, json.loads(body)


async def asked(app, method, path, send=None):
    """One request of a program on the present loop: the status, None where no answer has begun."""
    statuses = [None]
    came = asyncio.Queue()
    came.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def answered(message):
        statuses.append(message.get("status"))

    await app(scope_of(method, path, {"host": "localhost"}), came.get, send or answered)
    return statuses[1] if len(statuses) > 1 else None


def in_fastapi(application):
    app = FastAPI()
    app.mount("/status", application)
    return app


def in_starlette(application):
    return Starlette(routes=[Mount("/status", application)])


def in_django(application):
    from django.conf import settings

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "")
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=(), SECRET_KEY=str(os.getpid()))
    return Starlette(routes=[Mount("/status", application), Mount("/", get_asgi_application())])


@pytest.mark.parametrize("within", [in_fastapi, in_starlette, in_django])
def test_a_host_mounts_the_application(runtime, within):
    app = within(watchkeeper.asgi(runtime))
    status, said = fetched(app, "/status/api/v1/targets/shop", token=TOKENS["viewer"])
    assert (status, said["id"]) == (200, "shop")
    assert fetched(app, "/status/api/v1/targets/shop/pause", "PUT", TOKENS["operator"])[1]["paused"] is True


def test_a_mounted_application_refuses_a_request_without_a_token_even_on_loopback(runtime):
    app = in_starlette(watchkeeper.asgi(runtime))
    assert fetched(app, "/status/api/v1/status")[0] == 401


def test_the_host_may_say_itself_who_asks(runtime):
    seen = []

    def actor(scope):
        seen.append(scope["path"])
        return ("anna", "operator") if scope["method"] == "PUT" else None

    app = in_starlette(runtime.asgi(actor))
    assert fetched(app, "/status/api/v1/targets/shop/pause", "PUT")[0] == 200
    assert fetched(app, "/status/api/v1/status", token=TOKENS["admin"])[0] == 401
    assert seen == ["/status/api/v1/targets/shop/pause", "/status/api/v1/status"]


async def say_later(scope):
    return "ann", "admin"


def look_up(scope):
    raise KeyError("user")


NONSENSE = [
    ("ann", "root"),
    ("ann",),
    ("ann", "viewer", "x"),
    (None, "admin"),
    ("", "admin"),
    (" ", "admin"),
    "ann",
    7,
    True,
]


@pytest.mark.parametrize("actor", [*(lambda scope, said=said: said for said in NONSENSE), say_later, look_up])
def test_a_host_that_cannot_say_who_asks_opens_nothing_and_one_line_says_why(runtime, actor, caplog):
    async def twice(app):
        return [await asked(app, "PUT", "/api/v1/targets/shop/pause") for _ in range(2)]

    assert asyncio.run(twice(watchkeeper.asgi(runtime, actor))) == [500, 500]
    (line,) = records(caplog)
    assert line.getMessage() == "The `actor` of asgi() failed: its request is refused"
    said = (
        "'user'"
        if actor is look_up
        else "it must return a name and a role (viewer, operator, admin), or None"
    )
    assert said in str(line.exc_info[1])
    assert runtime.status()["shop"].paused is False


def test_one_application_is_read_on_several_event_loops(tmp_path):
    with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())], store=tmp_path / "watch.db") as runtime:
        app = watchkeeper.asgi(runtime, lambda scope: ("ann", "viewer"))

        async def many():
            return await asyncio.gather(*(asked(app, "GET", "/api/v1/targets/shop/hours") for _ in range(12)))

        for _ in range(2):
            assert set(asyncio.run(many())) == {200}


def test_a_stream_that_nobody_reads_gives_its_place_away(runtime, monkeypatch):
    monkeypatch.setattr(limits, "WRITE_WITHIN_S", 0.05)
    app = watchkeeper.asgi(runtime, lambda scope: ("ann", "viewer"))

    async def never(message):
        await asyncio.Event().wait()

    async def run():
        async with asyncio.timeout(30):
            return await asked(app, "GET", "/api/v1/events", send=never)

    assert asyncio.run(run()) is None


def test_a_mounted_application_answers_while_the_runtime_is_stopped(runtime):
    app = watchkeeper.asgi(runtime)
    runtime.stop()
    status, said = fetched(app, "/api/v1/status", token=TOKENS["viewer"])
    assert (status, said["title"]) == (503, "The runtime does not answer")


def browsed(app, path, form=None, cookie=None):
    """One request of a browser on this machine: the status, the headers and the page."""
    headers = {"host": "localhost", "sec-fetch-site": "same-origin"} | ({"cookie": cookie} if cookie else {})
    if form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
    sent = urlencode(form or {}).encode()
    status, said, body = exchanged(app, "GET" if form is None else "POST", path, headers, sent)
    return status, said, body.decode()


def test_a_browser_signs_in_below_the_path_of_the_host_and_stays_there(runtime):
    app = in_starlette(watchkeeper.asgi(runtime))
    _, _, page = browsed(app, "/status/login?next=/status/api/v1/status")
    assert 'action="/status/login"' in page
    sheet = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert browsed(app, sheet)[1]["content-type"].startswith("text/css")
    status, said, _ = browsed(app, "/status/login", {"token": TOKENS["viewer"]})
    assert (status, said["location"]) == (303, "/status/")
    cookie = said["set-cookie"].partition(";")[0]
    assert "<b>a-viewer</b>" in browsed(app, "/status/login", cookie=cookie)[2]
    assert browsed(app, "/status/api/v1/status", cookie=cookie)[0] == 200


def test_two_hosts_of_one_machine_keep_their_sessions_apart(runtime):
    app = watchkeeper.asgi(runtime)
    names = {cookie_name_of(app, port) for port in (8000, 8001)}
    assert len(names) == 2


def cookie_name_of(app, port):
    """The name of the cookie by which a host that listens on this port signs a browser in."""
    sent = []

    async def run():
        came = asyncio.Queue()
        came.put_nowait({"type": "http.request", "body": urlencode({"token": TOKENS["viewer"]}).encode()})
        headers = {"host": f"localhost:{port}", "content-type": "application/x-www-form-urlencoded"}

        async def answered(message):
            sent.append(message)

        scope = scope_of("POST", "/login", headers) | {"server": ("127.0.0.1", port)}
        await app(scope, came.get, answered)

    asyncio.run(run())
    return dict(sent[0]["headers"])[b"set-cookie"].partition(b"=")[0]


def test_a_host_that_says_itself_who_asks_has_no_form(runtime):
    app = runtime.asgi(lambda scope: ("anna", "viewer"))
    assert browsed(app, "/login")[0] == 404
    assert browsed(app, "/login", {"token": TOKENS["admin"]})[0] == 404


def test_a_token_that_was_made_at_run_time_opens_a_mounted_application(runtime):
    admin = Asking(runtime.serve("127.0.0.1:0"), TOKENS["admin"])
    secret = admin.put("/tokens/otto", {"role": "viewer"}).json["token"]
    app = watchkeeper.asgi(runtime)
    assert fetched(app, "/api/v1/status", token=secret)[0] == 200
    admin.delete("/tokens/otto")
    assert fetched(app, "/api/v1/status", token=secret)[0] == 401


def test_a_websocket_is_closed(runtime):
    sent = []

    async def run():
        async def send(message):
            sent.append(message)

        await watchkeeper.asgi(runtime)({"type": "websocket", "path": "/", "headers": []}, None, send)

    asyncio.run(run())
    assert sent == [{"type": "websocket.close", "code": 1000}]


def test_uvicorn_serves_the_application_without_another_around_it(runtime):
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(Config(watchkeeper.asgi(runtime), lifespan="on", log_config=None))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert Asking(url, TOKENS["viewer"]).get("/targets/shop").status == 200
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def test_serve_needs_no_event_loop_of_the_host(runtime):
    url = runtime.serve("127.0.0.1:0")
    assert Asking(url).get("/targets/shop").status == 200
