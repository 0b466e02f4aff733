"""Damage that SQLite itself does not notice: lost tails, flipped bits, older copies."""

import random
import shutil

import apsw
import pytest
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreCorrupt, StoreError
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import (
    Batch,
    BlindInterval,
    Checkpoint,
    LatestFinding,
    PauseMark,
    Silence,
)
from watchkeeper.domain.time.moment import NS_PER_S

COUNT = 12
WAL_HEADER, WAL_FRAME = 32, 24 + 4096
LATER_NS = NOON.wall_ns + 3_600 * NS_PER_S


def incident(number):
    step = opened(f"inc_{number}", target=f"shop-{number}")
    notice = notice_of(step)
    return Batch(
        transitions=(step,),
        notices=(notice,),
        deliveries=(delivery_of(notice, DeliveryState.DELIVERED),),
        checkpoints=(Checkpoint(step.target, b"broken", 1),),
        latest=(LatestFinding(step.incident_id, "worse"),),
        pauses=(PauseMark(step.target, 1, "ann"),),
        silences=(Silence(id=f"quiet-{number}", target=step.target, until_ns=LATER_NS + number),),
        blind=(BlindInterval(NOON.wall_ns, NOON.wall_ns + number, "stalled"),),
    )


@pytest.fixture
def path(tmp_path):
    """A store as kill -9 leaves it: the last commits are in the WAL alone."""
    return left_behind(tmp_path, tmp_path / "left")


def left_behind(tmp_path, folder):
    folder.mkdir()
    store = SqliteStore(str(tmp_path / "watch.db"))
    store.open(NOON)
    for number in range(COUNT):
        store.commit(incident(number))
    for name in ("watch.db", "watch.db-wal", "watch.db-head"):
        shutil.copy(tmp_path / name, folder / name)
    store.close()
    return folder / "watch.db"


def closed(path):
    """The same store after a clean stop: everything is in the main file."""
    store = SqliteStore(str(path))
    store.open(NOON)
    store.close()


def beside(path, suffix):
    return path.with_name(path.name + suffix)


def outcome(path):
    """`lost` when incidents are silently missing: the one thing that must never be."""
    store = SqliteStore(str(path))
    try:
        restored = store.open(NOON)
    except StoreError:
        # A flipped schema version or mark of the program is refused by its own name.
        return "detected"
    finally:
        store.close()
    whole = len(restored.incidents) == len(restored.checkpoints) == COUNT
    whole = whole and restored.incidents == tuple(
        incident(number).transitions[0].incident for number in range(COUNT)
    )
    return "whole" if whole and len(restored.told) == len(restored.silences) == COUNT else "lost"


def test_an_untouched_store_is_intact(path):
    assert outcome(path) == "whole"


def test_a_flipped_bit_in_the_wal_loses_nothing_silently(path, tmp_path):
    seen = flip_everywhere(beside(path, "-wal"), path, tmp_path, 60)
    assert "lost" not in seen
    assert "detected" in seen


def test_a_flipped_bit_in_the_main_file_loses_nothing_silently(path, tmp_path):
    closed(path)
    seen = flip_everywhere(path, path, tmp_path, 150)
    assert "lost" not in seen
    assert "detected" in seen


def flip_everywhere(file, path, tmp_path, count):
    chance = random.Random(7)
    size = file.stat().st_size
    seen = []
    for number in range(count):
        folder = tmp_path / f"flip-{number}"
        shutil.copytree(path.parent, folder)
        content = bytearray((folder / file.name).read_bytes())
        content[chance.randrange(size)] ^= 1 << chance.randrange(8)
        (folder / file.name).write_bytes(content)
        seen.append(outcome(folder / path.name))
    return seen


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("chain", "body"),
        ("chain", "incident"),
        ("chain", "channel"),
        ("chain", "hash"),
        ("head", "hash"),
        ("checkpoint", "state"),
        ("checkpoint", "target"),
        ("silence", "id"),
        ("silence", "body"),
        ("latest", "text"),
        ("latest", "incident"),
        ("pause", "by"),
        ("pause", "target"),
    ],
)
def test_a_changed_value_is_detected(path, table, column):
    connection = apsw.Connection(str(path))
    kind = connection.execute(f"SELECT typeof({column}) FROM {table}").get  # noqa: S608
    connection.execute(f"UPDATE {table} SET {column} = CAST({column} || 'x' AS {kind})")  # noqa: S608
    connection.close()
    assert outcome(path) == "detected"


def test_a_silence_whose_end_was_changed_is_detected(path):
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE silence SET until_ns = 1 WHERE id = 'quiet-3'")
    connection.close()
    assert outcome(path) == "detected"


