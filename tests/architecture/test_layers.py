"""Imports: which part and which room may use which. Each rule is shown to fail on a source that breaks it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "protocol", "actors", "adapters", "host", "web", "client", "launcher", "testing")

CORE = {"domain", "protocol", "actors", "adapters", "host", "runtime"}
OWN = {
    "domain": {"domain"},
    "protocol": {"domain", "protocol"},
    "actors": {"domain", "protocol", "actors"},
    "adapters": {"domain", "protocol", "adapters"},
    "host": CORE - {"runtime"},
    "runtime": CORE,
    "web": {"domain", "host", "web"},
    "client": CORE - {"runtime"} | {"client"},
    "launcher": CORE | {"client", "launcher", "watchkeeper"},
    "testing": CORE | {"testing", "watchkeeper"},
    "__init__": {"watchkeeper"},
    "door": CORE | {"client"},
    "__main__": {"launcher"},
}
"""The parts of the package that each part may import; `watchkeeper` stands for the door itself."""

MAY_ALSO = {
    # The shapes of the API's answers, and how they are made, have one definition; they load no web library.
    "client/answers.py": {"web"},
    "client/offline.py": {"web"},
    "client/past.py": {"web"},
    "client/public_files.py": {"web"},  # the pages that are files are those that are served
    "launcher/configure/simulate.py": {
        "testing"
    },  # the verb runs a configuration in a World, as a host's test does
    "launcher/configure/ruletests.py": {"testing"},  # as above
    "launcher/configure/replaying.py": {"testing"},  # as above
    # `web` inside the functions that open a door: the web libraries are an extra. `client`: the way to the active process.
    "runtime.py": {"web", "client"},
    "web/metrics/process_families.py": {"watchkeeper"},  # the version, which the metrics tell
    "launcher/operate/running.py": {"web"},  # the program serves the page that a library only offers
}

BASIS = {"units", "errors", "limits", "line", "store_place", "policy", "time", "public_value"}
DOMAIN = {
    "units": set(),
    "errors": set(),
    "limits": {"units"},
    "line": {"limits"},
    "store_place": {"line", "limits"},
    "policy": {"units", "errors", "limits", "time", "public_value"},
    "time": {"units", "errors", "limits"},
    "public_value": {"units", "limits", "line", "time"},
    "specification": BASIS,
    "observation": BASIS | {"specification"},
    "conditions": BASIS | {"specification", "observation"},
    "incidents": BASIS | {"specification", "observation"},
    "rules": BASIS | {"specification", "observation", "conditions", "incidents"},
    "supervision": BASIS | {"specification", "observation", "conditions", "incidents"},
    "messages": BASIS | {"specification", "observation", "incidents"},
    "cluster": BASIS | {"specification", "incidents"},
    "suppression": BASIS | {"specification", "observation", "conditions", "incidents", "rules"},
}
TOP = BASIS | set(DOMAIN)
DOMAIN |= dict.fromkeys(("read_model", "validation", "auditing", "comparison"), TOP)
"""The rooms of the domain that each room may import besides itself: one way, from the basis up."""

CONCURRENCY = {
    "run": set(),
    "mailbox": {"run"},
    "dispatch": {"run", "mailbox"},
    "pykka_compat": {"run", "mailbox", "dispatch"},
}
"""The same for the rooms of dispatch; `dispatch` stands for the modules that lie in the folder itself."""

VALUE_TOOLS = frozenset(
    [
        "__future__",
        "abc",
        "ast",
        "base64",
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
        "html",
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
        "cronsim",
        "oncalendar",
        "idna",
        "re2",
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
    "host": VALUE_TOOLS
    | {"asyncio", "concurrent.futures", "logging", "os", "pathlib", "pykka", "random"}
    # A lock is taken with what the host may have patched; weak references let a subscriber go; counts are kept in arrays.
    | {"array", "queue", "sys", "threading", "weakref"},
}
"""Modules from outside that each part may import; a part that is not listed may import any."""

DISPATCHERS_ALONE = {"asyncio", "uvloop"}
CLOCK = "adapters/clock.py"
READS_OF_TIME = {"now", "utcnow", "today"}


def sources(root):
    """Every module of the package by its path: no tests, and nothing that merely lies beside."""
    for path in sorted(root.glob("*.py")):
        yield path.name, path
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*.py")):
            yield path.relative_to(root).as_posix(), path


def part_of(name):
    return name.split("/")[0].removesuffix(".py")


def steps_of(name):
    """`domain/time/moment.py` as ("domain", "time", "moment"); a folder's `__init__` is the folder."""
    steps = name.removesuffix(".py").split("/")
    return tuple(steps[:-1] if steps[-1] == "__init__" and len(steps) > 1 else steps)


