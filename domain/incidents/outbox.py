"""The outbox: notices that are committed and not yet settled, and which of them may be handed to their courier now."""

from collections import deque
from collections.abc import Iterable
from enum import StrEnum

from ..limits import DETAIL_CHARACTERS_MAX
from ..specification.channel import Channel
from .notice import Delivery, DeliveryState, Notice


class OutboxStage(StrEnum):
    """Where a notice of the outbox is."""

    READY = "ready"
    HANDED_OUT = "handed_out"
    BACKING_OFF = "backing_off"
    """The supervisor decides when, and whether, it is tried again."""


STAGE_MOVES: dict[OutboxStage, tuple[OutboxStage, ...]] = {
    OutboxStage.READY: (OutboxStage.HANDED_OUT,),
    OutboxStage.HANDED_OUT: (OutboxStage.BACKING_OFF, OutboxStage.READY),
    OutboxStage.BACKING_OFF: (OutboxStage.READY,),
}


class OutboxEntry:
    """One notice on its way. Owned by the sink."""

    __slots__ = ("attempts", "notice", "refusal", "stage")

    def __init__(self, notice: Notice, attempts: int = 0) -> None:
        self.notice = notice
        self.attempts = attempts
        self.stage = OutboxStage.READY
        self.refusal = ""
        """What its receiver, or the way there, said last."""

    def delivery(self, state: DeliveryState, at_ns: int, detail: str) -> Delivery:
        """What is recorded of it when it is in `state` from `at_ns` (wall) on."""
        return Delivery(key=self.notice.key, state=state, attempts=self.attempts, at_ns=at_ns, detail=detail)


class Outbox:
    """Hands out at most `in_flight_max` notices a channel at a time, oldest first; the rest waits durably."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._room = {channel.id: channel.in_flight_max for channel in channels}
        self._entries: dict[str, OutboxEntry] = {}
        self._ready: dict[str, deque[str]] = {channel: deque() for channel in self._room}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def keys(self) -> list[str]:
        return list(self._entries)

    def add(self, notice: Notice, attempts: int = 0) -> None:
        """A notice that is being committed, or was restored."""
        self._entries[notice.key] = OutboxEntry(notice, attempts)
        self._ready[notice.channel].append(notice.key)

    def hand_out(self, now_ns: int) -> list[tuple[OutboxEntry, Delivery]]:
        """Every notice that may go now, with the record of the attempt that must be durable before it goes."""
        handed = []
        for channel, ready in self._ready.items():
            while ready and self._room[channel] > 0:
                entry = self._entries[ready.popleft()]
                self._room[channel] -= 1
                entry.stage = OutboxStage.HANDED_OUT
                entry.attempts += 1
                handed.append((entry, entry.delivery(DeliveryState.PENDING, now_ns, "attempting")))
        return handed

    def failed(self, key: str, attempt: int, refusal: str = "") -> OutboxEntry | None:
        """The attempt did not succeed: the notice waits for a decision. None for a late or repeated answer."""
        entry = self._entries.get(key)
        if entry is None or entry.stage is not OutboxStage.HANDED_OUT or entry.attempts != attempt:
            return None
        entry.stage = OutboxStage.BACKING_OFF
        entry.refusal = refusal
        self._room[entry.notice.channel] += 1
        return entry

    def why_given_up(self, key: str) -> str:
        """For whoever reads the dead letter."""
        entry = self._entries.get(key)
        refusal = f"; the last answer: {entry.refusal}" if entry is not None and entry.refusal else ""
        return f"given up: the retry policy is exhausted{refusal}"[:DETAIL_CHARACTERS_MAX]

    def ready_again(self, key: str) -> bool:
        """It may be tried again."""
        entry = self._entries.get(key)
        if entry is None or entry.stage is not OutboxStage.BACKING_OFF:
            return False
        entry.stage = OutboxStage.READY
        self._ready[entry.notice.channel].append(key)
        return True

    def all_ready_again(self) -> int:
        """Whoever decided about retries is gone: all may be tried again now. Says how many."""
        waiting = [key for key, entry in self._entries.items() if entry.stage is OutboxStage.BACKING_OFF]
        return sum(self.ready_again(key) for key in waiting)

    def settle(self, key: str, attempt: int | None = None) -> OutboxEntry | None:
        """It is delivered or given up, and leaves. None for a late or repeated answer."""
        entry = self._entries.get(key)
        if entry is None or (attempt is not None and entry.attempts != attempt):
            return None
        if attempt is None and entry.stage is not OutboxStage.BACKING_OFF:
            # Given up meanwhile, but it is on its way again: what its receiver says now is what counts.
            return None
        del self._entries[key]
        if entry.stage is OutboxStage.HANDED_OUT:
            self._room[entry.notice.channel] += 1
        elif entry.stage is OutboxStage.READY:
            self._ready[entry.notice.channel].remove(key)
        return entry

    def courier_restarted(self, channel: str) -> int:
        """What the lost courier had in hand goes to the next one under the same keys."""
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
        """How many are with couriers now."""
        return sum(entry.stage is OutboxStage.HANDED_OUT for entry in self._entries.values())
