"""Messages and their actors: names that agree, types that are frozen all the way down."""

import ast
import inspect
import re
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pykka
import pytest
from watchkeeper.actors.behaviour import Behaviour
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.domain.specification.probes.plugin import Plugin
from watchkeeper.domain.specification.probes.web.http_steps import HttpStep
from watchkeeper.domain.specification.text import Pairs
from watchkeeper.protocol import codec
from watchkeeper.protocol.message import Message

ROOT = Path(__file__).parents[2]

# Names of messages.

IMPERATIVES = [
    "Abandon",
    "Acknowledge",
    "Adopt",
    "Announce",
    "Ask",
    "Begin",
    "Cancel",
    "Check",
    "Commit",
    "Continue",
    "Deliver",
    "Drain",
    "End",
    "Expire",
    "Flush",
    "Give",
    "Hand",
    "Keep",
    "Describe",
    "Mute",
    "Unmute",
    "Pause",
    "Pass",
    "Reconfigure",
    "Record",
    "Redrive",
    "Release",
    "Reopen",
    "Renew",
    "Resume",
    "Retry",
    "Review",
    "Run",
    "Send",
    "Start",
    "Track",
    "Unacknowledge",
    "Untrack",
]
PAST = [
    "Answered",
    "Asked",
    "Began",
    "Cancelled",
    "Ended",
    "Carried",
    "Changed",
    "Committed",
    "Counted",
    "Exited",
    "Failed",
    "Finished",
    "Increased",
    "Judged",
    "Missing",
    "Moved",
    "Recovered",
    "Reported",
    "Requested",
]
PAST += ["Resumed", "Seen", "Settled", "Started", "Taken", "Tracked", "Untracked", "Woke", "Abandoned"]
NOUNS = {"Beat": "event", "Barrier": "question"}
"""A report of the host, and its question whether all earlier messages were handled, have names of another form."""


def kind_of(name):
    words = re.findall(r"[A-Z][a-z]*", name)
    if words[0] == "Get":
        return "question"
    if name in NOUNS:
        return NOUNS[name]
    if words[-1] in PAST:
        return "event"
    return "command" if words[0] in IMPERATIVES else "unknown"


@pytest.mark.parametrize("kind", codec.registry().values(), ids=lambda kind: kind.__name__)
def test_a_message_is_named_as_command_event_or_question(kind):
    assert kind_of(kind.__name__) != "unknown"


@pytest.mark.parametrize("name", ["Sample", "Getter", "PollerThing", "Handle", "DoIt"])
def test_a_name_that_says_no_such_thing_is_caught(name):
    assert kind_of(name) == "unknown"


# Messages.

ACTOR_FILES = ("supervisor", "poller", "owner", "sink", "courier", "recorder")


@pytest.mark.parametrize("listener", ACTOR_FILES)
def test_the_messages_of_an_actor_stand_in_the_file_of_its_name(listener):
    assert len([*(ROOT / "actors").glob(f"{listener}.py"), *(ROOT / "actors").glob(f"*/{listener}.py")]) == 1
    module = import_module(f"watchkeeper.protocol.{listener}")
    union = module.__dict__[f"{listener.capitalize()}Message"]
    said = {
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Message) and kind.__module__ == module.__name__
    }
    assert set(get_args(union)) == said
    assert codec.LISTENERS[listener] == union


def test_every_listener_is_an_actor():
    assert tuple(codec.LISTENERS) == ACTOR_FILES


CAPTURES = get_type_hints(HttpStep)["capture"]
SETTINGS = get_type_hints(Plugin)["settings"]


