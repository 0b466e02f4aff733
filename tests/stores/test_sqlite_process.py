"""One process per file: the access of other processes, and their messages."""

import fcntl
import os
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress

import apsw
import pytest
from faulty_files import Fault, FaultsVfs
from records import NOON, opened, sample_at, then
from watchkeeper.adapters.stores.sqlite.connection import connect_reader, connect_writer
from watchkeeper.adapters.stores.sqlite.lock import StoreLock, holder_of
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.schema import MIGRATIONS, migrate
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreBusy, StoreError, StoreNewer
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Batch, BlindInterval
from watchkeeper.domain.time.moment import NS_PER_MS

HOLD = """
import sys
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from records import NOON, opened
from watchkeeper.domain.incidents.record import Batch
store = SqliteStore(sys.argv[1])
store.open(NOON)
store.commit(Batch(transitions=(opened(),)))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "watch.db")


@pytest.fixture
def holder(path):
    """Another process that holds the store, with one open incident in it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate(timeout=60)


def lowest_free_descriptor():
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def test_a_second_process_learns_which_process_holds_the_store(path, holder):
    with pytest.raises(StoreBusy, match=rf"held by process {holder.pid} on .+ since 2026-01-01T12:00:00"):
        SqliteStore(path).open(NOON)


def test_the_holder_of_a_store_is_named_until_it_is_gone(path, holder):
    assert holder_of(path).startswith(f"process {holder.pid} on ")
    holder.kill()
    holder.wait(timeout=60)
    assert holder_of(path) is None
    assert holder_of(f"{path}-of-nobody") is None


