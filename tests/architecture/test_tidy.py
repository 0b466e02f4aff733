"""The habits of the code that a machine can check, over the whole package; each check is shown to bite."""

import ast
import re
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "protocol", "actors", "adapters", "host", "web", "client", "launcher", "testing")
CORE = ("domain", "protocol", "actors")
PACKAGE = sorted([*ROOT.glob("*.py"), *(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))])
TESTS = sorted((ROOT / "tests").rglob("*.py"))
BESIDE = [
    *TESTS,
    *(path for folder in ("bench", "examples", "docs") for path in (ROOT / folder).rglob("*.py")),
]
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
FILE_LINES_MAX = 400


def tree_of(path):
    return ast.parse(path.read_text())


def named(path):
    return path.relative_to(ROOT).as_posix()


def in_core(path):
    return named(path).split("/")[0] in CORE


def nodes(paths, kind):
    for path in paths:
        yield from ((path, node) for node in ast.walk(tree_of(path)) if isinstance(node, kind))


def ninth_decile(sizes):
    return sorted(sizes)[int(0.9 * len(sizes))]


# Sizes.


def test_functions_are_short():
    sizes = {
        f"{named(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path, node in nodes(PACKAGE, FUNCTIONS)
    }
    assert median(sizes.values()) <= 7
    assert ninth_decile(sizes.values()) <= 25
    assert {name: size for name, size in sizes.items() if size > 60} == {}


def lines_of(paths):
    return {named(path): len(path.read_text().splitlines()) for path in paths}


def too_long(sizes):
    return {name: size for name, size in sizes.items() if size > FILE_LINES_MAX}


def test_files_are_short():
    sizes = lines_of(PACKAGE)
    assert ninth_decile(sizes.values()) <= 300
    assert too_long(sizes) == {}


def test_files_beside_the_package_are_short():
    sizes = lines_of(BESIDE)
    assert too_long(sizes) == {}
    assert "tests/architecture/test_tidy.py" in sizes


def test_a_file_that_is_too_long_is_caught():
    assert too_long({"tests/a.py": FILE_LINES_MAX, "tests/b.py": FILE_LINES_MAX + 1}) == {"tests/b.py": 401}


HANDLERS = {"handle", "_react", "_due"}
ARM_LINES_MAX = 6


def long_arms(tree):
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS) and node.name in HANDLERS]
    matches = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Match)]
    for match in matches:
        for case in match.cases:
            lines = case.body[-1].end_lineno - case.body[0].lineno + 1
            if lines > ARM_LINES_MAX:
                yield case.body[0].lineno, lines


def test_an_arm_of_a_handler_has_at_most_six_lines():
    actors = [path for path in PACKAGE if named(path).startswith("actors/")]
    assert {
        named(path): list(long_arms(tree_of(path))) for path in actors if any(long_arms(tree_of(path)))
    } == {}


def test_a_long_arm_is_caught():
    arm = "\n".join(f"            x = {number}" for number in range(7))
    assert list(long_arms(ast.parse(f"def handle(m):\n    match m:\n        case 1:\n{arm}"))) == [(4, 7)]


# Names.

BANNED = {"utils", "common", "helpers", "manager", "base", "types", "util", "helper", "misc", "core"}


def test_no_module_is_named_by_kind():
    # By the path inside the package: the folder of a clone may have any name.
    words = {named(path): path.relative_to(ROOT).with_suffix("").parts for path in PACKAGE}
    assert {name: parts for name, parts in words.items() if BANNED.intersection(parts)} == {}


# Calls.


def dispatched_by_name(tree):
    """Yields the lines of calls of a function that `getattr` found."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Call(func=ast.Name(id="getattr"))):
                yield node.lineno


def test_nothing_is_dispatched_by_a_name_in_a_text():
    assert {
        named(path): found for path in PACKAGE if (found := list(dispatched_by_name(tree_of(path))))
    } == {}
    assert list(dispatched_by_name(ast.parse("getattr(self, 'on_' + kind)(message)"))) == [1]


HOST_EDGE = "actors/engine.py"
"""Runs on the host's own threads: the only place among the actors that may wait for an answer."""
READERS = (
    "actors/behaviour.py",
    HOST_EDGE,
    "actors/dispatch/",
    "actors/system.py",
    "adapters/",
    "host/",
    "client/",
    "runtime.py",
    "testing/",
    "client/",
    "launcher/",
)
"""The only readers of the clock: once per message, at a restart without a message, and at the edges."""


