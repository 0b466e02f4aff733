"""`check` writes for people, programs and GitHub, and needs neither environment nor files where there are none."""

import json

import pytest
from click.testing import CliRunner
from watchkeeper.launcher.main import cli

BAD = 'channels: [{id: "a,b", log: {}}]\ntargets:\n- {id: shop, htpp: {url: "100%"}}\n'
DOUBTFUL = "channels: [{id: ops, log: {}}]\ntargets: []\n"
CI = """\
runtime: {store: /no/such/folder/watch.db, threads_max: "${THREADS}"}
channels: [{id: ops, webhook: {url: "${HOOK}", secret: "${file:/no/such/secret}"}}]
defaults: {notify: [ops], every: "${EVERY:-30s}", default_rules: true}
targets: [{id: shop, http: {url: "https://h/", tls: {ca_file: none.pem, certificate_file: c, key_file: k}}}]
"""


def check(*arguments, text=None):
    return CliRunner().invoke(cli, ["check", *map(str, arguments)], input=text)


@pytest.fixture
def written(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_file_that_is_not_utf8_is_told_at_its_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.yaml").write_bytes(b"targets: []\n# gr\xfc\xdfe\n")
    done = CliRunner().invoke(cli, ["check", "w.yaml"])
    assert done.stderr == "w.yaml:2:5: this is not UTF-8: save the file as UTF-8\n"
    done = CliRunner().invoke(cli, ["check", "-"], input=b"targets: []\n# gr\xfc\xdfe\n")
    assert done.stderr == "<stdin>:2:5: this is not UTF-8: save the file as UTF-8\n"


def test_json_has_every_finding_with_its_place(written):
    bad, doubtful = written("bad.yaml", BAD), written("doubtful.yaml", DOUBTFUL)
    done = check("--format", "json", bad, doubtful)
    first, second = json.loads(done.stdout)["files"]
    assert (done.exit_code, done.stderr) == (2, "")
    assert (first["file"], first["valid"], first["left_out"]) == (str(bad), False, 0)
    (error,) = first["findings"]
    assert error["message"].startswith("unknown key, did you mean http")
    del error["message"]
    assert error == {"level": "error", "line": 3, "column": 14, "path": "targets[0].htpp"}
    assert (second["valid"], second["targets"], second["channels"]) == (True, 0, 1)
    assert second["findings"] == [
        {
            "level": "warning",
            "line": 1,
            "column": 12,
            "path": "channels[0]",
            "message": "no target or route notifies the channel 'ops': name it there or remove it",
        }
    ]


TWICE = """\
channels:
- {id: a, slack: {url: "https://h/"}}
- {id: b, slack: {token: xoxb-1, channel: "#ops"}}
- {id: c, discord: {url: "https://h/"}}
- {id: d, log: {}}
targets: [{id: job, heartbeat: {}, notify: [a, b, c, d]}]
"""


def test_channels_that_may_show_a_notice_twice_are_named(written):
    said = check(written("twice.yaml", TWICE)).stderr
    assert "note: after a crash 'a', 'c' may show a notice twice" in said


ALERTS = """\
channels:
- {id: a, alertmanager: {url: "http://h:9093"}}
- {id: b, alertmanager: {url: "http://h:9093"}}
routes: [{id: all, to: [a], remind_every: 1h, continue: true}, {id: rest, to: [b]}]
targets: [{id: job, heartbeat: {}}]
"""


def test_an_alertmanager_whose_alerts_no_reminder_renews_is_named(written):
    said = check(written("alerts.yaml", ALERTS)).stderr
    assert "note: alerts of 'b' are posted once and end after ends_after" in said


def test_github_shows_findings_beside_their_lines(written):
    bad, doubtful = written("bad:1,5%.yaml", BAD), written("doubtful.yaml", DOUBTFUL)
    first, second, third = check("--format", "github", bad, doubtful).stdout.splitlines()
    name = str(bad).replace("bad:1,5%", "bad%3A1%2C5%25")
    assert first.startswith(
        f"::error file={name},line=3,col=14,title=watchkeeper::targets[0].htpp: unknown key"
    )
    assert second.startswith(
        f"::warning file={doubtful},line=1,col=12,title=watchkeeper::channels[0]: no target"
    )
    assert third == f"{doubtful}: ok: 0 targets, 1 channel"


def test_a_file_without_problems_is_valid_in_every_format(written):
    path = written("empty.yaml", "targets: []\n")
    assert check(path).output == "ok: 0 targets, 0 channels\n"
    assert json.loads(check("--format", "json", path).output)["files"][0]["findings"] == []
    assert check("--format", "github", path).output == f"{path}: ok: 0 targets, 0 channels\n"


def test_a_file_that_cannot_be_read_is_a_finding_too(tmp_path):
    (only,) = json.loads(check("--format", "json", tmp_path / "none.yaml").stdout)["files"]
    assert only["findings"][0]["message"] == "the file cannot be read: No such file or directory"


def test_a_minus_reads_standard_input():
    done = check("-", text=BAD)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("<stdin>:3:14: targets[0].htpp: unknown key")
    assert check("-", text="targets: []\n").output == "ok: 0 targets, 0 channels\n"


def test_variables_and_files_of_another_machine_are_left_out_on_request(written):
    path = written("ci.yaml", CI)
    told = check(path).stderr
    assert "the environment variable HOOK is not set" in told
    assert "there is no folder '/no/such/folder'" in told
    no_environment = check("--no-environment", path).stderr
    assert "environment variable" not in no_environment
    assert "the file '/no/such/secret' cannot be read" in no_environment
    no_files = check("--no-files", path).stderr
    assert "/no/such" not in no_files
    assert ".pem" not in no_files
    neither = check("--no-environment", "--no-files", path)
    assert (neither.exit_code, neither.output) == (0, "ok: 1 target, 1 channel\n")


def test_a_mistake_beside_unknown_values_is_still_found(written):
    path = written("ci.yaml", CI.replace("id: shop", "id: shop, evry: 5s"))
    done = check("--no-environment", "--no-files", "--strict", path)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "targets[0].evry: unknown key, did you mean every" in done.stderr


def test_findings_in_included_files_carry_their_names(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    written(
        "watch.yaml",
        "include: [d, 'none*.yaml', more.yaml]\nchannels: [{id: ops, log: {}}]\ndefaults: {notify: [ops]}\n",
    )
    written("d/a.yaml", "targets: [{id: a, tpc: {host: h, port: 1}}]\n")
    written("more.yaml", "targets: [{id: b, tcp: {host: h, port: 1}}]\n")
    done = check("watch.yaml")
    assert done.stderr.startswith("d/a.yaml:1:19: targets[0].tpc: unknown key, did you mean tcp")
    assert done.exit_code == 2
    assert check("--format", "github", "watch.yaml").stdout.startswith("::error file=d/a.yaml,line=1,col=19,")
    written("d/a.yaml", "targets: [{id: a, tcp: {host: h, port: 1}}]\n")
    done = check("watch.yaml")
    assert done.stdout == "ok: 2 targets, 1 channel in 3 files, with d/a.yaml, more.yaml\n"
    assert (
        done.stderr
        == "watch.yaml:1:14: warning: include[1]: no file is found there, so nothing is included\n"
    )
    (one,) = json.loads(check("--format", "json", "watch.yaml").stdout)["files"]
    assert one["included"] == ["d/a.yaml", "more.yaml"]
    assert "file" not in one["findings"][0]


def test_standard_input_includes_files_of_the_current_folder(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written("more.yaml", "targets: [{id: b, tcp: {host: h, port: 0}}]\n")
    assert check("-", text="include: [more.yaml]").stderr.startswith(
        "more.yaml:1:40: targets[0].tcp.port: 0 is out"
    )
