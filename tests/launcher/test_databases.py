"""Verbs on a store in PostgreSQL: they read it, act on it where no process runs it, and copy it."""

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from databases import new_store
from records import NOON, notice_of, opened, sample_at
from watchkeeper.adapters.stores.opening import make_reader, make_store
from watchkeeper.client.answers import NodeRow
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.store_place import shown_store
from watchkeeper.launcher.act.ordering import to_reload
from watchkeeper.launcher.main import cli

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture
def url(database_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    place = new_store(database_server).replace("keeper@", "keeper:geheim@")
    store = make_store(place)
    store.open(NOON)
    store.commit(Batch(transitions=(opened(),), notices=(notice_of(opened()),), samples=(sample_at(0),)))
    store.close()
    return place


def run(*words, status=0):
    found = CliRunner().invoke(cli, words)
    assert found.exit_code == status, found.output
    assert "geheim" not in found.output
    return found.stdout


def test_verbs_read_a_database(url):
    assert [row["target"] for row in json.loads(run("status", "--store", url, "--json"))["targets"]] == [
        "shop"
    ]
    assert "shop/down" in run("incidents", "--store", url)
    assert "opened" in run("notices", "--store", url)
    assert "1 link" in run("verify", url)
    assert (
        f"{shown_store(url)} is a database"
        in CliRunner().invoke(cli, ["backup", "--store", url, "x.db"]).stderr
    )


def test_verbs_write_to_a_database_that_no_process_runs(url):
    assert "no process runs postgresql://keeper:***@" in run("silence", "shop", "--for", "1h", "--store", url)
    (silence,) = make_reader(url).silences(NOON.wall_ns)
    assert silence.target == "shop"


def test_a_store_is_copied_from_a_database_and_back(url, tmp_path, database_server):
    file, again = str(tmp_path / "watch.db"), new_store(database_server)
    assert "1 incident, 1 link verified, 1 sample and 0 sealed hours" in run("copy", url, file)
    copied = json.loads(run("copy", file, again, "--json"))
    assert (copied["store"], copied["links"], copied["samples"]) == (again, 1, 1)
    run("copy", file, again, status=3)
    run("copy", file, "postgresql://h", status=2)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({}, ["b"]),
        ({"this": True}, []),
        ({"alive": False}, []),
        ({"newest": True}, []),
    ],
)
def test_a_reload_names_the_living_nodes_that_have_an_older_configuration_and_never_itself(said, named):
    row = {"name": "b", "process": "process 7", "this": False, "alive": True, "newest": False, "targets": 0}
    nodes = [NodeRow(**{**row, **said}, seen_at=datetime(2026, 11, 30, tzinfo=UTC), shards=[])]
    assert to_reload(nodes) == named
