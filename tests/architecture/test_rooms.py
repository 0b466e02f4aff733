"""Rooms: no circles among modules, few modules a folder, a purpose for each, and one public type a name."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "protocol", "actors", "adapters", "host", "web", "client", "launcher", "testing")
MODULES_MAX = 15


SUPPORT = ("hostile", "simulator")


def sources(root, layers=LAYERS):
    """Every module of the package by its path."""
    for path in sorted(root.glob("*.py")):
        yield path.name, path
    for layer in layers:
        for path in sorted((root / layer).rglob("*.py")):
            yield path.relative_to(root).as_posix(), path


def steps_of(name):
    """`domain/time/moment.py` as ("domain", "time", "moment"); a folder's `__init__` is the folder."""
    steps = name.removesuffix(".py").split("/")
    return tuple(steps[:-1] if steps[-1] == "__init__" and len(steps) > 1 else steps)


def imported(name, tree):
    """Everything that relative imports may name, as steps: each name is an attribute or a module."""
    above = name.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = above[: len(above) - node.level + 1]
            yield from (
                (*base, *(node.module.split(".") if node.module else ()), alias.name) for alias in node.names
            )


def written(root, name, source):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)


# Circles.


def graph(root):
    """Module -> the modules it imports, as steps; imports under TYPE_CHECKING and inside functions count too."""
    known = {steps_of(name): (name, path) for name, path in sources(root)}
    edges = {}
    for steps, (name, path) in known.items():
        inside = imported(name, ast.parse(path.read_text()))
        targets = {found if found in known else found[:-1] for found in inside}
        edges[steps] = {target for target in targets if target in known and target != steps}
    return edges


def circle(edges):
    """A list of modules that import each other in a ring, or an empty one."""
    done = set()
    for start in edges:
        path, waiting = [], [(start, False)]
        while waiting:
            module, leaving = waiting.pop()
            if leaving:
                done.add(path.pop())
            elif module in path:
                return path[path.index(module) :]
            elif module not in done:
                path.append(module)
                waiting.append((module, True))
                waiting.extend((target, False) for target in edges[module])
    return []


def test_no_modules_import_each_other_in_a_circle():
    assert circle(graph(ROOT)) == []


def test_a_circle_is_caught_even_under_type_checking(tmp_path):
    written(tmp_path, "domain/a.py", "from .b import B")
    written(tmp_path, "domain/b.py", "if TYPE_CHECKING:\n    from .a import A")
    assert set(circle(graph(tmp_path))) == {("domain", "a"), ("domain", "b")}


# Folders.


def folders(root, layers=LAYERS):
    """Every folder of the package with the names of its modules."""
    found = {}
    for name, _ in sources(root, layers):
        folder, _, module = name.rpartition("/")
        found.setdefault(folder, []).append(module)
    found.pop("", None)
    return found


def crowded(root, layers=LAYERS):
    found = folders(root, layers).items()
    return [folder for folder, names in found if len(set(names) - {"__init__.py"}) > MODULES_MAX]


def unexplained(root, layers=LAYERS):
    """Yields the folders whose `__init__` lacks the two sentences about what belongs there and what does not."""
    for folder in folders(root, layers):
        init = root / folder / "__init__.py"
        text = ast.get_docstring(ast.parse(init.read_text())) if init.exists() else None
        lines = [line for line in (text or "").splitlines() if line]
        if len(lines) != 2 or not lines[1].startswith("Never here: "):
            yield folder


def test_a_folder_holds_few_modules_and_says_what_belongs_there():
    assert crowded(ROOT) == []
    assert list(unexplained(ROOT)) == []


def test_the_folders_that_support_tests_do_so_too():
    support = ROOT / "tests" / "support"
    assert {"hostile", "simulator", "simulator/invariants"} <= set(folders(support, SUPPORT))
    assert crowded(support, SUPPORT) == []
    assert list(unexplained(support, SUPPORT)) == []


def test_a_crowded_or_unexplained_folder_is_caught(tmp_path):
    for number in range(16):
        written(tmp_path, f"domain/rules/m{number}.py", "")
    written(tmp_path, "domain/rules/__init__.py", '"""Rules."""')
    assert crowded(tmp_path) == ["domain/rules"]
    assert list(unexplained(tmp_path)) == ["domain/rules"]


def public_types(root):
    """Public classes and type aliases by name, with the modules that define them."""
    found = {}
    for name, path in sources(root):
        for node in ast.parse(path.read_text()).body:
            match node:
                case ast.ClassDef(name=defined):
                    pass
                case ast.AnnAssign(target=ast.Name(id=defined), annotation=ast.Name(id="TypeAlias")):
                    pass
                case ast.Assign(targets=[ast.Name(id=defined)], value=ast.Subscript() | ast.BinOp()):
                    if not re.match(r"[A-Z][a-z]+\w*[a-z]", defined):
                        continue  # a constant
                case _:
                    continue
            if not defined.startswith("_"):
                found.setdefault(defined, []).append(name)
    return found


def shared_names(root):
    return {defined: where for defined, where in public_types(root).items() if len(where) > 1}


def test_no_two_public_types_share_a_name():
    assert shared_names(ROOT) == {}
    assert len(public_types(ROOT)) > 200


def test_a_name_that_two_types_share_is_caught(tmp_path):
    written(tmp_path, "domain/a.py", "class Clock: ...")
    written(tmp_path, "actors/b.py", "Clock: TypeAlias = int")
    assert shared_names(tmp_path) == {"Clock": ["domain/a.py", "actors/b.py"]}


# Modules that tests import by their names alone.


def found_by_name(root):
    """Modules and packages by the name alone that finds them, with the folders of `pythonpath` that hold them."""
    found = {}
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    for folder in settings["tool"]["pytest"]["ini_options"]["pythonpath"]:
        held = {path.name.removesuffix(".py") for path in (root / folder).glob("*.py")}
        held |= {path.parent.name for path in (root / folder).glob("*/__init__.py")}
        for name in held - {"__init__", "__main__", "conftest"}:
            found.setdefault(name, []).append(folder)
    return found


def hidden_modules(root):
    return {name: folders for name, folders in found_by_name(root).items() if len(folders) > 1}


def test_no_module_that_tests_share_hides_another():
    assert hidden_modules(ROOT) == {}
    assert {"hostile", "peers", "door"} <= set(found_by_name(ROOT))


def test_a_module_that_hides_another_is_caught(tmp_path):
    written(tmp_path, "pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["docs", "tests/support"]')
    written(tmp_path, "docs/peers.py", "")
    written(tmp_path, "tests/support/peers.py", "")
    assert hidden_modules(tmp_path) == {"peers": ["docs", "tests/support"]}