@pytest.mark.parametrize(("column", "value"), [("ended_at_ns", "1"), ("cause", "'suspended'")])
def test_a_changed_blind_interval_is_detected_where_it_is_read(path, column, value):
    connection = apsw.Connection(str(path))
    connection.execute(f"UPDATE blind SET {column} = {value} WHERE ended_at_ns % 10 = 3")  # noqa: S608
    connection.close()
    with pytest.raises(StoreCorrupt, match="the blind of"):
        StoreReader(str(path)).blind(NOON.wall_ns)
    assert StoreReader(str(path)).verify().problems


STEP = opened("inc_last", target="last")
WAITING = notice_of(STEP)
LAST = {
    "delivery": Batch(deliveries=(delivery_of(WAITING, DeliveryState.PENDING),)),
    "dead letter": Batch(deliveries=(delivery_of(WAITING, DeliveryState.DEAD),)),
    "checkpoint": Batch(checkpoints=(Checkpoint("last", b"counting", 2),)),
    "checkpoint taken away": Batch(checkpoints=(Checkpoint("shop-3", b"", 2),)),
    "silence": Batch(silences=(Silence(id="all", until_ns=LATER_NS),)),
    "blind": Batch(blind=(BlindInterval(NOON.wall_ns, LATER_NS, "suspended"),)),
    "samples": Batch(samples=(sample_at(0),)),
}


def wal_end(path):
    """Where the next frame of the WAL goes: behind those that carry the salt of its header."""
    wal = beside(path, "-wal").read_bytes()
    end = WAL_HEADER
    while wal[end + 8 : end + 16] == wal[16:24]:
        end += WAL_FRAME
    return end


@pytest.mark.parametrize("kind", LAST)
def test_a_lost_commit_of_whatever_but_samples_is_detected(tmp_path, path, kind):
    """Nothing follows it and it adds no link, yet a flipped bit in its part of the WAL takes it away."""
    store = SqliteStore(str(path))
    store.open(NOON)
    store.commit(Batch(transitions=(STEP,), notices=(WAITING,)))
    begin = wal_end(path)
    store.commit(LAST[kind])
    end = wal_end(path)
    left = {name: beside(path, name).read_bytes() for name in ("", "-wal", "-head")}
    store.close()
    seen = {}
    for at in range(begin, end, 501):
        folder = tmp_path / f"flip-{at}"
        folder.mkdir()
        for name, content in left.items():
            beside(folder / "watch.db", name).write_bytes(content)
        flipped = bytearray(left["-wal"])
        flipped[at] ^= 1 << (at % 8)
        beside(folder / "watch.db", "-wal").write_bytes(flipped)
        store = SqliteStore(str(folder / "watch.db"))
        try:
            store.open(NOON)
            seen[at] = "opened"
        except StoreCorrupt as error:
            seen[at] = str(error.__cause__)
        store.close()
    assert len(seen) > 8
    wanted = "opened" if kind == "samples" else f"1 commits are lost: {COUNT + 2} were written"
    assert set(seen.values()) == {wanted}


def test_a_notice_that_its_index_hides_is_detected(tmp_path):
    """The row itself is whole, and so is its digest."""
    path = tmp_path / "watch.db"
    store = SqliteStore(str(path))
    store.open(NOON)
    store.commit(Batch(transitions=(STEP,), notices=(WAITING,)))
    store.close()
    content = path.read_bytes()
    found = [at for at in range(len(content)) if content.startswith(b"pending", at)]
    seen = []
    for at in found:
        path.write_bytes(content[:at] + b"q" + content[at + 1 :])
        store = SqliteStore(str(path))
        try:
            store.open(NOON)
        except StoreCorrupt as error:
            seen.append(str(error))
        store.close()
    assert len(seen) == len(found)
    assert any("index" in error for error in seen)


def test_a_changed_pending_notice_is_detected(path):
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE outbox SET state = 'pending' WHERE ordinal = 3")
    connection.close()
    assert outcome(path) == "detected"


def test_an_incident_moved_off_its_latest_step_is_detected(path):
    store = SqliteStore(str(path))
    store.open(NOON)
    store.commit(Batch(transitions=(then(opened("inc_3", target="shop-3"), TransitionKind.CHANGED),)))
    store.close()
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE incident SET (sequence, position) = (1, 7) WHERE id = 'inc_3'")
    connection.close()
    assert outcome(path) == "detected"


def test_an_open_incident_marked_closed_is_detected(path):
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE incident SET is_open = 0, is_live = 0 WHERE id = 'inc_3'")
    connection.close()
    assert outcome(path) == "detected"


