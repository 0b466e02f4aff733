"""The application inside those of hosts: FastAPI, Starlette and Django, and beside a WSGI host."""

import asyncio
import json
import os

import pytest
import watchkeeper
from asking import TOKENS, Asking, tokens
from django.core.asgi import get_asgi_application
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from watchkeeper import Heartbeat, Runtime, Target, Token, Web

WEB = Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()])


@pytest.fixture
def runtime():
    with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())], web=WEB) as made:
        yield made


def fetched(app, path, method="GET", token=None, client=("127.0.0.1", 4)):
    """One request to an ASGI application, without a server: the status, and the body as JSON."""
    headers = [(b"host", b"localhost")]
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": client,
        "server": ("localhost", 80),
    }
    sent = []

    async def run():
        asked = asyncio.Queue()
        asked.put_nowait({"type": "http.request", "body": b"", "more_body": False})

        async def send(message):
            sent.append(message)

        await app(scope, asked.get, send)

    asyncio.run(run())
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], json.loads(body)


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


def test_a_mounted_application_answers_while_the_runtime_is_stopped(runtime):
    app = watchkeeper.asgi(runtime)
    runtime.stop()
    status, said = fetched(app, "/api/v1/status", token=TOKENS["viewer"])
    assert (status, said["title"]) == (503, "The runtime does not answer")


def test_a_websocket_is_closed(runtime):
    sent = []

    async def run():
        async def send(message):
            sent.append(message)

        await watchkeeper.asgi(runtime)({"type": "websocket", "path": "/", "headers": []}, None, send)

    asyncio.run(run())
    assert sent == [{"type": "websocket.close", "code": 1000}]


def test_serve_needs_no_event_loop_of_the_host(runtime):
    url = runtime.serve("127.0.0.1:0")
    assert Asking(url).get("/targets/shop").status == 200
