"""The code in the documents for users works: YAML passes `check`, Python runs, commands exist, and labels are those of the code."""

import asyncio
import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from msgspec.structs import fields
from watchkeeper import Configuration, Runtime, Surface, surface_of
from watchkeeper.launcher.main import cli

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
WHOLE = {field.name for field in fields(Configuration)}
SKELETON = {"runtime": {"allow_exec": True}, "channels": [{"id": "ops", "log": {}}]}


def blocks(language):
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for number, block in enumerate(
            re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        ):
            yield pytest.param(block, id=f"{page.stem}-{number}")


def as_file(block):
    """A block that is a part of a target, or of it and its channels, as a whole file."""
    data = yaml.safe_load(block)
    if WHOLE & set(data):
        return block
    return json.dumps({**SKELETON, "targets": [{"id": "it", **data}]})


@pytest.mark.parametrize("block", [*blocks("yaml")])
def test_a_configuration_passes_check_and_rule_tests_are_valid(block, tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    if {"config", "tests"} <= set(yaml.safe_load(block)):
        path.write_text(block, encoding="utf-8")
        result = CliRunner().invoke(cli, ["test-rules", str(path)])
        assert (result.exit_code, "an outage is one message  ok" in result.stdout) == (1, True)
        return
    path.write_text(as_file(block), encoding="utf-8")
    found = CliRunner().invoke(cli, ["check", "--no-environment", str(path)])
    problems = [
        line for line in found.stderr.splitlines() if ": warning: " not in line and ": note: " not in line
    ]
    assert (found.exit_code, problems) == (0, [])


@pytest.mark.parametrize("block", [*blocks("python")])
def test_the_python_of_a_document_runs(block, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "document"}
    exec(compile(block, "document", "exec"), namespace)  # noqa: S102  # that is the point
    for name, value in namespace.items():
        if name.startswith("test_"):
            value()
    if asyncio.iscoroutinefunction(namespace.get("cells")):
        asyncio.run(namespace["cells"]())


@pytest.mark.parametrize("block", [*blocks("json")])
def test_the_json_of_a_document_is_valid(block):
    assert json.loads(block)


def commands(text):
    return re.findall(r"^\$ (?:.*&& )?(?:watchkeeper|\./launch) ([a-z]+(?:-[a-z]+)*)", text, re.MULTILINE)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda page: page.name
)
def test_every_command_exists(page):
    usage = (ROOT / "launch").read_text().partition("<<'END'")[2].partition("\nEND\n")[0]
    launched = set(re.findall(r"^    ([a-z]+)", usage, re.MULTILINE))
    assert set(commands(page.read_text(encoding="utf-8"))) - launched - set(cli.commands) == set()


def labelled(label):
    """The public methods of a runtime and of its awaitable face, as embedding.md writes them."""
    own = {name: getattr(Runtime, name) for name in dir(Runtime) if not name.startswith("_")}
    aio = {
        f"runtime.aio.{name}": value
        for name, value in vars(type(Runtime().aio)).items()
        if not name.startswith("_")
    }
    return {
        name
        for name, function in {**own, **aio}.items()
        if surface_of(getattr(function, "__func__", function)) is label
    }


@pytest.mark.parametrize("label", Surface)
def test_the_table_of_labels_is_that_of_the_code(label):
    text = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    cell = re.search(rf"^\| {label.value} \| (.*?) \|", text, re.MULTILINE)[1]
    named = {word for word in re.findall(r"`([^`]+)`", cell) if "with" not in word}
    assert {f"runtime.aio{word}" if word.startswith(".") else word for word in named} == labelled(label)


def test_a_command_that_does_not_exist_is_noticed():
    assert commands("$ watchkeeper nonsense x.yaml\n$ ./launch demo\n") == ["nonsense", "demo"]
