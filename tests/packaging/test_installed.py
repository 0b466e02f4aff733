"""The wheel, the source distribution and the editable install, each in an environment of its own."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
WITHIN_S = 900
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "*.egg-info", "*.db*")
KEPT = (
    "HOME",
    "PATH",
    "TMPDIR",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_CERT",
    "PIP_PROXY",
)
MINIMAL = {name: os.environ[name] for name in KEPT if name in os.environ} | {"LANG": "C.UTF-8"}
TYPED = """
from watchkeeper import Http, Target
reveal_type(Target(id="shop", http=Http(url="http://shop")).id)
"""
BUILD = """
import sys
sys.path[:0] = ["build_backend"]
import linking
print(linking.build_sdist(sys.argv[1]))
"""


def run(*command, cwd, status=0):
    """Its standard output; fails with all that it wrote when it ends with another status."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=MINIMAL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def pip(python, *arguments, cwd):
    return run(python, "-m", "pip", "--disable-pip-version-check", "-q", *arguments, cwd=cwd)


def data():
    """The files of the package that are no code: those that pages are made of, those for Prometheus and Grafana, the demo, and the mark of its types."""
    yield ROOT / "py.typed"
    yield ROOT / "examples" / "demo.yaml"
    yield from (ROOT / "web" / "pages" / "static").iterdir()
    yield from (ROOT / "web" / "pages" / "templates").iterdir()
    yield from (ROOT / "web" / "metrics" / name for name in ("watchkeeper.rules.yml", "grafana.json"))


def environment(folder):
    """The Python of a new, empty environment."""
    run(sys.executable, "-m", "venv", folder, cwd="/")
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The tree as a clone has it, under another name than the package's."""
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("clone") / "a clone", ignore=LEFT_OUT)


@pytest.fixture(scope="module")
def distributions(tmp_path_factory, clone):
    """The folder of a wheel that was built from a source distribution, and of that."""
    folder = tmp_path_factory.mktemp("distributions")
    python = environment(folder / "building")
    pip(python, "install", "setuptools>=77", cwd=folder)
    run(python, "-c", BUILD, folder, cwd=clone)
    pip(python, "wheel", "--no-deps", "--wheel-dir", folder, *folder.glob("*.tar.gz"), cwd=folder)
    return folder


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(distributions):
    (wheel,) = distributions.glob("*.whl")
    names = [name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name]
    held = {Path(name).relative_to("watchkeeper").parts[0] for name in names}
    rooms = {init.parent.name for init in ROOT.glob("*/__init__.py")}
    assert held == rooms | {path.name for path in ROOT.glob("*.py")} | {"py.typed", "examples"}
    beside = {name for name in names if not name.endswith(".py")}
    assert beside == {f"watchkeeper/{path.relative_to(ROOT).as_posix()}" for path in data()}
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_the_source_distribution_has_what_builds_it(distributions):
    (source,) = distributions.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "setup.cfg", "build_backend/linking.py", "README.md", "runtime.py"} <= names


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_the_built_wheel_runs_the_demo(distributions, tmp_path, kind):
    python = environment(tmp_path / "empty")
    pip(python, "install", *distributions.glob(kind), cwd=tmp_path)
    said = run(python.with_name("watchkeeper"), "demo", cwd=tmp_path)
    assert "everything as expected" in said
    assert "WatchkeeperGone" in run(python.with_name("watchkeeper"), "prometheus", "rules", cwd=tmp_path)


@pytest.mark.slow
def test_an_ordinary_install_can_run_the_tests(clone, tmp_path):
    python = environment(tmp_path / "empty")
    pip(python, "install", f"{clone}[test]", cwd=tmp_path)
    pytest_of_it = python.with_name("pytest")
    run(pytest_of_it, "-q", "--all", "--collect-only", cwd=clone)
    few = (
        "tests/architecture/test_layers.py",
        "tests/docs/test_generated.py",
        "tests/adapters/test_cache.py",
        "tests/launcher/test_verbs.py",
    )
    run(pytest_of_it, "-q", *few, cwd=clone)
    where = run(python, "-P", "-c", "import watchkeeper; print(watchkeeper.__file__)", cwd=clone)
    assert where.startswith(str(tmp_path))


@pytest.mark.slow
def test_an_editable_install_is_seen_by_a_type_checker(clone, tmp_path):
    python = environment(tmp_path / "empty")
    pip(python, "install", "-e", f"{clone}", "mypy", cwd=tmp_path)
    (tmp_path / "use.py").write_text(TYPED)
    said = run(python, "-m", "mypy", "--strict", "use.py", cwd=tmp_path)
    assert 'Revealed type is "str"' in said.replace("builtins.", "")
    where = run(python, "-c", "import watchkeeper.runtime as room; print(room.__file__)", cwd=tmp_path)
    assert Path(where.strip()).resolve() == clone / "runtime.py"
