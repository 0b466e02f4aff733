"""docs/operations.md has a row for every counter, problem, message of the store, exit status, reason and log line of the code."""

import ast
import re
from pathlib import Path

import pytest
from watchkeeper import (
    AbandonedWork,
    Channel,
    HealthChanged,
    Heartbeat,
    Http,
    Log,
    Reason,
    Target,
    TransitionKind,
)
from watchkeeper.domain.incidents.notice import DELIVERY_TRANSITIONS
from watchkeeper.domain.observation.attempt import ATTEMPT_TRANSITIONS, CancelOutcome
from watchkeeper.domain.read_model.status import IN_THE_OUTBOX, STORE_LOST, UNWRITTEN
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.operate.telling import lines_of_end, words_of
from watchkeeper.launcher.output import ExitStatus
from watchkeeper.testing import World

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
    for part in ("actors", "adapters", "host")
    for path in sorted((ROOT / part).rglob("*.py"))
}


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)[1]


def rows(title, column=0):
    """The words in backticks in one column of the tables of a section."""
    lines = [line for line in section(title).splitlines() if line.startswith("| ") and "`" in line]
    return [word for line in lines for word in re.findall(r"`([^`]+)`", line.split(" | ")[column])]


def nodes(kind):
    return [(path, node) for path, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, kind)]


