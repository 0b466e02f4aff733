"""Values of a runtime are returned from routes of FastAPI, with and without a declared type of the answer."""

import asyncio
import json

import pytest
from fastapi import FastAPI
from watchkeeper import Http, Incident, RuntimeStatus, Target, TargetStatus
from watchkeeper.testing import World


async def answer(app, path):
    """The status and the document of one GET, asked for as a server does."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], json.loads(body)


@pytest.fixture(scope="module")
def world():
    made = World([Target(id="shop", http=Http(url="http://h/"), labels={"team": "web"}, notify=("ops",))])
    made.script("shop", "down")
    made.run("5m")
    return made


ROUTES = [
    (None, lambda world: world.status(), lambda world: world.status().to_dict()),
    (RuntimeStatus, lambda world: world.status(), lambda world: world.status().to_dict()),
    (TargetStatus, lambda world: world.status()["shop"], lambda world: world.status()["shop"].to_dict()),
    (
        tuple[Incident, ...],
        lambda world: world.incidents(),
        lambda world: [each.to_dict() for each in world.incidents()],
    ),
    (None, lambda world: world.incidents(), lambda world: [each.to_dict() for each in world.incidents()]),
    (
        dict[str, Incident],
        lambda world: {"newest": world.incidents()[0]},
        lambda world: {"newest": world.incidents()[0].to_dict()},
    ),
]


@pytest.mark.parametrize(("declared", "asked", "expected"), ROUTES)
def test_a_route_returns_a_value_as_it_is(declared, asked, expected, world):
    app = FastAPI()

    def value():
        return asked(world)

    if declared is not None:
        value.__annotations__["return"] = declared
    app.get("/value")(value)

    status, document = asyncio.run(answer(app, "/value"))
    assert status == 200
    assert document == expected(world)
    assert document


def test_a_value_may_stand_in_the_documents_of_an_api(world):
    app = FastAPI()

    @app.get("/value")
    def value() -> RuntimeStatus:
        return world.status()

    status, document = asyncio.run(answer(app, "/openapi.json"))
    assert status == 200
    (content,) = document["paths"]["/value"]["get"]["responses"]["200"]["content"].values()
    assert content["schema"]["type"] == "object"
