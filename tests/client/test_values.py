"""Values of a runtime in another process leave as plain data, as those of a runtime in the same one do."""

import json
from operator import methodcaller
from typing import get_args, get_type_hints

import pytest
import watchkeeper
from asgi import exchanged
from fastapi import FastAPI
from watchkeeper import CallChannel, Channel, Heartbeat, Record, Runtime, Target, connect
from watchkeeper.domain.limits import REPR_CHARACTERS_MAX
from watchkeeper.host.awaitable import AsyncSurface

NAME = "<b>&\u202e"
JOB = Target(id=NAME, every="1h", heartbeat=Heartbeat(), labels={"team": "<i>"}, notify=("team",))
TEAM = Channel(id="team", call=CallChannel(name="announce"))


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    store = tmp_path_factory.mktemp("values") / "watch.db"
    with Runtime(targets=[JOB], channels=[TEAM], callables={"announce": bool}, store=store) as runtime:
        runtime.heartbeat(NAME, ok=False, detail="<b>")
        runtime.silence(NAME, "1h", by="<i>")
        assert runtime.status().incidents
        yield connect(store)


ANSWERS = [
    lambda it: it.status(),
    lambda it: it.status()[NAME],
    lambda it: it.incidents()[0],
    lambda it: it.transitions(it.incidents()[0].id)[0],
    lambda it: it.silences()[0],
    lambda it: it.preview("*"),
    lambda it: it.attempts(NAME)[0],
    lambda it: it.test_channel("team"),
    lambda it: it.issue_token("bob", "viewer"),
]


@pytest.mark.parametrize("ask", ANSWERS)
def test_an_answer_leaves_as_plain_data_in_one_line_and_as_a_table(there, ask):
    value = ask(there)
    assert json.loads(value.to_json()) == json.loads(json.dumps(value.to_dict())) == dict(value)
    shown = repr(value)
    assert (len(shown) <= REPR_CHARACTERS_MAX, shown.isprintable()) == (True, True)
    table = methodcaller("_repr_html_")(value)
    assert ("<b>" in table, "<i>" in table) == (False, False)


def test_times_and_lengths_have_one_form_here_and_there(there):
    assert there.status().to_dict()["at"].endswith("Z")
    row = there.incidents()[0].to_dict()
    assert (row["opened_at"][-5:-4], row["opened_at"][-1], row["target"]) == (".", "Z", NAME)
    assert there.status().to_dict()["targets"][0]["labels"] == {"team": "<i>"}


def test_the_secret_of_a_new_token_is_in_no_repr(there):
    made = there.issue_token("eve", "viewer")
    assert repr(made) == "<MadeToken 'eve': viewer>"
    assert made.to_dict()["token"] == made.token


def test_a_route_returns_the_status_of_another_process(there):
    app = FastAPI()

    @app.get("/watch")
    def watch():
        return there.status()

    status, _, body = exchanged(app, "GET", "/watch", {})
    assert (status, json.loads(body)["targets"][0]["id"]) == (200, NAME)


def classes_of(hint):
    """The classes of watchkeeper in a type."""
    if arguments := get_args(hint):
        return {found for each in arguments if not isinstance(each, list) for found in classes_of(each)}
    return {hint} if isinstance(hint, type) and hint.__module__.startswith("watchkeeper.") else set()


@pytest.mark.parametrize("owner", [Runtime, AsyncSurface, Record])
def test_each_class_of_an_answer_has_a_public_name(owner):
    public = {getattr(watchkeeper, name) for name in watchkeeper.__all__ if name != "Duration"}
    answers = {
        name: classes_of(get_type_hints(getattr(method, "__wrapped__", method)).get("return"))
        for name, method in vars(owner).items()
        if not name.startswith("_")
        and callable(method)
        and name not in {"policies", "from_config", "collector"}
    }
    assert {name: found - public for name, found in answers.items() if found - public} == {}
