"""Invariants at run time: a store and messengers that refuse what must never happen, for worlds and for debug mode.

Between the actors and the real ports they keep a second, naive book of what is durable, and compare.
"""

from collections.abc import Callable, Iterable

from ..actors.ports import Cancellable, Messenger, Store
from ..domain.attempt import CancelOutcome
from ..domain.channel import Channel
from ..domain.errors import StoreError
from ..domain.incident import Change
from ..domain.moment import Deadline, Moment
from ..domain.notice import Answer, Notice
from ..domain.record import Batch, Restored
from .simulation.durable import Durable
from .simulation.invariants_delivery import DeliveryRules
from .simulation.invariants_record import RecordRules
from .simulation.receiver import Receiver

LIVES_MAX = 10_000
"""With more lives in the book than that, those that are over are let go."""


class InvariantBroken(AssertionError):
    """A defect of ours was caught in the act; its message begins with the id of the invariant."""


class Checks:
    """The book of one runtime, shared by its checked store and its checked messengers."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        given = {channel.id: channel for channel in channels}
        self.broken: list[str] = []
        """Every invariant that was broken, in words: whoever contains the error still finds it here."""
        self._receivers = {name: Receiver(name, 0) for name in given}
        self.durable = Durable()
        self.record = RecordRules(self.durable, self._receivers, self._refuse, _ignore)
        self.record.floors = {name: channel.min_severity for name, channel in given.items()}
        self.delivery = DeliveryRules(self.durable, self._receivers, self._refuse, _ignore)

    def store(self, inner: Store) -> "CheckedStore":
        """A store that is checked at every commit and opening (S1, S2, S4, S6, S8, S11, S14, S20, S22, S33)."""
        return CheckedStore(inner, self)

    def messenger(self, channel: str, inner: Messenger) -> "CheckedMessenger":
        """A messenger that is checked before anything leaves (S5, S7, S9, S10, S16, S24)."""
        return CheckedMessenger(channel, inner, self)

    def _refuse(self, invariant: str, says: str) -> None:
        self.broken.append(f"{invariant}: {says}")
        raise InvariantBroken(self.broken[-1])

    def accepted(self, channel: str, notice: Notice) -> None:
        """A receiver has said that it has a notice."""
        self._receivers[channel].apply(notice)

    def left(self, channel: str, notice: Notice, attempt: int) -> None:
        """A notice is about to leave; S9 by what the record says that its channel was told."""
        told = self.durable.told.get((notice.incident.incident, channel))
        if told is None and notice.change is not Change.OPENED:
            self._refuse("S9", f"{channel} would hear {notice.change} first of {notice.incident.target}")
        if told is not None and told >= notice.sequence:
            self._refuse("S9", f"{channel} would hear step {notice.sequence} after {told}")
        self.delivery.sending(channel, notice, attempt)


def _ignore(_: str) -> None:
    """What happens sometimes is the simulator's to count."""


class CheckedStore:
    """Fits the port of the sink."""

    def __init__(self, inner: Store, checks: Checks) -> None:
        self._inner = inner
        self._checks = checks
        self._known = False

    def open(self, now: Moment) -> Restored:
        restored = self._inner.open(now)
        if not self._known:
            self._checks.durable.remember(restored)
            self._known = True
        self._checks.record.opened(restored, now)
        self._checks.record.sink_began(now)
        return restored

    def commit(self, batch: Batch) -> None:
        self._checks.record.committing()
        try:
            self._inner.commit(batch)
        except StoreError:
            # Whether it is there shows only when the store is opened: the book begins anew with what it says then.
            self._checks.record.failed()
            self._known = False
            raise
        self._checks.record.committed(batch)
        if len(self._checks.durable.lives) > LIVES_MAX:
            self._checks.durable.forget_what_is_over()

    def recall(self, key: str) -> Restored | None:
        return self._inner.recall(key)

    def keep_house(self, now: Moment) -> None:
        self._inner.keep_house(now)

    def close(self) -> None:
        self._checks.record.closed()
        self._inner.close()


class CheckedMessenger:
    """Fits the port of a courier."""

    def __init__(self, channel: str, inner: Messenger, checks: Checks) -> None:
        self._channel = channel
        self._inner = inner
        self._checks = checks

    def send(
        self, notice: Notice, attempt: int, deadline: Deadline, done: Callable[[Answer], None]
    ) -> Cancellable:
        self._checks.left(self._channel, notice, attempt)

        def answered(answer: Answer) -> None:
            self._checks.delivery.sent(self._channel, notice.key)
            if answer.accepted:
                self._checks.accepted(self._channel, notice)
            done(answer)

        try:
            running = self._inner.send(notice, attempt, deadline, answered)
        except Exception:
            self._checks.delivery.sent(self._channel, notice.key)
            raise
        return _Released(running, lambda: self._checks.delivery.sent(self._channel, notice.key))

    def close(self) -> None:
        self._inner.close()


class _Released:
    """A claim that ends with its cancelling."""

    def __init__(self, running: Cancellable, release: Callable[[], None]) -> None:
        self._running = running
        self._release = release

    def cancel(self) -> CancelOutcome:
        self._release()
        return self._running.cancel()
