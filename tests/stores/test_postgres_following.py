"""A follower of the record in PostgreSQL says at each reading what one says that reads all of it, and names what has changed."""

import random

import msgspec
import pytest
from databases import new_store, schema_of
from records import NOON, sample_at
from watchkeeper.adapters.stores.opening import make_reader, make_store
from watchkeeper.adapters.stores.record_reader import WholeFollower
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.record import Batch, Checkpoint, HeardMark, Renamed
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.rules.watch import saved_up
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR

pytestmark = pytest.mark.needs("postgres")

TARGETS = ("shop", "door", "mill", "wall")
ENDED = b""
"""The state of a checkpoint that takes its row away."""


def up(target, since_s, at_s=0):
    """Returns the checkpoint of a target that is up."""
    return Checkpoint(
        target, msgspec.msgpack.encode([saved_up(since_s * NS_PER_S)]), NOON.wall_ns + at_s * NS_PER_S
    )


def sample(target, after_s, outcome=Outcome.UP):
    return sample_at(after_s * NS_PER_S, target, outcome)


@pytest.fixture
def url(server):
    return new_store(server, shards=2)


@pytest.fixture
def stores(url):
    """The stores of both shards, open."""
    made = [make_store(url, shard=shard) for shard in range(2)]
    for store in made:
        store.open(NOON)
    yield made
    for store in made:
        store.close()


class Followed:
    """A follower beside one that reads everything."""

    def __init__(self, url, targets=TARGETS):
        self.targets = targets
        reader = make_reader(url)
        self.follower, self.whole = reader.follower(targets), WholeFollower(reader, targets)

    def read(self, after_s):
        """Reads as of a moment after noon. Returns what has changed since the reading before; None for all."""
        end_ns = NOON.wall_ns + after_s * NS_PER_S
        span = (end_ns - NS_PER_DAY, end_ns)
        found, expected = self.follower.read(*span), self.whole.read(*span)
        for mine, theirs in zip(found[:3], expected[:3], strict=True):
            assert {name: mine.get(name) for name in self.targets} == {
                name: theirs.get(name) for name in self.targets
            }
        return None if found.changed is None else set(found.changed) & set(self.targets)


@pytest.fixture
def followed(url, stores):
    return Followed(url)


def test_each_reading_names_the_targets_that_others_wrote_of_since(stores, followed):
    first, second = stores
    first.commit(Batch(samples=(sample("shop", 1), sample("door", 1)), checkpoints=(up("shop", 5),)))
    second.commit(Batch(samples=(sample("mill", 2),), heard=(HeardMark("wall", 7),)))
    assert followed.read(10) is None
    assert followed.read(11) == set()
    second.commit(Batch(samples=(sample("mill", 12, Outcome.TIMED_OUT),)))
    assert followed.read(13) == {"mill"}
    first.commit(Batch(checkpoints=(up("door", 9),)))
    second.commit(Batch(heard=(HeardMark("wall", 8, run="r", run_at_ns=8),)))
    assert followed.read(14) == {"door", "wall"}
    assert followed.read(15) == set()


def test_a_mark_that_is_taken_away_is_gone(stores, followed):
    first, second = stores
    first.commit(Batch(checkpoints=(up("shop", 5), up("door", 6)), heard=(HeardMark("shop", 7),)))
    second.commit(Batch(checkpoints=(up("shop", 4, at_s=-1),)))
    followed.read(1)
    first.commit(Batch(checkpoints=(Checkpoint("door", ENDED, 0),), heard=(HeardMark("shop", None),)))
    assert followed.read(2) == {"shop", "door"}
    # One is taken away and another one made: their number is as it was.
    first.commit(Batch(checkpoints=(Checkpoint("shop", ENDED, 0), up("mill", 3))))
    assert followed.read(3) == {"shop", "mill"}


def test_a_target_that_is_new_or_has_another_name_is_found(stores, followed):
    first, second = stores
    first.commit(Batch(samples=(sample("shop", 1), sample("lane", 1))))
    followed.read(2)
    first.commit(Batch(samples=(sample("wall", 3),)))
    assert followed.read(4) == {"wall"}
    first.commit(Batch(renamed=(Renamed("door", ("lane",)),)))
    assert followed.read(5) == {"door"}
    # One that moves has a number on each shard.
    second.commit(Batch(samples=(sample("shop", 6, Outcome.DOWN),)))
    assert followed.read(7) == {"shop"}
    second.commit(Batch(samples=(sample("shop", 8),)))
    assert followed.read(9) == {"shop"}


