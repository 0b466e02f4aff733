"""The dead-man's ping: it goes while polling, judging, committing and sending move.

The round is a number that the supervisor gives to the owner with each beat. The owner passes it on behind the samples that wait
there, the sink passes it on once everything before it is durable, and each courier passes it back: so it takes the way of a
sample to its notice, and each part shows by it that it does its work, not merely that it lives. No part asks another one, and none waits.
The health of parts would not do: an actor whose messages wait for ever reports no problem.
"""

from collections.abc import Collection
from enum import StrEnum

from ..public_value import PublicValue


class MovingPart(StrEnum):
    """The parts of a runtime that a ping vouches for, in the order of a round."""

    POLLING = "polling"
    JUDGING = "judging"
    COMMITTING = "committing"
    SENDING = "sending"


_STILL = {
    MovingPart.POLLING: "polling stands still: no attempt has had an answer, though some were due",
    MovingPart.JUDGING: "judging stands still",
    MovingPart.COMMITTING: "committing stands still: nothing new is recorded",
    MovingPart.SENDING: "sending stands still: no channel takes notices",
}


class PingPolicy(PublicValue, frozen=True, kw_only=True):
    """Says how often the dead-man's ping goes while everything moves, and which channels count as sending."""

    name: str = "ping"
    every_ns: int = 0
    """The time from one ping to the next; 0 where none is configured."""
    timeout_ns: int = 0
    """How long one ping may take."""
    channels: tuple[str, ...] = ()
    """Those of which one at least must take notices: all but `log`, or all where there is no other."""


class Progress:
    """Judges rounds. Owned by the supervisor, which tells it what passes by.

    An incarnation of the supervisor numbers its rounds from a number of its own: news of a round of the one before may have waited
    in its mailbox for as long as no supervisor ran.
    """

    def __init__(self, channels: Collection[str], numbered_from: int = 0) -> None:
        self._channels = frozenset(channels)
        self.round = numbered_from
        """The number of the present round."""
        self._shown: set[MovingPart] = set()
        self._refusing: set[str] = set()
        self._polls: list[tuple[int, int]] = []
        """How many attempts had an answer, and how many had none, at the beginnings of the last two rounds."""

    def begin(self, answered: int, unanswered: int) -> int:
        """Begins the next round at these counts of attempts, and returns its number."""
        self.round += 1
        self._shown = set()
        self._polls = [*self._polls[-1:], (answered, unanswered)]
        return self.round

    def show(self, part: MovingPart, round_: int, channel: str = "") -> bool:
        """Notes that a part has passed on a round. Returns whether this round has now come round, which it does once.

        Late news of an earlier round is none. A channel that refuses notices does not move, whatever its courier passes on.
        """
        if round_ != self.round or (channel and not self._counts(channel)):
            return False
        is_news = part not in self._shown
        self._shown.add(part)
        return is_news and part is MovingPart.SENDING

    def _counts(self, channel: str) -> bool:
        return channel in self._channels and channel not in self._refusing

    def refused(self, channel: str) -> None:
        """Notes that a channel did not take a notice."""
        self._refusing.add(channel)

    def accepted(self, channel: str) -> None:
        """Notes that a channel took one."""
        self._refusing.discard(channel)

    def standing_still(self, answered: int, unanswered: int) -> str:
        """Returns which part stands still, in words; empty where all move. The counts of attempts are those of now."""
        for part in MovingPart:
            moves = (
                self._polls_move(answered, unanswered) if part is MovingPart.POLLING else part in self._shown
            )
            if not moves:
                return _STILL[part]
        return ""

    def _polls_move(self, answered: int, unanswered: int) -> bool:
        """Whether an attempt had an answer since the last round began, or none was owed one."""
        answered_then, unanswered_then = self._polls[0] if self._polls else (0, 0)
        return answered > answered_then or unanswered == unanswered_then
