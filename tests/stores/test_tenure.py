"""The tenure of a store, by the rules that every store keeps: one effective owner, whatever becomes of the others."""

from contextlib import closing, suppress

import apsw
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from records import NOON, opened, then
from watchkeeper.adapters.stores.memory import MemoryStore, SharedRecord
from watchkeeper.adapters.stores.ownership.tenure_table import tenure_of
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreBusy, StoreError, StoreFenced
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Batch, PauseMark

OPENED = opened()
STEP = Batch(transitions=(OPENED,))
NEXT = Batch(transitions=(then(OPENED, TransitionKind.ACKNOWLEDGED),))


class OnMemory:
    """Stores that share one record in memory."""

    def __init__(self, path):
        self._shared = SharedRecord()

    def row(self):
        return self._shared.tenure

    def would_wait(self):
        """Whether a file would be opened only after a lease of silence: its owner has no lock, and nobody has it.

        Nothing but time tells there whether the owner is dead, and the record in memory has none.
        """
        return bool(self.row().owner) and not self.row().has_lock and self._shared.lock_holder is None

    def store(self, name, lapsed=None):
        made = MemoryStore(self._shared, name)
        made.lapsed = lapsed
        return made


class OnSqlite:
    """Stores on one file."""

    def __init__(self, path):
        self._path = path

    def row(self):
        return tenure_of(self._path)

    def store(self, name, lapsed=None):
        return SqliteStore(self._path, lapsed=lapsed)


@pytest.fixture(params=[OnMemory, OnSqlite])
def ground(request, tmp_path):
    """The place of a record, on which stores are made; all that were made are closed at the end."""
    made = []
    place = request.param(str(tmp_path / "watch.db"))
    make = place.store
    place.store = lambda *given: made.append(make(*given)) or made[-1]
    yield place
    for store in made:
        with suppress(StoreError):
            store.close()


@pytest.fixture
def frozen(ground):
    """An owner that has committed a step and shows no sign of life any more."""
    store = ground.store("a")
    store.open(NOON)
    store.commit(STEP)
    return store


@pytest.fixture
def successor(ground, frozen):
    """The store that has taken over from it."""
    store = ground.store("b", ground.row())
    assert store.open(NOON).incidents == (OPENED.incident,)
    return store


def test_an_owner_keeps_every_other_store_out(ground, frozen):
    with pytest.raises(StoreBusy, match="held by"):
        ground.store("b").open(NOON)
    frozen.commit(NEXT)


def test_a_clean_end_hands_over_at_once(ground, frozen):
    frozen.close()
    assert not ground.row().owner
    other = ground.store("b")
    assert other.open(NOON).incidents == (OPENED.incident,)
    assert ground.row().owner


def test_a_claim_has_a_higher_epoch_and_goes_on_counting(ground, frozen):
    before = ground.row()
    ground.store("b", before).open(NOON)
    after = ground.row()
    assert (after.epoch, after.commits) == (before.epoch + 1, before.commits + 1)
    assert after.incarnation != before.incarnation
    assert not after.has_lock


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.commit(NEXT),
        lambda store: store.commit(Batch()),
        lambda store: store.beat(),
    ],
    ids=["a step", "nothing", "a beat"],
)
def test_a_thawed_owner_is_refused_before_it_writes(ground, frozen, successor, write):
    successor.commit(NEXT)
    before = ground.row()
    for _ in range(2):
        with pytest.raises(StoreFenced, match="claimed by"):
            write(frozen)
    assert ground.row() == before
    frozen.close()
    with pytest.raises(StoreFenced, match="claimed by"):
        frozen.open(NOON)
    assert ground.row() == before
    successor.commit(Batch())


def test_a_sign_of_life_takes_a_claim_away(ground, frozen):
    seen = ground.row()
    frozen.beat()
    with pytest.raises(StoreBusy, match="held by"):
        ground.store("b", seen).open(NOON)
    seen = ground.row()
    frozen.commit(Batch())
    with pytest.raises(StoreBusy, match="held by"):
        ground.store("b", seen).open(NOON)
    frozen.commit(NEXT)


