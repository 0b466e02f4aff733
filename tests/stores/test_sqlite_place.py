"""A store whose file is deleted, moved away or replaced while it is open: it goes on, and reports the problem."""

from contextlib import suppress

import pytest
from records import NOON, opened, sample_at, then
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreCorrupt, StoreError
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Batch

OPENED = Batch(transitions=(opened(),))
CHANGED = Batch(transitions=(then(opened(), TransitionKind.CHANGED),))


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder / "watch.db"


@pytest.fixture
def store(path):
    """Open, with an incident in it."""
    made = SqliteStore(str(path))
    made.open(NOON)
    made.commit(OPENED)
    yield made
    with suppress(StoreError):
        made.close()


def moved(path):
    """Lays the file aside; returns what puts it back."""
    aside = path.rename(path.with_name("aside.db"))
    return lambda: aside.replace(path)


def replaced(path):
    back = moved(path)
    path.touch()
    return back


def replaced_by_a_copy(path):
    content = path.read_bytes()
    back = moved(path)
    path.write_bytes(content)
    return back


def without_its_folder(path):
    """The folder itself is called otherwise."""
    aside = path.parent.rename(path.parent.with_name("aside"))
    return lambda: aside.rename(path.parent)


WAYS = {
    moved: "{path} is gone (No such file or directory): put it back, or stop,",
    without_its_folder: "{path} is gone (No such file or directory): put it back, or stop,",
    replaced: "another file lies in the place of {path}: put the first one back, or stop,",
    replaced_by_a_copy: "another file lies in the place of {path}: put the first one back, or stop,",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_lost_file_is_reported_until_it_is_back(store, path, way):
    assert store.file_problem() == ""
    put_back = way(path)
    said = store.file_problem()
    assert said.startswith(WAYS[way].format(path=path))
    assert f"remove {path}-head and start again" in said
    assert said.endswith("; the record of meanwhile is kept only as long as this process lives")
    put_back()
    assert store.file_problem() == ""


def test_a_copy_that_is_put_back_is_another_file(store, path):
    content = path.read_bytes()
    path.unlink()
    assert "is gone" in store.file_problem()
    path.write_bytes(content)
    assert "another file lies in the place" in store.file_problem()


def test_a_file_that_was_deleted_is_written_on(store, path):
    path.unlink()
    store.commit(CHANGED)
    store.run_maintenance(NOON)
    assert "is gone" in store.file_problem()


def test_without_its_folder_a_store_fails(store, path):
    without_its_folder(path)
    with pytest.raises(StoreError, match="No such file or directory"):
        store.commit(CHANGED)


@pytest.mark.parametrize("way", [moved, replaced])
def test_records_written_while_the_file_was_lost_are_there_when_it_is_back(store, path, way):
    put_back = way(path)
    store.commit(CHANGED)
    put_back()
    store.close()
    assert store.open(NOON).incidents == tuple(step.incident for step in CHANGED.transitions)


@pytest.mark.parametrize("way", WAYS)
def test_opened_again_it_begins_no_other_file(store, path, way):
    """As the sink does after a failure: it has incidents of which another file knows nothing."""
    put_back = way(path)
    store.close()
    with pytest.raises(StoreError, match=r"is gone|lies in the place|No such file"):
        store.open(NOON)
    assert not path.exists() or way in {replaced, replaced_by_a_copy}
    put_back()
    assert store.open(NOON).incidents == tuple(step.incident for step in OPENED.transitions)


def test_deleted_with_all_that_lies_beside_it_no_other_is_begun(store, path):
    for beside in path.parent.iterdir():
        beside.unlink()
    store.close()
    with pytest.raises(StoreError, match="is gone"):
        store.open(NOON)
    assert not path.exists()


def test_a_start_without_the_file_leaves_what_can_be_put_back(store, path):
    """An empty file in its place would have SQLite throw away the log, and the newest commits with it."""
    as_a_kill_leaves_them = {file: file.read_bytes() for file in path.parent.iterdir()}
    store.close()
    for file, content in as_a_kill_leaves_them.items():
        file.write_bytes(content)
    put_back = moved(path)
    log = path.with_name("watch.db-wal").read_bytes()
    other = SqliteStore(str(path))
    with pytest.raises(
        StoreCorrupt, match=r"watch.db is gone, and .*-head knows of 1 commits in it: put it back, or"
    ):
        other.open(NOON)
    assert not path.exists()
    assert path.with_name("watch.db-wal").read_bytes() == log
    put_back()
    assert other.open(NOON).incidents == tuple(step.incident for step in OPENED.transitions)
    other.close()


def test_a_start_after_the_head_was_removed_begins_a_new_one(store, path):
    path.unlink()
    store.close()
    path.with_name("watch.db-head").unlink()
    other = SqliteStore(str(path))
    assert other.open(NOON).incidents == ()
    assert other.file_problem() == ""
    other.close()


def test_a_store_of_samples_alone_may_begin_again(path):
    first = SqliteStore(str(path))
    first.open(NOON)
    first.commit(Batch(samples=(sample_at(0),)))
    first.close()
    path.unlink()
    other = SqliteStore(str(path))
    assert other.open(NOON).epoch == 2
    other.close()
