"""Who may import whom. Each rule is shown to fail on a source that breaks it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "protocol", "actors", "adapters", "host", "web", "launcher", "testing")

OWN = {
    "domain": {"domain"},
    "protocol": {"domain", "protocol"},
    "actors": {"domain", "protocol", "actors"},
    "adapters": {"domain", "protocol", "adapters"},
    "web": {"domain", "protocol", "actors", "adapters", "runtime", "web", "watchkeeper"},
    "launcher": {"domain", "protocol", "actors", "adapters", "runtime", "launcher", "watchkeeper"},
    "testing": {"domain", "protocol", "actors", "adapters", "runtime", "testing", "watchkeeper"},
    "host": {"domain", "protocol", "actors", "adapters", "host"},
    "runtime": {"domain", "protocol", "actors", "adapters", "host", "runtime", "testing"},
    "__init__": {"domain", "protocol", "actors", "adapters", "runtime"},
    "__main__": {"launcher"},
}
"""The parts of the package that each part may import; `watchkeeper` stands for the door itself."""

MAY_ALSO = {
    "launcher/configure/simulate.py": {
        "testing"
    },  # the verb `simulate` runs the simulator that is shipped for hosts
    "launcher/simulating.py": {"testing"},
    "launcher/operate/running.py": {"web"},  # the program serves the page that a library only offers
}

VALUE_TOOLS = frozenset(
    [
        "__future__",
        "abc",
        "ast",
        "bisect",
        "collections",
        "collections.abc",
        "contextlib",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "inspect",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "numbers",
        "operator",
        "re",
        "string",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
        "urllib.parse",
        "zoneinfo",
        "msgspec",
        "msgspec.structs",
    ]
)
OUTSIDE = {
    "domain": VALUE_TOOLS,
    "protocol": VALUE_TOOLS | {"msgpack"},
    "actors": VALUE_TOOLS
    | {"pykka", "pykka._actor", "pykka._envelope", "pykka.messages"}
    | {"contextvars", "logging", "queue", "sys", "threading"},
}
"""What each part may import from outside; parts that are not named here wrap whatever they need."""

DISPATCHERS_ALONE = {"asyncio", "uvloop"}
CLOCK = "adapters/clock.py"
READS_OF_TIME = {"now", "utcnow", "today"}


def sources(root):
    """Every module of the package, by its path: not the tests, nor what merely lies beside."""
    for path in sorted(root.glob("*.py")):
        yield path.name, path
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*.py")):
            yield path.relative_to(root).as_posix(), path


def part_of(name):
    return name.split("/")[0].removesuffix(".py")


def reached(name, node):
    """The parts of the package that a relative import reaches."""
    above = ("watchkeeper", *name.split("/")[:-1])
    base = above[: len(above) - node.level + 1]
    for alias in node.names:
        steps = (*base, *(node.module or alias.name).split("."))[1:]
        known = {*LAYERS, "runtime"}
        yield steps[0] if steps and steps[0] in known else "watchkeeper"


def imports(name, tree):
    """Every import as (line, part of the package or None, module from outside or None)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, None, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, None, node.module
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, part, None) for part in reached(name, node))


def faults_of_imports(name, tree):
    part = part_of(name)
    for line, own, outside in imports(name, tree):
        if own is not None and own not in OWN[part] | MAY_ALSO.get(name, set()):
            yield f"{name}:{line} {part} may not import {own}"
        if outside is not None:
            yield from (f"{name}:{line} {fault}" for fault in faults_outside(name, part, outside))


def faults_outside(name, part, module):
    first = module.split(".")[0]
    if first == "watchkeeper" or (first in LAYERS and first != "testing"):
        yield f"imports {module} by its absolute name"
    elif first == "time" and name != CLOCK:
        yield "imports time, which the clock alone does"
    elif name.startswith("actors/dispatch/") and first in DISPATCHERS_ALONE:
        return
    elif part in OUTSIDE and module not in OUTSIDE[part]:
        yield f"{part} may not import {module}"


def called(node):
    match node.func:
        case ast.Name(name):
            return name
        case ast.Attribute(attr=name):
            return name
    return ""


def faults_of_purity(name, tree):
    """What a pure part may not do even without importing anything."""
    if part_of(name) not in {"domain", "protocol"}:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncWith | ast.AsyncFor):
            yield f"{name}:{node.lineno} is asynchronous"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in {"open", "print", "input", "__import__", "exec", "eval"}:
                yield f"{name}:{node.lineno} calls {node.func.id}"
        elif isinstance(node, ast.Call) and called(node) in READS_OF_TIME:
            yield f"{name}:{node.lineno} reads a clock by {called(node)}()"


def faults(root):
    """Every breach of the layers under a root."""
    found = []
    for name, path in sources(root):
        tree = ast.parse(path.read_text())
        found += faults_of_imports(name, tree)
        found += faults_of_purity(name, tree)
    return found


