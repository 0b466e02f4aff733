"""The verb `replay`: what it prints, its document and its exit statuses, over a record of a day."""

import json

import pytest
from click.testing import CliRunner
from seeded_store import Outage, seed
from watchkeeper.domain.time.moment import wall_text
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from watchkeeper.launcher.main import cli

NOW_NS = 1_767_225_600_000_000_000 + 100 * NS_PER_DAY
CONFIG = """
runtime: {store: watch.db, notify: []}
channels: [{id: oncall, log: {}}, {id: mail, log: {}}]
targets:
  - id: shop
    every: 1m
    http: {url: "http://shop.example/"}
    rules: [{id: down, kind: consecutive, after: %s, recover: 1}]
    notify: [oncall]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    outage = Outage("shop", 20 * NS_PER_HOUR, 30 * NS_PER_MINUTE)
    seed(
        str(folder / "watch.db"),
        NOW_NS,
        ("shop",),
        days=2,
        every_ns=NS_PER_MINUTE,
        outages=(outage,),
        notify=("oncall",),
    )
    for name, after in (("same", 1), ("blind", 500)):
        (folder / f"{name}.yaml").write_text(CONFIG % after)
    return folder


@pytest.fixture
def replayed(folder, monkeypatch):
    def run(name, *options):
        monkeypatch.chdir(folder)
        span = ["--since", "1d", "--until", wall_text(NOW_NS)]
        return CliRunner().invoke(cli, ["replay", "-c", f"{name}.yaml", *span, *options])

    return run


def test_a_configuration_like_the_recorded_one_shows_no_difference(replayed):
    result = replayed("same", "--exit-code")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[1:3] == ["                now    new", "incidents         1      1"]
    # The synthetic record has an acknowledgement of which nobody was told.
    assert lines[3].startswith("notices           2      3   oncall 2 -> 3, mail 0 -> 0")
    assert "0 outages of 5m and more missed" in lines[4]
    assert [line for line in lines if line.startswith("note: ")]


def test_a_missed_outage_is_named_and_ends_with_1_where_that_is_asked_for(replayed):
    result = replayed("blind", "--exit-code")
    assert result.exit_code == 1
    assert "incidents         1      0   - shop/down 1 (the longest 30m)" in result.stdout
    assert "no incident is in both; 1 outages of 5m and more missed" in result.stdout
    assert "  missed: shop/down from " in result.stdout
    assert replayed("blind").exit_code == 0
    assert replayed("blind", "--exit-code", "--outage", "1h").exit_code == 0


def test_a_document_has_stable_keys(replayed):
    document = json.loads(replayed("blind", "--json").stdout)
    assert set(document) == {
        *("since", "until", "samples", "same", "incidents", "rules", "notices", "undelivered"),
        *("detected_later_ms", "matched", "missed", "limits"),
    }
    assert document["notices"] == {"oncall": {"now": 2, "new": 0}, "mail": {"now": 0, "new": 0}}
    assert document["missed"][0]["length_ms"] == 30 * 60 * 1_000
    assert document["same"] is False


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--since", "soon"], 2, "--since"),
        (["--until", "1x"], 2, "--until"),
        (["--outage", "long"], 2, "--outage"),
        (["--since", "0s"], 2, "it is not before the end of the span"),
        (["--store", "gone.db"], 3, "there is no store at"),
        (["--until", "2020-01-01T00:00:00Z"], 1, "has no samples in this span"),
        (["--since", "1h", "--until", wall_text(NOW_NS + 4 * NS_PER_HOUR)], 1, "has no samples in this span"),
        (["--since", "1d", "--until", "2d"], 2, "it is not before the end of the span"),
        (["-c", "gone.yaml"], 2, "gone.yaml:1:1"),
    ],
)
def test_a_replay_that_cannot_be_made_says_why(replayed, options, status, said):
    result = replayed("same", *options)
    assert (result.exit_code, said in result.stderr) == (status, True), result.stderr


def test_a_configuration_without_a_store_needs_one_named(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "memory.yaml").write_text((CONFIG % 1).replace("store: watch.db, ", ""))
    result = CliRunner().invoke(cli, ["replay", "-c", "memory.yaml"])
    assert (result.exit_code, "name one with --store FILE" in result.stderr) == (2, True)
