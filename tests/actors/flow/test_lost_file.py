"""The file of the store is deleted, moved away or replaced at run time: a problem shows it, and everything goes on."""

import pytest
from faulty_files import Fault, FaultsVfs
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.read_model.event import HealthChanged
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.testing.world import World

QUICK = (Consecutive(id="down", after=1, recover=1),)
BOTH = ["shop/down opened", "shop/down resolved"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "watch.db"


@pytest.fixture
def disk():
    with FaultsVfs("lost_file") as disk:
        yield disk


@pytest.fixture
def world(shop, path, disk):
    """On a real file, in virtual time."""
    made = World([shop(rules=QUICK)], through_bytes=True)
    made.store.close()
    made.store = SqliteStore(str(path), vfs=disk.name)
    made.crash()
    yield made
    made.store.close()


def problem(world):
    return dict(world.status().problems).get("store", "")


@pytest.fixture
def aside(world, path):
    """The file, after a minute of service, moved away."""
    world.script("shop", "ok 3m, down 2m, ok 3m, down 2m, ok")
    world.run("1m")
    assert world.status().healthy
    return path.rename(path.with_name("aside.db"))


@pytest.mark.parametrize("another", [False, True])
def test_a_lost_file_is_shown_within_a_minute(world, path, aside, another):
    if another:
        path.touch()
    world.run("1m")
    assert not world.status().healthy
    assert ("another file lies in the place of" in problem(world)) is another
    assert str(path) in problem(world)


def test_while_the_file_is_lost_targets_are_judged_and_channels_notified(world, aside):
    aside.unlink()
    world.run("30m")
    assert world.delivered("ops") == BOTH * 2
    assert "is gone" in problem(world)


def test_a_file_that_is_put_back_ends_the_problem(world, path, aside):
    world.run("4m")
    assert "is gone" in problem(world)
    aside.rename(path)
    world.run("1m")
    assert world.status().healthy
    world.crash()
    world.run("30m")
    assert world.delivered("ops") == BOTH * 2


def test_a_subscriber_gets_the_loss_and_its_end(world, path, aside):
    with world.feed.subscribe() as events:
        world.run("1m")
        aside.rename(path)
        world.run("2m")
        first, last = [
            event for event in iter(lambda: events.get(0), None) if isinstance(event, HealthChanged)
        ]
    assert (first.part, first.detail[: len(str(path))]) == ("store", str(path))
    assert last == HealthChanged("store", "")


def test_a_new_recorder_learns_of_the_lost_file(world, aside):
    world.run("1m")
    world.system.recorder.tell(object())
    world.run("90s")
    assert "is gone" in problem(world)


def test_a_failure_while_the_file_is_lost_begins_no_empty_store(world, path, aside, disk):
    """An open incident would be unknown to it, and the end of that incident could never be written."""
    world.run("3m")
    assert world.delivered("ops") == BOTH[:1]
    disk.arm(Fault.FAILED_SYNC, at=1)
    world.run("10m")
    assert disk.struck
    assert "is gone" in problem(world)
    assert not path.exists()
    aside.rename(path)
    world.run("30m")
    assert world.delivered("ops") == BOTH * 2
    assert world.status().healthy


def test_a_sink_that_crashes_while_the_file_is_lost_waits_for_it(world, path, aside):
    world.script("shop", "ok 2m, down 1h, ok")
    world.run("4m")
    world.system.sink.tell(object())
    world.run("5m")
    assert "is gone" in dict(world.status().problems)["sink"]
    assert not path.exists()
    aside.rename(path)
    world.run("2h")
    assert world.delivered("ops") == BOTH
    assert world.status().healthy