def reads_the_clock(node):
    match node.func:
        case ast.Attribute(attr="read", value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name.strip("_") == "clock"
    return False


def test_the_clock_is_read_in_one_place_and_passed_down():
    calls = {named(path) for path, node in nodes(PACKAGE, ast.Call) if reads_the_clock(node)}
    assert {name for name in calls if not name.startswith(READERS)} == set()
    assert "actors/behaviour.py" in calls


def called(node):
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


WHERE_HOSTS_ASK = ("actors/dispatch/", "actors/engine.py")


def test_actors_tell_and_do_not_ask_or_wait():
    waiting = {"ask", "ask_async", "sleep", "join", "wait"}
    calls = [
        (path, node.func)
        for path, node in nodes(PACKAGE, ast.Call)
        if named(path).startswith("actors/") and not named(path).startswith(WHERE_HOSTS_ASK)
    ]
    found = [
        f"{named(path)}:{method.lineno} {method.attr}"
        for path, method in calls
        # The `join` of a text does not wait.
        if isinstance(method, ast.Attribute)
        and method.attr in waiting
        and not isinstance(method.value, ast.Constant)
    ]
    assert found == []


def names_an_error(node):
    return isinstance(node, ast.ExceptHandler) and node.type is not None


def test_no_exception_is_caught_unnamed():
    bare = [
        f"{named(path)}:{node.lineno}"
        for path, node in nodes(PACKAGE, ast.ExceptHandler)
        if not names_an_error(node)
    ]
    assert bare == []


# Bounds and words.


def bounds(tree):
    for node in tree.body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and re.fullmatch(r"[A-Z][A-Z_]*_(MAX|MIN)", target.id):
                yield target.id


LIMITS = sorted((ROOT / "domain" / "limits").glob("*.py"))


def test_bounds_of_the_core_stand_in_one_room():
    elsewhere = {
        named(path): found
        for path in PACKAGE
        if in_core(path) and path not in LIMITS and (found := list(bounds(tree_of(path))))
    }
    assert elsewhere == {}
    assert sum(len(list(bounds(tree_of(path)))) for path in LIMITS) > 50


def test_limits_say_how_they_relate():
    asserted = [node for path in LIMITS for node in tree_of(path).body if isinstance(node, ast.Assert)]
    assert len(asserted) >= 10


def undocumented(path):
    tree = tree_of(path)
    if path.read_text().strip() and not ast.get_docstring(tree):
        yield "the module"
    for node in tree.body:
        documented = ast.ClassDef | FUNCTIONS if in_core(path) else ast.ClassDef
        if isinstance(node, documented) and not node.name.startswith("_") and not ast.get_docstring(node):
            yield node.name


def test_public_names_have_a_docstring():
    assert {named(path): names for path in PACKAGE if (names := list(undocumented(path)))} == {}


def test_a_docstring_is_a_sentence():
    """It begins with a capital letter or a code name and ends with a full stop."""
    loose = [
        f"{named(path)}:{node.lineno} {text[:50]!r}"
        for path, node in nodes(PACKAGE, ast.Module | ast.ClassDef | FUNCTIONS)
        if not isinstance(node, ast.Module)
        if (text := ast.get_docstring(node)) is not None
        and not re.match(r"[A-Z`'\"\[].*[.:!?`)]$", text, re.DOTALL)
    ]
    assert loose == []


# Tests.


def shaky(tree):
    """Yields each forbidden line of a test: one that sleeps, mocks, or patches anything but limits and the environment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "sleep":
            # asyncio.sleep(0) yields and waits for nothing.
            if not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0):
                yield node.lineno, "sleeps"
        elif (
            isinstance(node, ast.Call)
            and called(node) == "setattr"
            and "monkeypatch" in ast.unparse(node.func)
        ):
            if ast.unparse(node.args[0]) != "limits":
                yield node.lineno, f"patches {ast.unparse(node.args[0])}"
        elif isinstance(node, ast.ImportFrom | ast.Import) and "mock" in ast.unparse(node):
            yield node.lineno, "mocks"


def test_tests_neither_sleep_nor_mock_nor_patch_our_classes():
    assert {named(path): found for path in TESTS if (found := list(shaky(tree_of(path))))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "time.sleep(1)",
        "from unittest.mock import Mock",
        "monkeypatch.setattr(Poller, 'handle', None)",
        "await asyncio.sleep(0.1)",
    ],
)
def test_a_shaky_test_is_caught(source):
    assert len(list(shaky(ast.parse(source, mode="exec")))) == 1


PRIVATE_BY_CONTRACT = {
    # Standard library: named tuples, `os`, `sys`, each documented.
    "_fields",
    "_replace",
    "_asdict",
    "_exit",
    "_getframe",
    # pykka's own, which an actor's mailbox calls.
    "_answer",
}


def own(node):
    match node:
        case ast.Name(id="self" | "cls") | ast.Call(func=ast.Name(id="super")):
            return True
    return False


def reached_into(tree):
    """The private attributes of other objects that a source names."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and node.attr not in PRIVATE_BY_CONTRACT
        and not own(node.value)
    }


ABOUT_PYKKA = ("tests/conformance/", "tests/test_pykka_tripwire.py")
"""pykka's own test suite, and the test of pykka's private parts that watchkeeper replaces."""


def test_tests_reach_into_no_other_object():
    found = {
        name: names
        for path in TESTS
        if not (name := named(path)).startswith(ABOUT_PYKKA) and (names := reached_into(tree_of(path)))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("runtime._lifecycle.engine", {"_lifecycle"}),
        ("store()._lock.release()", {"_lock"}),
        ("world._targets = {}", {"_targets"}),
        ("self.outbox._room", {"_room"}),
        ("self._mine, cls._ours, super()._theirs, row._replace(a=1), text.__class__", set()),
    ],
)
def test_a_test_that_reaches_into_another_object_is_caught(source, names):
    assert reached_into(ast.parse(source)) == names


def test_names_of_tests_are_sentences():
    short = [
        f"{named(path)} {node.name}"
        for path, node in nodes(TESTS, ast.FunctionDef)
        if node.name.startswith("test_") and (len(node.name) < 20 or node.name.count("_") < 3)
    ]
    assert short == []


NO_SUBJECT = ("test_who_", "test_what_", "test_whoever_", "test_whatever_", "test_nobody_", "test_whose_")


def test_names_of_tests_begin_with_their_subject():
    names = [node.name for _, node in nodes(TESTS, FUNCTIONS) if node.name.startswith("test_")]
    assert [name for name in names if name.startswith(NO_SUBJECT)] == []
    assert len(names) > 1_000


def test_tests_are_functions():
    found = [node.name for _, node in nodes(TESTS, ast.ClassDef) if node.name.startswith("Test")]
    assert found == []
