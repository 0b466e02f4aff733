"""The pace of maintenance: slices follow each other while work is left, and rounds of a minute otherwise."""

import pytest
from histories import day_tables, in_file
from records import NOON, sample_at
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.specification.configuration import Retention
from watchkeeper.domain.time.duration import NS_PER_DAY, NS_PER_HOUR
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.testing.world import World

ROUND_NS, PAUSE_NS = limits.HOUSE_EVERY_NS, limits.HOUSE_PAUSE_NS
BUSY_HOUR_ROWS = 10_000
TARGETS = 40
ENDLESS = 10**9


class Workload(MemoryStore):
    """A store with a number of slices to do, which notes the moment of each."""

    def __init__(self, slices):
        super().__init__()
        self.slices_left = slices
        self.moments = []
        self.fails = False

    def run_maintenance(self, now):
        super().run_maintenance(now)
        self.moments.append(now.monotonic_ns - NOON.monotonic_ns)
        if self.fails:
            raise StoreError("disk full")
        self.slices_left = max(self.slices_left - 1, 0)
        return self.slices_left > 0


@pytest.fixture
def on(shop):
    """Makes a world on a store."""

    def make(store, *targets):
        world = World(targets or [shop()], through_bytes=True)
        world.store.close()
        world.store = store
        world.crash()
        return world

    return make


@pytest.mark.parametrize("slices", [0, 1, 2, 5])
def test_slices_follow_each_other_while_work_is_left_and_then_rounds(on, slices):
    store = Workload(slices)
    on(store).run("2m")
    first_round = [ROUND_NS + number * PAUSE_NS for number in range(max(slices, 1))]
    assert store.moments == [*first_round, 2 * ROUND_NS]


def test_a_round_does_not_add_a_second_chain_of_slices(on):
    store = Workload(ENDLESS)
    on(store).run("10m")
    assert len(store.moments) == pytest.approx(9 * ROUND_NS / PAUSE_NS, rel=0.01)


def test_slices_of_a_store_that_fails_wait_for_the_next_round(on):
    store = Workload(ENDLESS)
    store.fails = True
    world = on(store)
    world.run("5m")
    assert store.moments == [number * ROUND_NS for number in range(1, 6)]
    store.fails = False
    world.run("1m")
    assert store.moments[5:7] == [6 * ROUND_NS]
    world.run("1s")
    assert store.moments[5:8] == [6 * ROUND_NS, 6 * ROUND_NS + PAUSE_NS, 6 * ROUND_NS + 2 * PAUSE_NS]


def test_a_stop_does_not_wait_for_work_that_is_left(on):
    store = Workload(ENDLESS)
    world = on(store)
    world.run("70s")
    before, slices = world.now.monotonic_ns, len(store.moments)
    assert world.restart() == ()
    assert world.now.monotonic_ns - before < NS_PER_S
    assert len(store.moments) <= slices + 1


@pytest.mark.parametrize("child", ["sink", "supervisor"])
def test_the_next_round_goes_on_after_a_crash(on, child):
    store = Workload(ENDLESS)
    world = on(store)
    world.run("70s")
    getattr(world.system, child).tell(object())
    world.run("2m")
    assert store.moments[-1] > 3 * ROUND_NS
    assert store.moments[-1] - store.moments[-2] == PAUSE_NS


def busy_day():
    """The samples of the day before, hour by hour; a world begins at midnight."""
    step_ns = NS_PER_HOUR // BUSY_HOUR_ROWS
    midnight_ns = NOON.wall_ns // NS_PER_DAY * NS_PER_DAY - NOON.wall_ns
    for hour in range(-24, 0):
        began_ns = midnight_ns + hour * NS_PER_HOUR
        yield tuple(
            sample_at(began_ns + row * step_ns, f"target-{row % TARGETS}") for row in range(BUSY_HOUR_ROWS)
        )


def test_a_busy_day_is_sealed_summed_up_and_dropped_within_a_minute_of_a_trusted_clock(on, tmp_path):
    path = str(tmp_path / "watch.db")
    store = SqliteStore(path, Retention(samples="1m"))
    store.open(NOON)
    for samples in busy_day():
        store.commit(Batch(samples=samples))
    store.close()
    world = on(store)
    (yesterday,) = day_tables(path)
    world.run("10m")
    assert in_file(path, "chunk") == 0
    world.run("2m")
    assert in_file(path, "chunk") == in_file(path, "hourly") == 24 * TARGETS
    assert in_file(path, "daily") == TARGETS
    (today,) = day_tables(path)
    assert today > yesterday
    store.close()