def test_the_same_silence_serves_one_claim(ground, frozen):
    seen = ground.row()
    ground.store("b", seen).open(NOON)
    with pytest.raises(StoreBusy, match="held by"):
        ground.store("c", seen).open(NOON)


@pytest.mark.parametrize("write", [lambda store: store.beat(), lambda store: store.commit(Batch())])
def test_a_successor_takes_the_lock_when_it_is_free(ground, frozen, successor, write):
    write(successor)
    assert not ground.row().has_lock
    frozen.close()
    write(successor)
    assert ground.row().has_lock


def test_a_store_that_went_back_in_time_takes_nothing_until_it_is_opened_again(tmp_path):
    path = str(tmp_path / "watch.db")
    with closing(SqliteStore(path)) as store:
        store.open(NOON)
        store.commit(STEP)
        with closing(apsw.Connection(path)) as copied:
            copied.execute("UPDATE tenure SET commits = commits - 1")
        with pytest.raises(StoreError, match="went back in time") as raised:
            store.commit(NEXT)
        assert not isinstance(raised.value, StoreFenced)
        with pytest.raises(StoreError, match="until it is opened again"):
            store.commit(NEXT)
        before = tenure_of(path)
        store.close()
        assert store.open(NOON).incidents == (OPENED.incident,)
        assert tenure_of(path).epoch == before.epoch + 1
        store.commit(NEXT)


def test_an_owner_goes_on_after_a_failure_of_its_own(ground, frozen):
    with pytest.raises(StoreError):
        frozen.commit(Batch(transitions=(opened("inc_1", target="door"),)))
    frozen.close()
    frozen.open(NOON)
    frozen.commit(NEXT)


def test_an_owner_that_comes_back_finds_the_clean_end_of_another(ground, frozen, successor):
    frozen.close()
    successor.close()
    with pytest.raises(StoreFenced, match="ended since"):
        frozen.open(NOON)


NAMES = ("a", "b", "c")
acts = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["open", "look", "commit", "beat", "close"])),
    max_size=24,
)


class Run:
    """One ground with three store objects, which may be replaced by new ones after their end."""

    def __init__(self, place):
        self.place, self.seen = place, {}
        self.stores = {}
        self.marks = 0

    def act(self, name, what):
        """Does one thing; returns what a caller sees of it."""
        if what == "look":
            self.seen[name] = self.place.row()
            return None
        store = self.stores.get(name)
        try:
            return self._do(name, store, what)
        except StoreFenced:
            self.stores.pop(name).close()
            return "fenced"
        except StoreError as error:
            return type(error).__name__

    def _do(self, name, store, what):
        if what == "open":
            store = store or self.place.store(name, self.seen.get(name))
            restored = store.open(NOON)
            self.stores[name] = store
            return restored
        if store is None:
            return None
        if what == "commit":
            self.marks += 1
            return store.commit(Batch(pauses=(PauseMark(f"{name}-{self.marks}", 1),)))
        if what == "close":
            del self.stores[name]
        return getattr(store, what)()

    def end(self):
        for store in self.stores.values():
            store.close()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=acts)
def test_both_stores_have_the_same_owners(tmp_path_factory, story):
    path = str(tmp_path_factory.mktemp("tenure") / "watch.db")
    runs = [Run(OnMemory(path)), Run(OnSqlite(path))]
    for name, drawn in story:
        what = "close" if drawn == "open" and name in runs[0].stores else drawn
        if what == "open" and runs[0].place.would_wait():
            continue
        memory, sqlite = [run.act(name, what) for run in runs]
        event(f"{what} {memory}" if isinstance(memory, str) else what)
        assert memory == sqlite
        rows = [run.place.row() for run in runs]
        if rows[1] is not None:
            seen = [(row.epoch, row.commits, row.has_lock, bool(row.owner)) for row in rows]
            assert seen[0] == seen[1]
    for run in runs:
        run.end()
