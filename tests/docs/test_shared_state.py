"""The objects that threads share are a closed list, docs/internal/ownership.md Q-02, compared here with the code."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("domain", "protocol", "actors", "adapters", "host")
ANSWER = re.search(
    r"## Q-02 .*?(?=^## )",
    (ROOT / "docs" / "internal" / "ownership.md").read_text(),
    re.DOTALL | re.MULTILINE,
)[0]
PRIMITIVES = {
    *("Lock", "RLock", "Condition", "Event", "Semaphore", "BoundedSemaphore", "Barrier"),
    *("local", "Queue", "LifoQueue", "PriorityQueue", "SimpleQueue"),
}
CHANGES = {
    *("append", "appendleft", "add", "insert", "extend", "update", "setdefault", "pop", "popitem", "popleft"),
    *("remove", "discard", "clear"),
}


def sources():
    files = [path for part in PARTS for path in sorted((ROOT / part).rglob("*.py"))]
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in [*files, ROOT / "runtime.py"]
    }


def last_name(node):
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return last_name(function)
        case ast.Subscript(value=value):
            return last_name(value)
    return ""


def uses_threads(node):
    match node:
        case ast.Import(names=names):
            return bool({"threading", "queue"} & {each.name for each in names})
        case ast.ImportFrom(module=module, level=0):
            return module in {"threading", "queue"}
    return False


def made_of(node):
    """Returns the names of the classes that a node instantiates or derives from, without those of asyncio."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="asyncio"))):
            return []
        case ast.Call():
            return [last_name(node)]
        case ast.keyword(arg="default_factory", value=maker):
            return [last_name(maker)]
        case ast.ClassDef(bases=bases):
            return [last_name(base) for base in bases]
    return []


def guards(tree):
    """Whether a file makes anything that threads wait for."""
    nodes = list(ast.walk(tree))
    return any(map(uses_threads, nodes)) and any(PRIMITIVES & set(made_of(node)) for node in nodes)


def keeps_answers(tree):
    """The functions of a file whose answers the process keeps."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return [
        node.name
        for node in functions
        if {"cache", "lru_cache"} & {last_name(each) for each in node.decorator_list}
    ]


def of_the_module(tree):
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def changed(node):
    """The plain name that a node changes in place, if it does."""
    match node:
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            return name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in CHANGES:
            return name
    return ""


def local_names(function):
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    stored = (
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    return {*(argument.arg for argument in given), *stored}


def changed_globals(tree):
    """Names of the module that one of its functions changes in place or assigns to."""
    own, found = of_the_module(tree), set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        nodes = list(ast.walk(function))
        found |= {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        found |= ({changed(node) for node in nodes} & own) - local_names(function)
    return found


SOURCES = sources()


def test_every_object_that_threads_share_stands_in_the_list():
    guarding = {path for path, tree in SOURCES.items() if guards(tree)}
    assert len(guarding) > 10
    assert {path for path in guarding if f"({'../../' + path})" not in ANSWER} == set()


def test_the_list_names_nothing_that_is_gone():
    named = set(re.findall(r"\(\.\./\.\./([\w/]+\.py)\)", ANSWER))
    shared = {path for path, tree in SOURCES.items() if guards(tree) or keeps_answers(tree)}
    assert named - shared == {"actors/dispatch/mailbox/tally.py"}


def test_answers_kept_for_the_process_stand_in_the_list():
    kept = {f"`{name}`" for tree in SOURCES.values() for name in keeps_answers(tree)}
    assert {name for name in kept if name not in ANSWER} == set()


def test_no_module_has_state_of_its_own():
    found = {path: names for path, tree in SOURCES.items() if (names := changed_globals(tree))}
    assert found == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("seen = {}\ndef f(key):\n    seen[key] = 1", {"seen"}),
        ("seen = []\ndef f(key):\n    seen.append(key)", {"seen"}),
        ("count = 0\ndef f():\n    global count\n    count += 1", {"count"}),
        ("seen = []\ndef f(seen):\n    seen.append(1)", set()),
        ("TABLE = {}\ndef f(key):\n    return TABLE[key]", set()),
    ],
)
def test_state_of_a_module_is_noticed(source, names):
    assert changed_globals(ast.parse(source)) == names
