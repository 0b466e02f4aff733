"""`status` and `incidents` read a store that a runtime left behind."""

import json
import os

import pytest
from click.testing import CliRunner
from records import NOON, notice_of, opened, sample_at, then
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Batch, BlindInterval, Silence
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.output import ExitStatus
from watchkeeper.launcher.place import find_store
from watchkeeper.launcher.see.status import recorded_targets, status_document

CONFIG = """
runtime: {store: watch.db}
targets:
- {id: shop, http: {url: "http://h/"}}
- {id: quiet, call: {name: f}}
"""
OPEN = opened("inc_2", target="gone\x1b[31m", explanation="line one\nline two")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "watch.yaml"
    path.write_text(CONFIG)
    first, second = opened("inc_1"), OPEN
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


def document_of(config, after_s=60):
    """The document of `status`, that long after noon."""
    place, now_ns = find_store(config, None), NOON.wall_ns + after_s * NS_PER_S
    reader = StoreReader(place.path)
    return status_document(place, reader, recorded_targets(place, reader, now_ns), now_ns)


def record(config, **records):
    store = SqliteStore(str(config.parent / "watch.db"))
    store.open(NOON)
    store.commit(Batch(**records))
    store.close()


def test_status_has_a_row_for_every_target_configured_or_recorded(config):
    document = document_of(config)
    shop, quiet, gone = document["targets"]
    assert shop == {
        "target": "shop",
        "kind": "http",
        "configured": True,
        "status": "up",
        "since": "2026-01-01T12:00:01.000Z",
        "paused": False,
        "paused_by": None,
        "silenced_until": None,
        "silenced_by": None,
        "silenced_for": None,
        "acknowledged_by": [],
        "open_incidents": 0,
        "waits": [],
        "job": None,
        "locations": [],
        "outcome": "down",
        "reason": "timed_out",
        "explanation": "timed_out: no answer",
        "sampled_at": "2026-01-01T12:00:01.000Z",
        "latency_ms": 5.0,
        "uptime_24h": 0.5,
    }
    assert (quiet["target"], quiet["status"], quiet["uptime_24h"]) == ("quiet", "unknown", None)
    assert (gone["configured"], gone["open_incidents"], gone["status"]) == (False, 1, "down")
    assert gone["since"] == "2026-01-01T11:59:59.000Z", "the first bad sample"
    assert document["notices"] == {"pending": 1, "dead": 0, "held": 0}
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
    shop, quiet, _ = document_of(config)["targets"]
    assert (shop["group"], shop["labels"], shop["name"]) == ("web/eu", {"team": "a"}, "The shop")
    assert not {"group", "labels", "name"} & quiet.keys()


def test_status_says_who_holds_notices_back(config):
    seen = {"acknowledged_by": "otto", "acknowledged_at_ns": NOON.wall_ns}
    down = opened("inc_3", severity=Severity.WARNING)
    until_ns = NOON.wall_ns + 3_600 * NS_PER_S
    silences = (
        Silence(id="works", until_ns=NOON.wall_ns + 600 * NS_PER_S),
        Silence(id="move", target="shop", until_ns=until_ns, by="ada", reason="move"),
        Silence(id="over", target="quiet", until_ns=NOON.wall_ns + NS_PER_S),
    )
    transitions = (down, then(down, TransitionKind.ACKNOWLEDGED, **seen))
    record(config, transitions=transitions, silences=silences)
    shop, quiet, _ = document_of(config)["targets"]
    assert (shop["status"], shop["acknowledged_by"]) == ("degraded", ["otto"])
    assert shop["silenced_until"] == "2026-01-01T13:00:00.000Z"
    assert (shop["silenced_by"], shop["silenced_for"]) == ("ada", "move")
    assert (quiet["silenced_until"], quiet["silenced_by"]) == ("2026-01-01T12:10:00.000Z", "")


def test_status_shows_a_target_that_its_configuration_pauses_as_paused(config):
    config.write_text(CONFIG.replace("call: {name: f}", "call: {name: f}, paused: true"))
    _, quiet, _ = document_of(config)["targets"]
    assert (quiet["status"], quiet["paused"]) == ("paused", True)


def test_how_soon_it_was_refused_is_not_shown_as_a_latency(config):
    refused = {"reason": Reason.CONNECTION_REFUSED, "latency_ns": 200_000}
    samples = (
        sample_at(2 * NS_PER_S, outcome=Outcome.DOWN, **refused),
        sample_at(2 * NS_PER_S, target="quiet", outcome=Outcome.TIMED_OUT),
    )
    record(config, samples=samples)
    assert [(row["reason"], row["latency_ms"]) for row in document_of(config)["targets"]] == [
        ("connection_refused", None),
        ("timed_out", None),
        ("ok", 5.0),
    ]


