"""The script `launch`: its usage, its messages where nothing can be installed, and the verbs that it passes on."""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from watchkeeper.launcher.main import cli

ROOT = Path(__file__).parents[2]
INSTALLED_BY = ("setup.cfg", "pyproject.toml", "build_backend/linking.py")
"""The files that make the environment; a change of one installs it again."""
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


def test_a_machine_without_a_new_python_gets_a_message(bare):
    done = launch(*bare, "check", "x.yaml")
    assert done.returncode == 1
    assert "no Python of version 3.11 or newer was found" in done.stderr
    assert not (bare[0] / ".venv").exists()


def verbs_of(text):
    """Returns the verbs of a usage text: the first words of its indented lines."""
    lines = [line.split() for line in text.splitlines() if line.startswith("    ") and line[4] != " "]
    return {words[0] for words in lines}


OWN = {"cluster", "verbs", "test", "lint", "types", "pyright", "portable", "seeds", "bench", "docs"}
"""The verbs of the script itself."""


def test_the_usage_names_verbs_that_are_there_and_their_arguments(bare):
    shown = launch(*bare, "--help").stdout
    named = verbs_of(shown) - OWN
    assert named >= {"demo", "run", "status"}
    for name in named:
        arguments = [each for each in cli.commands[name].params if isinstance(each, click.Argument)]
        (line,) = (each for each in shown.splitlines() if each.startswith(f"    {name} "))
        assert len(re.findall(r"\b[A-Z]{3,}\b", line[:28])) == len(arguments), name


def test_no_verb_of_the_script_hides_one_of_watchkeeper():
    assert OWN & set(cli.commands) == set()


@pytest.fixture
def installed(bare):
    """The bare copy with an environment that is up to date, whose interpreter prints its arguments."""
    folder, environment = bare
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    (folder / ".editable").mkdir()
    program = f'cd "{folder}" && printf "%s" "{folder} $(cat {" ".join(INSTALLED_BY)} | cksum)" > ".venv/installed[web]"'
    subprocess.run(["sh", "-c", program], check=True)
    return folder, environment


@pytest.mark.parametrize(
    "arguments", [("run", "my file.yaml"), ("--version",), ("ack", "7f2c", "--note", "mine"), ("frobnicate",)]
)
def test_an_installed_copy_starts_the_verb_without_a_message(installed, arguments):
    done = launch(*installed, *arguments)
    assert (done.stdout, done.stderr) == (f"-P -m watchkeeper {' '.join(arguments)}\n", "")


def test_the_verbs_are_listed_by_the_program(installed):
    done = launch(*installed, "verbs")
    assert (done.stdout, done.stderr) == ("-P -m watchkeeper --help\n", "")
