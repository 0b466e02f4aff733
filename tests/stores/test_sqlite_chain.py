"""The chain of a store that is closed, its anchors, and the head beside it."""

import apsw
import msgspec
import pytest
from records import NOON, delivery_of, notice_of, opened
from watchkeeper.adapters.stores.sqlite.chain import Chain
from watchkeeper.adapters.stores.sqlite.connection import digest
from watchkeeper.adapters.stores.sqlite.head import Head, read_head, write_head
from watchkeeper.adapters.stores.sqlite.place import require_known
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreCorrupt
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch

STEP = opened("inc_last", target="last")
WAITING = notice_of(STEP)


@pytest.fixture
def path(tmp_path):
    """A store with 24 links: twelve incidents, each told to a channel."""
    path = str(tmp_path / "watch.db")
    store = SqliteStore(path)
    store.open(NOON)
    for number in range(12):
        step = opened(f"inc_{number}", target=f"shop-{number}")
        notice = notice_of(step)
        heard = delivery_of(notice, DeliveryState.DELIVERED)
        store.commit(Batch(transitions=(step,), notices=(notice,), deliveries=(heard,)))
    store.close()
    return path


def test_the_head_of_another_store_is_refused(path):
    head = read_head(path)
    write_head(path, msgspec.structs.replace(head, hash=bytes(32)))
    with pytest.raises(StoreCorrupt, match=f"link {head.position} is not the one that was committed"):
        SqliteStore(path).open(NOON)


def test_a_dead_letter_without_its_incident_is_corruption(tmp_path):
    path = str(tmp_path / "watch.db")
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(
        Batch(
            transitions=(STEP,),
            notices=(WAITING,),
            deliveries=(delivery_of(WAITING, DeliveryState.DEAD),),
        )
    )
    connection = apsw.Connection(path)
    connection.execute("DELETE FROM incident")
    with pytest.raises(StoreCorrupt, match="inc_last has no latest step"):
        store.recall(WAITING.key)
    connection.execute("DELETE FROM chain")
    connection.close()
    with pytest.raises(StoreCorrupt, match="tells of a step of inc_last that is missing"):
        StoreReader(path).outbox()
    store.close()


@pytest.mark.parametrize(("position", "writes", "known"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_a_file_is_missing_where_its_head_knows_of_commits(tmp_path, position, writes, known):
    head = Head(epoch=1, position=position, hash=bytes(32), writes=writes)
    path = str(tmp_path / "watch.db")
    if known:
        with pytest.raises(StoreCorrupt, match=f"knows of {writes} commits"):
            require_known(path, head)
    else:
        require_known(path, head)


def test_digests_stay_as_they_were_released():
    """They lie in the files of earlier versions."""
    assert digest("shop", 1, None).hex() == "aec17c49b5f70308628882d1f3a65d02"


@pytest.mark.parametrize(
    ("whole_below", "head_at", "begins"),
    [
        (25, None, 0),
        (24, None, 20),
        (20, 24, 20),
        (20, 21, 20),
        (20, 20, 10),
        (20, 11, 10),
        (20, 10, 0),
        (20, 1, 0),
        (20, 0, 0),
    ],
)
def test_a_chain_is_verified_from_the_anchor_before_both_heads(
    path, monkeypatch, whole_below, head_at, begins
):
    """Of 24 links, with an anchor at every tenth."""
    monkeypatch.setattr(limits, "CHAIN_VERIFIED_WHOLE", whole_below)
    monkeypatch.setattr(limits, "CHAIN_ANCHOR_EVERY", 10)
    connection = apsw.Connection(path)
    hashes = dict(connection.execute("SELECT position, hash FROM chain"))
    outside = None if head_at is None else Head(1, head_at, hashes.get(head_at, bytes(32)))
    assert Chain(connection).verify(outside) == begins
    assert Chain(connection).verify(outside, whole=True) == 0
    connection.close()


def test_an_anchor_that_is_missing_is_said(path, monkeypatch):
    monkeypatch.setattr(limits, "CHAIN_VERIFIED_WHOLE", 20)
    monkeypatch.setattr(limits, "CHAIN_ANCHOR_EVERY", 10)
    connection = apsw.Connection(path)
    connection.execute("DELETE FROM chain WHERE position = 20")
    connection.close()
    with pytest.raises(StoreCorrupt, match="link 20 of the chain is missing"):
        SqliteStore(path).open(NOON)
