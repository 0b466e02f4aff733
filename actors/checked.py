"""Invariants at run time: a store and messengers that say what must never happen, for worlds and for debug mode.

Between the actors and the real ports they keep a second, naive book of what is durable, and compare.
"""

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any

from ..domain import limits
from ..domain.auditing.durable import Durable
from ..domain.auditing.invariants_delivery import DeliveryRules
from ..domain.auditing.invariants_record import RecordRules
from ..domain.auditing.receipts import Receipts
from ..domain.auditing.violation import Complain
from ..domain.errors import StoreError
from ..domain.incidents.incident import TransitionKind
from ..domain.incidents.notice import Answer, Notice
from ..domain.incidents.record import Batch, Restored
from ..domain.observation.attempt import CancelOutcome
from ..domain.specification.channel import Channel
from ..domain.time.moment import Deadline, Moment
from .ports import Cancellable, Messenger, Store


class InvariantBroken(AssertionError):
    """A defect of ours was caught in the act; its message begins with the id of the invariant."""


def _raise(invariant: str, says: str) -> None:
    raise InvariantBroken(f"{invariant}: {says}")


class Checks:
    """The book of one runtime, shared by its checked store and its checked messengers.

    `report` is told the id of every invariant that is broken, and how; without one the first raises InvariantBroken. Who
    only reports lets everything take its course: a defect of ours is said aloud, and costs nobody a notice.
    """

    def __init__(self, channels: Iterable[Channel], report: Complain = _raise) -> None:
        given = {channel.id: channel for channel in channels}
        self._report = report
        self._guard = Lock()
        """The store is used on the sink's thread, messengers on the loop's; both write this book."""
        self.broken: list[str] = []
        """The first invariants that were broken, in words: whoever contains the error still finds it here."""
        self._receivers = {name: Receipts() for name in given}
        self._lives_max = limits.AUDITED_LIVES_MAX
        self.durable = Durable()
        self.record = RecordRules(self.durable, self._receivers, self._refuse, _ignore)
        self.record.floors = {name: channel.min_severity for name, channel in given.items()}
        self.delivery = DeliveryRules(self.durable, self._receivers, self._refuse, _ignore)
        self.delivery.room = {name: channel.in_flight_max for name, channel in given.items()}

    def store(self, inner: Store) -> "CheckedStore":
        """A store that is checked at every commit and opening (S1, S2, S4, S6, S8, S11, S14, S20, S22, S33)."""
        return CheckedStore(inner, self)

    def messenger(self, channel: str, inner: Messenger) -> "CheckedMessenger":
        """A messenger that is checked before anything leaves (S5, S7, S9, S10, S16, S24)."""
        return CheckedMessenger(channel, inner, self)

    def messengers(self, inner: Mapping[str, Messenger]) -> "dict[str, CheckedMessenger]":
        """All of them, by channel."""
        return {channel: self.messenger(channel, messenger) for channel, messenger in inner.items()}

    def look(self, check: Callable[..., object], *arguments: Any) -> None:
        """Check what happens now. A check that fails by itself is reported like what it looks for."""
        with self._guard:
            try:
                check(*arguments)
            except InvariantBroken:
                raise
            except Exception as error:  # noqa: BLE001  # a defect of a check must not become one of what is checked
                self._refuse("checks", repr(error))

    def _refuse(self, invariant: str, says: str) -> None:
        if len(self.broken) < limits.AUDITED_BREACHES_KEPT:
            self.broken.append(f"{invariant}: {says}")
        self._report(invariant, says)

    def committed(self, batch: Batch) -> None:
        """A batch is durable."""
        self.record.committed(batch)
        if len(self.durable.lives) > self._lives_max:
            self.durable.forget_what_is_over()
            for receipts in self._receivers.values():
                receipts.keep_only(self.durable.notices)
            self._lives_max = max(limits.AUDITED_LIVES_MAX, 2 * len(self.durable.lives))

    def opened(self, restored: Restored, now: Moment, *, known: bool) -> None:
        """The store was opened; `known` says whether the book stands for what it should remember."""
        if not known:
            self.durable.remember(restored)
        self.record.opened(restored, now)
        self.record.sink_began(now)

    def accepted(self, channel: str, notice: Notice) -> None:
        """A receiver has said that it has a notice."""
        self._receivers[channel].apply(notice)

    def left(self, channel: str, notice: Notice, attempt: int) -> None:
        """A notice is about to leave; S9 by what the record says that its channel was told."""
        told = self.durable.told.get((notice.incident.id, channel))
        if told is None and notice.change is not TransitionKind.OPENED:
            self._refuse("S9", f"{channel} would hear {notice.change} first of {notice.incident.target}")
        if told is not None and told >= notice.sequence:
            self._refuse("S9", f"{channel} would hear step {notice.sequence} after {told}")
        self.delivery.sending(channel, notice, attempt)
        self._receivers[channel].arrived(0, notice, attempt)


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
        known, self._known = self._known, True
        self._checks.look(lambda: self._checks.opened(restored, now, known=known))
        return restored

    def commit(self, batch: Batch) -> int:
        checks = self._checks
        checks.look(checks.record.committing)
        try:
            left_out = self._inner.commit(batch)
        except StoreError:
            # Whether it is there shows only when the store is opened: the book begins anew with what it says then.
            checks.look(checks.record.failed)
            self._known = False
            raise
        checks.look(checks.committed, batch)
        return left_out

    def recall(self, key: str) -> Restored | None:
        recalled = self._inner.recall(key)
        if recalled is not None:
            self._checks.look(self._checks.durable.recall, recalled)
        return recalled

    def run_maintenance(self, now: Moment) -> None:
        self._inner.run_maintenance(now)

    def file_problem(self) -> str:
        return self._inner.file_problem()

    def close(self) -> None:
        self._checks.look(self._checks.record.closed)
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
        self._checks.look(self._checks.left, self._channel, notice, attempt)

        def answered(answer: Answer) -> None:
            self._released(notice)
            if answer.accepted:
                self._checks.look(self._checks.accepted, self._channel, notice)
            done(answer)

        try:
            running = self._inner.send(notice, attempt, deadline, answered)
        except Exception:
            self._released(notice)
            raise
        return _Released(running, lambda: self._released(notice))

    def _released(self, notice: Notice) -> None:
        self._checks.look(self._checks.delivery.sent, self._channel, notice.key)

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
