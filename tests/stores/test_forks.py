"""A fork waits for the calls to SQLite of other threads, and a child lets go of what it inherited before it opens a store."""

import os
import subprocess
import sys
import threading

import pytest
from records import NOON, opened
from watchkeeper.adapters.stores.ownership.forks import ForkGuard
from watchkeeper.adapters.stores.sqlite.connection import (
    connect_reader,
    connect_writer,
    explained,
    transaction,
)
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.record import Batch

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
OPENED = opened()
KILLED = """
import os, signal, sys
from records import NOON, opened
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.record import Batch
store = SqliteStore(sys.argv[1])
store.open(NOON)
store.commit(Batch(transitions=(opened(),)))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "watch.db")


def forked(work):
    """Forks a child, which exits with what the work returns; returns a function that waits for it and returns that status."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(work())
        finally:
            os._exit(99)
    return lambda: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_is_not_forked_within_a_call(tmp_path):
    path, is_within, may_end = str(tmp_path / "a.db"), threading.Event(), threading.Event()

    def write():
        connection = connect_writer(path)
        for _ in range(50):
            with explained("writing"), transaction(connection):
                is_within.set()
                may_end.wait(0.01)
        connection.close()

    def begin():
        with transaction(connect_writer(path)):
            return 0

    writing = threading.Thread(target=write)
    writing.start()
    is_within.wait()
    assert [forked(begin)() for _ in range(5)] == [0] * 5
    writing.join()


def entered(guard):
    """Returns how a child of now finds the store: 0 where it may open it, 7 where it was forked within a call."""
    try:
        guard.leave_inherited()
    except StoreError as error:
        return 7 if "was forked while another thread" in str(error) else 8
    return 0


def test_a_fork_waits_for_an_import_of_another_thread():
    guard, is_within, may_end, said = ForkGuard(), threading.Event(), threading.Event(), []

    def load():
        with guard.importing():
            is_within.set()
            may_end.wait(0.3)
            said.append("imported")

    importing = threading.Thread(target=load)
    importing.start()
    is_within.wait()
    assert forked(lambda: len(said))() == 1
    importing.join()


def test_a_fork_comes_before_the_calls_that_begin_after_it():
    """However many threads call, and their calls overlap."""
    guard, may_end, pause = ForkGuard(waits_s=60), threading.Event(), threading.Event()

    def call(number):
        pause.wait(0.005 * number)
        while not may_end.is_set():
            with guard.outside(), guard.outside():
                pause.wait(0.02)

    calling = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for each in calling:
        each.start()
    try:
        assert [forked(lambda: entered(guard))() for _ in range(5)] == [0] * 5
    finally:
        may_end.set()
        for each in calling:
            each.join()


def test_a_child_goes_on_with_what_another_process_has_made_of_the_store(path):
    """The index of the log that the child inherited is that of its parent, which has closed the store since."""
    store = SqliteStore(path)
    store.open(NOON)
    ready, go = os.pipe()

    def take_over():
        os.read(ready, 1)
        return 0 if SqliteStore(path).open(NOON).incidents == (OPENED.incident,) else 1

    status = forked(take_over)
    store.close()
    modules = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", KILLED, path], check=False, env=modules).returncode == -9
    os.write(go, b"1")
    assert status() == 0
    os.close(ready)
    os.close(go)


def test_a_parent_writes_on_after_a_child_has_opened_its_store(path):
    store = SqliteStore(path)
    store.open(NOON)
    assert forked(lambda: connect_reader(path).pragma("user_version"))() > 0
    store.commit(Batch(transitions=(OPENED,)))
    store.close()
    assert store.open(NOON).incidents == (OPENED.incident,)
    store.close()


@pytest.mark.parametrize(("within", "status"), [("outside", 7), ("importing", 0)])
def test_a_child_that_was_forked_within_a_call_opens_no_store(within, status):
    guard = ForkGuard(waits_s=0, waits_for_imports_s=0)
    is_within, may_end = threading.Event(), threading.Event()

    def call():
        with getattr(guard, within)():
            is_within.set()
            may_end.wait()

    calling = threading.Thread(target=call)
    calling.start()
    is_within.wait()
    exited = forked(lambda: entered(guard))
    may_end.set()
    calling.join()
    assert exited() == status
