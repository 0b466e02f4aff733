"""Tests of channels, kept for the sink: each is recorded as a try, sent by its courier, and never repeated."""

from collections.abc import Callable
from typing import assert_never

from ...domain.incidents.delivery_try import DeliveryTry
from ...domain.incidents.notice import Answer, Delivery, DeliveryState
from ...domain.incidents.outbox import OutboxEntry
from ...domain.incidents.pending_batch import Gathering
from ...domain.incidents.trials.channel_test import notice_of_test
from ...domain.time.moment import Moment
from ...protocol.recorder import NoticeSettled
from ...protocol.sink import GetTest, SendTest
from ...protocol.supervisor import ChannelRecovered, DeliverySettled
from ..ports import Neighbours

LOST = Answer(accepted=False, detail="its courier was restarted: the outcome is unknown")


class ChannelTests:
    """Owns the test under way of each channel, one at a time, and the last one that ended. Used by the sink alone."""

    def __init__(
        self, gathered: Gathering, neighbours: Neighbours, commit_soon: Callable[[bool], None]
    ) -> None:
        self._gathered, self._to, self._commit_soon = gathered, neighbours, commit_soon
        self._under_way: dict[str, OutboxEntry] = {}
        self._ended: dict[str, DeliveryTry] = {}
        self._unwritten: dict[str, DeliveryTry] = {}
        """Those of them that the next commit writes."""
        self._count = 0

    def handle(
        self, message: SendTest | GetTest, generation: int | None, now: Moment
    ) -> str | DeliveryTry | None:
        """Obeys and answers; without a `generation` none can begin."""
        match message:
            case SendTest(channel, by):
                return self._begin(channel, by, generation, now)
            case GetTest(key):
                return next((tried for tried in self._ended.values() if tried.key == key), None)
            case _:
                assert_never(message)

    def _begin(self, channel: str, by: str, generation: int | None, now: Moment) -> str:
        """Begins a test with the next commit. Returns its key; empty where none can begin, or another one is under way."""
        if generation is None or channel in self._under_way or channel not in self._to.couriers:
            return ""
        self._count += 1
        notice = notice_of_test(channel, by, (generation, self._count), now.wall_ns)
        self._under_way[channel] = OutboxEntry(notice, 0)
        self._commit_soon(True)
        return notice.key

    def show(self) -> None:
        """Answers from now on with the tests that ended before the commit that is made now: a page reads them in the record at once."""
        self._ended |= self._unwritten
        self._unwritten.clear()

    def hand_out(self, now_ns: int) -> list[tuple[OutboxEntry, Delivery]]:
        """Returns the tests to send now, each with the state of its try, which is in no outbox."""
        begun = [entry for entry in self._under_way.values() if not entry.attempts]
        for entry in begun:
            entry.begin(now_ns)
        return [(entry, entry.delivery(DeliveryState.PENDING, now_ns, "")) for entry in begun]

    def answered(self, key: str, answer: Answer, now: Moment) -> bool:
        """Ends the test of this key with its answer, whatever it is. Returns False where the key is that of a notice."""
        for entry in self._under_way.values():
            if entry.notice.key == key:
                self._end(entry, answer, now)
                return True
        return False

    def courier_restarted(self, channel: str, now: Moment) -> None:
        """Ends the test that a lost courier held."""
        entry = self._under_way.get(channel)
        if entry is not None and entry.sent is not None:
            self._end(entry, LOST, now)

    def forget(self) -> None:
        """Ends what is under way without an answer: the store has gone back behind it."""
        self._under_way.clear()

    def _end(self, entry: OutboxEntry, answer: Answer, now: Moment) -> None:
        notice = entry.notice
        del self._under_way[notice.channel]
        for tried in entry.answered(answer, now):
            self._unwritten[notice.channel] = tried
            self._gathered.tries.append(tried)
        state = DeliveryState.DELIVERED if answer.accepted else DeliveryState.DEAD
        self._to.supervisor.tell(DeliverySettled(notice.channel, notice.key))
        if answer.accepted:
            # Notices that back off need not wait any longer, and a ping that was held back may go: nothing else may come for days.
            self._to.supervisor.tell(ChannelRecovered(notice.channel))
        self._to.recorder.tell(NoticeSettled(notice, entry.delivery(state, now.wall_ns, answer.detail)))
        self._commit_soon(True)
