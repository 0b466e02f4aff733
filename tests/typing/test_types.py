"""Type checkers accept the public API as hosts use it, and reject its misuse."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import watchkeeper
import watchkeeper.testing

ROOT = Path(__file__).parents[2]
PUBLIC_API = sorted(Path(__file__).parent.glob("public_*.py"))
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the code of a host, beside a package of the name that it imports."""
    folder = tmp_path_factory.mktemp("typing")
    (folder / "watchkeeper").symlink_to(ROOT)
    hosts = folder / "hosts"
    hosts.mkdir()
    for path in (*PUBLIC_API, *EXAMPLES):
        (hosts / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    for number, block in enumerate(README):
        (hosts / f"readme_{number}.py").write_text(block, encoding="utf-8")
    return folder


def said_by(*command, folder):
    ended = subprocess.run(
        [sys.executable, "-P", "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_the_files_name_every_public_name():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PUBLIC_API]
    used = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert {*watchkeeper.__all__, *watchkeeper.testing.__all__} - used == set()


def test_strict_mypy_accepts_what_hosts_write_and_no_mistake(folder):
    cache = Path(sys.prefix) / "typing" / ".mypy_cache"
    command = ("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(cache), "hosts")
    status, said = said_by(*command, "--no-error-summary", folder=folder)
    assert status == 0, said


def test_strict_pyright_accepts_what_hosts_write_and_no_mistake(folder):
    pytest.importorskip(
        "basedpyright", reason="the extra `pyright` brings it and its Node, 300 MB: ./launch pyright"
    )
    settings = {
        "typeCheckingMode": "strict",
        "include": ["hosts"],
        "extraPaths": ["."],
        "pythonVersion": "3.11",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    status, said = said_by("basedpyright", "--pythonpath", sys.executable, folder=folder)
    assert status == 0, said
