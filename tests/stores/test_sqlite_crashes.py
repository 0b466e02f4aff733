"""Every call that changes a file fails, or is the last of a process, or of a machine: nothing acknowledged is lost."""

import random
import resource
from contextlib import suppress

import pytest
from faulty_files import STRIKES, Call, Fault, FaultsVfs
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.adapters.stores.sqlite.head import Head, read_head, write_head
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch, Checkpoint
from watchkeeper.domain.time.duration import NS_PER_DAY
from watchkeeper.domain.time.moment import NS_PER_S

OPENED = opened()
CHANGED = then(OPENED, TransitionKind.CHANGED)
RESOLVED = then(CHANGED, TransitionKind.RESOLVED)
FIRST, LAST = notice_of(OPENED), notice_of(RESOLVED)

STORY = (
    Batch(
        transitions=(OPENED,),
        notices=(FIRST,),
        deliveries=(delivery_of(FIRST, DeliveryState.PENDING),),
        checkpoints=(Checkpoint("shop", b"broken", 1),),
        samples=tuple(sample_at(second * NS_PER_S) for second in range(20)),
    ),
    Batch(deliveries=(delivery_of(FIRST, DeliveryState.DELIVERED),)),
    Batch(samples=(sample_at(30 * NS_PER_S, "door"),), transitions=(CHANGED,)),
    Batch(transitions=(RESOLVED,), notices=(LAST,), checkpoints=(Checkpoint("shop", b"", 2),)),
)


SPAN = ("shop", NOON.wall_ns, NOON.wall_ns + NS_PER_DAY)


def remembered(restored):
    return restored.incidents, restored.outbox, restored.told, restored.checkpoints, restored.silences


@pytest.fixture(scope="module")
def chapters():
    """Returns the state that a restart restores after each part of the story."""
    seen = []
    for count in range(len(STORY) + 1):
        model = MemoryStore()
        model.open(NOON)
        for batch in STORY[:count]:
            model.commit(batch)
        model.close()
        seen.append(remembered(model.open(NOON)))
    return seen


def tell(store):
    """Commit the story as far as it goes; returns how many parts were acknowledged."""
    acknowledged = 0
    try:
        store.open(NOON)
        for batch in STORY:
            store.commit(batch)
            acknowledged += 1
    except StoreError:
        with pytest.raises(StoreError):
            store.commit(Batch())
    return acknowledged


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """The calls of the whole story by number, so that each can be struck once; of the many alike writes with which an
    empty file gets its schema, every fourth."""
    path = tmp_path_factory.mktemp("calls") / "watch.db"
    with FaultsVfs("counting") as disk:
        store = SqliteStore(str(path), vfs="counting")
        store.open(NOON)
        opening = len(disk.calls)
        store.close()
        path.unlink()
        path.with_name("watch.db-head").unlink()
        disk.disarm()
        store = SqliteStore(str(path), vfs="counting")
        assert tell(store) == len(STORY)
        counted = list(disk.calls)
        store.close()
    return [
        (number, call)
        for number, call in enumerate(counted, 1)
        if number > opening or call is not Call.WRITE or number % 4 == 0
    ]


@pytest.mark.parametrize("fault", list(Fault))
def test_every_failing_call_loses_and_halves_nothing(tmp_path, calls, chapters, fault):
    in_doubt = set()
    for at in [number for number, call in calls if call in STRIKES[fault]]:
        path = tmp_path / f"{at}.db"
        with FaultsVfs("faults") as disk:
            store = SqliteStore(str(path), vfs="faults")
            disk.arm(fault, at)
            acknowledged = tell(store)
            assert disk.struck
            disk.disarm()
            close_in_spite(store)
            seen = chapters.index(remembered(store.open(NOON)))
            assert seen in {acknowledged, acknowledged + 1}
            in_doubt.add(seen - acknowledged)
            for batch in STORY[acknowledged:]:
                store.commit(batch)
            store.close()
            assert remembered(store.open(NOON)) == chapters[-1]
            store.close()
    if fault in {Fault.FAILED_SYNC, Fault.DEATH}:
        assert in_doubt == {0, 1}, "an in-doubt commit must have been seen resolved both ways"


def close_in_spite(store):
    try:
        store.close()
    except StoreError:
        store.close()


def after_power_cut(disk, path, folder, survives):
    """Copy what the disk holds for good, with its head, as another machine would find it."""
    folder.mkdir()
    for name, content in disk.durable(survives).items():
        (folder / name.rsplit("/", 1)[1]).write_bytes(content)
    head = path.with_name(path.name + "-head")
    if head.exists():
        (folder / head.name).write_bytes(head.read_bytes())
    return SqliteStore(str(folder / path.name))


