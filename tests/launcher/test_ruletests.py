"""The verb `test-rules`: its output, its document and its exit statuses."""

import json

import pytest
from click.testing import CliRunner
from watchkeeper.launcher.main import cli

RULES = """\
config: {channels: [{id: ops, log: {}}], targets: [{id: shop, http: {url: "http://shop.example/"}, notify: [ops]}]}
tests:
  - {name: an outage is told, series: {shop: 0x9}, expect: [{at: 5m, notices: {ops: [shop/down opened]}}]}
"""
BLIP = "  - {name: a blip is told, series: {shop: 0 1x9}, expect: [{at: 5m, notices: {ops: [shop/down opened]}}]}\n"


@pytest.fixture
def tested(tmp_path, monkeypatch):
    def run(*texts, options=()):
        monkeypatch.chdir(tmp_path)
        names = [f"{number}.rules.yaml" for number in range(len(texts))]
        for name, text in zip(names, texts, strict=True):
            (tmp_path / name).write_text(text)
        return CliRunner().invoke(cli, ["test-rules", *options, *names])

    return run


def test_tests_that_pass_are_named_and_counted(tested):
    result = tested(RULES, RULES)
    first, second, last = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert (first, second) == ("0.rules.yaml::an outage is told  ok", "1.rules.yaml::an outage is told  ok")
    assert last.startswith("2 passed, 10m of virtual time in ")


def test_a_test_that_fails_shows_its_differences_and_ends_with_1(tested):
    result = tested(RULES + BLIP)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:5] == [
        "0.rules.yaml::an outage is told  ok",
        "0.rules.yaml::a blip is told  FAILED",
        "  0.rules.yaml:4:60: 5m (2026-01-01T00:05:00.000Z), ops",
        "    expected  shop/down opened",
        "    seen      nothing",
    ]
    assert result.stdout.splitlines()[-1].startswith("1 failed, 1 passed, 10m of virtual time in ")


def test_a_document_has_every_difference(tested):
    result = tested(RULES + BLIP, options=["--json"])
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["passed"], document["failed"]) == (1, 1)
    assert [test["passed"] for test in document["tests"]] == [True, False]
    (difference,) = document["tests"][1]["differences"]
    assert (difference["line"], difference["what"], difference["seen"]) == (4, "ops", [])
    assert difference["at"] == "2026-01-01T00:05:00.000Z"


def test_mistakes_of_all_files_are_told_before_any_test_runs(tested):
    result = tested(RULES, RULES.replace("0x9", "0y9"), "")
    assert (result.exit_code, result.stdout) == (2, "")
    first, second = result.stderr.splitlines()
    assert first.startswith("1.rules.yaml:3:46: tests[0].series.shop: character 1: '0y9'")
    assert second.startswith("2.rules.yaml:1:1: a file of rule tests has the keys config and tests")


def test_a_file_that_is_not_there_says_so(tested, tmp_path):
    result = CliRunner().invoke(cli, ["test-rules", str(tmp_path / "gone.yaml")])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "gone.yaml:1:1: the file cannot be read: No such file or directory" in result.stderr


def test_at_least_one_file_is_named():
    assert CliRunner().invoke(cli, ["test-rules"]).exit_code == 2
