"""Waiting: the waits of no_data rules over recorded samples, and the times in which a target was not watched."""

from collections.abc import Iterable

from ...domain.specification.rule import NoData, RuleState
from ...domain.specification.target import Target

WallSpan = tuple[int, int]


class SilenceWaits:
    """The waits of one target's no_data rules, in wall time.

    A target that is watched has a sample at each of its ticks, whatever comes of it. Without any for longer than that it was paused,
    or no process watched it: silence that nobody listened to breaks no rule, and its waits begin again with its next sample.
    """

    def __init__(self, target: Target) -> None:
        self._every_ns = target.every_ns
        self._is_checked = target.heartbeat is None
        self._longest_ns = max(target.every_ns, target.retry_every_ns) * 3 // 2 + target.timeout_ns
        self._longest_ns += target.grace_ns
        self._lengths = {
            rule.id: target.staleness_ns(rule)
            for rule in target.judged_rules
            if isinstance(rule, NoData) and rule.state is not RuleState.RETIRED
        }
        self.shortest_ns = min(self._lengths.values(), default=0)
        """0 without such rules."""
        self._due: dict[str, int] = {}
        self.is_watched = False
        self._quiet_from_ns = 0
        """When the target counts as not watched, unless it has a sample before."""
        self._away: list[WallSpan] = []

    def begin(self, at_ns: int) -> None:
        """Begins to wait with the whole record, before the target's first sample."""
        self.heard(at_ns, is_sign_of_life=False)

    def leave_out(self, away: Iterable[WallSpan]) -> None:
        """Counts no silence in spans in which no target could be checked; they follow those that were given before."""
        self._away += away

    def heard(self, known_ns: int, *, is_sign_of_life: bool) -> bool:
        """Takes a sample. Returns whether the target was not watched before it."""
        begins, self.is_watched = not self.is_watched, True
        self._quiet_from_ns = known_ns + self._longest_ns
        if is_sign_of_life or begins:
            self._due = {rule: known_ns + length_ns for rule, length_ns in self._lengths.items()}
        return begins

    def next_due(self, until_ns: int) -> tuple[str, int] | None:
        """Takes what is next before a wall time: a rule and when silence became too long for it, or "" where a pause began."""
        self._pass_over(until_ns)
        if not self.is_watched:
            return None
        rule = min(self._due, key=self._due.__getitem__, default="")
        due_ns = self._due.get(rule, self._quiet_from_ns)
        if min(due_ns, self._quiet_from_ns) >= until_ns:
            return None
        if due_ns > self._quiet_from_ns or not rule:
            self.is_watched, self._due = False, {}
            return "", self._quiet_from_ns
        self._due[rule] = due_ns + self._every_ns
        return rule, due_ns

    def _pass_over(self, until_ns: int) -> None:
        while self._away and self._away[0][0] < until_ns:
            begin_ns, end_ns = self._away.pop(0)
            for rule, due_ns in self._due.items():
                if begin_ns < due_ns:
                    left_ns = due_ns - begin_ns if self._is_checked else self._lengths[rule]
                    self._due[rule] = end_ns + left_ns
            if begin_ns < self._quiet_from_ns:
                self._quiet_from_ns = end_ns + self._longest_ns
