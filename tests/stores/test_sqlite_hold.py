"""The files of an open store, whatever else opens, copies or names them: nothing told is lost, and one process writes."""

import fcntl
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from records import NOON, opened, then
from watchkeeper.adapters.stores.ownership.tenure_table import tenure_of
from watchkeeper.adapters.stores.sqlite.connection import connect_reader
from watchkeeper.adapters.stores.sqlite.lock import holder_of
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreBusy, StoreCorrupt, StoreError
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Batch, Checkpoint

BY_FILE = pytest.mark.skipif(
    not hasattr(fcntl, "F_OFD_SETLK"), reason="a limit that docs/portability.md states"
)
OPENED = opened()
CHANGED = then(OPENED, TransitionKind.CHANGED)

HOST = """
import os, sys
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.record import Batch
from records import NOON
import test_sqlite_hold as here

path, way = sys.argv[1:]
store = SqliteStore(path)
store.open(NOON)
store.commit(Batch(transitions=(here.OPENED,)))
getattr(here, way)(path)
try:
    store.commit(Batch(transitions=(here.CHANGED,)))
except StoreError:
    # As the sink does after a failure.
    store.close()
    store.open(NOON)
    store.commit(Batch(transitions=(here.CHANGED,)))
os.kill(os.getpid(), 9)
"""


def read_by_another_library(path):
    """SQLite's own shared library, which knows nothing of the connection that the store has in this process."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM incident").fetchone() == (1,)


def copied(path):
    for suffix in ("", "-wal", "-shm"):
        shutil.copy(f"{path}{suffix}", f"{path}-copy{suffix}")


def copied_and_read_elsewhere(path):
    """Another process finds no lock after the copy, and takes itself for the only one."""
    copied(path)
    script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM incident').fetchone()"
    subprocess.run([sys.executable, "-c", script, path], check=True, timeout=60)


def without_its_log(path):
    Path(f"{path}-wal").unlink()


def without_its_index(path):
    Path(f"{path}-shm").unlink()


def without_either(path):
    without_its_log(path)
    without_its_index(path)


def with_a_copy_of_its_log(path):
    """As an editor or a restored backup leaves it."""
    copied(path)
    Path(f"{path}-copy-wal").replace(f"{path}-wal")


WAYS = [
    with_a_copy_of_its_log,
    read_by_another_library,
    copied,
    copied_and_read_elsewhere,
    without_its_log,
    without_its_index,
    without_either,
]


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join((*sys.path, str(Path(__file__).parent)))}


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "watch.db")


@pytest.mark.parametrize("way", WAYS)
def test_a_kill_loses_nothing_whatever_the_host_did_with_the_file(path, way):
    ran = subprocess.run(
        [sys.executable, "-c", HOST, path, way.__name__], env=environment(), timeout=60, check=False
    )
    assert ran.returncode == -9
    store = SqliteStore(path)
    assert store.open(NOON).incidents == (CHANGED.incident,)
    store.close()
    assert not StoreReader(path).verify().problems


@BY_FILE
@pytest.mark.parametrize("way", [read_by_another_library, copied, copied_and_read_elsewhere])
def test_another_close_in_the_process_leaves_log_and_index_where_they_are(path, way):
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(Batch(transitions=(OPENED,)))
    before = [os.stat(f"{path}{suffix}")[1:3] for suffix in ("", "-wal", "-shm")]  # noqa: PTH116
    way(path)
    assert [os.stat(f"{path}{suffix}")[1:3] for suffix in ("", "-wal", "-shm")] == before  # noqa: PTH116
    store.commit(Batch(transitions=(CHANGED,)))
    assert StoreReader(path).incidents() == (CHANGED.incident,)
    store.close()
    assert not Path(f"{path}-wal").exists(), "folded, as by any close"


def hard_link(path, folder):
    (folder / "other.db").hardlink_to(path)
    return str(folder / "other.db")


def renamed(path, folder):
    """The file has moved under another name, and a link to it lies in its old place."""
    os.rename(path, folder / "other.db")  # noqa: PTH104
    os.link(folder / "other.db", path)
    return str(folder / "other.db")


@BY_FILE
@pytest.mark.parametrize("other_name", [hard_link, renamed])
def test_a_second_runtime_of_the_process_is_refused_by_another_name_of_the_file(path, tmp_path, other_name):
    first = SqliteStore(path)
    first.open(NOON)
    second = SqliteStore(other_name(path, tmp_path))
    with pytest.raises(StoreBusy, match=r"other\.db is held under another name of the same file"):
        second.open(NOON)
    first.commit(Batch(transitions=(OPENED,)))
    read_by_another_library(path)
    assert Path(f"{path}-wal").stat().st_size, "the refused opening took no lock away"
    first.close()
    assert second.open(NOON).incidents == (OPENED.incident,)
    second.close()


@BY_FILE
def test_a_file_that_another_library_of_the_process_has_for_itself_is_refused(path):
    """Locks of one process do not show to SQLite: both would write."""
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(Batch(transitions=(OPENED,)))
    store.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusy, match="another program holds the database while"):
            store.open(NOON)
    assert store.open(NOON).incidents == (OPENED.incident,)
    store.close()


HOLD = """
import sys
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from records import NOON
import test_sqlite_hold as here
from watchkeeper.domain.incidents.record import Batch
store = SqliteStore(sys.argv[1])
store.open(NOON)
store.commit(Batch(transitions=(here.OPENED,)))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(path):
    """Another process that holds the store, with one open incident in it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate(timeout=60)


@BY_FILE
@pytest.mark.parametrize("row_of", [lambda _: None, tenure_of], ids=["at a start", "after a silence"])
def test_a_second_process_is_refused_by_another_name_of_the_file(path, tmp_path, holder, row_of):
    """The row under the other name stands still: the commits of the owner are in the log of the first name."""
    other = hard_link(path, tmp_path)
    with pytest.raises(
        StoreBusy, match=f"{other} is held under another name of the same file: run fuser {other} to see"
    ):
        SqliteStore(other, lapsed=row_of(other)).open(NOON)
    assert holder_of(other) is None, "its lock file is let go"
    holder.kill()
    holder.wait(timeout=60)
    store = SqliteStore(path)
    assert store.open(NOON).incidents == (OPENED.incident,)
    store.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_keeps_no_hold_on_the_file(path, tmp_path):
    store = SqliteStore(path)
    store.open(NOON)
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(ready, 1)
        os._exit(0)
    store.close()
    other = SqliteStore(hard_link(path, tmp_path))
    other.open(NOON)
    other.close()
    os.close(go)
    os.close(ready)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def cut(path, suffix):
    with open(f"{path}{suffix}", "r+b") as file:  # noqa: PTH123
        file.truncate(0)


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_file_that_is_cut_takes_no_further_commit(path, suffix):
    """SQLite writes behind the end that it knows of: after the hole nothing would be found again."""
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(Batch(transitions=(OPENED,)))
    cut(path, suffix)
    with pytest.raises(
        StoreError, match=rf"{path}{suffix} was cut from \d+ bytes to 0 while the store was open"
    ):
        store.commit(Batch(transitions=(CHANGED,)))
    store.close()


def test_a_cut_file_is_noticed_without_a_commit(path):
    store = SqliteStore(path)
    store.open(NOON)
    cut(path, "")
    with pytest.raises(StoreError, match="was cut"):
        store.run_maintenance(NOON)
    store.close()


def test_an_empty_file_beside_its_head_is_refused_and_its_log_kept(path):
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(Batch(transitions=(OPENED,)))
    log = Path(f"{path}-wal").read_bytes()
    store.close()
    Path(f"{path}-wal").write_bytes(log)
    cut(path, "")
    with pytest.raises(
        StoreCorrupt, match=f"{path} is empty, and {path}-head knows of 1 commits in it: put it back"
    ):
        SqliteStore(path).open(NOON)
    assert Path(f"{path}-wal").read_bytes() == log


def test_a_store_behind_its_head_goes_on_with_what_is_there_once_the_head_is_removed(path):
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(Batch(transitions=(OPENED,)))
    store.close()
    kept = Path(path).read_bytes()
    store.open(NOON)
    store.commit(Batch(transitions=(CHANGED,)))
    store.close()
    Path(path).write_bytes(kept)
    with pytest.raises(
        StoreCorrupt, match=f"1 committed links are lost: .* remove {path}-head to go on with what is"
    ):
        SqliteStore(path).open(NOON)
    Path(f"{path}-head").unlink()
    store = SqliteStore(path)
    assert store.open(NOON).incidents == (OPENED.incident,)
    store.commit(Batch(transitions=(CHANGED,)))
    store.close()
    assert not StoreReader(path).verify().problems


def test_a_log_that_a_reader_keeps_from_being_folded_is_reported_and_written_on(path):
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(Batch(transitions=(OPENED,)))
    with closing(connect_reader(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM chain").fetchall()
        store.commit(Batch(transitions=(CHANGED,)))
        without_its_log(path)
        store.commit(Batch(transitions=(then(CHANGED, TransitionKind.RESOLVED),)))
        assert (
            f"{path}-wal was removed or replaced while the store was open, and another"
            in store.file_problem()
        )
    with pytest.raises(StoreError, match="has everything that was recorded, and is opened again"):
        store.run_maintenance(NOON)
    store.close()
    assert [step.sequence for step in StoreReader(path).transitions(OPENED.incident_id)] == [1, 2, 3]


READ = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM chain").fetchall()
print("reads", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def reader(path):
    """Another program that reads the store in a transaction; made once the store is open."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", READ, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "reads\n"
        return process

    yield start
    for process in started:
        process.communicate(timeout=60)


