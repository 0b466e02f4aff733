"""A store that hangs in a commit: the health says so while the sink, which has made the call, cannot."""

import threading

import pytest
from watchkeeper import Configuration, HealthChanged
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.domain import limits
from watchkeeper.domain.time.moment import NS_PER_MS
from watchkeeper.host.composition import make_engine
from watchkeeper.host.configured import ConfiguredTargets
from watchkeeper.host.subscriptions import Subscriptions

WITHIN_S = 20


class Hanging(MemoryStore):
    """Its commits wait until it is released."""

    def __init__(self):
        super().__init__()
        self.released = threading.Event()

    def commit(self, batch):
        self.released.wait(WITHIN_S)
        return super().commit(batch)


@pytest.fixture
def store():
    made = Hanging()
    yield made
    made.released.set()


def test_a_store_that_hangs_is_a_problem_until_it_answers(shop, ops, store, monkeypatch):
    monkeypatch.setattr(limits, "STORE_ANSWER_NS", 200 * NS_PER_MS)
    configuration = Configuration(channels=ops["channels"], targets=(shop,))
    configured, feed = ConfiguredTargets(configuration, ops["callables"]), Subscriptions()
    engine = make_engine(configuration, configured, feed, None, store)
    engine.start()
    try:
        with feed.subscribe() as events:
            said = events.get(WITHIN_S)
            assert isinstance(said, HealthChanged)
            assert (said.part, said.detail.partition(":")[0]) == (
                "store",
                "a call to the store has had no answer for 5 s",
            )
            store.released.set()
            assert events.get(WITHIN_S) == HealthChanged("store", "")
    finally:
        store.released.set()
        engine.stop(10**9)
