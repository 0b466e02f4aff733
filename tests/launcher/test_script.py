"""The script `launch`: what it says where nothing can be installed or nothing need be."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED_BY = ("setup.cfg", "pyproject.toml", "build_backend/linking.py")
"""The files that make the environment; a change of one installs it anew."""
TOOLS = ("sh", "cat", "cksum", "dirname")


@pytest.fixture
def bare(tmp_path):
    """A copy of the script in a folder with a blank in its name, and a PATH without any Python."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool))
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("launch", *INSTALLED_BY):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder, {"PATH": str(tools)}


def launch(folder, environment, *arguments):
    return subprocess.run(
        [folder / "launch", *arguments], capture_output=True, text=True, env=environment, cwd="/", check=False
    )


def test_without_a_verb_the_usage_is_shown(bare):
    done = launch(*bare)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ./launch VERB")


def test_an_unknown_verb_is_refused_with_the_usage(bare):
    done = launch(*bare, "frobnicate")
    assert done.returncode == 2
    assert "there is no verb frobnicate" in done.stderr


def test_a_machine_without_a_new_python_gets_a_message(bare):
    done = launch(*bare, "check", "x.yaml")
    assert done.returncode == 1
    assert "no Python of version 3.11 or newer was found" in done.stderr
    assert not (bare[0] / ".venv").exists()


def test_what_is_installed_runs_without_a_word_about_it(bare):
    folder, environment = bare
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    (folder / ".editable").mkdir()
    program = (
        f'cd "{folder}" && printf "%s" "{folder} $(cat {" ".join(INSTALLED_BY)} | cksum)" > .venv/installed'
    )
    subprocess.run(["sh", "-c", program], check=True)
    done = launch(folder, environment, "run", "my file.yaml")
    assert (done.stdout, done.stderr) == ("-P -m watchkeeper run my file.yaml\n", "")
