"""Files of rule tests: where configurations come from, and each mistake with its file, line and column."""

import json

import pytest
from watchkeeper import ConfigurationError
from watchkeeper.testing import rule_cases

CONFIG = """\
channels: [{id: ops, log: {}}]
targets: [{id: shop, http: {url: "http://shop.example/"}, notify: [ops]}, {id: backup, every: 1h, heartbeat: {}}]
"""
WHOLE = """\
config: watch.yaml
tests:
  - name: one
    series: {shop: 0x9}
    expect: [{at: 5m, open: [shop/down], notices: {ops: [shop/down opened]}}]
"""


@pytest.fixture
def problems(tmp_path):
    """Returns the problems of a file with this text beside a configuration; an empty list where its tests all pass."""
    (tmp_path / "watch.yaml").write_text(CONFIG)

    def read(text, name="shop.rules.yaml"):
        (tmp_path / name).write_text(text)
        try:
            for case in rule_cases(tmp_path / name):
                case.check()
        except ConfigurationError as error:
            return [problem.removeprefix(f"{tmp_path}/") for problem in error.problems]
        return []

    return read


def test_a_configuration_is_named_or_written_in_the_file(problems):
    inline = "".join(f"    {line}\n" for line in CONFIG.splitlines())
    assert problems(WHOLE) == []
    assert problems(WHOLE.replace("config: watch.yaml", f"config:\n{inline}")) == []
    assert problems(WHOLE.replace("config: watch.yaml\n", "") + f"config:\n{inline}") == []


def test_json_is_read_like_yaml(problems):
    test = {"name": "one", "series": {"shop": "0x9"}, "expect": [{"at": "5m", "open": ["shop/down"]}]}
    config = {"targets": [{"id": "shop", "http": {"url": "http://shop.example/"}}]}
    assert problems(json.dumps({"config": config, "tests": [test]}, indent=1)) == []


def test_problems_of_a_configuration_in_the_file_have_their_lines_there(problems):
    text = 'tests: [{name: a, expect: [{at: 1m, open: []}]}]\nconfig:\n    targets:\n      - {id: shop, htp: {url: "x"}}\n'
    assert [line.split(": ")[0] for line in problems(text)] == ["shop.rules.yaml:4:20"]


def test_problems_of_a_named_configuration_have_the_place_in_its_own_file(problems, tmp_path):
    (tmp_path / "broken.yaml").write_text(
        "targets:\n  - {id: shop, every: soon, http: {url: 'http://x.example/'}}\n"
    )
    found = problems(WHOLE.replace("watch.yaml", "broken.yaml"))
    assert [line.split(": ")[0] for line in found] == ["broken.yaml:2:23"]


def test_values_of_variables_come_from_the_file_so_that_no_secret_is_needed(problems, tmp_path):
    (tmp_path / "watch.yaml").write_text(CONFIG.replace("http://shop.example/", "http://${SHOP_HOST}/"))
    hint, found = problems(WHOLE)
    assert hint.endswith("in this file: environment: {SHOP_HOST: none}")
    assert "the environment variable SHOP_HOST is not set" in found
    assert problems(WHOLE + "environment: {SHOP_HOST: shop.example}\n") == []


