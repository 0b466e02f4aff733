"""Marks of a target that moves to another shard: the new shard takes them at its opening, whichever of the two is opened first."""

import pytest
from databases import new_store, schema_of
from records import NOON
from watchkeeper.adapters.stores.postgres.store import PostgresStore
from watchkeeper.domain.cluster.placement import ShardTargets
from watchkeeper.domain.incidents.record import Batch, Checkpoint, HeardMark, PauseMark

pytestmark = pytest.mark.needs("postgres")

HEARD = HeardMark("shop", 5_000, 6_000, "run", 4_000)
PAUSE = PauseMark("shop", 7_000, "ann")
COUNT = Checkpoint("shop", b"counted", 8_000)
MARKS = Batch(heard=(HeardMark("", 9_000), HEARD), pauses=(PAUSE,), checkpoints=(COUNT,))


@pytest.fixture
def url(server):
    return new_store(server, shards=4)


@pytest.fixture
def stores(url):
    """Makes stores of the shards of one database; the targets named are theirs, and `shop` else lies elsewhere."""
    made = []

    def make(shard, *names, configured=("shop",)):
        targets = ShardTargets(
            names, shard, lambda target: 3 if target in configured and target not in names else shard
        )
        made.append(PostgresStore(url, shard=shard, targets=lambda: targets))
        return made[-1]

    yield make
    for store in made:
        store.close()


def write(store, batch):
    store.open(NOON)
    store.commit(batch)
    store.close()


def marks(restored):
    """Returns the marks of targets; the first one of a record says when it was kept last."""
    heard = tuple(each for each in restored.heard if each.target)
    return heard, restored.pauses, restored.checkpoints


@pytest.mark.parametrize("order", ["former first", "present first"])
def test_the_present_shard_takes_the_marks_and_the_former_one_drops_none(stores, order):
    write(stores(1, "shop"), MARKS)
    former, present = stores(1), stores(0, "shop")
    if order == "former first":
        assert marks(former.open(NOON)) == ((), (), ())
    assert marks(present.open(NOON)) == ((HEARD,), (PAUSE,), (COUNT,))
    if order == "present first":
        assert marks(former.open(NOON)) == ((), (), ())
    present.close()
    assert marks(stores(0, "shop").open(NOON)) == ((HEARD,), (PAUSE,), (COUNT,))


def test_of_several_shards_the_newest_mark_is_taken(stores):
    for shard, at_ns in ((1, 5_000), (2, 9_000), (3, 7_000)):
        named = Batch(
            heard=(HeardMark("shop", at_ns),),
            pauses=(PauseMark("shop", at_ns, f"shard {shard}"),),
            checkpoints=(Checkpoint("shop", b"%d" % shard, at_ns),),
        )
        write(stores(shard, configured=()), named)
    found = marks(stores(0, "shop").open(NOON))
    assert found == (
        (HeardMark("shop", 9_000),),
        (PauseMark("shop", 9_000, "shard 2"),),
        (Checkpoint("shop", b"2", 9_000),),
    )
    assert marks(stores(1, "shop").open(NOON)) == found, "and the others have none of it left"


@pytest.mark.parametrize(("at_ns", "wins"), [(4_999, 5_000), (5_001, 5_001)])
def test_an_own_mark_gives_way_to_a_newer_ping_alone(stores, at_ns, wins):
    write(stores(1, "shop"), Batch(heard=(HeardMark("shop", at_ns),), pauses=(PauseMark("shop", 1, "bob"),)))
    write(stores(0, configured=()), MARKS)
    heard, pauses, counts = marks(stores(0, "shop").open(NOON))
    assert [each.at_ns for each in heard] == [wins]
    assert (pauses, counts) == ((PAUSE,), (COUNT,))


def test_marks_of_a_target_that_no_configuration_has_stay_where_they_are(stores):
    write(stores(1, "shop"), MARKS)
    assert marks(stores(0).open(NOON)) == ((), (), ())
    assert marks(stores(1, configured=()).open(NOON)) == ((HEARD,), (PAUSE,), (COUNT,))


def test_an_opening_that_takes_nothing_writes_its_claim_alone(stores, url, server):
    write(stores(0, "shop"), MARKS)
    store = stores(0, "shop")
    store.open(NOON)
    commits = server.sql(f"SELECT commits FROM {schema_of(url)}.shard WHERE shard = 0")  # noqa: S608
    assert commits == "4", "two claims, a commit and a release"
