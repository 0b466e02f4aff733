"""The production actors on a real file that other programs remove or cut."""

import shutil

import pytest
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.testing.world import World

QUICK = (Consecutive(id="down", after=1, recover=1),)
OPENED, RESOLVED = "shop/down opened", "shop/down resolved"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "watch.db"


@pytest.fixture
def world(path, shop):
    """An incident is open, and its notice was delivered."""
    made = World([shop(rules=QUICK)], through_bytes=True)
    made.store.close()
    made.store = SqliteStore(str(path))
    made.crash()
    made.script("shop", "ok 1m, down 6m, ok")
    made.run("2m")
    assert made.delivered("ops") == [OPENED]
    yield made
    made.store.close()


def beside(path, suffix):
    return path.with_name(f"{path.name}{suffix}")


def cut(path):
    with path.open("r+b") as file:
        file.truncate(0)


def problem_of(world):
    return dict(world.status().problems).get("store", "")


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_removed_log_or_index_heals_by_itself_and_loses_nothing(world, path, suffix, counter):
    beside(path, suffix).unlink()
    world.run("1m")
    assert beside(path, suffix).exists()
    assert world.status().healthy, world.status().problems
    world.run("8m")
    assert world.delivered("ops") == [OPENED, RESOLVED]
    assert counter(world, "writes_lost") == 0


def test_a_removed_log_is_noticed_within_a_minute_where_nothing_is_recorded(world, path):
    world.pause("shop")
    world.run("30s")
    beside(path, "-wal").unlink()
    world.run("62s")
    assert beside(path, "-wal").exists()
    assert world.status().healthy, world.status().problems


def test_a_log_that_is_cut_costs_what_was_in_it_and_notices_go_on(world, path, counter):
    cut(beside(path, "-wal"))
    world.run("1m")
    assert world.status().healthy, world.status().problems
    assert counter(world, "writes_lost") > 0
    world.run("8m")
    assert world.delivered("ops") == [OPENED, OPENED, RESOLVED]


def test_a_database_that_is_cut_is_a_problem_until_a_copy_is_put_back(world, path):
    world.store.close()
    world.store.open(world.clock.read())
    shutil.copy(path, beside(path, "-copy"))
    cut(path)
    world.run("1m")
    assert "is empty" in problem_of(world) or "was cut" in problem_of(world)
    content = beside(path, "-copy").read_bytes()
    path.write_bytes(content)
    world.run("1m")
    assert world.status().healthy, world.status().problems
    world.run("8m")
    assert world.delivered("ops")[-1] == RESOLVED
