"""The outbox: committed notices that are not settled, and the choice of those that a courier may send now."""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice

import msgspec

from ..limits import DETAIL_CHARACTERS_MAX, LIMITED_SAID_MAX
from ..specification.channel import Channel
from ..time.moment import Moment
from .delivery_try import DeliveryTry
from .notice import Answer, Delivery, DeliveryState, Notice
from .rate_limit import RateLimit
from .told import ChannelBacklog


class OutboxStage(StrEnum):
    """The stage of a notice in the outbox."""

    READY = "ready"
    HANDED_OUT = "handed_out"
    BACKING_OFF = "backing_off"
    """The supervisor decides whether and when it is retried."""


STAGE_MOVES: dict[OutboxStage, tuple[OutboxStage, ...]] = {
    OutboxStage.READY: (OutboxStage.HANDED_OUT,),
    OutboxStage.HANDED_OUT: (OutboxStage.BACKING_OFF, OutboxStage.READY),
    OutboxStage.BACKING_OFF: (OutboxStage.READY,),
}


class OutboxEntry(msgspec.Struct, eq=False):
    """One unsettled notice. Owned by the sink."""

    notice: Notice
    attempts: int
    stage: OutboxStage = OutboxStage.READY
    refusal: str = ""
    """The last error of its receiver or of the connection."""
    begun: tuple[DeliveryTry, ...] = ()
    """The record of the try under way, or of the last one; none before the first."""
    is_limited: bool = False
    """Whether the record says that it waits for the rate of its channel."""
    sent: Moment | None = None
    """When the record of that try was durable, and the courier was given the notice."""

    def begin(self, now_ns: int) -> None:
        """Begins the next try at `now_ns` (wall)."""
        self.attempts += 1
        self.is_limited = False
        self.sent = None
        key, channel = self.notice.key, self.notice.channel
        self.begun = (DeliveryTry(key=key, attempt=self.attempts, channel=channel, at_ns=now_ns),)

    def answered(self, answer: Answer, now: Moment) -> tuple[DeliveryTry, ...]:
        """Returns the record of the try under way with its answer; none before it was sent."""
        if self.sent is None:
            return ()
        took_ns = now.since(self.sent)
        return tuple(each.answered(answer, took_ns) for each in self.begun)

    def attempting(self) -> str:
        """Returns the detail of an attempt that begins; the last error of an earlier one stays in it."""
        said = f"attempting; the last answer: {self.refusal}" if self.refusal else "attempting"
        return said[:DETAIL_CHARACTERS_MAX]

    def delivery(self, state: DeliveryState, at_ns: int, detail: str) -> Delivery:
        """Returns the record of the notice in `state` since `at_ns` (wall)."""
        return Delivery(key=self.notice.key, state=state, attempts=self.attempts, at_ns=at_ns, detail=detail)


