"""The owner of a store that others may claim: it shows that it lives, says until when, and ends once it has lost it."""

import pytest
from records import opened
from watchkeeper.actors.dispatch.mailbox.mailbox import ExitReason
from watchkeeper.adapters.stores.memory import MemoryStore, SharedRecord
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreFenced
from watchkeeper.domain.incidents.record import Restored
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S
from watchkeeper.protocol.courier import Deliver
from watchkeeper.protocol.sink import (
    Commit,
    ContinueMaintenance,
    Redrive,
    RenewTenure,
    ReopenStore,
    ResumeRetries,
)
from watchkeeper.protocol.supervisor import RenewalRequested
from watchkeeper.testing.world import World

from tests.actors.flow.sink_alone import Shelf, SinkAlone

LEASE = limits.TENURE_LEASE_NS
OPENED = opened()


class Leased(SinkAlone):
    """A sink alone whose store has a lease; `lose` lets another process claim it."""

    def __init__(self):
        self.lease_ns, Shelf.lease_ns = Shelf.lease_ns, LEASE
        try:
            super().__init__(Restored())
        finally:
            Shelf.lease_ns = self.lease_ns
        self.store.lease_ns = LEASE

    def lose(self, *calls):
        def call(name):
            self.store.calls.append(name)
            if name in calls:
                raise StoreFenced("claimed by process 9")

        self.store.call = call

    def advance(self, by_ns):
        self.clock.advance(by_ns)


@pytest.fixture
def sink():
    return Leased()


def test_a_sink_asks_to_renew_a_lease_from_its_start_on(sink):
    assert sink.supervisor.of(RenewalRequested) == [RenewalRequested()]
    sink.forget()
    sink.tell(RenewTenure())
    assert sink.supervisor.of(RenewalRequested) == [RenewalRequested()]


def test_each_commit_puts_the_next_beat_off(sink):
    sink.forget()
    sink.record(OPENED)
    assert sink.supervisor.of(RenewalRequested) == [RenewalRequested()]


def test_a_commit_that_failed_puts_no_beat_off(sink):
    sink.forget()
    sink.store.failing = {"commit"}
    sink.record(OPENED)
    assert sink.supervisor.of(RenewalRequested) == []


def test_a_new_supervisor_is_asked_to_renew_it_again(sink):
    sink.forget()
    sink.tell(ResumeRetries())
    assert sink.supervisor.of(RenewalRequested) == [RenewalRequested()]


def test_a_beat_is_written_where_no_commit_was_made(sink):
    sink.forget()
    sink.advance(limits.TENURE_BEAT_NS)
    sink.tell(RenewTenure())
    assert sink.store.calls == ["beat"]
    sink.record(OPENED)
    sink.forget()
    sink.advance(limits.TENURE_BEAT_NS // 2 - NS_PER_MS)
    sink.tell(RenewTenure())
    assert sink.store.calls == []


def test_a_store_that_waits_to_be_reopened_gets_no_beat(sink):
    sink.store.failing = {"commit"}
    sink.record(OPENED)
    sink.forget()
    sink.advance(limits.TENURE_BEAT_NS)
    sink.tell(RenewTenure())
    assert sink.store.calls == []


def test_a_notice_says_until_when_its_sender_has_the_store(sink):
    sink.record(OPENED)
    (sent,) = sink.ops.of(Deliver)
    assert sent.not_after_ns == sink.now_ns() + LEASE


def test_a_commit_that_takes_longer_than_the_lease_is_followed_by_a_beat(sink):
    commit = sink.store.commit

    def slow(batch):
        sink.advance(LEASE)
        return commit(batch)

    sink.store.commit = slow
    sink.record(OPENED)
    assert sink.store.calls[-2:] == ["commit", "beat"]
    (sent,) = sink.ops.of(Deliver)
    assert sent.not_after_ns == sink.now_ns() + LEASE


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("commit", None),
        ("beat", RenewTenure()),
        ("recall", Redrive("unknown")),
        ("run_maintenance", ContinueMaintenance()),
    ],
)
def test_a_sink_that_has_lost_its_store_ends_and_hands_nothing_out(sink, call, message):
    sink.forget()
    sink.lose(call)
    sink.advance(limits.TENURE_BEAT_NS)
    with pytest.raises(StoreFenced, match="process 9"):
        sink.tell(sink.recorded(OPENED) if message is None else message)
    assert sink.store.calls == [call, "close"]
    assert (sink.ops, sink.calm, sink.recorder) == ([], [], [])
    ((_, _, reason, _),) = sink.ends
    assert reason is ExitReason.CRASHED


