"""Deliveries: which notices are due, which are under way, and what becomes of them. Kept for the sink, which writes them."""

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import UNSET
from msgspec.structs import replace

from ...domain.incidents.delivery_plan import DeliveryPolicy
from ...domain.incidents.ledger import Ledger
from ...domain.incidents.notice import Answer, Delivery, DeliveryState, Notice, NoticeReason
from ...domain.incidents.outbox import Outbox, OutboxEntry
from ...domain.incidents.own_problems import channel_part
from ...domain.incidents.pending_batch import Gathering
from ...domain.incidents.record import Outgoing, Restored
from ...domain.limits import DIGEST_MEMBERS_AT_ONCE
from ...domain.observation.sample import Sample
from ...domain.specification.channel import Channel
from ...domain.time.moment import Moment
from ...protocol.courier import Deliver
from ...protocol.recorder import HealthReported, NoticeSettled, WaitsChanged
from ...protocol.sink import ReviewNotices, SinkMessage
from ...protocol.supervisor import (
    ChannelRecovered,
    DeliveryBegan,
    DeliverySettled,
    NoticeCheckRequested,
    RetryAsked,
)
from ..ports import Listener, Neighbours
from ..record_writer import RecordWriter
from .given_up import GivenUpNotices


class Deliveries:
    """Owns the ledger and the outbox. Used by the sink alone.

    A hold may begin or end for thousands of incidents at once: they are reviewed in slices, each of which is a message of the sink to itself, so that commits and answers come between two of them.
    """

    def __init__(
        self,
        channels: Iterable[Channel],
        policy: DeliveryPolicy,
        gathered: Gathering,
        writer: RecordWriter,
        neighbours: Neighbours,
        itself: Listener[SinkMessage],
        commit_soon: Callable[[bool], None],
    ) -> None:
        self._channels = {channel.id: channel for channel in channels}
        self._policy, self._gathered, self._to = policy, gathered, neighbours
        self._itself, self._commit_soon = itself, commit_soon
        self.ledger = Ledger(self._channels.values(), policy)
        self._given_up = GivenUpNotices(writer, self.ledger)
        self.outbox = Outbox(self._channels.values())
        self._settled: list[NoticeSettled] = []
        self._is_review_asked = False
        self._change_ns: int | None = None
        """When the policy holds more or fewer notices next (wall)."""
        self._asked_ns: int | None = None
        """The moment for which the supervisor was asked last."""

    def restore(self, restored: Restored, now: Moment) -> None:
        """Goes on from what the store restored, and sends what is due by it."""
        self.ledger.restore(restored, now)
        self.outbox = Outbox(self._channels.values())
        self.outbox.given_up = Counter(dict(restored.given_up))
        self._settled = []
        for outgoing in restored.outbox:
            self._take_up(outgoing, now)
        self.go_on(now)

    def _take_up(self, outgoing: Outgoing, now: Moment) -> None:
        notice, delivery = outgoing.notice, outgoing.delivery
        if notice.channel in self._channels:
            self.outbox.add(notice, delivery.attempts)
            return
        dead = delivery.without_channel(now.wall_ns)
        self._gathered.deliveries.append(dead)
        self.ledger.settle(notice, dead, now)

    # Due notices.

    def review_all(self, now: Moment) -> None:
        """Reviews every incident: what holds notices back has changed."""
        self.ledger.queue_all()
        self.go_on(now)

    def take(self, samples: tuple[Sample, ...], now: Moment) -> None:
        """Lets the policy see samples: a target that is well again may hold back the notices of others no longer."""
        self.ledger.queue(self._policy.take(samples, now))
        self._commit_soon(self.ledger.is_reviewing)

    def reviewed(self, now: Moment) -> None:
        """Does the next slice of a review: the sink's own message has come, or the moment that the supervisor watches."""
        self._is_review_asked, self._asked_ns = False, None
        self._commit_soon(self.outbox.next_ns is not None)
        self.go_on(now)

    def go_on(self, now: Moment) -> None:
        """Reviews what is due by now, at most one slice of it, and makes digests once no incident waits for its review: a large one
        alone, so that its commit has no other one.
        """
        if self._change_ns is not None and self._change_ns <= now.wall_ns:
            self.ledger.queue_all()
        self._change_ns = self._policy.next_change_ns(now)
        self.ledger.queue_due(now)
        self.enqueue(self.ledger.review(now))
        room = DIGEST_MEMBERS_AT_ONCE - sum(len(notice.steps) for notice in self._gathered.notices)
        self.enqueue(self.ledger.flush(now, room))
        # Without room the store is not written: its opening, or the next flush, goes on from here.
        if not self._is_review_asked and (self.ledger.is_reviewing or (room > 0 and self.ledger.has_more)):
            self._is_review_asked = True
            self._itself.tell(ReviewNotices())
        self._show_waits()
        self.request_check(now)

    def _show_waits(self) -> None:
        """Tells the read model which notices wait and why, where that has changed."""
        if changed := self.ledger.take_changed_waits():
            waits = tuple(waiting for each in changed.values() for waiting in each)
            self._to.recorder.tell(WaitsChanged(tuple(changed), waits))

    def request_check(self, now: Moment, *, again: bool = False) -> None:
        """Asks the supervisor, which owns time, for ReviewNotices at the next moment of the ledger, the policy or the outbox.

        `again` asks a supervisor that was restarted. Where the rate of a channel lets its notices leave already, they wait for a
        commit, which a failed store or a stop holds up: another check would be over at once, and ask for the next one.
        """
        limited_ns = self.outbox.next_ns
        if limited_ns is not None and limited_ns <= now.wall_ns:
            limited_ns = None
        sources = (self.ledger.next_ns, self._change_ns, limited_ns)
        moments = [at_ns for at_ns in sources if at_ns is not None]
        next_ns = min(moments, default=None)
        if next_ns is not None and (again or next_ns != self._asked_ns):
            self._to.supervisor.tell(NoticeCheckRequested(next_ns))
        self._asked_ns = next_ns

    def enqueue(self, notices: tuple[Notice, ...]) -> None:
        """Gathers due notices for the next commit, which hands them out."""
        for notice in notices:
            # It may have been given up before its incident was forgotten and recalled.
            is_new = notice.reason is NoticeReason.TRANSITION and not notice.digest
            if not is_new and not self._given_up.lets_go(notice):
                continue
            self._gathered.notices.append(notice)
            self.outbox.add(notice)
        self._commit_soon(bool(notices))

    # Notices under way.

    def hand_out(self, now: Moment) -> list[tuple[OutboxEntry, Delivery]]:
        """Returns the notices to send after the present commit, which records their attempts."""
        handed = self.outbox.hand_out(now.wall_ns)
        self._gathered.deliveries.extend(delivery for _, delivery in handed)
        if self.outbox.next_ns is not None:
            self._gathered.deliveries.extend(self.outbox.limited(now.wall_ns))
            self.request_check(now)
        return handed

    def send(self, handed: list[tuple[OutboxEntry, Delivery]], not_after_ns: int | None, now: Moment) -> None:
        """Gives notices to their couriers; their attempts are durable."""
        for entry, delivery in handed:
            entry.sent = now
            notice, timeout_ns = entry.notice, self._channels[entry.notice.channel].timeout_ns
            self._to.supervisor.tell(DeliveryBegan(notice.channel, notice.key, delivery.attempts, timeout_ns))
            self._to.couriers[notice.channel].tell(
                Deliver(
                    notice,
                    delivery.attempts,
                    timeout_ns,
                    not_after_ns,
                    memory=self.ledger.memory(notice),
                )
            )

    def take_settled(self) -> list[NoticeSettled]:
        """Takes the results that the present commit makes durable."""
        settled, self._settled = self._settled, []
        return settled

    def answered(self, key: str, attempt: int, answer: Answer, now: Moment) -> None:
        """Takes the answer of a courier to an attempt."""
        self._gathered.tries.extend(self.outbox.answered(key, attempt, answer, now))
        if answer.accepted:
            memory = answer.memory or ""
            self._settle(key, attempt, DeliveryState.DELIVERED, answer.detail, now, memory)
        elif not answer.retryable:
            self._settle(key, attempt, DeliveryState.DEAD, answer.detail, now)
        else:
            self._ask_to_retry(key, attempt, answer, now)

    def _ask_to_retry(self, key: str, attempt: int, answer: Answer, now: Moment) -> None:
        entry = self.outbox.failed(key, attempt, answer.detail)
        if entry is None:
            return
        notice = entry.notice
        # No commit is asked for: the failed attempt is written with the next one, at the latest by the next flush.
        self._gathered.deliveries.append(entry.delivery(DeliveryState.PENDING, now.wall_ns, answer.detail))
        self._to.recorder.tell(
            HealthReported(channel_part(notice.channel), answer.detail or "it refused a notice")
        )
        self._to.supervisor.tell(RetryAsked(notice.channel, key, entry.attempts, answer.retry_after_ns))

    def give_up(self, key: str, now: Moment) -> None:
        """Makes a notice a dead letter: no further attempt is allowed."""
        self._settle(key, None, DeliveryState.DEAD, self.outbox.why_given_up(key), now)

    def _settle(
        self,
        key: str,
        attempt: int | None,
        state: DeliveryState,
        detail: str,
        now: Moment,
        memory: str = "",
    ) -> None:
        entry = self.outbox.settle(key, attempt)
        if entry is None:
            return
        # A channel that keeps a memory and says nothing new of it goes on with the one that it was given.
        memory = memory or self.ledger.memory(entry.notice)
        delivery = replace(entry.delivery(state, now.wall_ns, detail), memory=memory or UNSET)
        self._gathered.deliveries.append(delivery)
        self._to.supervisor.tell(DeliverySettled(entry.notice.channel, key))
        if state is DeliveryState.DELIVERED:
            self._to.supervisor.tell(ChannelRecovered(entry.notice.channel))
        self.outbox.given_up[entry.notice.channel] += state is DeliveryState.DEAD
        self._settled.append(NoticeSettled(entry.notice, delivery))
        self.enqueue(self.ledger.settle(entry.notice, delivery, now))
        self._commit_soon(True)

    def retry(self, key: str) -> None:
        """Tries a notice again that backs off."""
        self._commit_soon(self.outbox.ready_again(key))

    def retry_all(self, now: Moment) -> None:
        """Tries every notice again that backs off, and asks for the next check: a supervisor that starts has no timers."""
        self._commit_soon(self.outbox.all_ready_again() > 0 or self.outbox.next_ns is not None)
        self.request_check(now, again=True)

    def courier_restarted(self, channel: str) -> None:
        """Sends the notices of a lost courier again."""
        self._commit_soon(self.outbox.courier_restarted(channel) > 0)

    def redrive(self, key: str, now: Moment) -> bool:
        """Sends a dead letter again. Returns False where there is none, or it may not leave. Blocks."""
        outgoing = None if key in self.outbox else self._given_up.redrive(key)
        if outgoing is None:
            return False
        self.outbox.add(outgoing.notice, outgoing.delivery.attempts)
        self.outbox.given_up[outgoing.notice.channel] -= 1
        self._gathered.deliveries.append(outgoing.delivery.redriven(now.wall_ns))
        self._commit_soon(True)
        return True
