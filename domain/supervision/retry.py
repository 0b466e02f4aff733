"""The retry policy of deliveries: when a notice is retried, and when it is given up."""

from ..public_value import PublicValue
from ..units import NS_PER_S


class RetryPolicy(PublicValue, frozen=True, kw_only=True):
    """Exponential backoff with jitter within one deadline.

    Applied only to actions with a key, so a repeat is harmless.
    """

    name: str
    first_ns: int = NS_PER_S
    """The wait after the first failure: a receiver that restarts is reached again within seconds."""
    factor: float = 2.0
    """Each further wait is so many times as long as the one before it: nine tries in the first five minutes."""
    backoff_ns_max: int = 300 * NS_PER_S
    """The longest wait: how late a notice may be after its receiver has recovered."""
    jitter: float = 0.2
    """At most this share is subtracted from each wait, so that many channels do not retry at the same moment."""
    retry_after_ns_max: int = 3_600 * NS_PER_S
    """The maximum wait that a receiver may ask for."""
    give_up_after_ns: int = 24 * 3_600 * NS_PER_S
    """The time from the first failure until a notice is given up: a channel's `give_up_after`. The store is never given up."""

    def wait_ns(self, attempts: int, dice: float, retry_after_ns: int | None) -> int:
        """Returns the wait after `attempts` failures; `dice` is drawn from [0, 1)."""
        # The exponent is capped: 2.0 ** 2000 is an OverflowError, and the maximum is reached long before.
        grown = min(self.first_ns * self.factor ** min(attempts - 1, 60), self.backoff_ns_max)
        waited = int(grown * (1.0 - self.jitter * dice))
        asked = min(max(retry_after_ns or 0, 0), self.retry_after_ns_max)
        return max(waited, asked)

    def next_at_ns(
        self, *, attempts: int, first_at_ns: int, now_ns: int, dice: float, retry_after_ns: int | None = None
    ) -> int | None:
        """Returns the moment of the next attempt, None where the notice is given up. All moments are of the same clock.

        A receiver that asks for a longer wait than is left gets one last attempt at the very end.
        """
        last_ns = first_at_ns + self.give_up_after_ns - 1
        if now_ns + self.wait_ns(attempts, dice, None) > last_ns:
            return None
        return min(now_ns + self.wait_ns(attempts, dice, retry_after_ns), last_ns)