def changeable(info, seen=()):
    """Yields the path of each part of a type that could be changed after a message was sent."""
    match info:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            if cls in seen:
                return
            if not cls.__struct_config__.frozen:
                yield f"{cls.__name__} is not frozen"
            hints = get_type_hints(cls)
            for field in fields:
                # Pairs may be written as a mapping; the specification keeps a tuple in both cases.
                if hints.get(field.name) not in (Pairs, Pairs | msgspec.UnsetType, CAPTURES, SETTINGS):
                    yield from (
                        f"{cls.__name__}.{field.name}: {fault}"
                        for fault in changeable(field.type, (*seen, cls))
                    )
        case msgspec.inspect.DataclassType(cls=cls, fields=fields):
            if not cls.__dataclass_params__.frozen:
                yield f"{cls.__name__} is not frozen"
            for field in fields:
                yield from changeable(field.type, seen)
        case msgspec.inspect.UnionType(types=types) | msgspec.inspect.TupleType(item_types=types):
            for inner in types:
                yield from changeable(inner, seen)
        case msgspec.inspect.VarTupleType(item_type=inner) | msgspec.inspect.Metadata(type=inner):
            yield from changeable(inner, seen)
        case (
            msgspec.inspect.StrType()
            | msgspec.inspect.IntType()
            | msgspec.inspect.FloatType()
            | msgspec.inspect.BoolType()
            | msgspec.inspect.BytesType()
            | msgspec.inspect.NoneType()
            | msgspec.inspect.LiteralType()
        ):
            return
        case msgspec.inspect.EnumType(cls=cls):
            assert issubclass(cls, Enum)
        case _:
            yield type(info).__name__


@pytest.mark.parametrize("kind", codec.registry().values(), ids=lambda kind: kind.__name__)
def test_a_message_is_frozen_all_the_way_down(kind):
    assert list(changeable(msgspec.inspect.type_info(kind))) == []


class Leaky(msgspec.Struct, frozen=True):
    names: list[str]


class Thawed(msgspec.Struct):
    name: str


@pytest.mark.parametrize(
    "annotation", [list[str], dict[str, int], set[int], object, Leaky, Thawed, tuple[Thawed, ...]]
)
def test_a_type_that_could_be_changed_is_caught(annotation):
    holder = msgspec.defstruct("Holder", [("inner", annotation)], frozen=True)
    assert list(changeable(msgspec.inspect.type_info(holder)))


def test_messages_with_a_mapping_in_them_hold_it_as_pairs():
    http = import_module("watchkeeper.domain.specification.probe").Http(
        url="http://a", headers={"b": "2", "a": "1"}
    )
    assert http.headers == (("a", "1"), ("b", "2"))


# Actors.

BEHAVIOURS = sorted(
    (
        kind
        for path in (*(ROOT / "actors").glob("*.py"), *(ROOT / "actors" / "supervisor").glob("*.py"))
        for kind in vars(
            import_module("watchkeeper." + ".".join(path.relative_to(ROOT).with_suffix("").parts))
        ).values()
        if isinstance(kind, type) and issubclass(kind, Behaviour)
    ),
    key=lambda kind: kind.__name__,
)
BEHAVIOURS = list(dict.fromkeys(BEHAVIOURS))
TAKEN = {name for kind in (DispatchedActor, pykka.Actor) for name in dir(kind) if re.match(r"_(?!_)", name)}


def private_names(kind):
    """The names that a class gives to methods, class attributes and the attributes of `self`."""
    given = {name for name in vars(kind) if re.match(r"_(?!_)", name)}
    tree = ast.parse(inspect.getsource(kind))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            given.add(node.attr)
    return given - {"_parameters", "_is_protocol", "_abc_impl"}


def test_every_actor_is_a_behaviour():
    assert {kind.__name__ for kind in BEHAVIOURS} == {
        "AggregateOwner",
        "Behaviour",
        "Courier",
        "IncidentSink",
        "Poller",
        "Recorder",
        "Supervisor",
        "ThroughBytes",
    }


@pytest.mark.parametrize("kind", BEHAVIOURS, ids=lambda kind: kind.__name__)
def test_a_behaviour_takes_no_private_name_of_pykka(kind):
    assert private_names(kind) & TAKEN == set()
    assert "_stop" in TAKEN, "the check has something to find"