MISTAKES = {
    "series: {shop: 1y3}": "4:20: tests[0].series.shop: character 1: '1y3' is no value of a series",
    "series: {shop: '{{sum:1}}'}": "4:20: tests[0].series.shop: character 1: a native histogram",
    "series: {shop: 0 2}": "4:20: tests[0].series.shop: a series without a name has 1 for a good check and 0",
    "series: {shop: {response_time: 1 x}}": "4:36: tests[0].series.shop.response_time: character 3: 'x'",
    "series: {shop: {status: 1.5}}": "4:29: tests[0].series.shop.status: a status is a whole number",
    "series: {shop: {response_time: -1}}": "4:36: tests[0].series.shop.response_time: response_time is a length",
    "series: {shop: {}}": "4:20: tests[0].series.shop: names no figure",
    "series: {shpo: 1}": "4:14: tests[0].series.shpo: no target is named 'shpo', did you mean shop",
    "series: {backup: {load: 1}}": "4:22: tests[0].series.backup: a heartbeat reports 1 for well",
    "series: [1]": "4:13: tests[0].series: expected a mapping",
    "scripts: {shop: fine}": "4:21: tests[0].scripts.shop: 'fine' in 'fine': that is no behaviour",
    "channels: {opps: ok}": "4:16: tests[0].channels.opps: no channel is named 'opps', did you mean ops",
    "acts: [{at: 5x, restart: 1s}]": "4:17: tests[0].acts[0].at: '5x' has the unknown unit 'x'",
    "acts: [{at: '2025-01-01T00:00:00Z', restart: 1s}]": "4:17: tests[0].acts[0].at: 2025-01-01T00:00:00Z is before",
    "acts: [{at: 400d, restart: 1s}]": "4:17: tests[0].acts[0].at: 400d is more than 8784h after the beginning",
    "acts: [{at: 1m, silence: shop}]": "4:12: tests[0].acts[0]: a silence ends: give `for` or `until`",
    "acts: [{at: 1m, silence: '', for: 1m}]": "4:30: tests[0].acts[0].silence: names no target",
    "acts: [{at: 1m, silence: shpo, for: 1m}]": "4:30: tests[0].acts[0].silence: no target is named 'shpo'",
    "acts: [{at: 5m, silence: shop, until: 4m}]": "4:43: tests[0].acts[0].until: 4m is not after 5m",
    "acts: [{at: 1m, silence: 'sh*', for: 1m, match: [x]}]": "4:53: tests[0].acts[0].match",
    "acts: [{at: 1m, pause: shop, for: 1m}]": "4:39: tests[0].acts[0].for: for says nothing of pause",
    "acts: [{at: 1m, acknowledge: shop/up}]": "4:34: tests[0].acts[0].acknowledge: 'shop/up' is no rule of a target",
    "acts: [{at: 1m, drill: night}]": "4:28: tests[0].acts[0].drill: no route is named 'night': there are none",
    "acts: [{at: 1m, reload: new.yaml}]": "4:29: tests[0].acts[0].reload: there is no file",
    "acts: [{at: 1m}]": "4:12: tests[0].acts[0]: needs exactly one of silence, unsilence",
    "acts: [{at: 1m, sleep: 5m}]": "4:21: tests[0].acts[0].sleep: unknown key",
    "interval: 0s": "4:15: tests[0].interval",
    "start: yesterday": "4:12: tests[0].start: 'yesterday' is no moment",
    "start: '2026-02-30T00:00:00Z'": "4:12: tests[0].start: '2026-02-30T00:00:00Z' is no moment",
    "expect: []": "4:13: tests[0].expect: has 0 entries",
    "expect: [{at: 1m}]": "4:14: tests[0].expect[0]: expects nothing",
    "expect: [{at: 1m, open: [shop]}]": "4:30: tests[0].expect[0].open[0]: 'shop' is no rule of a target",
    "expect: [{at: 1m, open: [shop/dwn]}]": "4:30: tests[0].expect[0].open[0]: 'shop/dwn' is no rule of a target, did you",
    "expect: [{at: 1m, status: {shop: dead}}]": "4:38: tests[0].expect[0].status.shop: 'dead' is no status",
    "expect: [{at: 1m, notices: {op: []}}]": "4:33: tests[0].expect[0].notices.op: no channel is named 'op'",
    "expect: [{at: 1m, notices: {ops: [opened]}}]": "4:39: tests[0].expect[0].notices.ops[0]: 'opened' is no notice",
    "expect: [{at: 1m, notices: {ops: [shop/x opened]}}]": "4:39: tests[0].expect[0].notices.ops[0]: 'shop/x' is no",
    "expect: [{at: 1m, notices: {ops: [{up: [shop/down]}]}}]": "4:45: tests[0].expect[0].notices.ops[0].up[0]: 'shop/down up'",
    "expect: [{at: 1m, notices: {ops: [{}]}}]": "4:39: tests[0].expect[0].notices.ops[0]: a digest has one change",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_in_a_test_is_told_with_its_place(problems, line):
    expect = "" if line.startswith("expect") else "    expect: [{at: 5m, open: []}]\n"
    (found,) = problems(f"config: watch.yaml\ntests:\n  - name: one\n    {line}\n{expect}")
    assert found.startswith(f"shop.rules.yaml:{MISTAKES[line]}")


FILES = {
    "": "1:1: a file of rule tests has the keys config and tests",
    "[1]": "1:1: a file of rule tests has the keys config and tests",
    "config: watch.yaml": "1:1: has no tests: it needs a list",
    "config: watch.yaml\ntests: []": "2:8: tests: has 0 entries",
    "tests: [{name: a, expect: [{at: 1m, open: []}]}]": "1:1: has no config: name the configuration",
    "config: 5\ntests: [{name: a, expect: [{at: 1m, open: []}]}]": "1:9: config: has no config",
    "config: gone.yaml\ntests: [{name: a, expect: [{at: 1m, open: []}]}]": "1:9: config: there is no file",
    "config: {a: [}\ntests: []": "1:14: this is not YAML",
    "config: watch.yaml\ntests: !all [{name: a, expect: [{at: 1m, open: []}]}]": "2:8: tests: a tag is not allowed",
}


@pytest.mark.parametrize("text", FILES)
def test_a_file_that_is_none_of_rule_tests_says_so(problems, text):
    assert [line.startswith(f"shop.rules.yaml:{FILES[text]}") for line in problems(text)] == [True], problems(
        text
    )


def test_all_problems_are_told_at_once_in_the_order_of_the_file(problems):
    text = """\
config: watch.yaml
tests:
  - {name: one, series: {shop: 1x}, expect: [{at: 1m, open: []}]}
  - {name: one, expect: [{at: soon, open: [x/y]}]}
"""
    assert [line.split(": ")[0].removeprefix("shop.rules.yaml:") for line in problems(text)] == [
        "3:32",
        "4:12",
        "4:31",
        "4:44",
    ]


def test_a_series_and_a_script_of_one_target_are_refused(problems):
    text = WHOLE.replace("    expect", "    scripts: {shop: ok}\n    expect")
    (found,) = problems(text)
    assert found.startswith(
        "shop.rules.yaml:5:15: tests[0].scripts.shop: this target has a series and a script"
    )


def test_a_rule_may_not_go_back_in_its_life_by_a_reload(problems, tmp_path):
    draft = CONFIG.replace(
        "notify: [ops]", "notify: [ops], rules: [{id: down, kind: consecutive, state: draft}]"
    )
    (tmp_path / "new.yaml").write_text(draft)
    (found,) = problems(WHOLE.replace("    series", "    acts: [{at: 1m, reload: new.yaml}]\n    series"))
    assert (
        "4:29: tests[0].acts[0].reload: target 'shop': rule 'down' is active and cannot become draft" in found
    )


def test_a_failed_check_shows_its_differences(problems):
    with pytest.raises(
        AssertionError, match=r"shop\.rules\.yaml::one\n.*5:14: 5m .*open incidents\n  expected  nothing"
    ):
        problems(WHOLE.replace("open: [shop/down]", "open: []"))


def test_a_misshapen_test_hides_no_problem_of_the_others(problems):
    text = WHOLE.replace("shop/down]", "shop/dwn]") + "  - {name: two, expect: []}\n"
    assert [line.split(": ")[0].removeprefix("shop.rules.yaml:") for line in problems(text)] == [
        "5:30",
        "6:25",
    ]


def test_a_key_that_stands_twice_lets_series_be_read_as_they_are_written(problems):
    text = (
        WHOLE.replace("0x9}", "0}")
        + "  - {name: two, series: {shop: 1}, name: two, expect: [{at: 1m, open: []}]}\n"
    )
    (found,) = problems(text)
    assert found.startswith("shop.rules.yaml:6:36: tests[1].name: this key stands twice here")


def test_words_of_promtool_lead_to_those_that_stand_here(problems):
    text = (
        "rule_files: [watch.yaml]\n"
        "tests:\n"
        "  - {name: a, input_series: [], alert_rule_test: []}\n"
        "  - {name: b, expect: [{eval_time: 1m, exp_alerts: []}]}\n"
    )
    said = "\n".join(problems(text))
    for word, meant in (
        ("rule_files", "config"),
        ("input_series", "series"),
        ("alert_rule_test", "expect"),
        ("eval_time", "at"),
        ("exp_alerts", "open"),
    ):
        assert f"{word}: unknown key, did you mean {meant}\n" in f"{said}\n"
