"""Notices when a private method of pykka that our execution models rely on has changed."""

import ast
import hashlib
import inspect
import textwrap

import pytest
from pykka import Actor, ActorRef, Future
from pykka._envelope import Envelope

RECHECK = {
    Actor.start.__func__: "the order in `start` before `_start_actor_loop`: register, then run",
    Actor.__init__: "which attributes a spawned actor makes for itself: urn, inbox, stopped, reference",
    Actor._stop: "the order unregister, stopped, on_stop, which `DispatchedActor._stop` relies on",
    Actor._actor_loop: "that setup, running and teardown are all there is to a loop",
    Actor._actor_loop_setup: "that only on_start runs, and that its Exception reaches `_handle_failure`",
    Actor._actor_loop_running: "that `actor_inbox.get()` stands outside the `try`, or `TurnOver` is swallowed",
    Actor._actor_loop_teardown: "that it only drains the inbox, with `empty` and `get`",
    Actor._handle_failure: "that every failure passes here, is logged and sets `actor_stopped`",
    Actor._handle_receive: "how stop pills and proxy calls are told from messages",
    ActorRef.__init__: "which attributes of the actor a reference copies",
    ActorRef.tell: "that it checks `is_alive`, then puts an Envelope",
    ActorRef.ask: "that the future is made by `_create_future` and put with the Envelope",
    ActorRef.stop: "that it asks with a pill, without blocking, and makes a second future without arguments",
    Future.get: "that the base class runs the get hook once and keeps its result",
    Envelope.__init__: "that an envelope is a message and a future to reply to",
}
RECORDED = {
    "Actor.start": "9544c7e7330d5120",
    "Actor.__init__": "4b3e4bf99c5c9c09",
    "Actor._stop": "4fd52dd19cbf5484",
    "Actor._actor_loop": "4900700a4a1eb520",
    "Actor._actor_loop_setup": "6704e44750dc6f0f",
    "Actor._actor_loop_running": "0bde3d17d0305e72",
    "Actor._actor_loop_teardown": "57c7b845284779d1",
    "Actor._handle_failure": "c477a8909ac6cb27",
    "Actor._handle_receive": "4c5a605cd1e5baa2",
    "ActorRef.__init__": "1dcf77fe944bd15c",
    "ActorRef.tell": "bd6e0c628019a467",
    "ActorRef.ask": "1d8cb54cf23da5b3",
    "ActorRef.stop": "b6dd0e8e553f8b98",
    "Future.get": "1287ba666f403211",
    "Envelope.__init__": "e078b1202f66f36f",
}


def fingerprint(function):
    """A hash of the code without its docstring, its comments and its layout."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    body = tree.body[0].body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]
    return hashlib.sha256(canonical(tree).encode()).hexdigest()[:16]


def canonical(node):
    """The tree as text that is the same on every version of Python: later ones add fields, and leave empty ones out."""
    if isinstance(node, list):
        return "[" + ",".join(map(canonical, node)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={canonical(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])
    ]
    return f"{type(node).__name__}({','.join(fields)})"


@pytest.mark.parametrize("function", RECHECK, ids=lambda function: function.__qualname__)
def test_pykka_still_does_what_we_rely_on(function):
    name = function.__qualname__
    assert fingerprint(function) == RECORDED[name], f"{name} has changed: check {RECHECK[function]}"


def test_a_changed_body_changes_the_fingerprint():
    def one():
        """Returns 1."""
        return 1

    def two():
        return 2

    assert fingerprint(one) != fingerprint(two)
