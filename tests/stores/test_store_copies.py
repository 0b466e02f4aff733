"""A store that is copied is the same store: from a file to a database and back, in one piece or not at all."""

from itertools import pairwise

import apsw
import pytest
from databases import new_store, schema_of
from histories import ALL, measured
from msgspec.structs import replace
from records import NOON, delivery_of, digest_of_steps, notice_of, opened, sample_at, then
from watchkeeper.adapters.stores.copying.copying import copy_between, copy_store
from watchkeeper.adapters.stores.copying.sqlite_side import SqliteSide
from watchkeeper.adapters.stores.opening import make_reader, make_store
from watchkeeper.adapters.stores.sqlite.connection import connect_reader, connect_writer
from watchkeeper.adapters.stores.sqlite.schema import migrate
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreBusy, StoreCorrupt, StoreError
from watchkeeper.domain.incidents.announcement import Announcement
from watchkeeper.domain.incidents.delivery_try import DeliveryTry
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState, NoticeReason, make_notice
from watchkeeper.domain.incidents.record import (
    Batch,
    BlindInterval,
    Checkpoint,
    HeardMark,
    LatestFinding,
    PauseMark,
    Silence,
)
from watchkeeper.domain.observation.evidence import Evidence
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.time.duration import NS_PER_HOUR

pytestmark = pytest.mark.needs("postgres")
STEPS = tuple(opened(f"inc_{number}", target=f"t{number}") for number in range(3))
END = then(STEPS[2], TransitionKind.RESOLVED)
DIGEST = digest_of_steps(*STEPS)
FIRST = notice_of(STEPS[0])
REMINDER = make_notice(
    STEPS[0].incident, "ops", TransitionKind.OPENED, NOON.wall_ns, NoticeReason.REMINDER, 1
)
DEAD = notice_of(STEPS[1], "chat")
EVERYTHING = (
    Batch(transitions=STEPS, notices=(DIGEST, FIRST, DEAD), samples=measured(30, every_s=600)),
    Batch(
        transitions=(END,),
        notices=(REMINDER,),
        deliveries=(
            replace(delivery_of(DIGEST, DeliveryState.DELIVERED), memory="1234.5"),
            delivery_of(DEAD, DeliveryState.DEAD, detail="HTTP 410"),
        ),
        checkpoints=(Checkpoint("shop", b"\x00state", 5),),
        silences=(Silence(id="night", target="shop", until_ns=NOON.wall_ns + 1),),
        announcements=(Announcement(id="a", title="Slow", created_at_ns=1, updated_at_ns=1),),
        heard=(HeardMark("", 7), HeardMark("shop", 5, 4, "run", 3)),
        pauses=(PauseMark("door", 3, "ann"),),
        latest=(LatestFinding("inc_0", "news"),),
        blind=(BlindInterval(1, 2, "stalled"),),
        tries=(DeliveryTry(key=DIGEST.key, attempt=1, channel="ops", at_ns=NOON.wall_ns),),
        samples=(sample_at(0, "t0", Outcome.DOWN),),
        evidence=(Evidence(target="t0", at_ns=NOON.wall_ns, failed=("a",), body="é"),),
    ),
)


def filled(place):
    """A closed store with something in every table: half of the hours are sealed, and one day is summed up."""
    store = make_store(place)
    store.open(NOON)
    for batch in EVERYTHING:
        store.commit(batch)
    later = NOON.shifted(20 * NS_PER_HOUR)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    any(not store.run_maintenance(later) for _ in range(200))
    store.close()
    return place


def seen(place):
    """Everything that readers and a restart see of a store."""
    reader = make_reader(place)
    samples = {name: reader.samples(name, *ALL) for name in reader.targets()}
    incidents = reader.incidents()
    found = (
        incidents,
        [(reader.transitions(each.id), reader.told(each.id)) for each in incidents],
        reader.outbox(),
        reader.deliveries(key=DIGEST.key),
        samples,
        [(reader.hourly(name, *ALL), reader.daily(name, *ALL)) for name in samples],
        reader.evidence("t0", *ALL),
        reader.blind(),
        reader.verify(),
    )
    store = make_store(place)
    restored = store.open(NOON)
    store.close()
    return found, replace(restored, epoch=1)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "watch.db")


@pytest.mark.parametrize("begins", ["file", "database"])
def test_a_store_is_the_same_after_a_journey_there_and_back(path, server, tmp_path, begins):
    first, second = new_store(server), str(tmp_path / "back.db")
    places = [path, first, second] if begins == "file" else [first, path, new_store(server)]
    before = seen(filled(places[0]))
    for old, new in pairwise(places):
        copied = copy_store(old, new, NOON)
        assert (copied.incidents, copied.links) == (3, 7)
        assert copied.samples, "of the hours that are not sealed"
        assert copied.chunks
        assert seen(new) == before


def test_a_copy_goes_on_as_the_store_would(path, server):
    url = new_store(server)
    copy_store(filled(path), url, NOON)
    now = {}
    for place in (path, url):
        store = make_store(place)
        store.open(NOON)
        store.commit(
            Batch(transitions=(then(STEPS[0], TransitionKind.RESOLVED),), samples=measured(2, ("new",)))
        )
        later = NOON.shifted(90 * NS_PER_HOUR)
        store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
        any(not store.run_maintenance(later) for _ in range(300))
        store.close()
        now[place] = seen(place)
    assert now[path] == now[url]


def test_a_store_that_is_run_is_not_copied(path, server):
    url = new_store(server)
    store = make_store(filled(path))
    store.open(NOON)
    with pytest.raises(StoreBusy, match="stop it first"):
        copy_store(path, url, NOON)
    store.close()
    assert server.sql(f"SELECT to_regclass('{schema_of(url)}.chain') IS NULL") == "t"


@pytest.mark.parametrize("into", ["file", "database"])
def test_a_store_that_is_there_is_never_written_over(path, server, into, tmp_path):
    url = new_store(server)
    there = filled(url if into == "database" else path)
    old = filled(str(tmp_path / "other.db"))
    before = seen(there)
    with pytest.raises(StoreError, match="left as it is"):
        copy_store(old, there, NOON)
    assert seen(there) == before


def test_a_place_without_a_store_is_named(path, server):
    for old in (path, new_store(server)):
        with pytest.raises(StoreError, match="there is no store at"):
            copy_store(old, new_store(server), NOON)


class Lossy(SqliteSide):
    """Loses the first row of a table."""

    def write(self, table, rows):
        super().write(table, [*rows][table.name == "told" :])


def test_a_row_that_goes_missing_on_the_way_is_noticed(path, tmp_path):
    source = connect_reader(filled(path))
    target = connect_writer(str(tmp_path / "new.db"))
    migrate(target)
    with pytest.raises(StoreCorrupt, match=r"the copy of told does not read back .*nothing was kept"):
        copy_between(SqliteSide(source), Lossy(target), "new.db")
    source.close()
    target.close()


def test_a_copy_that_fails_in_the_middle_leaves_nothing_behind(path, server):
    """An hour that no column of PostgreSQL holds fails one of the last tables."""
    connection = apsw.Connection(filled(path))
    connection.execute("INSERT INTO hourly VALUES (1 << 40, 1, x'00')")
    connection.close()
    new = new_store(server)
    with pytest.raises(StoreError, match="out of range"):
        copy_store(path, new, NOON)
    with pytest.raises(StoreError, match="there is no store at"):
        make_reader(new).incidents()