def test_a_reader_that_makes_the_log_grow_is_named_until_it_ends(path, reader, monkeypatch):
    monkeypatch.setattr(limits, "STORE_WAL_PAGES_MAX", 100)
    monkeypatch.setattr(limits, "STORE_WAL_PAGES_UNFOLDED", 500)
    store = SqliteStore(path)
    store.open(NOON)
    process = reader()
    grow = Batch(checkpoints=(Checkpoint("shop", b"x" * 3_000_000, 1),))
    store.commit(grow)
    store.run_maintenance(NOON)
    found = re.fullmatch(
        rf"{path}-wal has grown to (\d+) MiB and grows on, because (process \d+|another program) reads the database"
        " in a transaction that does not end: end it",
        store.file_problem(),
    )
    assert int(found[1]) == Path(f"{path}-wal").stat().st_size >> 20
    names = hasattr(fcntl, "F_OFD_GETLK")
    assert found[2] == (f"process {process.pid}" if names else "another program")
    process.communicate(timeout=60)
    store.run_maintenance(NOON)
    assert store.file_problem() == ""
    store.close()


def test_a_log_that_nobody_reads_is_no_problem(path, monkeypatch):
    monkeypatch.setattr(limits, "STORE_WAL_PAGES_MAX", 100)
    monkeypatch.setattr(limits, "STORE_WAL_PAGES_UNFOLDED", 101)
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(Batch(checkpoints=(Checkpoint("shop", b"x" * 3_000_000, 1),)))
    assert store.file_problem() == ""
    store.close()
