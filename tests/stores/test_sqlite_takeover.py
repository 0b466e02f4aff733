"""Takeover of a store file between real processes: killed, frozen, thawed, and frozen in the middle of a write."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

import pytest
from records import NOON, opened
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.ownership.tenure_table import tenure_of
from watchkeeper.adapters.stores.ownership.watch import StoreWatch
from watchkeeper.adapters.stores.sqlite.lock import holder_of
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreBusy, StoreError, StoreFenced
from watchkeeper.domain.incidents.record import Batch, PauseMark
from watchkeeper.domain.time.moment import NS_PER_MS

OWNER = """
import os, signal, sys
import apsw
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.record import Batch, PauseMark
from records import NOON, opened
class Disk(apsw.VFS):
    is_armed = False
    def __init__(self):
        super().__init__("freezing", "")
    def xOpen(self, name, flags):
        return File("", name, flags)
class File(apsw.VFSFile):
    def __init__(self, base, name, flags):
        super().__init__(base, name, flags)
        self.is_main = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)
    def xWrite(self, data, offset):
        if disk.is_armed and self.is_main:
            disk.is_armed = False
            os.kill(os.getpid(), signal.SIGSTOP)
        super().xWrite(data, offset)
disk = Disk()
store = SqliteStore(sys.argv[1], vfs="freezing")
store.open(NOON)
store.commit(Batch(transitions=(opened(),)))
print("open", flush=True)
for line in sys.stdin:
    try:
        match line.split():
            case ["beat"]:
                store.beat()
            case ["commit", name]:
                store.commit(Batch(pauses=(PauseMark(name, 1),)))
            case ["begin"]:
                store._session.connection.execute("BEGIN IMMEDIATE")
                store._session.connection.execute("UPDATE head SET epoch = epoch")
            case ["checkpoint"]:
                disk.is_armed = True
                store._session.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            case ["rollback"]:
                store._session.connection.execute("ROLLBACK")
            case ["close"]:
                store.close()
        print("done", flush=True)
    except StoreError as error:
        print(type(error).__name__, flush=True)
