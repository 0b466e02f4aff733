"""Collection of files of rule tests by pytest, in a pytest of its own."""

import subprocess
import sys

import pytest

CONFTEST = "from watchkeeper.testing.ruletests.collection import pytest_collect_file\n"
RULES = """\
config: {channels: [{id: ops, log: {}}], targets: [{id: shop, http: {url: "http://shop.example/"}, notify: [ops]}]}
tests:
  - {name: an outage is told, series: {shop: 0x9}, expect: [{at: 5m, notices: {ops: [shop/down opened]}}]}
  - {name: a blip is told, series: {shop: 0 1x9}, expect: [{at: 5m, notices: {ops: [shop/down opened]}}]}
"""


@pytest.fixture
def collected(tmp_path):
    def run(rules, conftest=CONFTEST):
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "shop.rules.yaml").write_text(rules)
        (tmp_path / "other.yaml").write_text("a: 1")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "--rootdir", str(tmp_path)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout

    return run


def test_each_test_of_a_file_is_one_of_pytest(collected):
    status, said = collected(RULES)
    assert status == 1
    assert "shop.rules.yaml::an outage is told PASSED" in said
    assert "shop.rules.yaml::a blip is told FAILED" in said
    assert (
        "shop.rules.yaml:4:60: 5m (2026-01-01T00:05:00.000Z), ops\n  expected  shop/down opened\n  seen      nothing"
        in said
    )
    assert "runtest" not in said


def test_a_file_that_is_not_valid_is_an_error_with_its_place(collected):
    status, said = collected(RULES.replace("0x9", "0y9"))
    assert status == 2
    assert "shop.rules.yaml:3:46: tests[0].series.shop: character 1: '0y9' is no value of a series" in said


def test_without_the_line_in_conftest_nothing_is_collected(collected):
    assert collected(RULES, conftest="")[0] == 5