def test_a_power_cut_at_any_call_loses_nothing_committed(tmp_path, calls, chapters):
    for at, _ in calls:
        path = tmp_path / f"{at}.db"
        chance = random.Random(at)
        with FaultsVfs("power") as disk:
            store = SqliteStore(str(path), vfs="power")
            disk.arm(Fault.TORN_DEATH, at)
            acknowledged = tell(store)
            for number, share in enumerate((0.0, 0.7)):
                cut = after_power_cut(
                    disk,
                    path,
                    tmp_path / f"{at}-{number}",
                    lambda _, share=share, chance=chance: chance.random() < share,
                )
                assert chapters.index(remembered(cut.open(NOON))) in {acknowledged, acknowledged + 1}
                cut.close()
                if acknowledged:
                    assert len(StoreReader(str(tmp_path / f"{at}-{number}" / path.name)).samples(*SPAN)) == 20
            disk.disarm()
            close_in_spite(store)


def test_a_sync_that_lied_is_made_good_by_opening(tmp_path, calls, chapters):
    """The commit after a failed sync reads back from the page cache only; a power cut must not take it away again."""
    for at in [number for number, call in calls if call is Call.SYNC]:
        path = tmp_path / f"{at}.db"
        with FaultsVfs("lying") as disk:
            store = SqliteStore(str(path), vfs="lying")
            disk.arm(Fault.FAILED_SYNC, at)
            acknowledged = tell(store)
            close_in_spite(store)
            store.open(NOON)
            for batch in STORY[acknowledged:]:
                store.commit(batch)
            cut = after_power_cut(disk, path, tmp_path / f"{at}-cut", lambda _: False)
            assert remembered(cut.open(NOON)) == chapters[-1]
            cut.close()
            store.close()


def test_a_head_that_cannot_be_written_stops_the_store(tmp_path):
    path = tmp_path / "watch.db"
    store = SqliteStore(str(path))
    store.open(NOON)
    (tmp_path / "watch.db-head.new").mkdir()
    with pytest.raises(StoreError, match="committing"):
        store.commit(Batch(transitions=(OPENED,)))
    with pytest.raises(StoreError, match="opened again"):
        store.commit(Batch())
    (tmp_path / "watch.db-head.new").rmdir()
    store.close()
    assert store.open(NOON).incidents == (OPENED.incident,)
    store.commit(Batch(transitions=(OPENED,)))
    assert read_head(str(path)).position == 1
    store.close()


def test_a_full_disk_that_is_freed_works_again(tmp_path):
    with FaultsVfs("full") as disk:
        store = SqliteStore(str(tmp_path / "watch.db"), vfs="full")
        store.open(NOON)
        disk.arm(Fault.DISK_FULL, at=1)
        with pytest.raises(StoreError, match="full"):
            store.commit(STORY[0])
        disk.disarm()
        store.close()
        assert store.open(NOON).incidents == ()
        store.commit(STORY[0])
        store.close()
        assert store.open(NOON).incidents == (OPENED.incident,)
        store.close()


def run_maintenance(store):
    later = NOON.shifted(5 * NS_PER_DAY)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    for _ in range(80):
        store.run_maintenance(later)


@pytest.mark.parametrize("fault", [Fault.WRITE_FAILED, Fault.FAILED_SYNC, Fault.TORN_DEATH])
def test_sealing_that_fails_anywhere_loses_no_sample(tmp_path, fault):
    samples = tuple(sample_at(minute * 60 * NS_PER_S) for minute in range(0, 26 * 60, 20))
    whole = None
    at, struck = 0, True
    while struck:
        at += 5
        path = str(tmp_path / f"{at}.db")
        with FaultsVfs("house") as disk:
            store = SqliteStore(path, vfs="house")
            store.open(NOON)
            store.commit(Batch(samples=samples))
            disk.arm(fault, at)
            with suppress(StoreError):
                run_maintenance(store)
            struck = disk.struck
            disk.disarm()
            close_in_spite(store)
            store.open(NOON)
            found = StoreReader(path).samples("shop", NOON.wall_ns, NOON.wall_ns + 9 * NS_PER_DAY)
            whole = whole or found
            assert len(found) == len(samples)
            run_maintenance(store)
            assert StoreReader(path).samples("shop", NOON.wall_ns, NOON.wall_ns + 9 * NS_PER_DAY) == whole
            store.close()
    assert at > 100


def test_a_head_that_did_not_reach_its_disk_takes_no_place(tmp_path):
    """As on a full disk: the head of before stays."""
    path = str(tmp_path / "watch.db")
    store = SqliteStore(path)
    store.open(NOON)
    before = read_head(path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_head(path, Head(9, 9, b""))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert read_head(path) == before
    store.close()
