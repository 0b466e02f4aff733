"""The supervisor's work on the dead-man's ping: a round each period, and the ping once the round has come back."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import assert_never

from ...domain.incidents.own_problems import PING
from ...domain.observation.attempt import AttemptState
from ...domain.supervision.progress import Progress
from ...domain.time.moment import Deadline, Moment
from ...protocol.owner import PassRound
from ...protocol.recorder import HealthReported
from ...protocol.supervisor import (
    ChannelRecovered,
    OfNotices,
    OfPing,
    PartMoved,
    PingEnded,
    RetryAsked,
)
from ..ports import Cancellable, Pinger
from .periodic_timers import Chore, SupervisorContext

_UNANSWERED = (
    *(state.value for state in (AttemptState.TIMED_OUT, AttemptState.LOST, AttemptState.EXPIRED)),
    "ticks_without_poller",
)
"""The counters of attempts that nobody answered."""


class DeadMansPing:
    """Owns the rounds and the ping under way. Owned by the supervisor."""

    def __init__(
        self,
        context: SupervisorContext,
        pinger: Pinger | None,
        attempts: Mapping[str, int],
        ended: Callable[[PingEnded], None],
        rounds_from: int,
    ) -> None:
        self._policy = context.policies.ping
        self._timers, self._to, self._discreet = context.timers, context.to, context.discreet
        self._pinger, self._attempts, self._ended = pinger, attempts, ended
        self._progress = Progress(self._policy.channels, rounds_from)
        self.answered = 0
        """How many attempts have had an answer of their poller."""
        self._under_way: Cancellable | None = None
        self._is_due = False
        """Whether the present round has not been followed by a ping yet."""
        self._counters: Counter[str] = Counter()

    def newly_counted(self) -> Counter[str]:
        """Returns how many pings were sent, failed or held back since the last call."""
        news, self._counters = self._counters, Counter()
        return news

    def _polls(self) -> tuple[int, int]:
        """Returns how many attempts had an answer, and how many ended, or never began, without one."""
        unanswered = sum(self._attempts.get(name, 0) for name in _UNANSWERED)
        return self.answered, unanswered

    def begin(self, now: Moment) -> None:
        """Begins the first round, where a ping is configured."""
        if self._pinger is not None and self._policy.every_ns:
            self._begin_round(now)

    def _begin_round(self, now: Moment) -> None:
        self._timers.arm(Chore.PING, now.monotonic_ns + self._policy.every_ns)
        self._is_due = True
        self._to.owner.tell(PassRound(self._progress.begin(*self._polls())))

    def next(self, now: Moment) -> None:
        """Ends a round that has not come back with its reason in the health, and begins the next one."""
        if self._is_due and self._under_way is None:
            self._hold(self._progress.standing_still(*self._polls()))
        self._begin_round(now)

    def take(self, message: OfPing, now: Moment) -> None:
        """Takes news of the present round, or the end of a ping."""
        match message:
            case PartMoved():
                self._moved(message, now)
            case PingEnded():
                self._take_end(message)
            case _:
                assert_never(message)

    def watch(self, message: OfNotices) -> None:
        """Notes whether a channel takes notices."""
        match message:
            case ChannelRecovered(channel):
                self._progress.accepted(channel)
            case RetryAsked(channel):
                self._progress.refused(channel)
            case _:
                pass

    def _moved(self, message: PartMoved, now: Moment) -> None:
        """Notes that a part moves; the last one of a round sends the ping, unless attempts have no answers."""
        if self._progress.show(message.part, message.round, message.channel):
            still = self._progress.standing_still(*self._polls())
            if still:
                self._hold(still)
            else:
                self._send(now)

    def _hold(self, still: str) -> None:
        self._is_due = False
        self._counters["pings_held"] += 1
        self._to.recorder.tell(HealthReported(PING, f"the ping is held back: {still}"))

    def _send(self, now: Moment) -> None:
        if self._pinger is None or self._under_way is not None:
            return  # the one before is still under way, and says the same
        self._is_due = False
        deadline = Deadline.after(now, self._policy.timeout_ns)
        try:
            self._under_way = self._pinger.ping(deadline, lambda detail: self._ended(PingEnded(detail)))
        except Exception as error:  # noqa: BLE001  # a driver that fails costs a ping, and no supervisor
            self._take_end(PingEnded(repr(error)))

    def _take_end(self, message: PingEnded) -> None:
        """Takes the end of a ping; `detail` says why it failed, empty where it arrived."""
        self._under_way = None
        detail = self._discreet(message.detail)
        if detail:
            self._counters["pings_failed"] += 1
        else:
            self._counters["pings_sent"] += 1
        self._to.recorder.tell(HealthReported(PING, f"the ping failed: {detail}" if detail else ""))

    def stop(self) -> None:
        """Ends the ping under way: its end would reach an incarnation that did not begin it."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.cancel()