def test_a_value_that_is_too_old_is_unknown_with_the_reason(config):
    def row(after_s, name):
        return next(row for row in document_of(config, after_s)["targets"] if row["target"].startswith(name))

    assert (row(81, "shop")["outcome"], row(82, "shop")["outcome"]) == ("down", "unknown")
    assert (row(81, "shop")["status"], row(82, "shop")["status"]) == ("up", "unknown")
    stale = row(3_600, "shop")
    assert stale["explanation"] == "no sample since 2026-01-01T12:00:01.000Z"
    assert stale["since"] == "2026-01-01T12:00:01.000Z"
    assert (stale["reason"], stale["latency_ms"], stale["open_incidents"]) == ("stale", None, 0)
    assert row(3_600, "gone")["outcome"] == "down", "its incident is open"
    assert row(3_600, "quiet")["outcome"] is None


def test_a_target_that_was_removed_while_it_was_down_is_not_up(config):
    samples = (sample_at(2 * NS_PER_S, target="left", outcome=Outcome.DOWN), sample_at(0, target="well"))
    record(config, samples=samples)
    rows = {row["target"]: row["status"] for row in document_of(config)["targets"]}
    assert (rows["left"], rows["well"], rows["shop"]) == ("unknown", "up", "up")


def test_the_note_of_status_says_what_the_incident_is_about(config):
    record(
        config,
        transitions=(opened("inc_3", rule="slow", latest="p95 of 5m is 800 ms"),),
        samples=(sample_at(2 * NS_PER_S),),
    )

    def note(after_s):
        place = find_store(config, None)
        recorded = recorded_targets(place, StoreReader(place.path), NOON.wall_ns + after_s * NS_PER_S)
        return recorded[0].finding

    assert note(60) == "p95 of 5m is 800 ms", "the newest sample is good, and the incident is open"
    assert note(3_600) == "no sample since 2026-01-01T12:00:02.000Z; p95 of 5m is 800 ms"


def test_status_prints_a_plain_table_where_there_is_no_terminal(config):
    result = run("status", "-c", config)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == ["TARGET", "STATUS", "SINCE", "24", "H", "LAST", "NOTE"]
    assert [line.split()[0] for line in lines[1:]] == ["shop", "quiet", "gone", "3", "notices:", "not"]
    assert "\x1b" not in result.stdout


def test_status_ends_by_what_it_shows_only_where_asked(config):
    """An incident is open; then nobody runs the store, and then somebody does."""
    asked = ("status", "-c", config, "--exit-code")
    assert (run("status", "-c", config).exit_code, run(*asked).exit_code) == (0, ExitStatus.NOT_RUN)
    store = SqliteStore(str(config.parent / "watch.db"))
    store.open(NOON)
    running = run(*asked)
    store.commit(Batch(transitions=(then(OPEN, TransitionKind.RESOLVED),)))
    mended = run(*asked)
    store.close()
    assert (running.exit_code, mended.exit_code) == (ExitStatus.FAILED, ExitStatus.FINE)


def test_status_prints_json_with_the_same_rows(config):
    document = json.loads(run("status", "-c", config, "--json").stdout)
    assert list(document) == ["at", "run_by", "targets", "notices", "blind", "problems", "nodes"]
    assert [row["target"] for row in document["targets"]] == ["shop", "quiet", "gone\x1b[31m"]


def test_status_names_the_running_process_or_that_there_is_none(config):
    path = str(config.parent / "watch.db")
    assert json.loads(run("status", "-c", config, "--json").stdout)["run_by"] is None

    store = SqliteStore(path)
    store.open(NOON)
    running = run("status", "-c", config)
    store.close()

    assert f"run by process {os.getpid()} on " in running.stdout
    assert "not running: " in run("status", "-c", config).stdout


def test_incidents_come_newest_first_with_stable_keys(config):
    second, first = json.loads(run("incidents", "-c", config, "--json").stdout)["incidents"]
    assert (second["id"], second["status"], second["resolved_at"]) == ("inc_2", "open", None)
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
        "note": None,
        "lasted": "2s",
        "cause": "timed_out: no answer",
        "latest": "timed_out: no answer",
        "reason": "timed_out",
        "explanation": "timed_out: no answer",
        "sequence": 2,
        "draft": False,
        "waits": [],
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
    rows = json.loads(run("incidents", "-c", config, "--json", *options).stdout)["incidents"]
    assert [row["id"] for row in rows] == found


def test_a_table_keeps_what_a_target_sent_on_one_line(config):
    result = run("incidents", "-c", config)
    assert "line one line two" in result.stdout
    assert len(result.stdout.splitlines()) == 3
    assert run("incidents", "-c", config, "--target", "quiet").stdout == "no incidents\n"


def test_incidents_of_a_target_that_nobody_knows_are_refused(config):
    result = run("incidents", "-c", config, "--target", "shopp")
    assert (result.exit_code, result.stdout) == (ExitStatus.FAILED, "")
    assert result.stderr == "watchkeeper: no target is named 'shopp', did you mean shop\n"


