"""The log beside the file: when it is folded, and what lies beside a store that is closed."""

from contextlib import closing

import apsw
import pytest
from records import NOON, opened, sample_at
from watchkeeper.adapters.stores.sqlite.connection import (
    SQLITE_VERSION_MIN,
    begin_wal,
    connect_reader,
    refuse_old_sqlite,
)
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.record import Batch, BlindInterval, Checkpoint


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "watch.db")


def test_the_wal_stays_bounded_by_checkpoints(path, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "STORE_WAL_PAGES_MAX", 50)
    store = SqliteStore(path)
    store.open(NOON)
    for number in range(200):
        store.commit(Batch(transitions=(opened(f"inc_{number}", target=f"t{number}"),)))
    assert (tmp_path / "watch.db-wal").stat().st_size < 120 * 4_200
    store.close()


PAGES = Batch(checkpoints=(Checkpoint("shop", b"x" * 5_000_000, 1),))
"""More than SQLite itself lets stand in a WAL."""


def test_the_main_file_changes_when_the_store_folds_and_at_no_other_time(path, tmp_path, monkeypatch):
    """A commit does not wait for the file; maintenance folds as commits do."""
    store, main = SqliteStore(path), tmp_path / "watch.db"
    monkeypatch.setattr(limits, "STORE_WAL_PAGES_MAX", 10_000)
    store.open(NOON)
    before = main.stat().st_size
    store.commit(PAGES)
    store.run_maintenance(NOON)
    with closing(connect_reader(path)) as reader:
        assert reader.execute("SELECT count(*) FROM checkpoint").get == 1
    assert main.stat().st_size == before
    monkeypatch.setattr(limits, "STORE_WAL_PAGES_MAX", 1_000)
    store.run_maintenance(NOON)
    assert main.stat().st_size > before + 5_000_000
    store.close()


@pytest.mark.parametrize(("pages", "folded"), [(-1, True), (0, True), (1, False)])
def test_a_wal_is_folded_when_it_has_as_many_pages(path, tmp_path, monkeypatch, pages, folded):
    store, main = SqliteStore(path), tmp_path / "watch.db"
    monkeypatch.setattr(limits, "STORE_WAL_PAGES_MAX", 10_000)
    store.open(NOON)
    before = main.stat().st_mtime_ns, main.stat().st_size
    store.commit(PAGES)
    held = (main.with_name("watch.db-wal").stat().st_size - 32) // (24 + 4096)
    monkeypatch.setattr(limits, "STORE_WAL_PAGES_MAX", held + pages)
    store.run_maintenance(NOON)
    assert ((main.stat().st_mtime_ns, main.stat().st_size) != before) == folded
    store.close()


def test_a_store_that_is_closed_is_one_file_with_its_head_and_lock(path, tmp_path):
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(PAGES)
    with closing(connect_reader(path)) as reader:
        assert reader.execute("SELECT count(*) FROM checkpoint").get == 1
        store.close()
        assert (tmp_path / "watch.db-wal").stat().st_size == 0, "folded although a reader is there"
    store.open(NOON)
    store.close()
    assert {file.name for file in tmp_path.iterdir()} == {"watch.db", "watch.db-head", "watch.db-lock"}


def test_a_store_that_failed_folds_nothing(path, tmp_path):
    """The next opening is to find it as it was, and to verify it."""
    store, main = SqliteStore(path), tmp_path / "watch.db"
    store.open(NOON)
    before = main.read_bytes()
    (tmp_path / "watch.db-head.new").mkdir()
    with pytest.raises(StoreError):
        store.commit(Batch(transitions=(opened(),)))
    store.close()
    assert main.read_bytes() == before
    assert (tmp_path / "watch.db-wal").stat().st_size > 0


def test_samples_alone_leave_the_head_as_it_is(path, tmp_path):
    """It costs a sync of its own."""
    store, head = SqliteStore(path), tmp_path / "watch.db-head"
    store.open(NOON)
    written = head.stat().st_ino, head.stat().st_mtime_ns
    store.commit(Batch(samples=(sample_at(0),)))
    assert (head.stat().st_ino, head.stat().st_mtime_ns) == written
    store.commit(Batch(blind=(BlindInterval(0, 1, "stalled"),)))
    assert (head.stat().st_ino, head.stat().st_mtime_ns) != written
    store.close()


def test_a_sqlite_that_can_corrupt_a_wal_is_not_used():
    refuse_old_sqlite(SQLITE_VERSION_MIN)
    with pytest.raises(StoreError, match="can corrupt a WAL"):
        refuse_old_sqlite(SQLITE_VERSION_MIN - 1)


def test_a_place_without_a_wal_is_refused():
    with (
        closing(apsw.Connection(":memory:")) as connection,
        pytest.raises(StoreError, match="cannot keep a WAL"),
    ):
        begin_wal(connection)
