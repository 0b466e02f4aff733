"""Rules that count bad samples: in a row, among the last ones, and as Nagios counts its attempts."""

from collections import deque

from .. import limits
from ..observation.outcome import Outcome
from ..observation.sample import Sample
from ..specification.rule import Consecutive, KOfN, Nagios, Severity
from ..time.moment import Moment
from .cause import Cause
from .evaluator import BAD_FROM, SAYS_NOTHING, Evaluator, Verdict


class ConsecutiveEvaluator(Evaluator):
    """Counts bad samples in a row up to `after`, and good ones up to `recover`."""

    __slots__ = ("_failures", "_rule", "_successes")

    def __init__(self, rule: Consecutive) -> None:
        super().__init__()
        self._rule = rule
        self._failures = 0
        self._successes = 0

    def take(self, sample: Sample, *, firing: bool) -> Verdict:
        if sample.outcome in SAYS_NOTHING[self._rule.on]:
            return Verdict.UNCHANGED
        if sample.outcome in BAD_FROM[self._rule.on]:
            return self._bad(sample)
        return self._good(sample, firing=firing)

    def is_bad(self, sample: Sample, verdict: Verdict) -> bool:
        """Also where it is the first one after a good one, which changes nothing yet."""
        del verdict
        return sample.outcome in BAD_FROM[self._rule.on]

    def _bad(self, sample: Sample) -> Verdict:
        if not self._failures:
            self._since = sample.at
            self._attempts = ()
        self._successes = 0
        self._failures = min(self._failures + 1, limits.CONSECUTIVE_MAX)
        self._add_evidence(sample)
        return Verdict.VIOLATED if self._failures >= self._rule.after else Verdict.UNCHANGED

    def _good(self, sample: Sample, *, firing: bool) -> Verdict:
        self._failures = 0
        if not firing:
            self._successes = 0
            self._since = None
            self._attempts = ()
            return Verdict.OK
        if not self._successes:
            self._attempts = ()
        self._successes = min(self._successes + 1, limits.CONSECUTIVE_MAX)
        self._add_evidence(sample)
        return Verdict.OK if self._successes >= self._rule.recover else Verdict.UNCHANGED

    def stands(self, *, firing: bool) -> tuple[str, float | None]:
        if firing:
            good = min(self._successes, self._rule.recover)
            return f"{good} of {self._rule.recover} good in a row", good / self._rule.recover
        bad = min(self._failures, self._rule.after)
        return f"{bad} of {self._rule.after} bad in a row", bad / self._rule.after

    def counters(self) -> tuple[int, ...]:
        return (self._failures, self._successes)

    def fits(self, counters: tuple[int, ...]) -> bool:
        return len(counters) == 2 and not all(counters)

    def resume(self, counters: tuple[int, ...], since: Moment | None) -> None:
        self._failures, self._successes = counters
        self._since = since


class KOfNEvaluator(Evaluator):
    """Counts the bad samples among the last `of`, and the good ones in a row."""

    __slots__ = ("_bad", "_last", "_rule", "_successes")

    def __init__(self, rule: KOfN) -> None:
        super().__init__()
        self._rule = rule
        self._last: deque[tuple[int, int]] = deque()
        """The last samples from the oldest bad one on: of a bad one its wall time and its attempt, zeros of a good one."""
        self._bad = 0
        self._successes = 0

    def take(self, sample: Sample, *, firing: bool) -> Verdict:
        if sample.outcome in SAYS_NOTHING[self._rule.on]:
            return Verdict.UNCHANGED
        bad = sample.outcome in BAD_FROM[self._rule.on]
        self._add((sample.at.wall_ns, sample.attempt) if bad else (0, 0))
        if bad:
            self._successes = 0
        else:
            # Good samples that end nothing are not counted, so that a quiet rule has nothing to save.
            counts = firing or self._bad
            self._successes = min(self._successes + 1, limits.CONSECUTIVE_MAX) if counts else 0
        if self._bad >= self._rule.bad:
            return Verdict.VIOLATED
        return Verdict.UNCHANGED if firing and self._successes < self._rule.recover else Verdict.OK

    def _add(self, entry: tuple[int, int]) -> None:
        self._last.append(entry)
        self._bad += bool(entry[0])
        if len(self._last) > self._rule.of:
            self._bad -= bool(self._last.popleft()[0])
        while self._last and not self._last[0][0]:
            self._last.popleft()  # good samples before the first bad one change no count

    def is_bad(self, sample: Sample, verdict: Verdict) -> bool:
        """Also where too few of the last ones are bad."""
        del verdict
        return sample.outcome in BAD_FROM[self._rule.on]

    def since(self) -> Moment | None:
        """Returns the moment of the oldest bad sample that is counted."""
        return next((Moment(0, wall_ns) for wall_ns, _ in self._last if wall_ns), None)

    def evidence(self) -> tuple[int, ...]:
        """Returns the attempts of the bad samples that are counted, oldest first."""
        attempts = [attempt for _, attempt in self._last if attempt]
        return tuple(attempts[: limits.EVIDENCE_KEPT])

    def stands(self, *, firing: bool) -> tuple[str, float | None]:
        bad, rule = f"{self._bad} of {self._rule.of} bad", self._rule
        if not firing:
            return f"{bad}, breaks at {rule.bad}", min(1.0, self._bad / rule.bad)
        good = min(self._successes, rule.recover)
        return f"{bad}, {good} of {rule.recover} good in a row", good / rule.recover

    def breach(self, cause: Cause) -> Cause:
        counted = f"{self._bad} of {self._rule.of} bad"
        # A good sample may end the wait of `for`, and says nothing of the breach.
        return cause.led_by(counted) if not self._successes else Cause("threshold", counted)

    def counters(self) -> tuple[int, ...]:
        """Returns the good ones in a row, and the wall time of each bad one among the last, 0 for a good one."""
        last = tuple([wall_ns for wall_ns, _ in self._last])
        return (self._successes, *last) if last or self._successes else ()

    def fits(self, counters: tuple[int, ...]) -> bool:
        # The oldest counted sample is a bad one, and a wall time is no small number.
        return not counters[1:] or counters[1] > limits.CONSECUTIVE_MAX

    def resume(self, counters: tuple[int, ...], since: Moment | None) -> None:
        del since
        self._successes, *last = counters or (0,)
        self._last.clear()
        self._bad = 0
        for wall_ns in last:
            self._add((wall_ns, 0))

    def begin_anew(self) -> None:
        self.resume((), None)


