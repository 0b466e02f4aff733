"""The README's Python runs, and its configuration is one."""

import re
from pathlib import Path

from click.testing import CliRunner
from watchkeeper.adapters.configuration import load
from watchkeeper.launcher.main import cli

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
YAML = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


def test_the_ten_lines_of_embedding_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    exec(compile(PYTHON[0], "README.md", "exec"), {"__name__": "readme"})  # noqa: S102  # that is the point

    assert capsys.readouterr().out == "True\n"


def test_the_test_of_a_blip_passes():
    namespace = {}
    exec(compile(PYTHON[1], "README.md", "exec"), namespace)  # noqa: S102  # that is the point

    namespace["test_a_blip_notifies_nobody"]()


def test_the_configuration_by_example_is_valid(tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    path.write_text(YAML[0], encoding="utf-8")

    configuration = load(path, {"OPS_SECRET": "s3cret"})

    assert [target.id for target in configuration.targets] == ["shop", "nightly backup"]


def test_the_routes_by_example_reach_every_target_and_are_doubted_nowhere(tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    path.write_text(YAML[1], encoding="utf-8")
    tokens = {"SLACK_TOKEN": "xoxb-1-2-abc", "PAGERDUTY_KEY": "0" * 32}

    done = CliRunner().invoke(cli, ["check", str(path)], env=tokens)

    assert (done.exit_code, done.output) == (0, "ok: 3 targets, 2 channels\n")


def test_the_rule_tests_by_example_pass(tmp_path):
    path = tmp_path / "shop.rules.yaml"
    path.write_text(YAML[2], encoding="utf-8")

    done = CliRunner().invoke(cli, ["test-rules", str(path)])

    assert (done.exit_code, "\n2 passed, 20m of virtual time in " in f"\n{done.output}") == (0, True)
