"""The problems that the process which runs a store has now, in `status`: the record has them only once they were told."""

import json

from click.testing import CliRunner
from looking import until
from running import running
from watchkeeper import connect
from watchkeeper.launcher.main import cli

CONFIGURATION = """\
runtime: {store: watch.db}
channels: [{id: hook, webhook: {url: "http://127.0.0.1:9/", secret: "of more than sixteen letters"}}]
targets: [{id: etl, every: 1h, heartbeat: {}, notify: [hook]}]
"""
"""Nothing listens on this port."""


def said(*arguments):
    return CliRunner().invoke(cli, list(arguments)).stdout


def test_status_names_a_problem_that_was_not_told_yet(tmp_path, monkeypatch):
    (tmp_path / "watchkeeper.yaml").write_text(CONFIGURATION)
    monkeypatch.chdir(tmp_path)
    with running(tmp_path):
        assert "watchkeeper itself" not in said("status")
        said("heartbeat", "etl", "--fail")
        until(lambda: "watchkeeper itself, channel hook: connection_refused" in said("status"))
        (row,) = json.loads(said("status", "--json"))["problems"]
        (problem,) = connect(tmp_path / "watch.db").problems()
        assert (row["part"], row["since"]) == (problem.part, None)
    # Once it runs no more, the record alone is shown, which has no incident of the runtime itself.
    assert json.loads(said("status", "--json"))["problems"] == []
