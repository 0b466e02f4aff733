"""setup.cfg agrees with the tree: every room is a package of the wheel, every library is in an extra."""

import ast
import re
import sys
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BESIDE = ("tests", "bench", "docs", "examples", "build", "build_backend")
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
PULLED_IN = {"cryptography": "trustme"}
"""Imports of a dependency of a library, for an object that the library returns."""


def rooms():
    """Every folder with an `__init__`, by its import path."""
    for init in ROOT.rglob("__init__.py"):
        folder = init.parent.relative_to(ROOT)
        if not any(part in BESIDE or part.startswith(".") for part in folder.parts):
            yield ".".join(("watchkeeper", *folder.parts))


def test_every_room_is_a_package_of_the_wheel():
    assert sorted(rooms()) == sorted(SETUP["options"]["packages"].split())


def test_every_template_and_static_file_is_in_the_wheel():
    patterns = [path.strip() for path in SETUP["options.package_data"]["watchkeeper"].split(",")]
    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    pages = ROOT / "web" / "pages"
    for folder in ("static", "templates"):
        assert {path for path in (pages / folder).iterdir() if path not in found} == set()


def required_by(*extras):
    """The names of the distributions that an installation with some extras asks for."""
    lines = [
        SETUP["options"]["install_requires"],
        *(SETUP["options.extras_require"][extra] for extra in extras),
    ]
    names = [line.partition(";")[0] for line in "\n".join(lines).splitlines()]
    return {re.split(r"[\[>=]", name)[0].strip().lower() for name in names if name.strip()}


def imported_by(folder):
    """The top-level modules that the scripts of a folder import from elsewhere, as distributions."""
    beside = [*folder.rglob("*.py"), *(ROOT / "docs").glob("*.py"), *(ROOT / "tests" / "support").iterdir()]
    beside += (ROOT / "examples" / "servers").glob("*.py")
    own = {path.stem for path in beside} | {"watchkeeper", "tests", "docs"}
    known = packages_distributions()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    modules = [name.name for name in names]
                case ast.ImportFrom(module=str(module), level=0):
                    modules = [module]
                case _:
                    continue
            for module in modules:
                top = module.partition(".")[0]
                if top not in own and top not in sys.stdlib_module_names:
                    yield PULLED_IN.get(top, known.get(top, [top])[0].lower().replace("_", "-"))


@pytest.mark.parametrize("folder", ["tests", "bench"])
def test_an_extra_has_every_library_that_its_scripts_import(folder):
    extra = {"tests": "test", "bench": "bench"}[folder]
    assert set(imported_by(ROOT / folder)) - required_by(extra) == set()