def reached(name, node):
    """Everything that a relative import may name, as steps: each name is an attribute or a module."""
    above = name.split("/")[:-1]
    base = above[: len(above) - node.level + 1]
    for alias in node.names:
        yield (*base, *(node.module.split(".") if node.module else ()), alias.name)


def imports(name, tree):
    """Every import as (line, steps inside the package or None, module from outside or None)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, None, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, None, node.module
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, steps, None) for steps in reached(name, node))


def faults_of_imports(name, tree):
    part = part_of(name)
    for line, steps, outside in imports(name, tree):
        if steps is not None:
            own = steps[0] if steps[0] in {*LAYERS, "runtime"} else "watchkeeper"
            if own not in OWN[part] | MAY_ALSO.get(name, set()):
                yield f"{name}:{line} {part} may not import {own}"
            else:
                yield from (f"{name}:{line} {fault}" for fault in faults_between_rooms(name, steps))
        if outside is not None:
            yield from (f"{name}:{line} {fault}" for fault in faults_outside(name, part, outside))


def room_of_domain(steps):
    return steps[1] if len(steps) > 1 and steps[0] == "domain" else None


def room_of_dispatch(steps):
    if steps[:2] != ("actors", "dispatch"):
        return None
    return steps[2] if len(steps) > 2 and steps[2] in CONCURRENCY else "dispatch"


def faults_between_rooms(name, steps):
    own, other = room_of_domain(steps_of(name)), room_of_domain(steps)
    if own and other and own != other and other not in DOMAIN.get(own, TOP):
        yield f"domain/{own} may not import domain/{other}"
    own, other = room_of_dispatch(steps_of(name)), room_of_dispatch(steps)
    if own and steps[0] == "actors" and other is None:
        yield "dispatch knows no actor of ours"
    if own and other and own not in {other, "dispatch"} and other not in CONCURRENCY[own]:
        yield f"dispatch/{own} may not import dispatch/{other}"


def faults_outside(name, part, module):
    first = module.split(".")[0]
    if first == "watchkeeper" or (first in LAYERS and first not in {"testing", "host"}):
        yield f"imports {module} by its absolute name"
    elif first == "time" and name != CLOCK:
        yield "imports time, which only the clock does"
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
    """Impure code that needs no import."""
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


def test_every_module_of_every_layer_is_read():
    """A scan of nothing would pass too."""
    seen = {part_of(name) for name, _ in sources(ROOT)}
    assert {*LAYERS, "runtime"} <= seen
    assert sum(1 for _ in sources(ROOT)) > 150


def test_every_room_of_the_domain_has_its_place_in_the_order():
    rooms = {
        path.stem for path in (ROOT / "domain").iterdir() if path.stem not in {"__init__", "__pycache__"}
    }
    assert rooms <= set(DOMAIN)


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
    ("domain/rules/bad.py", "from ...protocol.codec import encode", "domain may not import protocol"),
    ("domain/bad.py", "from .. import runtime", "domain may not import runtime"),
    ("domain/bad.py", "from datetime import datetime\nx = datetime.now()", "reads a clock by now()"),
    ("domain/bad.py", "async def f(): ...", "is asynchronous"),
    ("domain/bad.py", "open('x')", "calls open"),
    ("domain/bad.py", "import domain.sample", "by its absolute name"),
    ("domain/bad.py", "from watchkeeper.domain import sample", "by its absolute name"),
    ("domain/time/bad.py", "from ..incidents import notice", "domain/time may not import domain/incidents"),
    ("domain/limits/bad.py", "from ..time.moment import Moment", "domain/limits may not import domain/time"),
    (
        "domain/rules/bad.py",
        "from ..read_model.status import X",
        "domain/rules may not import domain/read_model",
    ),
    ("protocol/bad.py", "from ..actors.sink import IncidentSink", "protocol may not import actors"),
    ("protocol/bad.py", "import yaml", "protocol may not import yaml"),
    ("actors/bad.py", "import asyncio", "actors may not import asyncio"),
    ("actors/bad.py", "import socket", "actors may not import socket"),
    ("actors/bad.py", "from ..adapters.clock import SystemClock", "actors may not import adapters"),
    ("actors/bad.py", "from ..host import commands", "actors may not import host"),
    ("actors/dispatch/bad.py", "from ...adapters import clock", "actors may not import adapters"),
    ("actors/dispatch/bad.py", "import time", "imports time"),
    ("actors/dispatch/run/bad.py", "from ...sink import IncidentSink", "dispatch knows no actor of ours"),
    (
        "actors/dispatch/run/bad.py",
        "from ..mailbox import lanes",
        "dispatch/run may not import dispatch/mailbox",
    ),
    ("adapters/bad.py", "from ..actors.ports import Clock", "adapters may not import actors"),
    ("adapters/bad.py", "from ..host.lifecycle import Lifecycle", "adapters may not import host"),
    ("adapters/stores/bad.py", "from ...runtime import Runtime", "adapters may not import runtime"),
    ("adapters/bad.py", "from time import time_ns", "imports time"),
    ("host/bad.py", "import socket", "host may not import socket"),
    ("host/bad.py", "from ..runtime import Runtime", "host may not import runtime"),
    ("launcher/bad.py", "from ..testing.world import World", "launcher may not import testing"),
    ("testing/bad.py", "from ..launcher.main import main", "testing may not import launcher"),
    ("web/bad.py", "from ..launcher.main import main", "web may not import launcher"),
    ("client/bad.py", "from ..web.limits import LIST_MAX", "client may not import web"),
    ("client/bad.py", "from ..runtime import Runtime", "client may not import runtime"),
    ("web/bad.py", "from ..client.connection import Connection", "web may not import client"),
    ("runtime.py", "from .launcher.main import main", "runtime may not import launcher"),
    ("host/bad.py", "from ..web.site import Site", "host may not import web"),
    ("web/bad.py", "from ..actors.engine import Engine", "web may not import actors"),
    ("web/bad.py", "from ..adapters.stores.sqlite.reader import StoreReader", "web may not import adapters"),
]


def written(root, name, source):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)


@pytest.mark.parametrize(("name", "source", "fault"), BAD)
def test_a_source_that_breaks_a_rule_is_caught(tmp_path, name, source, fault):
    written(tmp_path, name, source)
    found = faults(tmp_path)
    assert len(found) == 1
    assert fault in found[0]


GOOD = [
    ("adapters/clock.py", "import time"),
    ("actors/dispatch/run/loop.py", "import asyncio"),
    ("domain/rules/fine.py", "from ..observation.sample import Sample\nfrom hashlib import sha256"),
    ("launcher/fine.py", "from .. import __version__"),
]


@pytest.mark.parametrize(("name", "source"), GOOD)
def test_a_source_that_keeps_the_rules_passes(tmp_path, name, source):
    written(tmp_path, name, source)
    assert faults(tmp_path) == []


# Purity of the whole closure.

CLOSURE = """
import importlib, sys, types
root, layer = sys.argv[1:]
door = types.ModuleType("watchkeeper")  # without its door, so that a module brings only what it asks for
door.__path__ = [root]
sys.modules["watchkeeper"] = door
before = set(sys.modules)
from pathlib import Path
for path in sorted(Path(root, layer).rglob("*.py")):
    name = ".".join(path.relative_to(root).with_suffix("").parts)
    importlib.import_module(f"watchkeeper.{name}".removesuffix(".__init__"))
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
