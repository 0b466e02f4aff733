"""Invariants of blindness: each gap is reported once, and no sample from it is evidence."""

from collections import Counter
from typing import NamedTuple

from watchkeeper.domain import limits
from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.incidents.record import BlindInterval
from watchkeeper.domain.observation.attempt import AttemptRecord
from watchkeeper.domain.observation.outcome import SILENCES
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.supervision.blindness import CLOCK_STEPPED
from watchkeeper.domain.time.moment import NS_PER_S, Moment

from .attempts import BAD
from .violation import Happened

SEEN_STALL_NS = limits.STALL_NS + 5 * NS_PER_S
"""A stall of that length is late for some timer by the bound, as the supervisor's next flush is at most 5 s away."""
SPANS_KEPT = 8
"""The newest gaps: an attempt lasts seconds, and overlaps no older one."""


class Gaps:
    """The changes of the clocks since the supervisor compared them last."""

    def __init__(self) -> None:
        self.suspended_ns = 0
        self.stepped_ns = 0
        self.stalled_ns = 0
        self.began_ns: int | None = None
        """The monotonic time at which the gap began."""

    def begin(self, now: Moment) -> None:
        if self.began_ns is None:
            self.began_ns = now.monotonic_ns

    def causes(self) -> tuple[str | None, tuple[str, ...]]:
        """Returns the cause that the next comparison must report, and the causes that it may report."""
        if self.suspended_ns >= limits.SUSPEND_NS:
            return "suspended", ()
        if abs(self.suspended_ns + self.stepped_ns) >= limits.CLOCK_STEP_NS:
            return CLOCK_STEPPED, ()
        if self.stalled_ns >= SEEN_STALL_NS:
            return "stalled", ()
        return None, ("stalled",) if self.stalled_ns >= limits.STALL_NS else ()

    def possible(self) -> tuple[str, ...]:
        """Returns the causes of which one comparison in between, or none, reports some."""
        asleep = ("suspended",) if self.suspended_ns >= limits.SUSPEND_NS else ()
        return (*asleep, CLOCK_STEPPED) if self.suspended_ns or self.stepped_ns else ()


class Said(NamedTuple):
    """One blind interval: its cause and its end."""

    cause: str
    ended_at_ns: int


class BlindnessRules:
    """S21: every gap is one blind interval, nothing else is, and no target is judged by an attempt that fell into one.

    The simulator reports the gaps that it makes; the clocks are not asked. A gap between two incarnations of the supervisor may be
    reported at the beginning of the later one, or with its first comparison.
    """

    def __init__(self, complain: Complain, happened: Happened) -> None:
        self._complain = complain
        self._happened = happened
        self._epoch = 0
        self._gaps = Gaps()
        self._must: dict[Said, None] = {}
        self._may: dict[Said, None] = {}
        self._before: Counter[str] = Counter()
        """How many gaps of each cause may be reported that began before the first comparison of an incarnation."""
        self._spans: list[tuple[int, int]] = []

    def process_began(self) -> None:
        self._epoch = 0
        self._gaps = Gaps()
        self._must, self._may, self._before = {}, {}, Counter()
        self._spans = []

    # Changes of the clocks.

    def suspended(self, now: Moment, length_ns: int) -> None:
        self._gaps.begin(now)
        self._gaps.suspended_ns += length_ns

    def stalled(self, now: Moment, length_ns: int) -> None:
        self._gaps.begin(now)
        self._gaps.stalled_ns += length_ns

    def stepped(self, by_ns: int) -> None:
        self._gaps.stepped_ns += by_ns

    @property
    def has_stalled(self) -> bool:
        """Whether the process has stalled since the supervisor compared its clocks."""
        return self._gaps.stalled_ns > 0

    # Comparisons and reports.

    def looking(self, epoch: int, now: Moment) -> None:
        """Called before the supervisor compares its clocks."""
        gaps, self._gaps = self._gaps, Gaps()
        if epoch != self._epoch:
            # The previous incarnation may have reported its gaps before it crashed: the report becomes optional.
            self._epoch = epoch
            self._may |= self._must
            self._must = {}
            self._before += Counter(dict.fromkeys(gaps.possible(), 2))
            if gaps.stalled_ns >= limits.STALL_NS:
                # Its first alarm may have been set before the stall.
                self._may[Said("stalled", now.wall_ns)] = None
            return
        must, may = gaps.causes()
        self._may |= {Said(cause, now.wall_ns): None for cause in may}
        if must is not None:
            self._must[Said(must, now.wall_ns)] = None
        if must is not None and must != CLOCK_STEPPED and gaps.began_ns is not None:
            self._spans = [*self._spans[-SPANS_KEPT:], (gaps.began_ns, now.monotonic_ns)]

    def recording(self, interval: BlindInterval) -> None:
        """Checks an interval that the sink records."""
        said = Said(interval.cause, interval.ended_at_ns)
        self._happened(f"blind: {interval.cause}")
        if said in self._must:
            del self._must[said]
        elif said in self._may:
            del self._may[said]
        elif interval.cause in self._gaps.possible():
            pass  # by a supervisor that begins, and has not compared its clocks again
        elif self._before[interval.cause]:
            self._before[interval.cause] -= 1
        else:
            self._complain("S21", f"{interval} is recorded, and nothing of the kind happened, or not again")

    def judging(self, sample: Sample, record: AttemptRecord) -> None:
        """Checks a bad sample: its attempt must not overlap a gap."""
        if sample.outcome not in BAD or record.started is None or record.ended is None:
            return
        missed = sample.reason in SILENCES
        began_ns = sample.at.monotonic_ns if missed else record.started.monotonic_ns
        ended_ns = sample.at.monotonic_ns if missed else record.ended.monotonic_ns
        for blind_from_ns, blind_until_ns in self._spans:
            if began_ns <= blind_until_ns and ended_ns >= blind_from_ns:
                self._complain("S21", f"{sample} counts although the runtime was blind while it ran")

    def check_peace(self) -> None:
        """Complains about each gap that was not reported by the end of the run."""
        for said in self._must:
            self._complain("S21", f"no blind interval was reported: {said.cause} until {said.ended_at_ns}")
