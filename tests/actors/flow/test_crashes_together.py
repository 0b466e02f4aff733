"""Two crashes at once: the actor that was to restart the first is dead itself."""

import pytest
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.testing.world import World

from tests.actors.flow.driver import poller

QUICK = (Consecutive(id="down", after=1, recover=1),)


@pytest.mark.parametrize("name", ["courier/ops", "owner", "sink", "recorder", "poller/shop"])
def test_a_new_supervisor_brings_back_what_the_old_one_was_to(shop, name):
    world = World([shop(rules=QUICK)])
    world.run("1m")
    crashed = next(address for address in addresses_of(world) if address.name == name)
    crashed.tell(object())
    world.run("1ms")
    assert not crashed.alive
    world.system.supervisor.tell(object())
    world.run("10s")
    assert crashed.alive


def addresses_of(world):
    return (*world.system.addresses(), poller(world))


class Particular:
    """A store that refuses batches with notices while `refusing` is set."""

    def __init__(self, inner):
        self.inner = inner
        self.refusing = True
        self.refused = 0

    def commit(self, batch):
        if self.refusing and batch.notices:
            self.refused += 1
            raise StoreError("not this one")
        return self.inner.commit(batch)

    def __getattr__(self, name):
        return getattr(self.inner, name)


def test_nothing_is_notified_that_could_not_be_committed(shop):
    world = World([shop(rules=QUICK)])
    world.store.close()
    world.store = Particular(world.store)
    world.crash()
    world.script("shop", "ok 1m, down")
    world.run("5m")
    assert world.store.refused >= 1
    assert world.messengers["ops"].posts == []
    world.store.refusing = False
    world.run("1m")
    assert world.delivered("ops") == ["shop/down opened"]


def test_a_notice_in_backoff_outlives_the_supervisor_that_was_to_retry_it(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down")
    world.script_channel("ops", "status 503 2m, ok")
    world.run("110s")
    assert world.messengers["ops"].posts
    assert world.delivered("ops") == []
    world.system.supervisor.tell(object())
    world.run("5m")
    assert world.delivered("ops") == ["shop/down opened"]
