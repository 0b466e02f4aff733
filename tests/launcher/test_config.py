"""`config` writes out what a configuration means: each value with its place, no secret, and again a configuration."""

import json

import pytest
import yaml
from click.testing import CliRunner
from watchkeeper.adapters.configuration import load
from watchkeeper.launcher.main import cli

WHOLE = """\
include: [more.yaml]
runtime: {ping: {url: "https://hc.example/0123456789abcdef"}}
defaults: {timeout: 4s, every: 40s, expect: ["[STATUS] == 200", "[RESPONSE_TIME] < 300"], http: {method: POST},
           warn: ["[CERTIFICATE_EXPIRATION] > 14d", "[RESPONSE_TIME] < 100"]}
templates:
  api: {every: 1m, http: {url: "https://${each}.example/", headers: {Authorization: "Bearer ${TOKEN}", X: a}}}
channels:
  - {id: ops, slack: {token: xoxb-1234567890, channel: "#ops"}}
targets:
  - {use: api, for_each: [eu, us], id: "api-${each}"}
  - {id: nightly, heartbeat: {schedule: "0 3 * * *", grace: 1h}}
  - {id: pump, heartbeat: {}, slo: {objective: "99%"}}
  - {id: db, tcp: {host: db, port: 5432}, rules: [{id: down, kind: consecutive}], description: "no: ${EMPTY:-}$${x}"}
"""
MORE = """\
targets:
  - {id: job, heartbeat: {key: 0123456789abcdef}, every: 1d}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "tk1")
    (tmp_path / "watch.yaml").write_text(WHOLE)
    (tmp_path / "more.yaml").write_text(MORE)
    return tmp_path / "watch.yaml"


def config(*arguments, status=0):
    done = CliRunner().invoke(cli, ["config", "-c", "watch.yaml", *arguments])
    assert done.exit_code == status, done.output
    return done.stdout if not status else done.stderr


def lines_of(text):
    """Each line without its comment, and the comment."""
    return [tuple(part.strip() for part in line.partition("  # ")[::2]) for line in text.splitlines()]


def test_each_value_has_the_file_and_the_line_that_state_it(file):
    lines = lines_of(config())
    assert ("- id: api-us", "watch.yaml:10 (for_each[1])") in lines
    assert ("every: 1m", "watch.yaml:6 (used in line 10, for_each[1])") in lines
    assert ("method: POST", "watch.yaml:3") in lines
    assert ("timeout: 4s", "watch.yaml:3") in lines
    assert ("- id: job", "more.yaml:2") in lines


def test_no_secret_is_shown(file):
    shown = config() + config("--json") + config("api-eu") + config("job")
    for secret in ("tk1", "xoxb", "0123456789abcdef"):
        assert secret not in shown
    assert ('Authorization: "***"', "watch.yaml:6 (used in line 10, for_each[0])") in lines_of(config())


def test_a_variable_in_what_is_written_for_people_is_shown_unless_it_stands_elsewhere_too(file, monkeypatch):
    monkeypatch.setenv("REGION", "frankfurt")
    file.write_text(
        "targets:\n"
        "  - for_each: ['${REGION}']\n"
        "    id: api-${each}\n"
        "    labels: {region: '${each}', owner: '${TOKEN}'}\n"
        "    description: in ${each}\n"
        "    http: {url: 'https://${each}.example/', headers: {X: '${TOKEN}'}}\n"
    )
    lines = [line for line, _ in lines_of(config())]
    assert {"- id: api-frankfurt", "region: frankfurt", 'description: "in frankfurt"'} <= set(lines)
    assert 'url: "https://frankfurt.example/"' in lines
    assert 'owner: "***"' in lines


def test_the_written_document_is_the_same_configuration(file, tmp_path):
    file.write_text(WHOLE.replace("xoxb-1234567890", '"***"').replace("Bearer ${TOKEN}", "***"))
    (tmp_path / "more.yaml").write_text("channels: [{id: log, log: {}}]")
    written = tmp_path / "written.yaml"
    written.write_text(config())
    assert "templates" not in yaml.safe_load(written.read_text())
    again, first = load(written, {}), load(file, {})
    assert (again.targets, again.channels) == (first.targets, first.channels)


def test_one_target_is_shown_with_what_it_has_by_default(file):
    lines = lines_of(config("db"))
    assert lines[0] == ("id: db", "watch.yaml:13")
    assert ("every: 40s", "watch.yaml:3") in lines
    assert ("address_family: any", "default") in lines
    assert ('- "[RESPONSE_TIME] < 300"', "watch.yaml:3") in lines
    assert not any("[STATUS]" in line or "CERTIFICATE" in line for line, _ in lines)
    assert ('- "[RESPONSE_TIME] < 100"', "watch.yaml:4") in lines
    data = yaml.safe_load(config("db"))
    assert [rule["id"] for rule in data["rules"]] == ["down", "silent", "warn"]
    assert data["tcp"] == {"host": "db", "port": 5432, "address_family": "any"}


def test_one_target_that_is_written_out_is_the_same_target(file, tmp_path):
    written = tmp_path / "written.yaml"
    for target in load(file, {"TOKEN": "tk1"}).targets[2:5]:
        assert f"id: {target.id}" in config(target.id)
        entry = "".join(f"    {line}\n" for line in config(target.id).splitlines())
        written.write_text(f"targets:\n  -\n{entry}")
        (again,) = load(written, {}).targets
        assert set(again.judged_rules) == set(target.judged_rules)
        assert (again.probe, again.expect, again.warn) == (target.probe, target.expect, target.warn)
        assert again.every == target.every


def test_programs_get_one_row_for_each_value(file):
    rows = {row["path"]: row for row in json.loads(config("api-us", "--json"))}
    assert rows["targets[1].http.url"] == {
        "path": "targets[1].http.url",
        "value": "https://us.example/",
        "file": "watch.yaml",
        "line": 6,
        "column": 32,
    }
    assert rows["targets[1].paused"] == {"path": "targets[1].paused", "value": False}


def test_an_unknown_target_and_a_bad_configuration_are_refused(file):
    assert "is named 'api-ue', did you mean api-us" in config("api-ue", status=1)
    file.write_text("targets: [{id: 5}]")
    assert config(status=2).startswith("watch.yaml:1:16: targets[0].id: expected a text")
