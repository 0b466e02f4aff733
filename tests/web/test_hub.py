"""The hub by itself, between a feed and its streams."""

import asyncio
from types import SimpleNamespace

import pytest
from records import sample_at
from watchkeeper import HealthChanged
from watchkeeper.domain.limits import SUBSCRIPTION_EVENTS_MAX
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.read_model.event import SampleSeen
from watchkeeper.domain.read_model.status import TargetStatus
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.host.access.metrics import Traffic
from watchkeeper.host.subscriptions import Subscriptions
from watchkeeper.web import limits
from watchkeeper.web.hub import Hub
from watchkeeper.web.problems import Refusal


class Feed(Subscriptions):
    """The operations of a runtime without targets: its events are those that a test publishes."""

    def __init__(self):
        super().__init__()
        self.verbs = self
        self.metrics = SimpleNamespace(traffic=Traffic())

    async def status(self, *, fresh):
        return SimpleNamespace(targets=(), silences=(), announcements=())

    def now_ns(self):
        return 0


async def until(stream, kind):
    """Reads until a frame of this kind; returns it."""
    while frames := await stream.next():
        for frame in frames:
            if frame.kind == kind:
                return frame
    raise AssertionError(f"the stream ended without {kind}")


def test_events_that_were_dropped_make_every_client_ask_anew():
    async def run():
        feed = Feed()
        hub = Hub(feed)
        stream = await hub.join("here", counts_address=False)
        feed.publish(HealthChanged("store", "full"))
        last = (await until(stream, "self")).number
        for number in range(SUBSCRIPTION_EVENTS_MAX + 1):
            feed.publish(HealthChanged("store", f"full {number}"))
        assert (await until(stream, "reset")).number > last
        again = await hub.join("here", counts_address=False)
        hub.resume(again, last)
        assert (await until(again, "reset")).data == {}
        hub.close()

    asyncio.run(run())


def test_a_burst_beyond_the_queue_costs_only_the_client_that_does_not_read():
    async def run():
        feed = Feed()
        hub = Hub(feed)
        idle = await hub.join("idle", counts_address=False)
        reading = await hub.join("reading", counts_address=False)
        for number in range(limits.STREAM_QUEUE_MAX * 4):
            feed.publish(HealthChanged("store", str(number)))
        while (await until(reading, "self")).data["detail"] != str(limits.STREAM_QUEUE_MAX * 4 - 1):
            pass
        assert (idle.is_lost, reading.is_lost) == (True, False)
        assert hub.listeners == 1
        assert await idle.next() == []
        hub.close()

    asyncio.run(run())


def test_an_address_has_twenty_streams_and_the_site_five_hundred():
    async def run():
        hub = Hub(Feed())
        for _ in range(limits.STREAMS_PER_ADDRESS_MAX):
            await hub.join("203.0.113.1", counts_address=True)
        with pytest.raises(Refusal, match="too many streams"):
            await hub.join("203.0.113.1", counts_address=True)
        for _ in range(limits.STREAMS_MAX - hub.listeners):
            await hub.join("127.0.0.1", counts_address=False)
        with pytest.raises(Refusal, match="too many streams"):
            await hub.join("203.0.113.2", counts_address=True)
        hub.close()
        assert hub.listeners == 0

    asyncio.run(run())


def test_a_runtime_that_ends_ends_the_streams_and_the_next_client_begins_anew():
    async def run():
        feed = Feed()
        hub = Hub(feed)
        stream = await hub.join("here", counts_address=False)
        feed.close()
        assert await stream.next() == []
        await asyncio.sleep(0)
        again = await hub.join("here", counts_address=False)
        feed.publish(HealthChanged("store", "full"))
        assert (await until(again, "self")).data == {"part": "store", "detail": "full"}
        hub.close()

    asyncio.run(run())


def test_a_start_that_fails_leaves_no_stream_behind():
    async def run():
        feed = Feed()
        hub = Hub(feed)

        async def stopped(*, fresh):
            raise TimeoutError("the runtime does not answer")

        feed.status = stopped
        with pytest.raises(TimeoutError):
            await hub.join("here", counts_address=False)
        assert hub.listeners == 0

    asyncio.run(run())


class LateFeed(Feed):
    """Answers with a status from before an event that it tells of meanwhile."""

    def __init__(self):
        super().__init__()
        self.asked = 0
        self.told = asyncio.Event()

    async def status(self, *, fresh):
        self.asked += 1
        if self.asked == 2:
            self.publish(SampleSeen(sample_at(0, outcome=Outcome.DOWN, reason=Reason.TIMED_OUT), Status.DOWN))
            await self.told.wait()
        if self.asked == 3:
            self.publish(HealthChanged("store", "full"))
        now = Status.UP if self.asked < 3 else Status.DOWN
        return SimpleNamespace(targets=(shop(now),), silences=(), announcements=())


def shop(status):
    said = (
        sample_at(0) if status is Status.UP else sample_at(0, outcome=Outcome.DOWN, reason=Reason.TIMED_OUT)
    )
    return TargetStatus(
        id="shop", kind="tcp", status=status, since_ns=said.at.wall_ns, raw=status, paused=False, sample=said,
        attempt=None, samples=1, missed=0,
    )  # fmt: skip


def test_a_status_from_before_an_event_does_not_take_it_back():
    async def run():
        feed = LateFeed()
        hub = Hub(feed)
        stream = await hub.join("here", counts_address=False)
        seen = [await until(stream, "status")]
        feed.told.set()
        while seen[-1].kind != "self":
            seen += await stream.next()
        hub.close()
        return [frame.data["k"]["shop"][0] for frame in seen if frame.kind == "status"]

    assert asyncio.run(run()) == ["down"]