class Outbox:
    """Owns the unsettled notices.

    Hands out at most `in_flight_max` per channel, oldest first, and no more than its rate; the rest waits durably.
    """

    def __init__(self, channels: Iterable[Channel]) -> None:
        channels = tuple(channels)
        self._room = {channel.id: channel.in_flight_max for channel in channels}
        self._rates = {channel.id: channel.rate or "" for channel in channels}
        self._limits = {channel.id: RateLimit(*channel.most_in) for channel in channels if channel.most_in}
        self._entries: dict[str, OutboxEntry] = {}
        self._ready: dict[str, deque[str]] = {channel: deque() for channel in self._room}
        self._made_ns: dict[str, OrderedDict[str, int]] = {channel: OrderedDict() for channel in self._room}
        """By channel, when each of its notices was made; the first one has waited longest."""
        self.given_up: Counter[str] = Counter()
        """By channel, how many dead letters the record has."""

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def keys(self) -> list[str]:
        return list(self._entries)

    def add(self, notice: Notice, attempts: int = 0) -> None:
        """Adds a notice that is in the present commit or was restored."""
        self._entries[notice.key] = OutboxEntry(notice, attempts)
        self._ready[notice.channel].append(notice.key)
        self._made_ns[notice.channel][notice.key] = notice.created_at_ns

    def backlogs(self) -> tuple[ChannelBacklog, ...]:
        """Returns the notices that each channel has not taken."""
        return tuple(
            ChannelBacklog(channel, len(made_ns), next(iter(made_ns.values()), None), self.given_up[channel])
            for channel, made_ns in self._made_ns.items()
        )

    def hand_out(self, now_ns: int) -> list[tuple[OutboxEntry, Delivery]]:
        """Returns the notices to send now, each with the record of its attempt, which must be durable first."""
        handed = []
        for channel, ready in self._ready.items():
            limit = self._limits.get(channel)
            while ready and self._room[channel] > 0 and (limit is None or limit.take(now_ns)):
                entry = self._entries[ready.popleft()]
                self._room[channel] -= 1
                entry.stage = OutboxStage.HANDED_OUT
                entry.begin(now_ns)
                handed.append((entry, entry.delivery(DeliveryState.PENDING, now_ns, entry.attempting())))
        return handed

    @property
    def next_ns(self) -> int | None:
        """When the rate of a channel lets another one of its notices leave (wall); None where none waits for that."""
        return min((next_ns for _, next_ns in self._limited()), default=None)

    def limited(self, now_ns: int) -> list[Delivery]:
        """Returns the record of notices that wait for the rate of their channel, of each once and of a bounded number."""
        waiting = (
            self._entries[key]
            for channel, _ in self._limited()
            for key in islice(self._ready[channel], LIMITED_SAID_MAX)
        )
        newly = [entry for entry in waiting if not entry.is_limited]
        for entry in newly:
            entry.is_limited = True
        return [entry.delivery(DeliveryState.PENDING, now_ns, self._why(entry)) for entry in newly]

    def _why(self, entry: OutboxEntry) -> str:
        said = f"; the last answer: {entry.refusal}" if entry.refusal else ""
        return f"waits for the rate of its channel, {self._rates[entry.notice.channel]}{said}"[
            :DETAIL_CHARACTERS_MAX
        ]

    def _limited(self) -> Iterator[tuple[str, int]]:
        """The channels whose notices wait for their rate alone, with the moment at which the next may leave."""
        for channel, limit in self._limits.items():
            if self._ready[channel] and self._room[channel] > 0 and limit.next_ns is not None:
                yield channel, limit.next_ns

    def answered(self, key: str, attempt: int, answer: Answer, now: Moment) -> tuple[DeliveryTry, ...]:
        """Returns the record of a try with its answer; none for a late or repeated answer."""
        entry = self._entries.get(key)
        if entry is None or entry.attempts != attempt or entry.stage is OutboxStage.BACKING_OFF:
            return ()
        return entry.answered(answer, now)

    def failed(self, key: str, attempt: int, refusal: str = "") -> OutboxEntry | None:
        """Notes that an attempt failed: the notice waits for a decision. Returns None for a late or repeated answer."""
        entry = self._entries.get(key)
        if entry is None or entry.stage is not OutboxStage.HANDED_OUT or entry.attempts != attempt:
            return None
        entry.stage = OutboxStage.BACKING_OFF
        entry.refusal = refusal
        self._room[entry.notice.channel] += 1
        return entry

    def why_given_up(self, key: str) -> str:
        """Returns the explanation of the dead letter, with the last answer."""
        entry = self._entries.get(key)
        refusal = f"; the last answer: {entry.refusal}" if entry is not None and entry.refusal else ""
        return f"given up: the retry policy is exhausted{refusal}"[:DETAIL_CHARACTERS_MAX]

    def ready_again(self, key: str) -> bool:
        """Makes a notice that backs off ready. Returns False where it does not back off."""
        entry = self._entries.get(key)
        if entry is None or entry.stage is not OutboxStage.BACKING_OFF:
            return False
        entry.stage = OutboxStage.READY
        self._ready[entry.notice.channel].append(key)
        return True

    def all_ready_again(self) -> int:
        """Makes every notice that backs off ready, because the supervisor with their retry times is gone.

        Returns their number.
        """
        waiting = [key for key, entry in self._entries.items() if entry.stage is OutboxStage.BACKING_OFF]
        return sum(self.ready_again(key) for key in waiting)

    def settle(self, key: str, attempt: int | None = None) -> OutboxEntry | None:
        """Removes a notice that is delivered or given up. Returns None for a late or repeated answer."""
        entry = self._entries.get(key)
        if entry is None or (attempt is not None and entry.attempts != attempt):
            return None
        if attempt is None and entry.stage is not OutboxStage.BACKING_OFF:
            # The decision to give up came late: the notice is handed out again, and the answer to that attempt counts.
            return None
        del self._entries[key]
        del self._made_ns[entry.notice.channel][key]
        if entry.stage is OutboxStage.HANDED_OUT:
            self._room[entry.notice.channel] += 1
        elif entry.stage is OutboxStage.READY:
            self._ready[entry.notice.channel].remove(key)
        return entry

    def courier_restarted(self, channel: str) -> int:
        """Makes the notices of a lost courier ready, in front, for the next courier under the same keys.

        Returns their number.
        """
        lost = [
            entry
            for entry in self._entries.values()
            if entry.notice.channel == channel and entry.stage is OutboxStage.HANDED_OUT
        ]
        for entry in reversed(lost):
            entry.stage = OutboxStage.READY
            self._room[channel] += 1
            self._ready[channel].appendleft(entry.notice.key)
        return len(lost)

    def in_hand(self) -> int:
        """Returns the number of notices that couriers hold now."""
        return sum(entry.stage is OutboxStage.HANDED_OUT for entry in self._entries.values())
