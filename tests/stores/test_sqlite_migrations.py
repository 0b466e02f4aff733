"""A store that an earlier version wrote, opened by this one."""

import shutil
from contextlib import suppress
from pathlib import Path

import apsw
import msgspec
import pytest
from faulty_files import Fault, FaultsVfs
from records import NOON, notice_of, opened
from watchkeeper.adapters.stores.sqlite.connection import connect_writer
from watchkeeper.adapters.stores.sqlite.head import read_head
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.schema import MIGRATIONS, migrate
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreCorrupt, StoreError
from watchkeeper.domain.incidents.record import Batch, BlindInterval, Checkpoint, Silence
from watchkeeper.domain.time.moment import NS_PER_S

LATER_NS = NOON.wall_ns + 3_600 * NS_PER_S
STEP = opened()
SILENCE = Silence(id="all", until_ns=LATER_NS)
BLIND = BlindInterval(NOON.wall_ns, LATER_NS, "suspended")
CONTENT = Batch(
    transitions=(STEP,),
    notices=(notice_of(STEP),),
    checkpoints=(Checkpoint("shop", b"broken", 1),),
    silences=(SILENCE, Silence(id="over", until_ns=1)),
    blind=(BLIND,),
)
COLUMNS = "SELECT name, (SELECT json_group_array(name) FROM pragma_table_info(schema.name)) FROM sqlite_schema AS schema"


def as_before(path):
    """Take away what later versions added to a closed store of the first, and to the head beside it."""
    connection = apsw.Connection(path)
    later = ("heard", "latest", "pause", "evidence", "delivery", "tenure", "announcement")
    for table in (*later, "addition", "member", "told", "grouped"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("ALTER TABLE head DROP COLUMN writes")
    connection.execute("ALTER TABLE silence DROP COLUMN digest")
    connection.execute("ALTER TABLE blind DROP COLUMN digest")
    connection.pragma("user_version", 1)
    columns = dict(connection.execute(COLUMNS))
    connection.close()
    head = Path(f"{path}-head")
    said = msgspec.json.decode(head.read_bytes())
    del said["writes"]
    head.write_bytes(msgspec.json.encode(said))
    return columns


@pytest.fixture
def path(tmp_path):
    """A store of the first version."""
    path = str(tmp_path / "watch.db")
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(CONTENT)
    store.close()
    columns = as_before(path)
    connection = connect_writer(str(tmp_path / "first.db"))
    migrate(connection, MIGRATIONS[:1])
    assert columns == dict(connection.execute(COLUMNS))
    connection.close()
    return path


def whole(restored):
    kept = (restored.incidents, len(restored.outbox), restored.checkpoints, restored.silences)
    return kept == ((STEP.incident,), 1, CONTENT.checkpoints, (SILENCE,))


def test_a_store_of_the_first_version_keeps_everything(path):
    store = SqliteStore(path)
    assert whole(store.open(NOON))
    store.commit(Batch(checkpoints=(Checkpoint("shop", b"", 2),)))
    store.close()
    assert store.open(NOON).checkpoints == ()
    store.close()
    assert StoreReader(path).blind() == (BLIND,)
    assert not StoreReader(path).verify().problems


def test_a_migrated_store_is_guarded_from_then_on(path):
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(Batch(silences=(Silence(id="more", until_ns=LATER_NS),)))
    store.close()
    assert read_head(path).writes == 1
    connection = apsw.Connection(path)
    connection.execute("UPDATE silence SET until_ns = 2 WHERE id = 'all'")
    connection.close()
    with pytest.raises(StoreCorrupt, match="the silence of all"):
        store.open(NOON)


def test_a_reader_says_that_a_store_is_older(path):
    with pytest.raises(StoreError, match="has schema version 1, written by an older watchkeeper"):
        StoreReader(path).blind()


def test_an_opening_that_is_cut_while_it_migrates_is_old_or_new(path, tmp_path):
    at, struck, versions = 0, True, set()
    while struck:
        at += 1
        folder = tmp_path / f"cut-{at}"
        folder.mkdir()
        for suffix in ("", "-head"):
            shutil.copy(f"{path}{suffix}", folder / f"watch.db{suffix}")
        copy = str(folder / "watch.db")
        with FaultsVfs("cut") as disk:
            disk.arm(Fault.TORN_DEATH, at)
            store = SqliteStore(copy, vfs="cut")
            with suppress(StoreError):
                store.open(NOON)
            struck = disk.struck
            with suppress(StoreError):
                store.close()
        connection = apsw.Connection(copy)
        versions.add(connection.pragma("user_version"))
        connection.close()
        store = SqliteStore(copy)
        assert whole(store.open(NOON))
        store.close()
    assert at > 5
    assert versions == {1, len(MIGRATIONS)}