def test_every_import_keeps_to_the_layers():
    assert faults(ROOT) == []


def test_the_layers_are_looked_at_whole():
    """A scan of nothing would pass too."""
    seen = {part_of(name) for name, _ in sources(ROOT)}
    assert {"domain", "protocol", "actors", "adapters", "launcher", "testing", "runtime"} <= seen
    assert sum(1 for _ in sources(ROOT)) > 150


BAD = [
    ("domain/bad.py", "import time", "imports time"),
    ("domain/bad.py", "def f():\n    from time import monotonic", "imports time"),
    ("domain/bad.py", "import random", "domain may not import random"),
    ("domain/bad.py", "import threading", "domain may not import threading"),
    ("domain/bad.py", "from asyncio import Queue", "domain may not import asyncio"),
    ("domain/bad.py", "import logging", "domain may not import logging"),
    ("domain/bad.py", "import os.path", "domain may not import os.path"),
    ("domain/bad.py", "from socket import socket", "domain may not import socket"),
    ("domain/bad.py", "import pykka", "domain may not import pykka"),
    ("domain/bad.py", "from ..protocol.codec import encode", "domain may not import protocol"),
    ("domain/bad.py", "from .. import runtime", "domain may not import runtime"),
    ("domain/bad.py", "from datetime import datetime\nx = datetime.now()", "reads a clock by now()"),
    ("domain/bad.py", "async def f(): ...", "is asynchronous"),
    ("domain/bad.py", "open('x')", "calls open"),
    ("domain/bad.py", "import domain.sample", "by its absolute name"),
    ("domain/bad.py", "from watchkeeper.domain import sample", "by its absolute name"),
    ("protocol/bad.py", "from ..actors.sink import IncidentSink", "protocol may not import actors"),
    ("protocol/bad.py", "import yaml", "protocol may not import yaml"),
    ("actors/bad.py", "import asyncio", "actors may not import asyncio"),
    ("actors/bad.py", "import socket", "actors may not import socket"),
    ("actors/bad.py", "from ..adapters.clock import SystemClock", "actors may not import adapters"),
    ("actors/dispatch/bad.py", "from ...adapters import clock", "actors may not import adapters"),
    ("actors/dispatch/bad.py", "import time", "imports time"),
    ("adapters/bad.py", "from ..actors.ports import Clock", "adapters may not import actors"),
    ("adapters/stores/bad.py", "from ...runtime import Runtime", "adapters may not import runtime"),
    ("adapters/bad.py", "from time import time_ns", "imports time"),
    ("launcher/bad.py", "from ..testing.world import World", "launcher may not import testing"),
    ("testing/bad.py", "from ..launcher.main import main", "testing may not import launcher"),
    ("web/bad.py", "from ..launcher.main import main", "web may not import launcher"),
    ("runtime.py", "from .launcher.main import main", "runtime may not import launcher"),
    ("runtime.py", "from .web.page import page", "runtime may not import web"),
]


@pytest.mark.parametrize(("name", "source", "fault"), BAD)
def test_a_source_that_breaks_a_rule_is_caught(tmp_path, name, source, fault):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    found = faults(tmp_path)
    assert len(found) == 1
    assert fault in found[0]


GOOD = [
    ("adapters/clock.py", "import time"),
    ("actors/dispatch/run/loop.py", "import asyncio"),
    ("domain/fine.py", "from .sample import Sample\nfrom hashlib import sha256"),
    ("launcher/fine.py", "from .. import __version__"),
]


@pytest.mark.parametrize(("name", "source"), GOOD)
def test_a_source_that_keeps_the_rules_passes(tmp_path, name, source):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    assert faults(tmp_path) == []


CLOSURE = """
import importlib, sys, types
root, layer = sys.argv[1:]
door = types.ModuleType("watchkeeper")  # without its door, so that a module brings only what it asks for
door.__path__ = [root]
sys.modules["watchkeeper"] = door
before = set(sys.modules)
from pathlib import Path
for path in sorted(Path(root, layer).glob("*.py")):
    importlib.import_module(f"watchkeeper.{layer}.{path.stem}".removesuffix(".__init__"))
print(*sorted(set(sys.modules) - before))
"""
IMPURE = {
    "asyncio",
    "logging",
    "pykka",
    "random",
    "sched",
    "selectors",
    "socket",
    "ssl",
    "subprocess",
    "uvloop",
}


@pytest.mark.parametrize(("layer", "own"), [("domain", {"domain"}), ("protocol", {"domain", "protocol"})])
def test_all_that_a_pure_part_brings_in_is_pure(layer, own):
    """The transitive closure, in a process where nothing else was imported."""
    ran = subprocess.run(
        [sys.executable, "-c", CLOSURE, str(ROOT), layer], check=True, capture_output=True, text=True
    )
    brought = set(ran.stdout.split())
    ours = {name.split(".")[1] for name in brought if name.startswith("watchkeeper.")}
    assert ours == own
    assert brought & IMPURE == set()
