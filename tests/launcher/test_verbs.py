"""The verbs that need no runtime, and how they end."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from watchkeeper.domain.errors import (
    ConfigurationError,
    MessageError,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    UnknownName,
)
from watchkeeper.launcher.guesses import _INSTEAD
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.output import ExitStatus
from watchkeeper.launcher.verbs import SECTIONS, status_of

GOOD = """\
defaults: {notify: [ops]}
targets: [{id: a, tcp: {host: h, port: 1}}, {id: b, tcp: {host: h, port: 2}}]
channels: [{id: ops, log: {}}]
"""
BAD = "targets: [{id: a, cal: {name: f}}]\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_check_counts_what_a_good_file_has(files):
    result = run("check", files / "good.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "ok: 2 targets, 1 channel\n", "")


def test_a_configuration_that_calls_functions_needs_a_program(tmp_path):
    path = tmp_path / "calls.yaml"
    path.write_text("targets: [{id: a, call: {name: f}}, {id: b, call: {name: f}}]")
    checked = run("check", path)
    assert (checked.exit_code, checked.stdout) == (0, "ok: 2 targets, 0 channels\n")
    assert checked.stderr.startswith(
        f"{path}: note: calls 'f': `run` refuses this file, pass functions in `callables`"
    )
    ran = run("run", path)
    assert ran.exit_code == ExitStatus.CONFIGURATION
    assert "targets[0].call.name: no function is named 'f' (pass it in `callables`" in ran.stderr
    assert "targets[1].call.name" in ran.stderr


def test_check_names_the_setting_that_ends_a_body_which_conditions_read(tmp_path):
    path, body = tmp_path / "bodies.yaml", 'expect: ["[BODY].ok == true"]'
    path.write_text(
        "targets:\n"
        f"  - {{id: a, http: {{url: 'http://h/'}}, {body}}}\n"
        f"  - {{id: b, http: {{url: 'http://h/', body_bytes_max: 9}}, {body}}}\n"
        "  - {id: c, http: {url: 'http://h/'}}\n"
    )
    checked = run("check", path)
    said = "conditions on [BODY] of 'a' read up to 65,536 bytes of it: body_bytes_max sets how many"
    assert (checked.exit_code, checked.stdout) == (0, "ok: 3 targets, 0 channels\n")
    assert f"{path}: note: {said}\n" in checked.stderr


def test_check_names_targets_that_do_not_say_whether_they_want_the_default_rules(tmp_path):
    rules = "rules: [{id: slow, kind: threshold, value: 500}]"
    shop = f'http: {{url: "http://h/"}}, {rules}'
    path = tmp_path / "rules.yaml"
    path.write_text(
        f"targets:\n- {{id: old, {shop}}}\n- {{id: new, {shop}, default_rules: true}}\n- {{id: own, {shop}, default_rules: false}}\n"
    )
    said, *_ = run("check", path).stderr.splitlines()
    assert "rules of 'old': the default rules" in said
    assert "'new'" not in said
    assert "'own'" not in said


def test_check_tells_the_problems_of_a_bad_file(files):
    result = run("check", files / "bad.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{files}/bad.yaml:1:19: targets[0].cal: unknown key, did you mean call" in result.stderr


DOUBTFUL = {
    "http: {url: 'http://h/'}, notify: []": [
        "targets: the incidents of 'a' notify nobody",
        "channels[0]: no",
    ],
    "http: {url: 'http://h/'}, default_rules: false": [
        "targets: no active rule opens an incident when 'a' fails"
    ],
    "http: {url: 'http://h/'}, expect: ['[BODY].ok == \"yes\"']": ['expect[0]: the quotes of "yes" are'],
    "http: {url: 'http://h/'}, expect: ['[CERTIFICATE_EXPIRATION] > 7d']": ["expect[0]: an http url has"],
    "http: {url: 'https://h/'}, expect: ['[CERTIFICATE_EXPIRATION] > 14']": ["14 is that many milli"],
    "http: {url: 'http://h/'}, rules: [{id: c, kind: threshold, measure: tls, value: 14}]": [
        "rules[0].measure: an http url has a certificate only where it redirects"
    ],
    "heartbeat: {}, default_rules: false, rules: [{id: silent, kind: no_data, policy: keep}]": [
        "targets: no active rule opens an incident when 'a' fails"
    ],
    "http: {url: 'https://h/'}, rules: [{id: c, kind: threshold, measure: certificate_expiration, operator: '<', value: 14}, "
    "{id: down, kind: consecutive}]": ["rules[0].value: 14 is that many milliseconds: for days write 14d"],
}


@pytest.mark.parametrize("written", DOUBTFUL)
def test_check_warns_of_what_is_probably_not_meant(written, tmp_path):
    path = tmp_path / "doubtful.yaml"
    path.write_text(
        f"defaults: {{notify: [ops]}}\nchannels: [{{id: ops, log: {{}}}}]\ntargets: [{{id: a, {written}}}]\n"
    )
    checked = run("check", path)
    assert (checked.exit_code, run("check", "--strict", path).exit_code) == (0, 2)
    lines = [line for line in checked.stderr.splitlines() if ": note: " not in line]
    assert all(re.match(rf"{path}:[0-9]+:[0-9]+: warning: ", line) for line in lines)
    assert len(lines) == len(DOUBTFUL[written])
    assert all(said in checked.stderr for said in DOUBTFUL[written])


def test_a_strict_check_passes_a_file_without_a_warning(files):
    assert run("check", "--strict", files / "good.yaml").exit_code == 0


def test_check_judges_every_file_it_is_given(files):
    result = run("check", files / "bad.yaml", files / "good.yaml", files / "none.yaml")
    assert result.exit_code == 2
    assert result.stdout == f"{files}/good.yaml: ok: 2 targets, 1 channel\n"
    assert "none.yaml:1:1: the file cannot be read: No such file or directory" in result.stderr


def test_schema_prints_one_json_document():
    result = run("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["check"], ["check", "--frob"], ["incidents", "--limit", "0"]]
)
def test_a_wrong_command_line_ends_like_a_wrong_file(arguments):
    assert run(*arguments).exit_code == ExitStatus.CONFIGURATION


@pytest.mark.parametrize("verb", [["run"], ["check"], ["simulate", "-c"]])
def test_every_verb_that_needs_a_whole_file_refuses_a_bad_one(verb, files):
    result = run(*verb, files / "bad.yaml")
    assert result.exit_code == ExitStatus.CONFIGURATION
    assert "targets[0].cal: unknown key" in result.stderr


ERRORS = {
    ConfigurationError("x"): ExitStatus.CONFIGURATION,
    StoreBusy("x"): ExitStatus.STORE,
    StoreCorrupt("x"): ExitStatus.STORE,
    StoreError("x"): ExitStatus.STORE,
    UnknownName("x"): ExitStatus.FAILED,
    MessageError("x"): ExitStatus.FAILED,
}


@pytest.mark.parametrize(("error", "status"), ERRORS.items())
def test_every_error_ends_with_its_documented_status(error, status):
    assert status_of(error) is status


def test_help_says_what_each_exit_status_means():
    said = " ".join(run("--help").stdout.split())
    for status in ExitStatus:
        assert f"{status.value} {status.meaning}" in said


def test_every_verb_has_its_section_of_the_help():
    listed = [name for names in SECTIONS.values() for name in names]
    assert len(set(listed)) == len(listed)
    assert set(cli.commands) <= set(listed)


def test_help_shows_the_verbs_above_the_options():
    said = run("--help").stdout
    titles = re.findall(r"^(\w[\w ]*):$", said, re.MULTILINE)
    assert titles == [*SECTIONS, "Options", "Exit status"]
    assert re.search(r"^  status +Show the recorded state of each target\.$", said, re.MULTILINE)
    assert max(map(len, said.splitlines())) <= 80
    assert "..." not in said.partition("Watch:")[2]


def test_the_first_screen_of_help_is_cheap():
    """0.45 s of CPU when it loaded the whole package; 0.09 s now, and more beside other work: the best of ten is taken."""
    program = (
        "import time, sys, watchkeeper.launcher.main as m\n"
        "try: m.cli(['--help'])\n"
        "finally: print(time.process_time(), len(sys.modules), file=sys.stderr)"
    )

    def spent_s():
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        seconds, modules = done.stderr.split()
        assert int(modules) < 160
        return float(seconds)

    assert any(spent_s() < 0.25 for _ in range(10))


def test_help_loads_nothing_that_only_a_verb_needs():
    program = "import sys, watchkeeper.launcher.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "watchkeeper.launcher.main" in loaded
    assert not {
        "msgspec",
        "rich",
        "watchkeeper.door",
        "watchkeeper.launcher.see.status",
        "watchkeeper.launcher.operate.demo",
    } & set(loaded)


def test_the_module_is_the_command(files):
    done = subprocess.run(
        [sys.executable, "-m", "watchkeeper", "check", str(Path(files, "bad.yaml"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


GUESSES = {
    ("mute", "shop"): "there is no verb 'mute': write `watchkeeper silence`.",
    (
        "restore",
        "x.db",
    ): "there is no verb 'restore': `watchkeeper backup --help` says how a copy is put back.",
    ("Help",): "there is no verb 'Help': write `watchkeeper --help`, or `watchkeeper VERB --help`.",
    ("statu",): "No such command 'statu'. Did you mean 'status'?",
    ("silence", "shop", "2h"): "(2h): it takes one target, or a glob such as 'shop*'; its length is --for 2h",
    ("ack", "7f2c", "rolling back"): "(rolling back): a note is --note TEXT",
    ("incidents", "shop"): "(shop): those of one target are --target NAME",
    ("init", "http://h/"): "(http://h/): an address to watch is --from URL",
    ("status", "x.yaml"): "(x.yaml): name a configuration with -c FILE",
    (
        "run",
        "--config",
        "x.yaml",
    ): "there is no option --config: the configuration is an argument: watchkeeper run FILE",
    ("resume", "--all"): "there is no option --all: every target is '*'",
    ("status", "--verbose"): "No such option '--verbose'.",
    ("job", "etl", "--url", "http://h", "--", "true"): "--url stands behind NAME: options come before it",
}


@pytest.mark.parametrize("arguments", GUESSES)
def test_a_natural_guess_is_answered_with_what_is_meant(arguments):
    result = run(*arguments)
    assert (result.exit_code, GUESSES[arguments] in result.stderr) == (2, True), result.stderr


def test_every_guess_leads_to_a_verb_and_is_none():
    meant = {word: said for word, said in _INSTEAD.items() if word in cli.commands}
    assert meant == {}
    named = {verb for said in _INSTEAD.values() for verb in re.findall(r"`watchkeeper ([a-z-]+)", said)}
    assert named - {"--help", "--version"} <= set(cli.commands)


def test_help_tells_each_verb_in_whole_words():
    assert "..." not in run("--help").stdout.replace("[ARGS]...", "")
