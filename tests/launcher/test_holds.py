"""The reasons why channels wait, as `status`, `incidents` and `show` say them, and `ack` of what a route tells."""

import json

import pytest
from click.testing import CliRunner
from looking import until
from running import running
from watchkeeper.launcher.main import cli

CONFIGURATION = """\
runtime: {store: watch.db}
channels: [{id: ops, log: {}}, {id: boss, log: {}}]
windows: [{id: always, cron: "0 0 * * *", length: 24h}]
routes:
  - {id: jobs, match: [group=jobs], to: [ops], escalate: [{after: 1h, to: [boss]}]}
  - {id: rest, to: [ops, boss], quiet: [always]}
targets:
  - {id: etl, group: jobs, every: 1h, heartbeat: {}}
  - {id: backup, every: 1h, heartbeat: {}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("holds")
    (made / "watchkeeper.yaml").write_text(CONFIGURATION)
    return made


@pytest.fixture(scope="module")
def down(folder):
    """Both jobs have failed: one channel of the first was told, and nothing of the second."""
    with running(folder), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("etl", "backup"):
            assert said("heartbeat", name, "--fail").endswith("it is down\n")
        until(lambda: '"delivered"' in said("notices", "--json"))
        yield


def said(*arguments):
    return CliRunner().invoke(cli, list(arguments)).stdout


def test_status_says_why_channels_wait_and_counts_them(down):
    rows = {line.split()[0]: line for line in said("status").splitlines()}
    assert "boss waits: its delay until " in rows["etl"]
    assert "boss, ops wait: quiet window always until 00:00:00Z" in rows["backup"]
    assert "0 given up, 3 held back" in rows["notices:"]
    document = json.loads(said("status", "--json"))
    (waiting,) = document["targets"][0]["waits"]
    assert (waiting["channel"], waiting["kind"], document["notices"]["held"]) == ("boss", "delay", 3)


def test_incidents_say_why_channels_wait(down):
    shown = said("incidents", "--open")
    assert "boss waits: its delay until " in shown
    rows = json.loads(said("incidents", "--open", "--json"))["incidents"]
    assert {row["target"]: [each["channel"] for each in row["waits"]] for row in rows} == {
        "etl": ["boss"],
        "backup": ["boss", "ops"],
    }


def test_the_time_line_says_why_channels_wait(down):
    assert "\nboss, ops wait: quiet window always until 00:00:00Z\n" in said("show", "backup")
    assert json.loads(said("show", "etl", "--json"))["waits"][0]["kind"] == "delay"


def test_ack_names_the_channels_that_a_route_has_told(down):
    assert said("ack", "etl").endswith("; ops will hear of it, and then of the end only\n")
    assert said("unack", "etl").endswith("; ops will hear of it again\n")
    assert said("ack", "backup").endswith("; no channel was told of it so far\n")
