"""A path at which something else than a store lies: it is refused by name, and nothing in it is touched."""

import os

import pytest
from records import NOON
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreError

TEXTS = {
    "a byte": b"1",
    "a line break": b"\n",
    "a word": b"password\n",
    "a page less one": b"x" * 511,
    "long": b"not a database at all, but long enough to look at" * 200,
}


def refusals(path):
    """Returns what the store and the reader say, and asserts that both refuse."""
    said = []
    for door in (lambda: SqliteStore(path).open(NOON), StoreReader(path).incidents):
        with pytest.raises(StoreError) as refused:
            door()
        assert type(refused.value) is StoreError
        said.append(str(refused.value))
    return said


@pytest.mark.parametrize("text", TEXTS)
def test_a_file_that_is_no_store_is_refused_and_stays_as_it_is(tmp_path, text):
    path = tmp_path / "notes.txt"
    path.write_bytes(TEXTS[text])
    assert refusals(str(path)) == [f"{path} is no watchkeeper store; nothing in it was touched"] * 2
    assert path.read_bytes() == TEXTS[text]


@pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
def test_a_path_of_no_file_is_refused_before_a_lock_lies_beside_it(tmp_path, kind):
    path = tmp_path / "it"
    match kind:
        case "device":
            path.symlink_to("/dev/null")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
    real = path.resolve()
    assert refusals(str(path)) == [f"{real} is a folder, a device or a pipe: a store needs a file"] * 2
    assert {file.name for file in tmp_path.iterdir()} == {"it"}


@pytest.mark.parametrize("name", ["it", "it/watch.db"])
def test_a_link_that_leads_to_itself_is_refused(tmp_path, name):
    path = tmp_path / "it"
    path.symlink_to(path)
    assert (
        refusals(str(tmp_path / name)) == [f"{tmp_path / name} is no path: a link in it leads to itself"] * 2
    )
    assert {file.name for file in tmp_path.iterdir()} == {"it"}


def test_an_empty_file_is_no_store_to_a_reader_and_a_new_one_to_a_writer(tmp_path):
    path = tmp_path / "watch.db"
    path.touch()
    with pytest.raises(StoreError, match=f"there is no store at {path}: the file is empty"):
        StoreReader(str(path)).incidents()
    store = SqliteStore(str(path))
    assert store.open(NOON).incidents == ()
    store.close()


@pytest.mark.parametrize("kept", ["file", "folder"])
def test_a_store_of_another_user_is_refused_by_name(tmp_path, kept):
    path = tmp_path / "own" / "watch.db"
    path.parent.mkdir()
    store = SqliteStore(str(path))
    store.open(NOON)
    store.close()
    closed = path if kept == "file" else path.parent
    mode, user = closed.stat().st_mode, os.geteuid()
    try:
        closed.chmod(0)
        if user == 0:  # no mode keeps root out
            os.seteuid(65_534)
        with pytest.raises(StoreError) as refused:
            StoreReader(str(path)).incidents()
    finally:
        os.seteuid(user)
        closed.chmod(mode)
    assert str(refused.value) == f"{path} may be read by its own user alone: act as this user"