def test_the_holder_of_a_store_is_found_through_a_link_to_it(path, holder, tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(path)
    assert holder_of(str(link)).startswith(f"process {holder.pid} on ")


def test_looking_for_the_holder_blocks_no_other_process(path):
    stopped = threading.Event()

    def look():
        while not stopped.is_set():
            holder_of(path)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(300):
            StoreLock(path, NOON).release()
    finally:
        stopped.set()
        for looker in lookers:
            looker.join()


def test_a_store_that_is_looked_at_without_end_is_refused_at_last(path, monkeypatch):
    monkeypatch.setattr(limits, "LOCK_TRIES_MAX", 3)
    monkeypatch.setattr(limits, "LOCK_TRY_EVERY_NS", 5 * NS_PER_MS)
    StoreLock(path, NOON).release()
    with open(f"{path}-lock") as looked_at:  # noqa: PTH123
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        began_ns = time.monotonic_ns()
        with pytest.raises(StoreBusy, match="looked at by other processes"):
            StoreLock(path, NOON)
    assert time.monotonic_ns() - began_ns >= 15 * NS_PER_MS


def test_a_store_that_is_refused_leaves_no_descriptor_open(path, holder):
    store = SqliteStore(path)
    before = lowest_free_descriptor()
    for _ in range(3):
        with pytest.raises(StoreBusy):
            store.open(NOON)
    assert lowest_free_descriptor() <= before


def test_a_file_that_is_refused_is_let_go_at_once(path):
    """While the error is still at hand: nothing waits for it to be forgotten."""
    for name, content, kind in (
        ("none", b"not a database at all, but long enough to look at" * 20, StoreError),
        ("newer", None, StoreNewer),
    ):
        file = f"{path}-{name}"
        if content is None:
            with closing(apsw.Connection(file)) as connection:
                connection.pragma("application_id", int.from_bytes(b"Watc"))
                connection.pragma("user_version", len(MIGRATIONS) + 1)
        else:
            with open(file, "wb") as other:  # noqa: PTH123
                other.write(content)
        before = lowest_free_descriptor()
        store = SqliteStore(file)
        with pytest.raises(StoreError) as refused:
            store.open(NOON)
        assert lowest_free_descriptor() <= before
        assert type(refused.value) is kind
        assert holder_of(file) is None


def test_a_longer_name_in_the_lock_file_is_overwritten(path):
    with open(f"{path}-lock", "w") as left:  # noqa: PTH123
        left.write("x" * 1_000)
    lock = StoreLock(path, NOON)
    assert holder_of(path).startswith(f"process {os.getpid()} on ")
    lock.release()
    lock.release()
    assert holder_of(path) is None


def test_kill_releases_the_store_and_loses_nothing(path, holder):
    holder.kill()
    holder.wait(timeout=60)
    store = SqliteStore(path)
    restored = store.open(NOON)
    store.close()
    assert (restored.epoch, restored.incidents) == (2, (opened().incident,))


def test_a_reader_sees_what_another_process_committed(path, holder):
    assert StoreReader(path).incidents() == (opened().incident,)
    assert not StoreReader(path).verify().problems


def test_two_stores_in_one_process_exclude_each_other(path):
    first, second = SqliteStore(path), SqliteStore(path)
    first.open(NOON)
    with pytest.raises(StoreBusy, match=f"process {os.getpid()}"):
        second.open(NOON)
    first.close()
    second.open(NOON)
    second.close()


def test_a_link_to_the_store_is_the_same_store(path, tmp_path):
    first = SqliteStore(path)
    first.open(NOON)
    (tmp_path / "other.db").symlink_to(path)
    with pytest.raises(StoreBusy):
        SqliteStore(str(tmp_path / "other.db")).open(NOON)
    first.close()


def in_child(work):
    """Run `work` in a forked child; returns its exit status."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(work())
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_cannot_touch_the_store(path):
    store = SqliteStore(path)
    store.open(NOON)

    def work():
        try:
            store.commit(Batch(transitions=(opened(),)))
        except StoreError as error:
            return 7 if "forked" in str(error) else 8
        return 9

    assert in_child(work) == 7
    store.commit(Batch(transitions=(opened(),)))
    store.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_neither_keeps_nor_ends_the_lock(path):
    store = SqliteStore(path)
    store.open(NOON)
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        store.close()
        os.read(ready, 1)
        os._exit(0)
    with pytest.raises(StoreBusy):
        SqliteStore(path).open(NOON)
    store.close()
    again = SqliteStore(path)
    again.open(NOON)
    again.close()
    os.close(ready)
    os.close(go)
    os.waitpid(child, 0)


def test_only_the_owner_can_read_the_files(path, tmp_path):
    store = SqliteStore(path)
    store.open(NOON)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert set(modes) == {f"watch.db{suffix}" for suffix in ("", "-wal", "-shm", "-lock", "-head")}
    assert set(modes.values()) == {0o600}
    store.close()


def test_a_missing_folder_is_said_plainly(tmp_path):
    with pytest.raises(StoreError, match="No such file or directory"):
        SqliteStore(str(tmp_path / "nowhere" / "watch.db")).open(NOON)
    with pytest.raises(StoreError, match="there is no store at"):
        StoreReader(str(tmp_path / "watch.db")).incidents()


def test_a_newer_schema_is_refused_and_left_alone(path):
    store = SqliteStore(path)
    store.open(NOON)
    store.close()
    connection = apsw.Connection(path)
    connection.pragma("user_version", len(MIGRATIONS) + 1)
    connection.close()
    with pytest.raises(StoreError, match="written by a newer watchkeeper"):
        store.open(NOON)
    with pytest.raises(StoreError, match="written by a newer watchkeeper"):
        StoreReader(path).incidents()


def test_the_database_of_another_program_is_left_alone(path):
    connection = apsw.Connection(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(path).open(NOON)
    connection = apsw.Connection(path)
    assert connection.pragma("journal_mode") == "delete"
    connection.close()


def test_a_file_that_another_program_has_signed_is_left_alone(path):
    with closing(apsw.Connection(path)) as connection:
        connection.pragma("application_id", 7)
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(path).open(NOON)


def test_a_store_is_signed_with_four_letters(path):
    """Files of earlier versions are known by them."""
    store = SqliteStore(path)
    store.open(NOON)
    store.close()
    with closing(apsw.Connection(path)) as connection:
        assert connection.pragma("application_id") == int.from_bytes(b"Watc")


def test_a_foreign_writer_is_waited_for_then_named(path, monkeypatch):
    monkeypatch.setattr(limits, "STORE_BUSY_NS", 20 * NS_PER_MS)
    store = SqliteStore(path)
    store.open(NOON)
    foreign = apsw.Connection(path)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="another program holds the database"):
        store.commit(Batch(transitions=(opened(),)))
    foreign.execute("ROLLBACK")
    store.commit(Batch(transitions=(opened(),)))
    foreign.close()
    assert StoreReader(path).incidents() == (opened().incident,)
    store.close()


def test_every_write_begins_as_a_writer(path):
    """Begun as a reader, it would fail at once with BUSY_SNAPSHOT, regardless of the timeout, at its first write."""
    said = []
    apsw.connection_hooks.append(
        lambda connection: connection.set_exec_trace(lambda _, sql, __: said.append(sql) or True)
    )
    try:
        store = SqliteStore(path)
        store.open(NOON)
    finally:
        apsw.connection_hooks.pop()
    said.clear()
    store.commit(Batch(transitions=(opened(),), samples=(sample_at(0),)))
    store.run_maintenance(NOON)
    store.run_maintenance(NOON.shifted(limits.HOUSE_SETTLE_NS))
    begun = [sql for sql in said if sql.startswith("BEGIN")]
    assert len(begun) >= 2
    assert set(begun) == {"BEGIN IMMEDIATE"}
    store.close()


def test_a_reader_cannot_write(path):
    store = SqliteStore(path)
    store.open(NOON)
    with closing(connect_reader(path)) as connection:
        assert connection.pragma("mmap_size") in {None, 0}
        with pytest.raises(apsw.ReadOnlyError):
            connection.execute("DELETE FROM chain")
    store.close()


def test_a_reader_gives_the_newest_incidents_up_to_a_limit(path, monkeypatch):
    store = SqliteStore(path)
    store.open(NOON)
    steps = [opened(f"inc_{number}", target=f"t{number}") for number in range(102)]
    changed = then(steps[101], TransitionKind.CHANGED)
    store.commit(Batch(transitions=(*steps, changed, then(changed, TransitionKind.RESOLVED))))
    store.close()
    reader = StoreReader(path)
    assert [each.id for each in reader.incidents()] == [f"inc_{number}" for number in range(101, 1, -1)]
    assert [each.id for each in reader.incidents(open_only=True, limit=2)] == ["inc_100", "inc_99"]
    assert [each.id for each in reader.incidents(target="t7")] == ["inc_7"]
    monkeypatch.setattr(limits, "READ_INCIDENTS_MAX", 3)
    assert len(reader.incidents(limit=4)) == 3


def test_a_reader_gives_the_intervals_that_end_later(path):
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(Batch(blind=(BlindInterval(0, 1, "stalled"), BlindInterval(0, 7, "stalled"))))
    store.close()
    ends = [[each.ended_at_ns for each in found] for found in map(StoreReader(path).blind, (0, 1, 6, 7))]
    assert ends == [[1, 7], [7], [7], []]
    assert len(StoreReader(path).blind()) == 2


STEP = "CREATE TABLE extra (x INTEGER) STRICT; INSERT INTO extra VALUES (1); ALTER TABLE silence ADD COLUMN note TEXT;"


def test_a_migration_cut_anywhere_is_old_or_new(tmp_path):
    at = 0
    struck = True
    while struck:
        at += 1
        path = str(tmp_path / f"{at}.db")
        store = SqliteStore(path)
        store.open(NOON)
        store.commit(Batch(transitions=(opened(),)))
        store.close()
        with FaultsVfs("cut") as disk:
            disk.arm(Fault.TORN_DEATH, at)
            connection = connect_writer(path, "cut")
            with suppress(apsw.Error):
                migrate(connection, (*MIGRATIONS, STEP))
            struck = disk.struck
            connection.close()
        connection = connect_writer(path)
        version = connection.pragma("user_version")
        tables = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'").get
        assert version == len(MIGRATIONS) + tables
        migrate(connection, (*MIGRATIONS, STEP))
        assert connection.execute("SELECT * FROM extra").get == 1
        assert connection.execute("SELECT count(*) FROM chain").get == 1
        connection.close()
    assert at > 5
