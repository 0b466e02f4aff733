"""The courier: takes notices to one channel. What is tried again, and when, is not its business."""

from functools import partial
from typing import NamedTuple, assert_never

from ..domain.incidents.notice import Answer, Notice
from ..domain.time.moment import Deadline, Moment
from ..protocol.courier import AbandonDelivery, CourierMessage, Deliver
from ..protocol.sink import CourierStarted, DeliveryAnswered, SinkMessage
from .behaviour import Behaviour
from .ports import Cancellable, Clock, Listener, Messenger

NO_ANSWER = Answer(accepted=False, detail="no answer before the deadline: the outcome is unknown")


class _Carried(NamedTuple):
    """A notice on its way."""

    attempt: int
    """The attempt that it answers for."""
    sent_as: int
    """The attempt under which it left."""
    running: Cancellable


class _Waiting(NamedTuple):
    """A notice for which there is no room yet."""

    notice: Notice
    attempt: int
    deadline: Deadline


class Courier(Behaviour[CourierMessage]):
    """Carries at most as many notices at once as its channel has room for; every one is answered for, once."""

    def __init__(
        self,
        clock: Clock,
        channel: str,
        messenger: Messenger,
        sink: Listener[SinkMessage],
        *,
        room: int = 1,
        through_bytes: bool = False,
    ) -> None:
        super().__init__(clock, through_bytes=through_bytes)
        self._channel = channel
        self._messenger = messenger
        self._sink = sink
        self._room = room
        self._carried: dict[str, _Carried] = {}
        self._waiting: dict[str, _Waiting] = {}

    def started(self, now: Moment) -> None:
        # The first has lost nothing; heard late, it would have the sink hand out anew what this one already carries.
        if self.address.epoch > 1:
            self._sink.tell(CourierStarted(self._channel))

    def handle(self, message: CourierMessage, now: Moment) -> None:
        match message:
            case Deliver(notice, attempt, timeout_ns):
                self._deliver(notice, attempt, Deadline.after(now, timeout_ns))
            case AbandonDelivery(key):
                self._abandon(key)
            case _:
                assert_never(message)

    def _deliver(self, notice: Notice, attempt: int, deadline: Deadline) -> None:
        carried = self._carried.get(notice.key)
        if carried is not None:
            # A sink that came back hands out what its predecessor had: what is on its way answers for this attempt too.
            self._carried[notice.key] = carried._replace(attempt=attempt)
            return
        self._waiting[notice.key] = _Waiting(notice, attempt, deadline)
        self._send_waiting()

    def _send_waiting(self) -> None:
        """As many as there is room for. A sink that came back counts anew, while what it handed out before is on its way."""
        while self._waiting and len(self._carried) < self._room:
            self._send(*self._waiting.pop(next(iter(self._waiting))))

    def _send(self, notice: Notice, attempt: int, deadline: Deadline) -> None:
        done = partial(self._answered, notice.key, attempt)
        try:
            running = self._messenger.send(notice, attempt, deadline, done)
        except Exception as error:  # noqa: BLE001  # a notice that cannot be rendered is a dead letter, not a dead courier
            self._sink.tell(
                DeliveryAnswered(
                    notice.key, attempt, Answer(accepted=False, retryable=False, detail=repr(error))
                )
            )
        else:
            self._carried[notice.key] = _Carried(attempt, attempt, running)

    def _answered(self, key: str, sent_as: int, answer: Answer) -> None:
        """Called on this courier's own dispatcher thread, between turns; a second or belated answer is nobody's."""
        carried = self._carried.get(key)
        if carried is not None and carried.sent_as == sent_as:
            del self._carried[key]
            self._sink.tell(DeliveryAnswered(key, carried.attempt, answer))
            self._send_waiting()

    def _abandon(self, key: str) -> None:
        waiting = self._waiting.pop(key, None)
        carried = self._carried.pop(key, None)
        if waiting is not None:
            self._sink.tell(DeliveryAnswered(key, waiting.attempt, NO_ANSWER))
        elif carried is not None:
            carried.running.cancel()
            self._sink.tell(DeliveryAnswered(key, carried.attempt, NO_ANSWER))
            self._send_waiting()

    def on_stop(self) -> None:
        self._waiting = {}
        carried, self._carried = self._carried, {}
        for one in carried.values():
            one.running.cancel()

    def on_failure(self, *_: object) -> None:
        """The next incarnation is handed everything again, so nothing may go on behind its back."""
        self.on_stop()
