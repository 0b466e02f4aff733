"""Invariants at run time: a store and messengers that check every commit and notice, in tests and in debug mode.

They stand between the actors and the real ports, keep a second, naive book of the durable state, and compare.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple

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
from ..domain.specification.matcher import Selection, parsed
from ..domain.specification.routing import Maintenance
from ..domain.time.moment import Deadline, Moment
from .ports import Cancellable, Messenger, Store


class InvariantBroken(AssertionError):
    """An internal fault: an invariant does not hold. The message begins with the id of the invariant."""


def _raise(invariant: str, says: str) -> None:
    raise InvariantBroken(f"{invariant}: {says}")


class Checks:
    """The book of one runtime, shared by its checked store and its checked messengers.

    `report` is called with the id of each broken invariant and an explanation; the default raises InvariantBroken. A
    `report` that returns lets the work go on, so that an internal fault is reported and no notice is lost by the check.
    """

    def __init__(
        self,
        channels: Iterable[Channel],
        report: Complain = _raise,
        *,
        maintenance: Iterable[Maintenance] = (),
    ) -> None:
        self._report = report
        self._guard = Lock()
        """Guards the book: the store is used on the sink's thread, messengers on the loop's, and both write it."""
        self.broken: list[str] = []
        """The first broken invariants with their explanations, also where a caller catches the error."""
        self._receivers: dict[str, Receipts] = {}
        self._lives_max = limits.AUDITED_LIVES_MAX
        self.durable = Durable()
        self.record = RecordRules(self.durable, self._receivers, self._refuse)
        self.plan(maintenance)
        self.delivery = DeliveryRules(self.durable, self._receivers, self._refuse)
        self.serve(channels)

    def serve(self, channels: Iterable[Channel]) -> None:
        """Takes over the channels of a configuration; a receiver that is there already keeps what it has taken."""
        given = {channel.id: channel for channel in channels}
        for name in given:
            self._receivers.setdefault(name, Receipts())
        self.record.floors = {name: channel.min_severity for name, channel in given.items()}
        self.record.waits.delayed = frozenset(name for name, channel in given.items() if channel.after_ns)
        self.delivery.room = {name: channel.in_flight_max for name, channel in given.items()}

    def plan(self, maintenance: Iterable[Maintenance]) -> None:
        """Takes over the planned maintenance, for which notices may wait."""
        self.record.waits.maintenance = tuple(Selection(parsed(each.match)) for each in maintenance)

    def store(self, inner: Store) -> "CheckedStore":
        """Returns a store that checks every commit and opening (S1, S2, S4, S6, S8, S11, S14, S20, S22, S33)."""
        return CheckedStore(inner, self)

    def messengers(self, inner: Mapping[str, Messenger]) -> "dict[str, CheckedMessenger]":
        """Returns messengers that check every notice before it is sent (S5, S7, S9, S10, S16, S24)."""
        return {channel: CheckedMessenger(channel, messenger, self) for channel, messenger in inner.items()}

    def look(self, check: Callable[..., object], *arguments: Any) -> None:
        """Runs one check under the guard. An error of the check itself is reported like a broken invariant.

        Raises: InvariantBroken where `report` raises it.
        """
        with self._guard:
            try:
                check(*arguments)
            except InvariantBroken:
                raise
            except Exception as error:  # noqa: BLE001  # a fault of the check must not stop the checked work
                self._refuse("checks", repr(error))

    def _refuse(self, invariant: str, says: str) -> None:
        if len(self.broken) < limits.AUDITED_BREACHES_KEPT:
            self.broken.append(f"{invariant}: {says}")
        self._report(invariant, says)

    def process_began(self) -> None:
        """Another process continues with the record: no delivery of the last one is under way any more."""
        self.record.process_began()
        self.delivery.process_began()

    def committed(self, batch: Batch) -> None:
        """Enters a durable batch into the book."""
        self.record.committed(batch)
        # The bound doubles with the incidents that are still open, so that forgetting stays cheap on average.
        if len(self.durable.lives) > self._lives_max:
            self.durable.forget_what_is_over()
            for receipts in self._receivers.values():
                receipts.keep_only(self.durable.notices)
            self._lives_max = max(limits.AUDITED_LIVES_MAX, 2 * len(self.durable.lives))

    def opened(self, restored: Restored, now: Moment, *, known: bool) -> None:
        """Compares the opened store with the book; where `known` is False the book first takes over its state."""
        if not known:
            went_back = self.durable.has_lost(restored)
            self.durable.remember(restored)
            if went_back:
                for receipts in self._receivers.values():
                    receipts.keep_only(self.durable.notices)
        is_same_sink = self.record.is_failed
        self.record.opened(restored, now)
        # A sink that opens its store again after a failed commit still knows which silences were over.
        if not is_same_sink:
            self.record.sink_began(now)

    def accepted(self, channel: str, notice: Notice) -> None:
        """Enters a notice that its receiver accepted."""
        self._receivers[channel].apply(notice)

    def left(self, channel: str, notice: Notice, attempt: int) -> None:
        """Checks a notice that is about to be sent; S9 against the last delivered step of its channel in the record."""
        for step in notice.steps:
            place = (step.incident_id, channel)
            told = self.durable.told.get(place)
            begun = told is not None or place in self.durable.given_up
            if not begun and (step.change is not TransitionKind.OPENED or notice.reminder):
                self._refuse("S9", f"{channel} would get {step.change} first of {step.incident_id}")
            if told is not None and told >= step.sequence + bool(notice.reminder):
                self._refuse("S9", f"{channel} would get step {step.sequence} after {told}")
        self.delivery.sending(channel, notice, attempt)
        self._receivers[channel].arrived(notice, attempt)


class CheckedStore:
    """A `Store` that checks each call against the book and passes it on."""

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
        self._checks.look(self._checks.record.committing)
        with self._in_doubt():
            left_out = self._inner.commit(batch)
        self._checks.look(self._checks.committed, batch)
        return left_out

    @contextmanager
    def _in_doubt(self) -> Iterator[None]:
        """After a failure only the next opening shows what is durable: the book starts again from what it returns."""
        try:
            yield
        except StoreError:
            self._checks.look(self._checks.record.failed)
            self._known = False
            raise

    def recall(self, key: str) -> Restored | None:
        recalled = self._inner.recall(key)
        if recalled is not None:
            self._checks.look(self._checks.durable.recall, recalled)
        return recalled

    @property
    def lease_ns(self) -> int:
        return self._inner.lease_ns

    def beat(self) -> None:
        with self._in_doubt():
            self._inner.beat()

    def run_maintenance(self, now: Moment) -> bool:
        return self._inner.run_maintenance(now)

    def file_problem(self) -> str:
        return self._inner.file_problem()

    def close(self) -> None:
        self._checks.look(self._checks.record.closed)
        self._inner.close()


class CheckedMessenger:
    """A `Messenger` that checks each notice against the book and passes it on."""

    def __init__(self, channel: str, inner: Messenger, checks: Checks) -> None:
        self._channel = channel
        self._inner = inner
        self._checks = checks

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> Cancellable:
        if notice.is_test:
            # It is in no outbox, and has no place in the book.
            return self._inner.send(notice, attempt, deadline, done, memory)
        self._checks.look(self._checks.left, self._channel, notice, attempt)

        def answered(answer: Answer) -> None:
            self._released(notice)
            if answer.accepted:
                self._checks.look(self._checks.accepted, self._channel, notice)
            done(answer)

        try:
            running = self._inner.send(notice, attempt, deadline, answered, memory)
        except Exception:
            self._released(notice)
            raise
        return _Released(running, lambda: self._released(notice))

    def _released(self, notice: Notice) -> None:
        self._checks.look(self._checks.delivery.sent, self._channel, notice.key)


class _Released(NamedTuple):
    """A running delivery whose entry in the book ends when it is cancelled."""

    running: Cancellable
    release: Callable[[], None]

    def cancel(self) -> CancelOutcome:
        self.release()
        return self.running.cancel()
