"""Links and other files that somebody else has laid beside a store: none is followed, read without end or written to."""

import os
import stat
from pathlib import Path

import pytest
from records import NOON, opened
from watchkeeper.adapters.stores.sqlite.files import require_own
from watchkeeper.adapters.stores.sqlite.lock import holder_of
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.record import Batch

PRECIOUS = b"the only copy"


@pytest.fixture
def precious(tmp_path):
    """A file of the same user, elsewhere."""
    (tmp_path / "kept").mkdir()
    file = tmp_path / "precious"
    file.write_bytes(PRECIOUS)
    return file


@pytest.fixture
def path(tmp_path, precious):
    return tmp_path / "kept" / "watch.db"


@pytest.mark.parametrize("beside", ["-lock", "-head"])
def test_a_link_beside_the_store_is_refused_by_name(path, precious, beside):
    planted = path.with_name(f"watch.db{beside}")
    planted.symlink_to(precious)
    with pytest.raises(StoreError, match=f"{planted} is a link to another file: remove it"):
        SqliteStore(str(path)).open(NOON)
    assert holder_of(str(path)) is None
    assert precious.read_bytes() == PRECIOUS


@pytest.mark.parametrize("beside", ["-lock", "-head"])
def test_a_pipe_beside_the_store_is_refused_and_not_waited_for(path, beside):
    os.mkfifo(path.with_name(f"watch.db{beside}"))
    with pytest.raises(StoreError, match="a device or a pipe"):
        SqliteStore(str(path)).open(NOON)
    assert holder_of(str(path)) is None


@pytest.mark.parametrize("lay", ["symlink_to", "hardlink_to"])
def test_a_link_in_the_place_of_the_next_head_is_replaced(path, precious, lay):
    store = SqliteStore(str(path))
    store.open(NOON)
    getattr(path.with_name("watch.db-head.new"), lay)(precious)
    store.commit(Batch(transitions=(opened(),)))
    head = path.with_name("watch.db-head")
    assert precious.read_bytes() == PRECIOUS
    assert not head.is_symlink()
    assert stat.S_IMODE(head.stat().st_mode) == 0o600
    store.close()


def test_a_lock_that_others_may_open_is_closed_to_them(path):
    lock = path.with_name("watch.db-lock")
    lock.touch()
    lock.chmod(0o666)
    store = SqliteStore(str(path))
    store.open(NOON)
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    store.close()


def test_a_lock_of_another_user_is_refused(path, tmp_path):
    """Root can give a file away; to any other user the password file is another's."""
    lock = tmp_path / "lock" if os.geteuid() == 0 else Path("/etc/passwd")
    if os.geteuid() == 0:
        lock.touch()
        os.chown(lock, 12_345, 12_345)
    with lock.open() as found, pytest.raises(StoreError, match="belongs to another user: remove it"):
        require_own(str(lock), found.fileno(), str(path))
