"""Tests of channels as hosts ask for them: begun by the sink, their end seen in the feed, answered with the try."""

from pykka import Timeout

from ...actors.dispatch.run.future import AwaitAnswer, DispatchedFuture
from ...actors.ports import Clock
from ...domain.errors import StoreError, UnknownName, UsageError
from ...domain.incidents.delivery_try import DeliveryTry
from ...domain.limits import ANSWER_WITHIN_NS
from ...domain.line import first_line, one_line
from ...domain.read_model.event import Event, NoticeEnded
from ...domain.specification.channel import Channel
from ...domain.specification.problem import suggestion
from ...domain.time.moment import Deadline
from ...protocol.sink import UNWRITTEN, GetTest, SendTest
from ..configured import ConfiguredTargets
from ..lifecycle import Lifecycle

_SINK = "sink"
_NOT_NOW = "the record cannot be written now: `watchkeeper status` says why"


class _TestEnds:
    """Listens in the feed for the end of tests of one channel."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self.next: DispatchedFuture[None] = DispatchedFuture()
        """Set at the next end of a test, and at that of the runtime."""

    def offer(self, event: Event) -> None:
        if type(event) is NoticeEnded and event.notice.is_test and event.notice.channel == self._channel:
            self.close()

    def close(self) -> None:
        ended, self.next = self.next, DispatchedFuture()
        ended.set(None)


class ChannelTesting:
    """Sends a test to a channel and waits for its answer: at most the channel's timeout and that of a question."""

    def __init__(self, lifecycle: Lifecycle, configured: ConfiguredTargets, clock: Clock) -> None:
        self._lifecycle, self._configured, self._clock = lifecycle, configured, clock

    async def test(self, channel: str, by: str, wait: AwaitAnswer) -> DeliveryTry:
        """Returns the try.

        Raises: UnknownName for an unknown channel; UsageError where none can begin; TimeoutError without an end in time; StoreError where
        nothing can be recorded.
        """
        spec, lifecycle = self._known(channel), self._lifecycle
        if lifecycle.stands_by:
            within_ns = spec.timeout_ns + 2 * ANSWER_WITHIN_NS
            passed: DeliveryTry = await lifecycle.answer(
                _SINK, SendTest(spec.id, first_line(by)), wait, within_ns
            )
            return passed
        until = Deadline.after(self._clock.read(), spec.timeout_ns + ANSWER_WITHIN_NS)
        ends = _TestEnds(spec.id)
        lifecycle.feed.join(ends)
        try:
            key = await lifecycle.answer(_SINK, SendTest(spec.id, first_line(by)), wait)
            if key == UNWRITTEN:
                raise StoreError(
                    f"no test of channel {spec.id!r} can begin: it is recorded before it is sent, and {_NOT_NOW}: nothing was done"
                )
            if not key:
                raise UsageError(f"no test of channel {spec.id!r} can begin: one is under way")
            while True:
                # Taken first: an end that comes after the question sets it.
                ended = ends.next
                tried = await lifecycle.answer(_SINK, GetTest(key), wait)
                if isinstance(tried, DeliveryTry):
                    return tried
                try:
                    await lifecycle.engine.arrival(ended, until.remaining_s(self._clock.read()), wait)
                except Timeout:
                    break
            raise await self._unended(spec, key, wait)
        finally:
            lifecycle.feed.forget(ends)

    async def _unended(self, spec: Channel, key: str, wait: AwaitAnswer) -> StoreError | TimeoutError:
        """Returns what is raised for a test without an end in time."""
        if await self._lifecycle.answer(_SINK, GetTest(key), wait) == UNWRITTEN:
            return StoreError(
                f"the test of channel {spec.id!r} is sent once it can be recorded, and {_NOT_NOW}"
            )
        return TimeoutError(f"the test of channel {spec.id!r} did not end in time: see status().problems")

    def _known(self, channel: str) -> Channel:
        if not isinstance(channel, str):
            raise TypeError(
                f"a channel is named by its id, which is a text, not by {one_line(repr(channel))}"
            )
        known = {each.id: each for each in self._configured.given.channels}
        if channel not in known:
            raise UnknownName(f"no channel is named {channel!r}{suggestion(channel, known)}")
        return known[channel]