def called(node):
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def shape(node):
    """Returns a text of the code, with {} for each value that is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(shape(each) for each in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return shape(left) + shape(right)
        case _:
            return "{}"


# Counters.

ENDED = [state.value for state, after in ATTEMPT_TRANSITIONS.items() if not after]
LOCATION_COUNTERS = ("asks", "answers", "answers_late", "messages_dropped", "silences")
PARTS = ("supervisor", "owner", "sink", "recorder", "courier NAME")
FILLED = {
    "incidents_{}": [f"incidents_{kind.value}" for kind in TransitionKind],
    "notices_{}": ["notices_delivered", "notices_dead"],
    "cancels_{}": [f"cancels_{outcome.value}" for outcome in CancelOutcome],
    "dropped_by_{}": [f"dropped_by_{part}" for part in PARTS],
    "location_{}": [f"location_{kind}" for kind in LOCATION_COUNTERS],
    "{}": ENDED,
}
"""The names that a counter has whose name is put together; `{}` is the state that an attempt ended in."""


def counter_shapes(trees):
    """How every counter is named: where one is increased, and in the dictionary of what mailboxes lost."""
    for path, tree in trees.items():
        for node in ast.walk(tree):
            match node:
                case ast.AugAssign(
                    target=ast.Subscript(value=ast.Attribute(attr=("counters" | "_counters")), slice=name)
                ):
                    yield path, shape(name)
                case ast.Call(args=[name, *_]) if (
                    called(node) in {"CounterIncreased", "_count"} and len(node.args) == 2
                ):
                    yield path, shape(name)
                case ast.Subscript(value=ast.Name(id="lost"), slice=ast.Constant() as name, ctx=ast.Store()):
                    yield path, shape(name)
                case ast.DictComp(key=ast.JoinedStr() as name):
                    yield path, shape(name)


def counters_of(trees):
    shapes = {name for path, name in counter_shapes(trees) if path.startswith(("actors/", "host/"))}
    return {each for name in shapes for each in FILLED.get(name, [name])}


def test_every_counter_has_its_row_and_no_row_is_left_over():
    assert counters_of(TREES) == set(rows("Counters"))


def test_a_counter_without_a_row_is_noticed():
    tree = ast.parse('class A:\n    def f(self):\n        self.counters["brand_new"] += 1')
    assert counters_of({"actors/a.py": tree}) == {"brand_new"}


def test_the_counters_of_a_life_with_failures_all_have_their_row():
    shop = Target(id="shop", every="10s", http=Http(url="http://shop"), notify=("ops",))
    job = Target(id="job", every="1m", heartbeat=Heartbeat(), notify=("ops",))
    world = World([shop, job], [Channel(id="ops", log=Log(), give_up_after="1m")])
    world.script("shop", "ok 5m, down 5m, hang 5m, unknown 1m, ok")
    world.script_channel("ops", "down 20m, ok")
    for _ in range(4):
        world.run("8m")
        world.stall("1m")
        world.run("31s")
        world.pause("shop")
        world.resume("shop")
    seen = {name for name, _ in world.status().counters}
    assert {"missed_ticks", "notices_dead"} < seen
    assert seen - set(rows("Counters")) == set()


def test_states_that_end_a_notice_are_those_of_the_counters():
    ended = [state.value for state in DELIVERY_TRANSITIONS if state.value != "pending"]
    assert FILLED["notices_{}"] == [f"notices_{state}" for state in ended]


# Health.

REPORTED = {
    "'store'": "store",
    "channel_part(notice.channel)": "channel NAME",
    "channel": "channel NAME",
    "POLLER + target": "poller TARGET",
    "SUPERVISOR": "supervisor",
    "NETWORK": "network",
    "UNCHECKED": "targets",
    "PING": "ping",
    "RULE_STATE": "state of rules",
    "'invariants'": "invariants",
    "f'location {location}'": "location NAME",
    "child": "sink",
    "part": None,
}
"""The parts of the health as the code writes them, each with a row; `part` only passes one on."""


def test_every_part_of_the_health_has_its_row():
    calls = [
        node
        for path, node in nodes(ast.Call)
        if path.startswith(("actors/", "host/"))
        and called(node) in {"HealthReported", "_health", "_changed"}
        and len(node.args) in {2, 3}
    ]
    written = {ast.unparse(node.args[0]) for node in calls}
    assert written == set(REPORTED)
    assert {part for part in REPORTED.values() if part} - set(rows("Problems of the health")) == set()
    assert {"owner", "recorder", "courier NAME"} < set(rows("Problems of the health"))


def test_the_lines_of_run_are_quoted_as_they_are():
    for detail in ("TEXT", ""):
        line = words_of(HealthChanged("PART", detail))
        assert f"`{line}`" in section("Problems of the health")
    left = AbandonedWork((("KIND", ("NAMES",)), (IN_THE_OUTBOX, ("KEY",))), "PATH")
    for line in lines_of_end(left):
        assert f"`{line.partition(' next run:')[0]}" in section("What a stop leaves")


def longest_words(error):
    """The longest literal piece of a message, which its row must contain."""
    pieces = [piece for argument in error.args for piece in re.split(r"\{\}", shape(argument))]
    return max((piece.strip(" ,:") for piece in pieces), key=len, default="")


STORES = tuple(f"adapters/stores/{room}/" for room in ("sqlite", "postgres", "copying"))


def store_messages():
    for path, node in nodes(ast.Raise):
        match node.exc:
            case (
                ast.Call(
                    func=ast.Name(id=("StoreError" | "StoreBusy" | "StoreCorrupt" | "HeadDisagrees"))
                ) as error
            ):
                if path.startswith(STORES):
                    yield f"{path}:{node.lineno}", longest_words(error)


def test_every_message_of_the_store_has_its_row():
    said = section("Messages of the store")
    messages = dict(store_messages())
    assert len(messages) > 25
    # A path or a version may be cut out of the middle of a row.
    assert {
        place: words
        for place, words in messages.items()
        if words not in said and words.partition("-head")[0].strip() not in said
    } == {}


# Exit statuses, reasons, log lines.


def test_every_exit_status_and_every_verb_has_its_row():
    table = section("Exit statuses")
    numbers = {
        int(number)
        for line in table.splitlines()
        for number in re.findall(r"\d+", line.split("|")[1:2][0] if "|" in line else "")
    }
    assert numbers == {status.value for status in ExitStatus}
    assert {verb for verb in cli.commands if f"`{verb}`" not in table} == set()


def test_every_reason_of_a_sample_has_its_row():
    assert {reason.value for reason in Reason} - set(rows("Outcomes and reasons")) == set()


def log_lines():
    for path, node in nodes(ast.Call):
        match node.func:
            case ast.Attribute(value=ast.Name(id=("logger" | "_logger")), attr=level) if level != "log":
                yield (
                    f"{path}:{node.lineno}",
                    max(re.split(r"%[sd]", shape(node.args[0])), key=len).strip(" ,:("),
                )


def test_every_log_line_has_its_row():
    lines = dict(log_lines())
    said = section("Log lines")
    assert len(lines) > 8
    assert {place: words for place, words in lines.items() if words not in said} == {}


def kinds_left():
    for path, node in nodes(ast.Call):
        if path.startswith("actors/") and called(node) == "Abandoned":
            yield shape(node.args[0])
    for path, node in nodes(ast.Tuple):
        match node.elts:
            case [ast.Constant(value=str(kind)), _] if path == "actors/engine.py":
                yield kind


def test_every_kind_of_work_left_undone_has_its_row():
    kinds = {*kinds_left(), IN_THE_OUTBOX, UNWRITTEN, STORE_LOST} - {"{}"}
    assert len(kinds) > 5
    assert kinds - set(rows("What a stop leaves")) == set()


@pytest.mark.parametrize("title", ["Counters", "Problems of the health", "Outcomes and reasons"])
def test_a_section_has_rows(title):
    assert len(rows(title)) > 5