"""


class Owner:
    """Another process that owns a store and obeys."""

    def __init__(self, path):
        self._process = subprocess.Popen(
            [sys.executable, "-c", OWNER, path],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.answer() == "open"
        self.pid = self._process.pid

    def answer(self):
        return self._process.stdout.readline().strip()

    def tell(self, order):
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()

    def ask(self, order):
        self.tell(order)
        return self.answer()

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)
        self.await_freeze()

    def await_freeze(self):
        os.waitpid(self.pid, os.WUNTRACED)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate(timeout=60)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "watch.db")


@pytest.fixture
def owner(path):
    made = Owner(path)
    yield made
    made.thaw()
    made.kill()


@pytest.fixture
def stores():
    """Makes stores that are closed at the end."""
    made = []

    def make(*given, **named):
        made.append(SqliteStore(*given, **named))
        return made[-1]

    yield make
    for store in made:
        with suppress(StoreError):
            store.close()


def silence(path):
    """The row of a silent owner, after the looks of a whole lease that take no time."""
    watch, at = StoreWatch(path), SystemClock().read()
    for number in range(limits.TENURE_LEASE_NS // limits.TENURE_LOOK_NS + 1):
        may = watch.look(at.shifted(number * limits.TENURE_LOOK_NS))
    assert may == (watch.lapsed is not None)
    return watch.lapsed


def pauses(path):
    return [mark.target for mark in StoreReader(path).pauses()]


def test_a_killed_owner_is_followed_at_once(path, owner, stores):
    assert not StoreWatch(path).look(NOON)
    owner.kill()
    watch = StoreWatch(path)
    assert watch.look(NOON)
    assert watch.lapsed is None
    assert stores(path).open(NOON).incidents == (opened().incident,)


def test_a_clean_end_lets_the_next_owner_in_at_once(path, owner, stores):
    assert owner.ask("close") == "done"
    assert StoreWatch(path).look(NOON)
    stores(path).open(NOON)


def test_a_watch_names_the_owner(path, owner):
    watch = StoreWatch(path)
    watch.look(NOON)
    assert watch.holder.startswith(f"process {owner.pid} on ")
    assert watch.tenure.has_lock


def test_a_frozen_owner_is_followed_and_refused_before_it_writes(path, owner, stores):
    owner.freeze()
    successor = stores(path, lapsed=silence(path))
    successor.open(NOON)
    successor.commit(Batch(pauses=(PauseMark("successor", 1),)))
    assert holder_of(path).startswith(f"process {os.getpid()} on ")
    owner.thaw()
    assert owner.ask("commit owner") == "StoreFenced"
    assert owner.ask("beat") == "StoreFenced"
    successor.commit(Batch(pauses=(PauseMark("again", 1),)))
    assert pauses(path) == ["again", "successor"]


def test_a_commit_that_waited_out_a_freeze_is_refused(path, owner, stores):
    owner.freeze()
    owner.tell("commit owner")
    successor = stores(path, lapsed=silence(path))
    successor.open(NOON)
    owner.thaw()
    assert owner.answer() == "StoreFenced"
    assert pauses(path) == []


def test_an_owner_that_beats_is_never_silent(path, owner):
    watch, at = StoreWatch(path), SystemClock().read()
    for number in range(3 * limits.TENURE_LEASE_NS // limits.TENURE_LOOK_NS):
        if number % 4 == 0:
            assert owner.ask("beat") == "done"
        assert not watch.look(at.shifted(number * limits.TENURE_LOOK_NS))


def test_an_owner_that_goes_on_just_before_the_claim_keeps_its_store(path, owner, stores):
    owner.freeze()
    lapsed = silence(path)
    owner.thaw()
    assert owner.ask("beat") == "done"
    with pytest.raises(StoreBusy, match=f"held by process {owner.pid} on "):
        stores(path, lapsed=lapsed).open(NOON)
    assert owner.ask("commit owner") == "done"


def test_an_owner_that_froze_in_the_middle_of_a_write_is_named_and_waited_for(
    path, owner, stores, monkeypatch
):
    monkeypatch.setattr(limits, "STORE_BUSY_NS", 50 * NS_PER_MS)
    assert owner.ask("begin") == "done"
    owner.freeze()
    lapsed = silence(path)
    with pytest.raises(
        StoreBusy, match=f"held by process {owner.pid} on .* frozen in the middle of a write: end it"
    ):
        stores(path, lapsed=lapsed).open(NOON)
    owner.thaw()
    assert owner.ask("rollback") == "done"
    assert owner.ask("commit owner") == "done"


def test_an_owner_that_froze_while_it_folds_the_log_is_followed(path, owner, stores, monkeypatch):
    monkeypatch.setattr(limits, "STORE_WAL_PAGES_MAX", 1)
    owner.tell("checkpoint")
    owner.await_freeze()
    successor = stores(path, lapsed=silence(path))
    successor.open(NOON)
    # The log cannot be folded meanwhile, and is written on.
    successor.commit(Batch(pauses=(PauseMark("successor", 1),)))
    successor.beat()
    owner.thaw()
    assert owner.answer() == "done"
    assert owner.ask("commit owner") == "StoreFenced"
    successor.commit(Batch(pauses=(PauseMark("again", 1),)))
    successor.close()
    owner.kill()
    assert stores(path).open(NOON).incidents == (opened().incident,)
    assert pauses(path) == ["again", "successor"]


def test_a_successor_ends_well_while_the_frozen_owner_folds_the_log(path, owner, stores, monkeypatch):
    monkeypatch.setattr(limits, "STORE_BUSY_NS", 50 * NS_PER_MS)
    owner.tell("checkpoint")
    owner.await_freeze()
    successor = stores(path, lapsed=silence(path))
    successor.open(NOON)
    successor.commit(Batch(pauses=(PauseMark("successor", 1),)))
    successor.close()
    assert not tenure_of(path).owner
    owner.kill()
    assert stores(path).open(NOON).pauses == (PauseMark("successor", 1, ""),)


def test_a_frozen_writer_that_is_killed_leaves_the_store_to_its_successor(path, owner, stores):
    assert owner.ask("begin") == "done"
    owner.freeze()
    lapsed = silence(path)
    owner.kill()
    stores(path, lapsed=lapsed).open(NOON)
    assert tenure_of(path).has_lock


def test_a_successor_takes_the_lock_once_the_frozen_owner_is_dead(path, owner, stores):
    owner.freeze()
    successor = stores(path, lapsed=silence(path))
    successor.open(NOON)
    successor.beat()
    assert not tenure_of(path).has_lock
    owner.kill()
    assert not StoreWatch(path).look(NOON), "the free lock is not that of the owner"
    successor.beat()
    assert tenure_of(path).has_lock
    with pytest.raises(StoreBusy, match=f"held by process {os.getpid()} on "):
        stores(path).open(NOON)


def test_a_third_process_does_not_take_a_living_successor_for_a_dead_owner(path, owner, stores):
    owner.freeze()
    successor = stores(path, lapsed=silence(path))
    successor.open(NOON)
    owner.kill()
    third = stores(path)
    polls = []

    def living():
        polls.append(successor.commit(Batch()))

    with pytest.raises(StoreBusy, match=f"held by process {os.getpid()} on "):
        open_while(third, living)
    assert polls
    successor.commit(Batch(pauses=(PauseMark("successor", 1),)))


def open_while(store, act):
    """Opens a store on this thread while another thread acts once."""
    thread = threading.Timer(0.1, act)
    thread.start()
    try:
        store.open(NOON)
    finally:
        thread.join()


def test_a_store_whose_successor_died_without_the_lock_is_opened_after_a_lease(
    path, owner, stores, monkeypatch
):
    owner.freeze()
    successor = stores(path, lapsed=silence(path))
    successor.open(NOON)
    owner.kill()
    row = tenure_of(path)
    assert not row.has_lock
    monkeypatch.setattr(limits, "TENURE_LOOK_NS", 5 * NS_PER_MS)
    monkeypatch.setattr(limits, "TENURE_LEASE_NS", 50 * NS_PER_MS)
    stores(path).open(NOON)
    with pytest.raises(StoreFenced):
        successor.commit(Batch())