def test_a_deleted_wal_is_refused_with_how_much_is_lost(path):
    beside(path, "-wal").unlink()
    with pytest.raises(StoreError):
        SqliteStore(str(path)).open(NOON)


def test_lost_links_are_counted(path, tmp_path):
    """The file is a clean copy of an earlier day; the head beside it knows of what came after."""
    copy = tmp_path / "yesterday.db"
    closed(path)
    shutil.copy(path, copy)
    store = SqliteStore(str(path))
    store.open(NOON)
    store.commit(incident(90))
    store.close()
    shutil.copy(copy, path)
    with pytest.raises(StoreCorrupt, match="2 committed links are lost: 26 were written") as refused:
        SqliteStore(str(path)).open(NOON)
    assert str(path) in str(refused.value)
    assert "put it back with its -wal and its -head" in str(refused.value)


def test_accepting_a_backup_never_repeats_an_epoch(path, tmp_path):
    copy = tmp_path / "yesterday.db"
    closed(path)
    shutil.copy(path, copy)
    store = SqliteStore(str(path))
    before = [store.open(NOON).epoch]
    store.close()
    before.append(store.open(NOON).epoch)
    store.close()
    shutil.copy(copy, path)
    assert store.open(NOON).epoch == before[-1] + 1
    store.close()


def test_a_truncated_wal_loses_nothing_silently(path, tmp_path):
    wal = beside(path, "-wal").read_bytes()
    for share in range(10):
        folder = tmp_path / f"cut-{share}"
        shutil.copytree(path.parent, folder)
        (folder / "watch.db-wal").write_bytes(wal[: len(wal) * share // 10])
        store = SqliteStore(str(folder / "watch.db"))
        with pytest.raises(StoreError):
            store.open(NOON)


DAMAGE = {
    "checkpoint": "UPDATE checkpoint SET state = x'00' WHERE target = 'shop-3'",
    "silence": "UPDATE silence SET until_ns = 1 WHERE id = 'quiet-3'",
    "dead letter": "UPDATE outbox SET detail = 'none' WHERE state = 'dead'",
    "incident": "UPDATE incident SET is_open = 0, is_live = 0 WHERE id = 'inc_3'",
    "link": "UPDATE chain SET body = body || ' ' WHERE position = 1",
    "missing link": "DELETE FROM chain WHERE position = 5",
    "head": "UPDATE head SET position = position + 1",
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_store_with_any_damage_is_not_written(path, kind):
    """The dead letter is one of an incident that is over, which no restart brings back."""
    store = SqliteStore(str(path))
    store.open(NOON)
    over = then(STEP, TransitionKind.RESOLVED)
    dead = delivery_of(WAITING, DeliveryState.DEAD)
    store.commit(Batch(transitions=(STEP, over), notices=(WAITING,), deliveries=(dead,)))
    store.close()
    connection = apsw.Connection(str(path))
    connection.execute(DAMAGE[kind])
    connection.close()
    before = {name: beside(path, name).read_bytes() for name in ("", "-head")}
    with pytest.raises(StoreCorrupt):
        SqliteStore(str(path)).open(NOON)
    assert {name: beside(path, name).read_bytes() for name in ("", "-head")} == before
    assert not beside(path, "-wal").read_bytes()
    verification = StoreReader(str(path)).verify()
    assert len(verification.problems) == 1
    assert verification.links == (2 * COUNT + 2 if kind in {"checkpoint", "silence", "dead letter"} else 0)


def test_a_corrupt_store_is_left_as_it_was_found(path):
    wal = bytearray(beside(path, "-wal").read_bytes())
    wal[len(wal) // 2] ^= 1
    beside(path, "-wal").write_bytes(wal)
    main = path.read_bytes()
    with pytest.raises(StoreCorrupt):
        SqliteStore(str(path)).open(NOON)
    assert (path.read_bytes(), beside(path, "-wal").read_bytes()) == (main, bytes(wal))


def test_a_head_that_means_nothing_is_refused(path):
    beside(path, "-head").write_text("{}")
    assert outcome(path) == "detected"


def test_a_store_moved_without_its_head_opens(path):
    beside(path, "-head").unlink()
    assert outcome(path) == "whole"


def test_a_store_whose_first_page_is_overwritten_is_damaged(path):
    closed(path)
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(StoreCorrupt, match=r"does not verify: .* is not a database any more: put it back"):
        SqliteStore(str(path)).open(NOON)
    with pytest.raises(StoreCorrupt, match="is not a database any more"):
        StoreReader(str(path)).incidents()
