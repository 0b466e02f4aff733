"""Pages that no chain vouches for: a small file is looked at whole before anything is written to it."""

import apsw
import pytest
from records import NOON, sample_at
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreCorrupt
from watchkeeper.domain.incidents.record import Batch


@pytest.fixture
def torn(tmp_path):
    """A store with a page of its samples overwritten."""
    path = tmp_path / "watch.db"
    store = SqliteStore(str(path))
    store.open(NOON)
    store.commit(Batch(samples=tuple(sample_at(number) for number in range(2_000))))
    store.close()
    connection = apsw.Connection(str(path))
    connection.pragma("wal_checkpoint", "TRUNCATE")
    size = connection.pragma("page_size")
    table = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'sample%' LIMIT 1").get
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    return path


def test_a_torn_page_of_samples_is_found_before_anything_is_written(torn):
    before = torn.read_bytes()
    with pytest.raises(StoreCorrupt, match="does not read back"):
        SqliteStore(str(torn)).open(NOON)
    assert torn.read_bytes() == before


def test_a_larger_file_is_not_looked_at_whole(torn, monkeypatch):
    size = torn.stat().st_size
    monkeypatch.setattr(limits, "STORE_BYTES_CHECKED_WHOLE", size)
    with pytest.raises(StoreCorrupt, match="does not read back"):
        SqliteStore(str(torn)).open(NOON)
    monkeypatch.setattr(limits, "STORE_BYTES_CHECKED_WHOLE", size - 1)
    store = SqliteStore(str(torn))
    store.open(NOON)
    store.close()


def test_one_problem_is_named(torn):
    with pytest.raises(StoreCorrupt) as refused:
        SqliteStore(str(torn)).open(NOON)
    assert str(refused.value).count("page") == 1, str(refused.value)