OK, WARNING, CRITICAL = range(3)
LEVELS = {Outcome.DEGRADED: WARNING, Outcome.DOWN: CRITICAL, Outcome.TIMED_OUT: CRITICAL}
"""The state of Nagios for each outcome that is a problem."""
SEVERITIES = tuple(Severity)


class NagiosEvaluator(Evaluator):
    """Counts attempts up to `max_check_attempts`, whatever the kind of problem: the state is hard from there on."""

    __slots__ = ("_attempts_made", "_level", "_rule")

    def __init__(self, rule: Nagios) -> None:
        super().__init__()
        self._rule = rule
        self._attempts_made = 0
        self._level = OK

    def take(self, sample: Sample, *, firing: bool) -> Verdict:
        level = LEVELS.get(sample.outcome, OK)
        if not level:
            # While `keep_firing_for` holds the incident open, it keeps the severity that it had.
            self._level = self._level if firing else OK
            self._attempts_made, self._since, self._attempts = 0, None, (sample.attempt,)
            return Verdict.OK
        if not self._attempts_made:
            self._since, self._attempts = sample.at, ()
        self._level = level
        self._attempts_made = min(self._attempts_made + 1, self._rule.max_check_attempts)
        self._add_evidence(sample)
        # A hard state stays hard with every further problem, also where a restart has lost the count.
        return Verdict.VIOLATED if firing or self.is_hard else Verdict.UNCHANGED

    @property
    def is_hard(self) -> bool:
        """Whether as many attempts were bad as make a state hard."""
        return self._attempts_made >= self._rule.max_check_attempts

    def is_bad(self, sample: Sample, verdict: Verdict) -> bool:
        del verdict
        return sample.outcome in LEVELS

    def stands(self, *, firing: bool) -> tuple[str, float | None]:
        del firing
        most = self._rule.max_check_attempts
        if not self._attempts_made:
            return "OK (hard)", 0.0
        return self._state, self._attempts_made / most

    @property
    def _state(self) -> str:
        state, kind = "WARNING" if self._level == WARNING else "CRITICAL", "hard" if self.is_hard else "soft"
        return f"{state} ({kind}, attempt {self._attempts_made} of {self._rule.max_check_attempts})"

    def severity(self, stated: Severity) -> Severity:
        return stated if self._level != WARNING else min(Severity.WARNING, stated, key=SEVERITIES.index)

    def breach(self, cause: Cause) -> Cause:
        return cause.led_by(self._state)

    def counters(self) -> tuple[int, ...]:
        return (self._attempts_made, self._level)

    def fits(self, counters: tuple[int, ...]) -> bool:
        return len(counters) == 2 and counters[1] <= CRITICAL and (counters[1] > OK or not counters[0])

    def resume(self, counters: tuple[int, ...], since: Moment | None) -> None:
        self._attempts_made, self._level = counters
        self._since = since
