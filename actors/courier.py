"""The courier: takes notices to one channel. What is tried again, and when, is not its business."""

from functools import partial
from typing import assert_never

from ..domain.moment import Deadline, Moment
from ..domain.notice import Answer, Notice
from ..protocol.courier import AbandonDelivery, CourierMessage, Deliver
from ..protocol.sink import CourierStarted, DeliveryAnswered, SinkMessage
from .behaviour import Behaviour, Listener
from .ports import Cancellable, Clock, Messenger

NO_ANSWER = Answer(accepted=False, detail="no answer before the deadline: the outcome is unknown")


class Courier(Behaviour[CourierMessage]):
    """Carries at most as many notices at once as the sink hands it; every one is answered for, once."""

    def __init__(
        self,
        clock: Clock,
        channel: str,
        messenger: Messenger,
        sink: Listener[SinkMessage],
        *,
        through_bytes: bool = False,
    ) -> None:
        super().__init__(clock, through_bytes=through_bytes)
        self._channel = channel
        self._messenger = messenger
        self._sink = sink
        self._carried: dict[str, tuple[int, Cancellable]] = {}

    def started(self, now: Moment) -> None:
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
        if notice.key in self._carried:
            return
        done = partial(self._answered, notice.key, attempt)
        try:
            self._carried[notice.key] = (attempt, self._messenger.send(notice, attempt, deadline, done))
        except Exception as error:  # noqa: BLE001  # a notice that cannot be rendered is a dead letter, not a dead courier
            self._sink.tell(
                DeliveryAnswered(
                    notice.key, attempt, Answer(accepted=False, retryable=False, detail=repr(error))
                )
            )

    def _answered(self, key: str, attempt: int, answer: Answer) -> None:
        """Called on this courier's own dispatcher thread, between turns."""
        if self._carried.pop(key, None) is not None:
            self._sink.tell(DeliveryAnswered(key, attempt, answer))

    def _abandon(self, key: str) -> None:
        carried = self._carried.pop(key, None)
        if carried is not None:
            attempt, running = carried
            running.cancel()
            self._sink.tell(DeliveryAnswered(key, attempt, NO_ANSWER))

    def on_stop(self) -> None:
        for _, running in self._carried.values():
            running.cancel()
        self._carried.clear()