def test_a_sink_that_finds_a_claim_after_a_failure_ends(sink):
    sink.store.failing = {"commit"}
    sink.record(OPENED)
    sink.lose("open")
    with pytest.raises(StoreFenced, match="process 9"):
        sink.tell(ReopenStore())
    assert sink.ops == []


# The whole system.


@pytest.fixture
def shared():
    return SharedRecord()


@pytest.fixture
def owner(shared, shop):
    """A world whose store another may claim."""
    world = World((shop(),), through_bytes=True)
    world.store.close()
    world.store = MemoryStore(shared, "a")
    world.crash()
    world.run("10s")
    return world


def test_an_idle_owner_is_never_silent_for_a_lease(shared):
    world = World((), through_bytes=True)
    world.store.close()
    world.store = MemoryStore(shared, "a")
    world.crash()
    seen = []
    for _ in range(40):
        world.run("1500ms")
        seen.append(shared.tenure)
    assert len(set(seen)) == len(seen)
    assert shared.tenure.beats > 30


def test_a_system_that_has_lost_its_store_ends_by_itself(owner, shared):
    other = MemoryStore(shared, "b")
    other.lapsed = shared.tenure
    other.open(owner.now)
    owner.script("shop", "down")
    before = shared.tenure
    owner.run("1m")
    assert shared.tenure == before
    assert owner.messengers["ops"].posts == []
    system = owner.system
    assert isinstance(system.ended["sink"], StoreFenced)
    assert not any(address.alive for address in system.addresses() if address.name != "recorder")
    assert shared.lock_holder is None
    says = dict(owner.status().problems)["store"]
    assert says.startswith("the record in memory was claimed by b: nothing more is recorded")


def test_a_system_that_has_lost_its_store_leaves_the_word_to_its_host(owner, shared, caplog):
    other = MemoryStore(shared, "b")
    other.lapsed = shared.tenure
    other.open(owner.now)
    for _ in range(3):
        owner.system.sink.tell(Commit())
    owner.run("1m")
    assert isinstance(owner.system.ended["sink"], StoreFenced)
    assert caplog.messages == []


def test_an_owner_that_drains_slowly_keeps_its_lease(owner, shared):
    owner.script("shop", "down")
    owner.run("30s")
    assert [post.accepted for post in owner.messengers["ops"].posts] == [True]
    owner.script_channel("ops", "slow 9s")
    owner.script("shop", "ok")
    while len(owner.messengers["ops"].posts) < 2:
        owner.run("100ms")
    rows = set()
    owner.dispatcher.call_at(owner.now.monotonic_ns + 4 * NS_PER_S, lambda: rows.add(shared.tenure))
    owner.dispatcher.call_at(owner.now.monotonic_ns + 6 * NS_PER_S, lambda: rows.add(shared.tenure))
    owner.stop(20 * NS_PER_S)
    assert len(rows) == 2
    assert not shared.tenure.owner


def test_a_commit_of_a_former_owner_is_refused_whatever_it_holds(owner, shared):
    other = MemoryStore(shared, "b")
    other.lapsed = shared.tenure
    other.open(owner.now)
    owner.system.sink.tell(Commit())
    owner.run("2s")
    assert isinstance(owner.system.ended["sink"], StoreFenced)
