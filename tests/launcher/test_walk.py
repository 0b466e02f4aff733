"""A person on call at a terminal: each verb in its turn against a real `run`, here by the socket and there by a token."""

import json
import re

import pytest
from click.testing import CliRunner
from running import running
from watchkeeper.launcher.main import cli


@pytest.fixture(params=["by the socket", "by a token over TCP"])
def way(request, folder):
    """The options by which verbs that act reach the run."""
    if request.param == "by the socket":
        return []
    return ["--url", (folder / "url").read_text(), "--token-file", "token"]


def test_an_outage_is_seen_acted_on_backed_up_and_restored(folder, way, verb, tmp_path, monkeypatch):
    def act(name, *arguments):
        status, says = verb(name, *way, *arguments)
        assert status == 0, says
        return says

    author = "anna" if way else "otto"
    with running(folder):
        assert "backup" in act("status")
        assert act("incidents", "--open") == "no incidents\n"
        assert act("heartbeat", "backup", "--exit", "2", "--detail", "disk full").startswith(
            "backup: reported as failed"
        )
        seen = act("show", "backup")
        assert "backup/missed, critical: open" in seen
        assert "reported: exit status 2: disk full" in seen
        short = re.search("id inc_(.{4})", seen)[1]
        assert act("ack", short, "--note", "rolling back").startswith(f"backup: acknowledged by {author}; ")
        silence = act("silence", "backup", "--for", "1h", "--reason", "repair").split()[1].rstrip(":")
        assert "paused until it is resumed" in act("pause", "etl")
        assert act("resume", "etl") == "etl: watched again\n"
        assert "backup is heard of again" in act("unsilence", silence)
        copy = tmp_path / "copy.db"
        assert verb("backup", str(copy))[1].startswith(f"{copy}: ")
        assert act("heartbeat", "backup") == "backup: heard; it is up\n"
        assert f"acknowledged by {author} (rolling back)" in act("show", short)
    assert verb("verify")[0] == 0

    # The copy in the place of the store: what was recorded until then is there, and the next run goes on from it.
    elsewhere = tmp_path / "restored"
    elsewhere.mkdir()
    config = (folder / "watchkeeper.yaml").read_text()
    (elsewhere / "watchkeeper.yaml").write_text(config)
    (elsewhere / "token").write_text((folder / "token").read_text())
    (elsewhere / "token").chmod(0o600)
    copy.rename(elsewhere / "watch.db")
    monkeypatch.chdir(elsewhere)
    with running(elsewhere):
        (incident,) = json.loads(CliRunner().invoke(cli, ["incidents", "--open", "--json"]).stdout)[
            "incidents"
        ]
        assert (incident["target"], incident["acknowledged_by"]) == ("backup", author)
        assert act("heartbeat", "backup") == "backup: heard; it is up\n"
        assert "resolved" in act("show", short)
