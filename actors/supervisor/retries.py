"""Retries: the supervisor's timers for notices, the deadline of a delivery and the time of its next attempt."""

from typing import assert_never

from ...domain import limits
from ...domain.supervision.delivery_backoff import DeliveryBackoff
from ...domain.time.moment import Moment
from ...protocol.sink import GiveUpDelivery
from ...protocol.supervisor import ChannelRecovered, DeliveryBegan, DeliverySettled, OfNotices, RetryAsked
from .periodic_timers import DeliveryDeadline, DeliveryRetry, SupervisorContext


class Retries:
    """Arms the timers of every notice that is being delivered or waits for a retry. Owned by the supervisor."""

    def __init__(self, context: SupervisorContext) -> None:
        self._timers, self._sink, self._dice = context.timers, context.to.sink, context.dice
        self._backoff = DeliveryBackoff(context.policies.retries)

    def take(self, message: OfNotices, now: Moment) -> None:
        """Takes what becomes of a notice."""
        match message:
            case DeliveryBegan():
                self._began(message, now)
            case DeliverySettled(channel, key):
                self._settled(channel, key)
            case ChannelRecovered(channel):
                self._retry_now(channel, now)
            case RetryAsked():
                self._asked(message, now)
            case _:
                assert_never(message)

    def _began(self, delivery: DeliveryBegan, now: Moment) -> None:
        """Arms the deadline of a delivery: its timeout and a slack, after which a missing answer is a failure."""
        ends_ns = now.monotonic_ns + delivery.timeout_ns + limits.DEADLINE_SLACK_NS
        self._timers.arm(DeliveryDeadline(delivery.channel, delivery.key), ends_ns)

    def _settled(self, channel: str, key: str) -> None:
        """Cancels the deadline and forgets the backoff of a notice that was delivered or given up."""
        self._timers.cancel(DeliveryDeadline(channel, key))
        self._backoff.settled(channel, key)

    def _asked(self, request: RetryAsked, now: Moment) -> None:
        """Arms the next attempt, or gives the notice up where the policy allows no other."""
        channel, key = request.channel, request.key
        self._timers.cancel(DeliveryDeadline(channel, key))
        at_ns = self._backoff.next_try_ns(
            channel, key, request.attempts, now.monotonic_ns, self._dice(), request.retry_after_ns
        )
        if at_ns is None:
            self._sink.tell(GiveUpDelivery(key))
        else:
            self._timers.arm(DeliveryRetry(key), at_ns)

    def _retry_now(self, channel: str, now: Moment) -> None:
        """Retries every waiting notice of a channel now, as the channel has accepted one."""
        for key in self._backoff.retry_now(channel):
            if DeliveryRetry(key) in self._timers:
                self._timers.arm(DeliveryRetry(key), now.monotonic_ns)
