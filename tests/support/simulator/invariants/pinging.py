"""Invariants of the dead-man's ping: it stops soon after a part stands still, and goes on while all parts move."""

from collections import deque
from collections.abc import Callable

from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.observation.attempt import ProbeRequest
from watchkeeper.domain.supervision.progress import MovingPart
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.protocol.recorder import HealthReported

from .violation import Happened

SLACK_NS = 2 * NS_PER_S
"""Of a round: its messages are delayed by less."""
KEPT = 64


class PingRules:
    """Checks L11 at every ping, by what each actor was seen to handle; a jump of time counts as movement of every part."""

    def __init__(
        self,
        every_ns: int,
        channels: tuple[str, ...],
        lived_ns: Callable[[], int],
        complain: Complain,
        happened: Happened,
    ) -> None:
        self.every_ns = every_ns
        self._channels = channels
        self._lived_ns = lived_ns
        self._complain = complain
        self._happened = happened
        self.pings_ns: deque[int] = deque(maxlen=KEPT)
        self._judged_ns = self._written_ns = self._answered_ns = 0
        self._refusing_ns: dict[str, int] = {}
        """The channels that take no notices, and since when."""
        self._asked: dict[int, tuple[ProbeRequest, int]] = {}
        """The attempts under way, and the time at which each must be over."""
        self._unanswered_ns: deque[int] = deque(maxlen=KEPT)

    def began(self) -> None:
        """A process or a supervisor has begun, which knows of no channel that refuses notices."""
        self._refusing_ns = {}
        self.disturbed()

    def disturbed(self, by_ns: int = 0) -> None:
        """Time jumps by a length: what stood still before tells nothing. A channel that refuses notices goes on to do so."""
        self._judged_ns = self._written_ns = self._answered_ns = self._lived_ns() + by_ns
        self._refusing_ns = dict.fromkeys(self._refusing_ns, self._answered_ns)
        self._asked = {}
        self._unanswered_ns.clear()

    def handled(self, name: str, *, is_writable: bool) -> None:
        """An actor handles a message."""
        if name == "owner":
            self._judged_ns = self._lived_ns()
        elif name == "sink" and is_writable:
            self._written_ns = self._lived_ns()

    def answered(self) -> None:
        """The supervisor has the answer of an attempt."""
        self._answered_ns = self._lived_ns()

    def refused(self, channel: str) -> None:
        """The supervisor is asked for another try at a notice."""
        self._refusing_ns.setdefault(channel, self._lived_ns())

    def accepted(self, channel: str) -> None:
        """The supervisor hears that a channel takes notices."""
        self._refusing_ns.pop(channel, None)

    def takes_notices(self, channel: str) -> bool:
        """Whether a channel took the last notice that it was sent, or was sent none."""
        return channel not in self._refusing_ns

    def probing(self, request: ProbeRequest, left_ns: int) -> None:
        """A driver was asked that will not answer."""
        self._asked[id(request)] = request, self._lived_ns() + left_ns

    def probed(self, request: ProbeRequest) -> None:
        """An attempt has ended: it was answered, cancelled, or its time was over."""
        _, over_ns = self._asked.pop(id(request), (None, 0))
        if over_ns and over_ns <= self._lived_ns():
            self._unanswered_ns.append(self._lived_ns())

    def health(self, message: HealthReported) -> None:
        """Counts the reasons for which the ping is held back."""
        for part in MovingPart:
            if message.part == "ping" and f"held back: {part.value}" in message.detail:
                self._happened(f"ping held back: {part.value}")

    def pinged(self) -> None:
        """A ping goes: each part has moved since the round began, which is no longer ago than a period."""
        now_ns = self._lived_ns()
        self.pings_ns.append(now_ns)
        self._happened("ping")
        bound_ns = self.every_ns + SLACK_NS
        still = {"judging": now_ns - self._judged_ns, "committing": now_ns - self._written_ns}
        if self._channels:
            still["sending"] = min(now_ns - self._refusing_ns.get(name, now_ns) for name in self._channels)
        for part, still_ns in still.items():
            if still_ns > bound_ns:
                self._complain(
                    "L11", f"a ping goes though {part} has stood still for {still_ns / NS_PER_S:g} s"
                )
        if now_ns - self._answered_ns > bound_ns + self.every_ns and self._lacks_answers(now_ns):
            self._complain("L11", "a ping goes though no attempt has an answer")

    def _lacks_answers(self, now_ns: int) -> bool:
        """Whether an attempt has surely ended without an answer since the last round began."""
        return any(SLACK_NS < now_ns - at_ns < self.every_ns - SLACK_NS for at_ns in self._unanswered_ns)

    def check_peace(self, since_ns: int) -> None:
        """While all is well a ping goes each period."""
        gone = sum(at_ns >= since_ns for at_ns in self.pings_ns)
        wanted = (self._lived_ns() - since_ns - SLACK_NS) // self.every_ns
        if gone < wanted:
            self._complain("L11", f"all is well, and {gone} pings went where {wanted} are due")