def test_a_clock_that_was_set_back_hides_no_later_sample(stores, followed):
    first, _ = stores
    first.commit(Batch(samples=(sample("shop", 100),)))
    followed.read(101)
    first.commit(Batch(samples=(sample("shop", 50, Outcome.DOWN),)))
    # Nothing that lies ahead of the clock is of the record of now.
    followed.read(51)


def test_an_hour_that_ends_and_is_sealed_changes_nothing(stores, followed):
    first, _ = stores
    hour_s = NS_PER_HOUR // NS_PER_S
    first.commit(Batch(samples=(sample("shop", hour_s - 2), sample("door", hour_s - 2))))
    followed.read(hour_s - 1)
    first.commit(Batch(samples=(sample("shop", hour_s - 1), sample("shop", hour_s + 1))))
    first.commit(Batch(samples=(sample("door", hour_s - 1),)))
    assert followed.read(hour_s + 2) == {"shop", "door"}
    later = NOON.shifted(2 * NS_PER_HOUR)
    first.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    assert any(not first.run_maintenance(later) for _ in range(100))
    assert followed.read(hour_s + 3) == set()


def test_all_is_read_anew_after_a_long_pause(stores, followed):
    first, _ = stores
    first.commit(Batch(samples=(sample("shop", 1),)))
    followed.read(2)
    pause_s = limits.RECORD_FOLLOWED_NS // NS_PER_S
    assert followed.read(2 + pause_s) == set()
    assert followed.read(3 + 2 * pause_s) is None


def test_a_database_that_went_back_in_time_is_read_anew(url, stores, followed, server):
    first, _ = stores
    first.commit(Batch(samples=(sample("shop", 1),), checkpoints=(up("shop", 5),)))
    first.commit(Batch(samples=(sample("shop", 2, Outcome.DOWN),), checkpoints=(up("shop", 6),)))
    followed.read(3)
    schema = schema_of(url)
    for statement in (
        "UPDATE {}.shard SET commits = commits - 1 WHERE shard = 0",
        "DELETE FROM {0}.block WHERE number > (SELECT commits FROM {0}.shard WHERE shard = 0)",
        "DELETE FROM {}.checkpoint",
    ):
        server.sql(statement.format(schema))
    assert followed.read(4) is None


def test_a_reading_that_failed_is_made_again_from_its_beginning(url, stores, followed, server):
    first, _ = stores
    first.commit(Batch(samples=(sample("shop", 1),), checkpoints=(up("shop", 5),)))
    followed.read(2)
    first.commit(Batch(samples=(sample("shop", 3),), checkpoints=(up("shop", 6),)))
    schema = schema_of(url)
    server.sql(f"ALTER TABLE {schema}.block RENAME TO away")
    with pytest.raises(Exception, match="block"):
        followed.follower.read(0, NOON.wall_ns + 4 * NS_PER_S)
    server.sql(f"ALTER TABLE {schema}.away RENAME TO block")
    assert followed.read(5) is None


def test_random_writes_of_two_shards_are_followed(stores, followed):
    chance = random.Random(7)
    for second in range(0, 240, 4):
        for store in stores:
            if chance.random() < 0.5:
                store.commit(batch_of(chance, second))
        if chance.random() < 0.4:
            followed.read(second + 2)


def batch_of(chance, second):
    outcomes = (Outcome.UP, Outcome.DOWN)
    return Batch(
        samples=tuple(
            sample(target, second + chance.randrange(2), chance.choice(outcomes))
            for target in TARGETS
            if chance.random() < 0.4
        ),
        checkpoints=tuple(
            up(target, second, at_s=second) if chance.random() < 0.7 else Checkpoint(target, ENDED, 0)
            for target in TARGETS
            if chance.random() < 0.4
        ),
        heard=tuple(
            HeardMark(target, second * NS_PER_S if chance.random() < 0.7 else None)
            for target in TARGETS
            if chance.random() < 0.3
        ),
    )
