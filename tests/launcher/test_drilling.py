"""`drill` against a real `run` in another process: who took it is shown as it happens, and said by the exit status."""

import json
import re

import pytest
from click.testing import CliRunner
from watchkeeper.launcher.main import cli

CONFIGURATION = """\
runtime: {store: watch.db, allow_exec: true, notify: []}
channels:
  - {id: ops, log: {}}
  - {id: boss, log: {}, min_severity: critical}
  - {id: never, exec: {argv: [/bin/sh, -c, "echo no such user; exit 65"]}}
windows: [{id: always, cron: "0 * * * *", length: 1h}]
routes:
  - {id: shop, match: [group=shop], to: [ops, boss], escalate: [{after: 15m, to: [never]}]}
  - {id: broken, match: [group=broken], to: [ops, never]}
  - {id: quiet, to: [ops], quiet: [always]}
targets: [{id: job, every: 1h, heartbeat: {}}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("drilling")
    (made / "watchkeeper.yaml").write_text(CONFIGURATION)
    return made


@pytest.fixture
def drill(verb, run):
    return lambda *arguments: verb("drill", *arguments)


def test_each_channel_is_shown_as_it_takes_a_drill_and_its_end(drill, verb):
    status, says = drill("shop")
    shown = [line.split("  ")[2:] for line in says.splitlines() if re.match(r"  \d\d:", line)]

    assert status == 0
    assert says.startswith("drill inc_")
    assert "never: is not told, because its turn comes after 15m" in says
    assert sorted(shown) == [
        [channel, change, "took it"] for channel in ("boss", "ops") for change in ("opened", "resolved")
    ]
    assert says.endswith("2 channels took the beginning and the end\n")
    (row,) = json.loads(verb("incidents", "--json")[1])["incidents"][:1]
    assert (row["drill"], row["status"], row["target"]) == ("shop", "resolved", "watchkeeper")


def test_a_channel_that_does_not_take_a_drill_is_named_and_fails_it(drill):
    status, says = drill("broken")

    assert status == 1
    assert "never  opened  did not take it: exit status 65: no such user" in says
    assert says.endswith("  never: did not take it\n1 channel of 2 did not take it\n")


def test_a_milder_drill_leaves_out_who_takes_graver_incidents_only(drill):
    status, says = drill("shop", "--severity", "warning")

    assert status == 0
    assert "boss: is not told, because it takes graver incidents only" in says
    assert says.endswith("1 channel took the beginning and the end\n")


def test_a_quiet_window_is_named_where_it_holds_a_drill_back(drill):
    status, says = drill("quiet")
    assert status == 1
    assert re.search(
        r"ops: no notice left, held back by quiet window always until \d\d:\d\d:\d\dZ \(try", says
    )

    assert drill("quiet", "--despite-holds")[0] == 0


def test_a_drill_is_one_document_for_programs(drill):
    status, says = drill("shop", "--json")
    document = json.loads(says)

    assert status == 0
    assert document["incident"]["drill"] == "shop"
    assert [each["channel"] for each in document["channels"]] == ["ops", "boss", "never"]
    assert {each["state"] for each in document["answers"]} == {"delivered"}
    assert document["missing"] == []


def test_a_route_that_is_not_there_is_answered_with_a_close_one(drill):
    status, says = drill("shap")

    assert status == 1
    assert "no route is named shap" in says
    assert "shop" in says


def test_open_drills_are_ended_by_their_route(drill, verb):
    assert drill("shop", "--end") == (1, "watchkeeper: no drill of the route shop is open\n")


def test_a_drill_needs_a_process_that_runs(tmp_path, monkeypatch):
    (tmp_path / "watchkeeper.yaml").write_text(CONFIGURATION)
    monkeypatch.chdir(tmp_path)

    assert CliRunner().invoke(cli, ["drill", "shop"]).exit_code == 4
