"""Good hours that need not be judged sample by sample: no rule of the target can speak because of them."""

from collections import deque
from collections.abc import Iterable, Iterator

from ...adapters.stores.history.recording import HourOfTarget
from ...domain.conditions.comparison import OPERATORS
from ...domain.specification.rule import Consecutive, JudgedRule, KOfN, Mode, Nagios, NoData, Threshold
from ...domain.time.duration import parse_duration
from ...domain.units import NS_PER_HOUR, NS_PER_MS, NS_PER_US

US_PER_MS = NS_PER_MS // NS_PER_US
RECORDED_MEASURES = ("response_time", "status", "availability")
"""The measures that a record keeps of each sample. A rule of any other one never has a value, and never speaks."""
COUNT_MAX = 3_000
LENGTH_US_MAX = 24 * NS_PER_HOUR // NS_PER_US
"""A longer window would keep more hours of each target than fit in memory beside those of many others."""
GOOD_PERCENT = 100.0
"""The availability of a good sample."""
_OF_GOOD_HOURS = (Consecutive, KOfN, Nagios, NoData, Threshold)
"""The kinds of rules that good samples alone never break."""
_OF_VALUES = {Mode.THRESHOLD, Mode.CONSECUTIVE}
_ORDERED = {">": max, ">=": max, "<": min, "<=": min}
"""The operators for which the worst value of an hour decides whether any one breaks the rule."""


class HarmlessHours:
    """Knows which hours of good samples of one target change no rule, and keeps what later windows need of them.

    Where no single value breaks a threshold, none of its aggregates (last, mean, min, max and percentiles) does either. Rates of
    change and the rules of an `slo`, which count good samples, too, are judged sample by sample always.
    """

    def __init__(self, rules: Iterable[JudgedRule]) -> None:
        kept = tuple(rules)
        self._thresholds = [
            rule for rule in kept if isinstance(rule, Threshold) and rule.measure in RECORDED_MEASURES
        ]
        self.is_possible = all(isinstance(rule, _OF_GOOD_HOURS) for rule in kept) and all(
            rule.mode in _OF_VALUES and rule.operator in _ORDERED for rule in self._thresholds
        )
        windows = [rule.window for rule in self._thresholds]
        self._length_us = max(
            (parse_duration(each) // NS_PER_US for each in windows if isinstance(each, str)), default=0
        )
        counts = [each for each in windows if isinstance(each, int)]
        self._count = max([*counts, *(rule.of for rule in kept if isinstance(rule, KOfN))], default=0)
        self._has_windows = bool(self._thresholds or self._count)
        self.is_possible &= self._count <= COUNT_MAX and self._length_us <= LENGTH_US_MAX
        self._broken_us: int | None = None
        """When the last sample was taken that was bad, or breaks a threshold by itself."""
        self._newest_us = 0
        self._since_broken = 0
        self._owed: deque[HourOfTarget] = deque()
        self._owed_count = 0

    def note(self, at_us: int, status: int | None, latency_us: int | None, *, is_good: bool) -> None:
        """Takes a sample that is judged."""
        self._newest_us = at_us
        self._since_broken += 1
        known = {
            "status": status,
            "response_time": None if latency_us is None else latency_us / US_PER_MS,
            "availability": GOOD_PERCENT if is_good else 0.0,
        }
        values = ((rule, known[rule.measure]) for rule in self._thresholds)
        if not is_good or any(
            value is not None and OPERATORS[rule.operator](value, rule.bound) for rule, value in values
        ):
            self._broken_us, self._since_broken = at_us, 0

    def passes(self, hour: HourOfTarget) -> bool:
        """Whether an hour of good samples changes no rule; if so, it is kept as long as a window reaches back to it."""
        if self._has_windows:
            if self._broken_us is not None and (
                self._newest_us - self._broken_us <= self._length_us or self._since_broken <= self._count
            ):
                return False
            if any(_is_broken(rule, hour) for rule in self._thresholds):
                return False
            self._owe(hour)
        return True

    def _owe(self, hour: HourOfTarget) -> None:
        self._owed.append(hour)
        self._owed_count += len(hour.at_us)
        begin_us = hour.at_us[-1] - self._length_us
        while (
            len(self._owed) > 1
            and self._owed[0].at_us[-1] < begin_us
            and self._owed_count - len(self._owed[0].at_us) > self._count
        ):
            self._owed_count -= len(self._owed.popleft().at_us)

    def owed(self) -> Iterator[HourOfTarget]:
        """Takes the hours that were passed over and lie in a window: they are judged before the next sample."""
        while self._owed:
            yield self._owed.popleft()
        self._owed_count = 0


def _is_broken(rule: Threshold, hour: HourOfTarget) -> bool:
    if rule.measure == "availability":
        return OPERATORS[rule.operator](GOOD_PERCENT, rule.bound)
    values: list[int | None] = hour.statuses if rule.measure == "status" else hour.latencies_us
    known = [value for value in values if value is not None]
    if not known:
        return False
    worst = _ORDERED[rule.operator](known)
    return OPERATORS[rule.operator](worst if rule.measure == "status" else worst / US_PER_MS, rule.bound)
