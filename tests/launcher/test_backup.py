"""`backup` and `verify`: what they print, how they end, and that a copy can take the place of its store."""

import json
import shutil
import signal
import stat
import subprocess
import sys

import apsw
import pytest
from click.testing import CliRunner
from records import NOON, notice_of, opened, sample_at, then
from watchkeeper import Heartbeat, Record, Runtime, Target
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Batch, HeardMark
from watchkeeper.launcher.main import cli

from tests.launcher.test_running import running


@pytest.fixture
def store(tmp_path):
    """A store that nobody runs: one incident open, another resolved."""
    path = tmp_path / "watch.db"
    first, ended = opened("inc_1", "shop"), opened("inc_2", "door")
    made = SqliteStore(str(path))
    made.open(NOON)
    made.commit(
        Batch(
            transitions=(first, ended, then(ended, TransitionKind.RESOLVED)),
            notices=(notice_of(first),),
            samples=(sample_at(1), sample_at(2)),
            heard=(HeardMark("", NOON.wall_ns),),
        )
    )
    made.close()
    return path


def run(*arguments):
    done = CliRunner().invoke(cli, [str(each) for each in arguments])
    return done.exit_code, done.stdout, done.stderr


def size_of(path):
    return f"{path.stat().st_size / 1e6:,.1f} MB"


def test_a_backup_says_what_it_has(store, tmp_path):
    out = tmp_path / "copy.db"
    said = run("backup", "--store", store, out)
    counts = "2 incidents (1 open), 3 links verified, recorded until 2026-01-01T12:00:00.000Z"
    assert said == (0, f"{out}: {size_of(out)}, {counts}\n", "")


def test_a_backup_is_one_private_file(store, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    run("backup", "--store", store, folder / "copy.db")
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600
    assert Record(folder / "copy.db").incidents() == Record(store).incidents()
    assert [each.name for each in folder.iterdir()] == ["copy.db"]


def test_a_backup_replaces_nothing_without_force(store, tmp_path):
    out = tmp_path / "copy.db"
    out.write_text("mine")
    refused = f"{out} is there already, and is left as it is: name another file, or replace it with --force"
    assert run("backup", "--store", store, out) == (3, "", f"{refused} (replace=True in Python)\n")
    assert out.read_text() == "mine"
    assert run("backup", "--force", "--store", store, out)[0] == 0
    assert len(Record(out).incidents()) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("watch.db", "belongs to the store itself: name another file for its copy"),
        ("watch.db-wal", "belongs to the store itself: name another file for its copy"),
        ("none/copy.db", "for the copy: make it first"),
        ("folder", "is a folder: name the file for the copy"),
    ],
)
def test_a_backup_refuses_a_place_that_cannot_hold_it(name, said, store, tmp_path):
    (tmp_path / "folder").mkdir()
    before = store.read_bytes()
    status, shown, refused = run("backup", "--force", "--store", store, tmp_path / name)
    assert (status, shown) == (3, "")
    assert said in refused
    assert store.read_bytes() == before


def test_a_backup_of_nothing_leaves_nothing(tmp_path):
    said = run("backup", "--store", tmp_path / "none.db", tmp_path / "copy.db")
    assert said == (3, "", f"there is no store at {tmp_path}/none.db\n")
    assert list(tmp_path.iterdir()) == []


def damage(path):
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE chain SET body = replace(body, 'door', 'gate') WHERE position = 2")
    connection.close()


def test_a_damaged_store_is_not_copied(store, tmp_path):
    damage(store)
    status, _, refused = run("backup", "--store", store, tmp_path / "copy.db")
    assert status == 3
    assert refused == (
        f"the copy of {store} does not verify: link 2 of the chain does not verify: step 1 of inc_2:"
        f" run watchkeeper verify, which says what to do; nothing was written to {tmp_path}/copy.db\n"
    )
    assert [each.name for each in tmp_path.glob("copy*")] == []


def test_verify_says_that_a_store_is_whole(store):
    counts = "3 links, every page and every index, recorded until 2026-01-01T12:00:00.000Z"
    assert run("verify", store) == (0, f"{store} verifies: {counts}\n", "")


def test_verify_says_where_the_first_fault_is(store):
    damage(store)
    fault = f"{store} does not verify: link 2 of the chain does not verify: step 1 of inc_2\n"
    remedy = "do: stop what runs it and restore a backup, as docs/operations.md says\n"
    assert run("verify", store) == (1, fault + remedy, "")


