"""The courier: delivers notices to one channel. The supervisor decides about retries."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, assert_never

from msgspec import UNSET
from msgspec.structs import replace

from ..domain.incidents.notice import Answer, Notice
from ..domain.limits import CHANNEL_MEMORY_CHARACTERS_MAX
from ..domain.time.moment import Deadline, Moment
from ..protocol import courier as heard
from ..protocol.sink import CourierMoved, CourierStarted, DeliveryAnswered, SinkMessage
from .behaviour import Behaviour
from .ports import Cancellable, Clock, Listener, Messenger

LEASE_OVER = Answer(
    accepted=False,
    detail="not sent: this process was delayed, and another may have taken over the store meanwhile",
)
NO_ANSWER = Answer(accepted=False, detail="no answer before the deadline: the outcome is unknown")


class _Carried(NamedTuple):
    """A notice that is being sent."""

    attempt: int
    """The attempt that its answer counts for."""
    sent_as: int
    """The attempt under which it was sent."""
    running: Cancellable


class _Waiting(NamedTuple):
    """A notice that waits for room on the channel."""

    notice: Notice
    attempt: int
    deadline: Deadline
    not_after_ns: int | None
    memory: str


class Courier(Behaviour[heard.CourierMessage]):
    """Sends at most `room` notices at once and answers each delivery to the sink exactly once."""

    def __init__(
        self,
        clock: Clock,
        channel: str,
        messenger: Messenger,
        sink: Listener[SinkMessage],
        *,
        room: int = 1,
        discreet: Callable[[str], str] = str,
    ) -> None:
        super().__init__(clock)
        self._discreet = discreet
        self._channel = channel
        self._messenger = messenger
        self._sink = sink
        self._room = room
        self._carried: dict[str, _Carried] = {}
        self._waiting: dict[str, _Waiting] = {}

    def started(self, now: Moment) -> None:
        # The first incarnation has lost nothing, and a late message would make the sink send its notices a second time.
        if self.address.epoch > 1:
            self._sink.tell(CourierStarted(self._channel))

    def handle(self, message: heard.CourierMessage, now: Moment) -> None:
        match message:
            case heard.Deliver(notice, attempt, timeout_ns, not_after_ns, memory):
                deadline = Deadline.after(now, timeout_ns)
                self._deliver(_Waiting(notice, attempt, deadline, not_after_ns, memory), now)
            case heard.AbandonDelivery(key):
                self._abandon(key, now)
            case heard.PassBack(round_):
                self._sink.tell(CourierMoved(self._channel, round_))
            case _:
                assert_never(message)

    def _deliver(self, given: _Waiting, now: Moment) -> None:
        key = given.notice.key
        carried = self._carried.get(key)
        if carried is not None:
            # A restarted sink delivers the notices of its predecessor again: the running send answers this attempt too.
            self._carried[key] = carried._replace(attempt=given.attempt)
            return
        self._waiting[key] = given
        self._send_waiting(now)

    def _send_waiting(self, now: Moment) -> None:
        """Sends waiting notices while there is room. A restarted sink does not count those that are still running."""
        while self._waiting and len(self._carried) < self._room:
            self._send(self._waiting.pop(next(iter(self._waiting))), now)

    def _send(self, given: _Waiting, now: Moment) -> None:
        notice, attempt, deadline, not_after_ns, memory = given
        if not_after_ns is not None and now.monotonic_ns >= not_after_ns:
            # A process that was frozen sends nothing that its successor sends; where none took over, it is tried again.
            self._sink.tell(DeliveryAnswered(notice.key, attempt, LEASE_OVER))
            return
        done = partial(self._answered, notice.key, attempt)
        try:
            running = self._messenger.send(notice, attempt, deadline, done, memory)
        except Exception as error:  # noqa: BLE001  # a notice that cannot be rendered is a dead letter, not a crash
            detail = self._discreet(repr(error))
            answer = Answer(accepted=False, retryable=False, detail=detail)
            self._sink.tell(DeliveryAnswered(notice.key, attempt, answer))
        else:
            self._carried[notice.key] = _Carried(attempt, attempt, running)

    def _answered(self, key: str, sent_as: int, answer: Answer) -> None:
        """Called on the dispatcher's thread between turns. Ignores a second answer and one to an abandoned attempt."""
        carried = self._carried.get(key)
        if carried is not None and carried.sent_as == sent_as:
            del self._carried[key]
            memory = answer.memory
            if memory and len(memory) > CHANNEL_MEMORY_CHARACTERS_MAX:
                # A part of it would name another message.
                memory = UNSET
            answer = replace(answer, detail=self._discreet(answer.detail), memory=memory)
            self._sink.tell(DeliveryAnswered(key, carried.attempt, answer))
            self._send_waiting(self._now())

    def _abandon(self, key: str, now: Moment) -> None:
        waiting = self._waiting.pop(key, None)
        carried = self._carried.pop(key, None)
        if waiting is not None:
            self._sink.tell(DeliveryAnswered(key, waiting.attempt, NO_ANSWER))
        elif carried is not None:
            carried.running.cancel()
            self._sink.tell(DeliveryAnswered(key, carried.attempt, NO_ANSWER))
            self._send_waiting(now)

    def on_stop(self) -> None:
        carried, self._carried = self._carried, {}
        for one in carried.values():
            one.running.cancel()

    def on_failure(self, *_: object) -> None:
        """Cancels every running send, as the sink delivers these notices to the next incarnation again."""
        self.on_stop()
