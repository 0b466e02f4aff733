"""One look at an incident: which of its notices wait, why, and when it is looked at again."""

from msgspec.structs import replace

from ...time.moment import Moment
from ..delivery_plan import DeliveryPolicy, Hold, HoldKind, Recipient
from .entry import LedgerEntry


class Review:
    """One look at an incident: what holds its notices, and when that ends."""

    def __init__(self, policy: DeliveryPolicy, entry: LedgerEntry, now: Moment) -> None:
        self._policy, self._entry, self.now = policy, entry, now
        self._hold: Hold | None = None
        self._is_asked = False
        self.waits: dict[str, Hold] = {}
        self.next_ns: int | None = None

    def is_held(self, recipient: Recipient) -> bool:
        """Whether the notice that is due for a recipient waits; notes why."""
        hold = self._why(recipient)
        if hold is None:
            return False
        self.waits[recipient.channel] = hold
        return True

    def is_reminder_due(self, recipient: Recipient) -> bool:
        """Whether a recipient is to be reminded now; notes when it will be."""
        told = self._entry.told.get(recipient.channel)
        if recipient.remind_every_ns is None or told is None or not self._entry.awaits_acknowledgement:
            return False
        if told.at_ns > self.now.wall_ns:
            # A wall clock that was set back must not delay it by the time that it has lost.
            told = self._entry.told[told.channel] = replace(told, at_ns=self.now.wall_ns)
        at_ns = told.at_ns + recipient.remind_every_ns
        if at_ns > self.now.wall_ns:
            self._look_again(at_ns)
            return False
        return self._why(recipient) is None

    def _why(self, recipient: Recipient) -> Hold | None:
        # The policy is asked once an incident, and only where something is due.
        if not self._is_asked:
            self._hold, self._is_asked = self._policy.hold(self._entry.incident, self.now), True
        hold = self._hold or self._policy.quiet(recipient, self.now) or self._delay(recipient)
        if hold is not None and hold.until_ns is not None:
            self._look_again(hold.until_ns)
        return hold

    def _delay(self, recipient: Recipient) -> Hold | None:
        """Returns how long a channel waits after the opening, before the first notice of an incident."""
        entry, now_ns = self._entry, self.now.wall_ns
        if not recipient.after_ns or recipient.channel in entry.told or not entry.incident.is_open:
            return None
        entry.opened_ns = min(entry.opened_ns, now_ns)
        until_ns = entry.opened_ns + recipient.after_ns
        return Hold(kind=HoldKind.DELAY, until_ns=until_ns) if until_ns > now_ns else None

    def _look_again(self, at_ns: int) -> None:
        self.next_ns = at_ns if self.next_ns is None else min(at_ns, self.next_ns)