def test_verify_names_the_head_that_knows_of_more(store, tmp_path):
    older = tmp_path / "older.db"
    run("backup", "--store", store, older)
    again = SqliteStore(str(store))
    again.open(NOON)
    again.commit(Batch(transitions=(opened("inc_3", "gate"),)))
    again.close()
    store.write_bytes(older.read_bytes())
    status, said, _ = run("verify", store)
    assert status == 1
    assert said.startswith(f"{store} does not verify: 1 committed links are lost: 4 were written\n")
    assert f"do: remove {store}-head to go on with what is there, or stop what runs it" in said
    status, _, refused = run("backup", "--store", store, tmp_path / "copy.db")
    assert (status, (tmp_path / "copy.db").exists()) == (3, False)
    assert "does not verify: 1 committed links are lost: 4 were written" in refused


def test_verify_reads_the_store_of_the_configuration(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "watchkeeper.yaml").write_text("runtime: {store: watch.db}\ntargets: []\n")
    assert run("verify") == run("verify", store)


def test_backup_and_verify_tell_programs_the_same(store, tmp_path):
    out = tmp_path / "copy.db"
    status, said, _ = run("backup", "--json", "--store", store, out)
    assert (status, json.loads(said)) == (
        0,
        {
            "path": str(out),
            "size_bytes": out.stat().st_size,
            "incidents": 2,
            "open_incidents": 1,
            "links": 3,
            "until": "2026-01-01T12:00:00.000Z",
        },
    )
    status, said, _ = run("verify", "--json", out)
    whole = {"problems": [], "remedy": "", "until": "2026-01-01T12:00:00.000Z"}
    assert (status, json.loads(said)) == (0, {"store": str(out), "verifies": True, "links": 3, **whole})
    damage(store)
    status, said, _ = run("verify", "--json", store)
    assert (status, json.loads(said)["verifies"]) == (1, False)


def test_verify_without_a_store_ends_as_every_verb_without_one(tmp_path):
    assert run("verify", tmp_path / "none.db") == (3, "", f"there is no store at {tmp_path}/none.db\n")


def test_a_backup_of_a_store_that_is_run_takes_its_place_and_runs_on(tmp_path):
    path, out = tmp_path / "watch.db", tmp_path / "copy.db"
    job = Target(id="job", every="1h", heartbeat=Heartbeat())
    with Runtime(targets=[job], store=path) as runtime:
        runtime.heartbeat("job", ok=False, detail="no disk")
        (incident,) = runtime.incidents(open_only=True)
        assert run("backup", "--store", path, out)[0] == 0
        runtime.heartbeat("job")
        assert runtime.incidents(open_only=True) == ()

    # The steps of docs/operations.md: everything of the store goes away, and the copy gets its name.
    (tmp_path / "away").mkdir()
    for each in [*tmp_path.glob("watch.db*")]:
        each.rename(tmp_path / "away" / each.name)
    out.rename(path)
    assert run("verify", path)[0] == 0
    with Runtime(targets=[job], store=path) as runtime:
        assert [each.id for each in runtime.incidents(open_only=True)] == [incident.id]
        runtime.heartbeat("job")
        assert runtime.incidents(open_only=True) == ()
    assert run("verify", path)[0] == 0


CONFIGURATION = """\
runtime: {store: watch.db}
channels: [{id: ops, log: {}}]
targets: [{id: port, every: 100ms, timeout: 100ms, tcp: {host: 127.0.0.1, port: 1}, notify: [ops]}]
"""


def test_a_process_is_backed_up_by_another_and_runs_on_from_the_copy(tmp_path):
    """The steps of docs/operations.md, each by its command."""
    config, store, out = tmp_path / "watchkeeper.yaml", tmp_path / "watch.db", tmp_path / "copy.db"
    config.write_text(CONFIGURATION)
    command = [sys.executable, "-m", "watchkeeper"]

    def told(*arguments):
        return subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, text=True, check=True
        ).stdout

    def opened():
        return [
            each["id"]
            for each in json.loads(told("incidents", "--open", "--json", "-c", config))["incidents"]
        ]

    with running(config) as process:
        for line in process.stdout:
            if "opened" in line:
                break
        (incident,) = opened()
        assert ", 1 incident (1 open), " in told("backup", "-c", config, out)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    (tmp_path / "away").mkdir()
    for each in [*tmp_path.glob("watch.db*")]:
        each.rename(tmp_path / "away" / each.name)
    shutil.copy(out, store)
    assert " verifies: " in told("verify", store)
    with running(config) as process:
        assert opened() == [incident]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert " verifies: " in told("verify", store)


@pytest.mark.parametrize("new", ["watch.db", "./watch.db", "link.db"])
def test_a_store_that_is_to_be_copied_onto_itself_is_refused_as_that(tmp_path, store, monkeypatch, new):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.db").symlink_to(store)
    status, _, refused = run("copy", "watch.db", new)
    assert (status, refused) == (3, f"{new} is OLD itself: name another place for the copy\n")
