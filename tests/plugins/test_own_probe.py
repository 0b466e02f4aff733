"""The example of a package that brings a kind of probe: installed, checked, and probed against a server."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from ports import free_port
from servers import talking
from watchkeeper.launcher.main import cli

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "own_probe"
WITHIN_S = 120


def put_there(folder: Path) -> Path:
    """The example as an installer leaves it, without building it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    metadata = folder / "shop_queue-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{a} = {b}\n" for a, b in each.items())
        for group, each in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("".join(lines))
    (folder / "shop_queue.py").write_bytes((EXAMPLE / "shop_queue.py").read_bytes())
    return folder


def install(folder: Path) -> Path:
    """The example as pip installs it, from what is here already."""
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    copy = folder / "source"
    copy.mkdir()
    for file in ("pyproject.toml", "shop_queue.py"):
        (copy / file).write_bytes((EXAMPLE / file).read_bytes())
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", folder / "made", copy]
    subprocess.run(command, check=True, timeout=WITHIN_S)
    return folder / "made"


@pytest.fixture
def run(monkeypatch):
    """Runs a verb of this process with a folder of packages."""

    def run(packages, *words, **environment):
        monkeypatch.syspath_prepend(packages)
        result = CliRunner().invoke(cli, [*map(str, words)], env=environment)
        return result.exit_code, result.output

    yield run
    sys.modules.pop("shop_queue", None)


def run_by_itself(packages, *words, **environment):
    """The same in a process of its own."""
    command = [sys.executable, "-m", "watchkeeper", *map(str, words)]
    whole = {**os.environ, "PYTHONPATH": str(packages), **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S, env=whole)
    return done.returncode, done.stdout + done.stderr


def probed(run, packages, folder):
    with talking(b"70\n") as (port, heard):
        file = folder / "watchkeeper.yaml"
        file.write_text((EXAMPLE / "watchkeeper.yaml").read_text().replace("7070", str(port)))
        environment = {"SHOP_TOKEN": "sesame-sesame"}
        _, printed = run(packages, "probe", "orders", "-c", file, "--json", **environment)

    assert heard == [b"LENGTH sesame-sesame\n"]
    assert "70 orders wait" in printed, printed
    assert "sesame" not in printed


def test_the_package_is_checked_and_probed(run, tmp_path):
    probed(run, put_there(tmp_path / "made"), tmp_path)


@pytest.mark.slow
def test_the_package_is_installed_and_probed(tmp_path):
    probed(run_by_itself, install(tmp_path), tmp_path)


def test_a_wrong_setting_of_the_package_is_refused(run, tmp_path):
    file = tmp_path / "watchkeeper.yaml"
    settings = {"host": 7, "port": free_port(), "mots": 1}
    file.write_text(
        json.dumps({"targets": [{"id": "a", "plugin": {"name": "shop-queue", "settings": settings}}]})
    )
    status, printed = run(put_there(tmp_path / "made"), "check", file)

    assert status == 2
    assert "targets[0].plugin.settings.mots: is no setting of shop-queue: write host, port" in printed
    assert "targets[0].plugin.settings.host: must be a text" in printed


def test_without_the_package_its_name_is_refused(run, tmp_path):
    status, printed = run(tmp_path, "check", EXAMPLE / "watchkeeper.yaml")

    assert status == 2
    assert "no installed package has a probe of the name 'shop-queue' (none is installed)" in printed
