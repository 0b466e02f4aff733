"""A person on call, against a real `run` in another process: by the control socket, and by a token over TCP."""

import json
import re
import threading

import pytest
from asking import Asking
from click.testing import CliRunner
from ports import free_port
from running import running
from watchkeeper.launcher.main import cli

CONFIGURATION = """\
runtime: {{store: watch.db}}
web:
  listen: "127.0.0.1:{port}"
  tokens: [{token}]
channels: [{{id: ops, log: {{}}}}]
targets:
  - {{id: backup, every: 1h, heartbeat: {{key: key-of-the-backup-0001}}, notify: [ops]}}
"""


def made_token(*arguments):
    """A token by the verb, and its entry for the configuration."""
    made = CliRunner().invoke(cli, ["token", *arguments])
    assert made.exit_code == 0
    return made.stdout.strip(), made.stderr.splitlines()[1].removeprefix("  - ")


def test_a_token_is_printed_once_beside_its_entry():
    token, entry = made_token("anna", "--role", "operator")
    assert re.fullmatch(r"wk_[a-z2-7]{58}", token)
    assert json.loads(entry)["name"] == "anna"
    assert token not in entry
    assert made_token("anna")[0] != token


def test_a_name_that_no_token_can_have_is_refused():
    refused = CliRunner().invoke(cli, ["token", " anna"])
    assert refused.exit_code == 2
    assert "' anna' is no id" in refused.stderr


@pytest.fixture
def port():
    return free_port()


def until_some(ask):
    """Asks until the answer is not empty: a ping is answered when it is heard, and recorded a moment later."""
    while not (found := ask()):
        threading.Event().wait(0.05)
    return found


def test_an_outage_is_seen_acknowledged_silenced_and_over_from_other_processes(tmp_path, port):
    token, entry = made_token("anna", "--role", "operator")
    (tmp_path / "watchkeeper.yaml").write_text(CONFIGURATION.format(port=port, token=entry))
    with running(tmp_path) as lines:
        here, there = Asking(str(tmp_path / "watch.db")), Asking(f"http://127.0.0.1:{port}", token)
        assert here.get("/status").json["targets"]["unknown"] == 1
        job = Asking(f"http://127.0.0.1:{port}")
        assert job.ask("POST", "/ping/key-of-the-backup-0001/2", b"disk full").status == 200
        (incident,) = until_some(lambda: there.get("/incidents?state=open").json["items"])
        assert incident["explanation"] == "reported: disk full"
        acknowledged = there.put(f"/incidents/{incident['id']}/acknowledgement").json
        assert acknowledged["acknowledged_by"] == "anna"
        muted = here.put(
            "/silences/repair", {"target": "backup", "length": "1h"}, watchkeeper_author="otto"
        ).json
        assert muted["by"] == "otto"
        assert there.put("/targets/backup/pause").json["paused"] is True
        assert here.delete("/targets/backup/pause").json["paused"] is False
        assert there.delete("/silences/repair").status == 200
        assert job.ask("GET", "/ping/key-of-the-backup-0001").status == 200
        until_some(lambda: here.get(f"/incidents/{incident['id']}").json["status"] == "resolved")
        assert there.post("/reload").status == 403
        assert here.post("/reload").status == 200
    audit = [line.partition("watchkeeper.web.audit: ")[2] for line in lines if "web.audit" in line]
    assert f"PUT /api/v1/incidents/{incident['id']}/acknowledgement by anna from 127.0.0.1: 200" in audit
    assert "PUT /api/v1/silences/repair by otto from socket: 200" in audit
    assert "POST /api/v1/reload by anna from 127.0.0.1: 403" in audit
    assert not (tmp_path / "watch.db.sock").exists()
