"""Flapping by weights: the changes among the last 21 states of a target, the newer the heavier, as Nagios and Icinga do."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from ..observation.outcome import Outcome

STATES = 21
"""How many states are kept: 20 changes lie between them."""
CHANGES = STATES - 1


class WeightedRule(NamedTuple):
    """How the changes of a target's states are weighed, and between which shares of change it begins and ends to flap."""

    first: float
    """The weight of the oldest change."""
    step: float
    """By how much each newer one weighs more."""
    low: float
    """Percent, at which it ends."""
    high: float
    """Percent, at which or above which it begins."""
    begins_at_high: bool
    """Whether it begins at exactly `high`, too."""

    @classmethod
    def nagios(cls, low: float = 20.0, high: float = 30.0) -> "WeightedRule":
        """Returns the rule of Nagios: weights from 0.75 to 1.25."""
        return cls(0.75, 0.5 / (CHANGES - 1), low, high, begins_at_high=True)

    @classmethod
    def icinga(cls, low: float = 25.0, high: float = 30.0) -> "WeightedRule":
        """Returns the rule of Icinga 2: weights from 0.80 to 1.18."""
        return cls(0.8, 0.02, low, high, begins_at_high=False)

    def share(self, states: Sequence[object]) -> float:
        """Returns the weighed share of changes among the newest states, in percent."""
        kept = states[-STATES:]
        offset = STATES - len(kept)
        changed = (index + offset for index in range(len(kept) - 1) if kept[index] != kept[index + 1])
        return 100.0 * sum(self.first + index * self.step for index in changed) / CHANGES


STATE_OF: dict[Outcome, str] = {
    Outcome.UP: "ok",
    Outcome.DEGRADED: "warning",
    Outcome.DOWN: "critical",
    Outcome.TIMED_OUT: "critical",
}
"""The states that are compared; what is no evidence of the target has none, and changes nothing."""


class WeightedChanges:
    """The last states of one target, and whether it flaps. A restart begins without any states."""

    __slots__ = ("_states", "is_flapping", "rule")

    def __init__(self, rule: WeightedRule) -> None:
        self.rule = rule
        self._states: deque[str] = deque(maxlen=STATES)
        self.is_flapping = False

    @property
    def share(self) -> float:
        """The weighed share of changes, in percent."""
        return self.rule.share(tuple(self._states))

    def take(self, outcome: Outcome) -> bool:
        """Takes the outcome of a sample. Returns whether the target has begun or ended to flap by it."""
        state = STATE_OF.get(outcome)
        if state is None:
            return False
        self._states.append(state)
        share, rule = self.share, self.rule
        was_flapping = self.is_flapping
        if share > rule.high or (rule.begins_at_high and share == rule.high):
            self.is_flapping = True
        elif share <= rule.low:
            self.is_flapping = False
        return self.is_flapping is not was_flapping
