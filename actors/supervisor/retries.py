"""Retries: the supervisor's work on notices. A courier has a deadline, a failed delivery a time at which it is tried again."""

from collections.abc import Callable, Mapping

from ...domain import limits
from ...domain.supervision.delivery_backoff import DeliveryBackoff
from ...domain.supervision.retry import RetryPolicy
from ...domain.time.moment import Moment
from ...domain.time.timers import Timers
from ...protocol.sink import GiveUpDelivery, SinkMessage
from ...protocol.supervisor import DeliveryBegan, RetryAsked
from ..ports import Listener
from .periodic_timers import DeliveryDeadline, DeliveryRetry, TimerKey


class Retries:
    """Owned by the supervisor: the timers of every notice that is on its way or waits to be tried again."""

    def __init__(
        self,
        timers: Timers[TimerKey],
        sink: Listener[SinkMessage],
        policies: Mapping[str, RetryPolicy],
        dice: Callable[[], float],
    ) -> None:
        self._timers = timers
        self._sink = sink
        self._backoff = DeliveryBackoff(policies)
        self._dice = dice

    def began(self, delivery: DeliveryBegan, now: Moment) -> None:
        """A courier has it: no answer within its time and a little is one too."""
        ends_ns = now.monotonic_ns + delivery.timeout_ns + limits.DEADLINE_SLACK_NS
        self._timers.arm(DeliveryDeadline(delivery.channel, delivery.key), ends_ns)

    def settled(self, channel: str, key: str) -> None:
        """No answer is awaited any more."""
        self._timers.cancel(DeliveryDeadline(channel, key))
        self._backoff.settled(channel, key)

    def asked(self, request: RetryAsked, now: Moment) -> None:
        """Arm the next try, or have the notice given up where the policy allows no other."""
        channel, key = request.channel, request.key
        self._timers.cancel(DeliveryDeadline(channel, key))
        at_ns = self._backoff.next_try_ns(
            channel, key, request.attempts, now.monotonic_ns, self._dice(), request.retry_after_ns
        )
        if at_ns is None:
            self._sink.tell(GiveUpDelivery(key))
        else:
            self._timers.arm(DeliveryRetry(key), at_ns)

    def hurry(self, channel: str, now: Moment) -> None:
        """The channel carries again: what waits for it need not wait out its backoff."""
        for key in self._backoff.retry_now(channel):
            if DeliveryRetry(key) in self._timers:
                self._timers.arm(DeliveryRetry(key), now.monotonic_ns)