def test_incidents_have_short_ids_that_tell_them_apart(config):
    ids = [f"inc_{name}" for name in ("7f2c11", "7f2c12", "91ab")]
    record(config, transitions=tuple(opened(name, target=name) for name in ids))
    lines = run("incidents", "-c", config).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ID", "91ab", "7f2c12", "7f2c11", "2", "1"]


def test_without_a_store_there_is_nothing_to_show(tmp_path):
    (tmp_path / "memory.yaml").write_text("targets: []")
    (tmp_path / "fresh.yaml").write_text("runtime: {store: none.db}")
    memory = run("status", "-c", tmp_path / "memory.yaml")
    fresh = run("incidents", "-c", tmp_path / "fresh.yaml")
    assert (memory.exit_code, fresh.exit_code) == (ExitStatus.CONFIGURATION, ExitStatus.STORE)
    assert "runtime.store: without it nothing is recorded" in memory.stderr
    assert "there is no store at" in fresh.stderr


# Files with problems.

SIGNED = 'channels: [{id: ops, webhook: {url: "https://h/", secret: "${NO_SUCH_SECRET}"}}]\n'
BROKEN = {
    "a secret that is not set": SIGNED + CONFIG,
    "an unknown key": CONFIG + "- {id: new, htpp: {}}\n",
    "a target that is half written": CONFIG + "- {id: new, http: {url: \n",
    "ids of other kinds": CONFIG + "- {id: [x], http: {}}\n- {id: 5}\n- {id: }\n- x\n",
    "a target of its probe's own secret": CONFIG + '- {id: new, http: {url: "${NO_SUCH_URL}"}}\n',
}


@pytest.mark.parametrize("verb", ["status", "incidents", "notices"])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_reading_verb_needs_no_more_than_the_place_of_the_store(config, broken, verb):
    config.write_text(BROKEN[broken])
    result = run(verb, "-c", config)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "shop" in result.stdout


def test_targets_are_configured_as_far_as_the_file_can_be_read(config):
    config.write_text(BROKEN["a target of its probe's own secret"])
    rows = {row["target"]: row for row in document_of(config)["targets"]}
    assert (rows["shop"]["kind"], rows["new"]["kind"], rows["new"]["configured"]) == ("http", "http", True)


def test_a_redriven_notice_needs_no_secret_either(config):
    config.write_text(BROKEN["a secret that is not set"])
    assert run("redrive", "-c", config, "none").stderr.startswith("watchkeeper: none is no dead letter")


HIDDEN = {
    "runtime: {store: '${NO_SUCH_STORE}'}": ":1:18: runtime.store: the environment variable NO_SUCH_STORE is",
    "targets: [": ":2:1: this is not YAML",
    "runtime: {store: watch.db": ":2:1: this is not YAML",
}


@pytest.mark.parametrize("text", HIDDEN)
def test_a_file_that_hides_its_store_is_reported_where_it_does(config, text):
    config.write_text(f"{text}\n")
    result = run("status", "-c", config)
    assert result.exit_code == ExitStatus.CONFIGURATION
    assert f"{config}{HIDDEN[text]}" in result.stderr
    assert run("status", "-c", config, "--store", config.parent / "watch.db").exit_code == 0


def test_a_store_is_read_by_its_own_name(config):
    config.unlink()
    shown = json.loads(run("status", "--store", config.parent / "watch.db", "--json").stdout)["targets"]
    assert [(row["target"], row["configured"]) for row in shown] == [("gone\x1b[31m", None), ("shop", None)]
    assert "not configured" not in run("status", "--store", config.parent / "watch.db").stdout, (
        "nothing was read that says so"
    )


def test_a_configuration_is_named_by_the_environment_or_lies_in_the_folder(config, monkeypatch, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    assert "name the configuration with -c FILE, the store with --store FILE, or in" in run("status").stderr
    assert run("status").exit_code == ExitStatus.CONFIGURATION
    monkeypatch.setenv("WATCHKEEPER_CONFIG", str(config))
    assert "shop" in run("status").stdout
    assert run("check").stdout == "ok: 2 targets, 0 channels\n"
    monkeypatch.delenv("WATCHKEEPER_CONFIG")
    config.rename(config.parent / "watchkeeper.yaml")
    monkeypatch.chdir(config.parent)
    assert "shop" in run("status").stdout
    assert run("check").stdout == "ok: 2 targets, 0 channels\n"


@pytest.mark.parametrize("verb", ["status", "incidents", "notices", "simulate"])
def test_a_configuration_without_its_option_is_answered_with_it(config, verb):
    assert config.suffix == ".yaml"
    result = run(verb, config)
    assert result.exit_code == ExitStatus.CONFIGURATION
    assert "name a configuration with -c FILE" in result.stderr
