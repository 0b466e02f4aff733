"""`status` and `incidents` read a store that a runtime left behind."""

import json
import os

import pytest
from click.testing import CliRunner
from records import NOON, notice_of, opened, sample_at, then
from watchkeeper.adapters.configuration import load
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Batch, BlindInterval
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.see.showing import status_document

CONFIG = """
runtime: {store: watch.db}
targets:
- {id: shop, http: {url: "http://h/"}}
- {id: quiet, call: {name: f}}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "watch.yaml"
    path.write_text(CONFIG)
    first, second = opened("inc_1"), opened("inc_2", target="gone\x1b[31m", explanation="line one\nline two")
    store = SqliteStore(str(tmp_path / "watch.db"))
    store.open(NOON)
    store.commit(
        Batch(
            transitions=(first, then(first, TransitionKind.RESOLVED), second),
            notices=(notice_of(first),),
            samples=(
                sample_at(0),
                sample_at(NS_PER_S, outcome=Outcome.DOWN),
                sample_at(0, target="gone\x1b[31m"),
            ),
            blind=(BlindInterval(NOON.wall_ns, NOON.wall_ns + NS_PER_S, "suspended"),),
        )
    )
    store.close()
    return path


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_status_has_a_row_for_every_target_configured_or_recorded(config):
    now_ns = NOON.wall_ns + 60 * NS_PER_S
    document = status_document(load(config, {}), StoreReader(str(config.parent / "watch.db")), now_ns)
    shop, quiet, gone = document["targets"]
    assert shop == {
        "target": "shop",
        "kind": "http",
        "configured": True,
        "outcome": "down",
        "reason": "timed_out",
        "explanation": "timed_out: no answer",
        "sampled_at": "2026-01-01T12:00:01.000Z",
        "latency_ms": 5.0,
        "uptime_24h": 0.5,
        "open_incidents": 0,
    }
    assert (quiet["target"], quiet["outcome"], quiet["uptime_24h"]) == ("quiet", None, None)
    assert (gone["configured"], gone["open_incidents"]) == (False, 1)
    assert document["notices"] == {"pending": 1, "dead": 0}
    assert document["blind"] == [
        {
            "started_at": "2026-01-01T12:00:00.000Z",
            "ended_at": "2026-01-01T12:00:01.000Z",
            "cause": "suspended",
        }
    ]


def test_a_row_has_the_texts_about_its_target(config):
    config.write_text(
        CONFIG.replace("id: shop,", "id: shop, group: web/eu, labels: {team: a}, name: The shop,")
    )
    document = status_document(load(config, {}), StoreReader(str(config.parent / "watch.db")), NOON.wall_ns)
    shop, quiet, _ = document["targets"]
    assert (shop["group"], shop["labels"], shop["name"]) == ("web/eu", {"team": "a"}, "The shop")
    assert not {"group", "labels", "name"} & quiet.keys()


def test_how_soon_it_was_refused_is_not_shown_as_a_latency(config):
    store = SqliteStore(str(config.parent / "watch.db"))
    store.open(NOON)
    refused = {"reason": Reason.CONNECTION_REFUSED, "latency_ns": 200_000}
    store.commit(
        Batch(
            samples=(
                sample_at(2 * NS_PER_S, outcome=Outcome.DOWN, **refused),
                sample_at(2 * NS_PER_S, target="quiet", outcome=Outcome.TIMED_OUT),
            )
        )
    )
    store.close()
    reader = StoreReader(str(config.parent / "watch.db"))
    document = status_document(load(config, {}), reader, NOON.wall_ns + 60 * NS_PER_S)
    assert [(row["reason"], row["latency_ms"]) for row in document["targets"]] == [
        ("connection_refused", None),
        ("timed_out", None),
        ("ok", 5.0),
    ]


def test_a_value_that_is_too_old_is_unknown_with_the_reason(config):
    def row(after_s, name):
        reader = StoreReader(str(config.parent / "watch.db"))
        document = status_document(load(config, {}), reader, NOON.wall_ns + after_s * NS_PER_S)
        return next(row for row in document["targets"] if row["target"].startswith(name))

    assert (row(81, "shop")["outcome"], row(82, "shop")["outcome"]) == ("down", "unknown")
    stale = row(3_600, "shop")
    assert stale["explanation"] == "no sample since 2026-01-01T12:00:01.000Z"
    assert (stale["reason"], stale["latency_ms"], stale["open_incidents"]) == ("stale", None, 0)
    assert row(3_600, "gone")["outcome"] == "down", "its incident is open"
    assert row(3_600, "quiet")["outcome"] is None


def test_status_prints_a_plain_table_where_there_is_no_terminal(config):
    result = run("status", config)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == [
        "TARGET",
        "KIND",
        "OUTCOME",
        "REASON",
        "LATENCY",
        "MS",
        "UPTIME",
        "24H",
        "OPEN",
        "INCIDENTS",
        "SAMPLED",
        "AT",
    ]
    assert [line.split()[0] for line in lines[1:]] == ["shop", "quiet", "gone", "notices:", "not"]
    assert "\x1b" not in result.stdout


def test_status_prints_json_with_the_same_rows(config):
    document = json.loads(run("status", config, "--json").stdout)
    assert list(document) == ["at", "run_by", "targets", "notices", "blind"]
    assert [row["target"] for row in document["targets"]] == ["shop", "quiet", "gone\x1b[31m"]


def test_status_names_the_running_process_or_that_there_is_none(config):
    path = str(config.parent / "watch.db")
    assert json.loads(run("status", config, "--json").stdout)["run_by"] is None

    store = SqliteStore(path)
    store.open(NOON)
    running = run("status", config)
    store.close()

    assert f"run by process {os.getpid()} on " in running.stdout
    assert "not running: " in run("status", config).stdout


def test_incidents_come_newest_first_with_stable_keys(config):
    second, first = json.loads(run("incidents", config, "--json").stdout)["incidents"]
    assert (second["id"], second["status"], second["resolved_at"]) == ("inc_2", "opened", None)
    assert first == {
        "id": "inc_1",
        "target": "shop",
        "rule": "down",
        "severity": "critical",
        "status": "resolved",
        "opened_at": "2026-01-01T11:59:59.000Z",
        "resolved_at": "2026-01-01T12:00:01.000Z",
        "acknowledged_at": None,
        "acknowledged_by": None,
        "lasted": "2s",
        "reason": "timed_out",
        "explanation": "timed_out: no answer",
        "sequence": 2,
        "draft": False,
    }


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--open"], ["inc_2"]),
        (["--target", "shop"], ["inc_1"]),
        (["--limit", "1"], ["inc_2"]),
        (["--open", "--target", "shop"], []),
    ],
)
def test_incidents_can_be_narrowed_down(config, options, found):
    rows = json.loads(run("incidents", config, "--json", *options).stdout)["incidents"]
    assert [row["id"] for row in rows] == found


def test_a_table_keeps_what_a_target_sent_on_one_line(config):
    result = run("incidents", config)
    assert "line one line two" in result.stdout
    assert len(result.stdout.splitlines()) == 3
    assert run("incidents", config, "--target", "none").stdout == "no incidents\n"


def test_without_a_store_there_is_nothing_to_show(tmp_path):
    (tmp_path / "memory.yaml").write_text("targets: []")
    (tmp_path / "fresh.yaml").write_text("runtime: {store: none.db}")
    memory, fresh = run("status", tmp_path / "memory.yaml"), run("incidents", tmp_path / "fresh.yaml")
    assert (memory.exit_code, fresh.exit_code) == (2, 1)
    assert "runtime.store: without it nothing is recorded" in memory.stderr
    assert "there is no store at" in fresh.stderr
