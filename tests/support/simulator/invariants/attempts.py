"""Invariants of attempts, checked when a probe starts and when its sample is judged."""

from collections.abc import Mapping

from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.limits import LAG_SHARE_OF_TIMEOUT
from watchkeeper.domain.observation.attempt import AttemptId, AttemptRecord, ProbeRequest
from watchkeeper.domain.observation.outcome import SILENCES, Outcome, Reason
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import Moment

from .violation import Happened

BAD = frozenset({Outcome.DOWN, Outcome.TIMED_OUT})
TURNED = {
    Outcome.UP: Outcome.DOWN,
    Outcome.DEGRADED: Outcome.DOWN,
    Outcome.DOWN: Outcome.UP,
    Outcome.TIMED_OUT: Outcome.UP,
    Outcome.UNKNOWN: Outcome.UNKNOWN,
}
"""The outcome of a target that must fail, by what its answer is."""


class AttemptRules:
    """S17, S18, S19, S20, S23, S24, S31, L8, L16."""

    def __init__(self, roster: Mapping[str, Target], complain: Complain, happened: Happened) -> None:
        self._roster = roster
        self._complain = complain
        self._happened = happened
        self._truth: dict[AttemptId, Outcome | None] = {}
        self._running: dict[AttemptId, int] = {}
        self._newest: dict[str, tuple[int, int]] = {}
        self._gone: dict[str, None] = {}
        self._began_ns = 0
        self._due: dict[tuple[str, Reason | None], int] = {}
        self._beat: dict[str, Moment] = {}
        self.in_flight_max = 1_000
        self.must_fail: frozenset[str] = frozenset()
        """The targets whose samples are turned around."""
        self.started_ns: dict[str, int] = {}
        """Per target, when its newest probe was started."""
        self.evidence_at: dict[str, Moment] = {}
        """Per target, the moment of the newest sample that counts, of this process."""
        self.truths: dict[str, list[tuple[int, Outcome]]] = {}
        """Per target, the true outcomes of all attempts that were evidence, in order."""

    def process_began(self, now: Moment) -> None:
        self._began_ns = now.monotonic_ns
        self._due = {}
        self._truth = {}
        self._running = {}
        self._newest = {}
        self._gone = {}
        self.evidence_at = {}

    def rebooted(self) -> None:
        """The monotonic clock begins again: earlier readings cannot be compared with later ones."""
        self.started_ns = {}

    def tracked(self, target: str) -> None:
        self._gone.pop(target, None)

    def released(self, target: str) -> None:
        """The owner forgets the target, unless the host has tracked it again since."""
        if target not in self._roster:
            self._gone[target] = None

    def under_way(self, target: str) -> bool:
        """Whether a probe of the target runs."""
        return any(attempt.target == target for attempt in self._running)

    def probing(self, request: ProbeRequest, truth: Outcome | None, now_ns: int) -> None:
        attempt = request.attempt
        if attempt.target in self.must_fail:
            truth = TURNED.get(truth) if truth is not None else None
        if self.under_way(attempt.target):
            self._complain("S19", f"two attempts of {attempt.target} run at once: {attempt}")
        self._running[attempt] = request.deadline.monotonic_ns
        self._truth[attempt] = truth
        # An attempt past its deadline, and one of an untracked target, has freed its place already: it is only being stopped.
        timely = sum(
            deadline_ns > now_ns and self._is_probed(running.target)
            for running, deadline_ns in self._running.items()
        )
        if timely > self.in_flight_max:
            self._complain("S24", f"{timely} attempts run at once")
        if attempt.target in self._gone:
            self._complain("S23", f"{attempt.target} is probed although it is not tracked")
        if request.deadline.monotonic_ns <= now_ns:
            self._complain("L16", f"{attempt} starts with nothing left of its deadline")
        self.started_ns[attempt.target] = now_ns
        if truth is not None and truth.is_evidence:
            self.truths.setdefault(attempt.target, []).append((attempt.number, truth))

    def _is_probed(self, name: str) -> bool:
        target = self._roster.get(name)
        return target is not None and target.is_probed

    def _is_composite(self, name: str) -> bool:
        target = self._roster.get(name)
        return target is not None and bool(target.composite)

    def probed(self, request: ProbeRequest) -> None:
        self._running.pop(request.attempt, None)

    def taken(self, sample: Sample, record: AttemptRecord) -> None:
        """Checks a sample that the supervisor passes on: S17 by the true outcome of its attempt, S18 by its number."""
        newest = self._newest.get(sample.target, (0, 0))
        if (sample.epoch, sample.attempt) <= newest and sample.attempt <= newest[1]:
            self._complain("S18", f"attempt {sample.attempt} of {sample.target} is judged after {newest}")
        self._newest[sample.target] = (sample.epoch, sample.attempt)
        if record.lateness_ns < 0 or (sample.latency_ns is not None and sample.latency_ns < 0):
            self._complain("S20", f"a negative duration in {record}")
        self._happened(f"verdict: {sample.reason}")
        truth = self._truth.get(AttemptId(sample.target, sample.epoch, sample.attempt))
        self._served_once(sample, record, probed=truth is not None)
        if sample.reason is Reason.OVERLOADED:
            self._waited(sample, record)
        if not sample.outcome.is_evidence:
            return
        self.evidence_at[sample.target] = sample.at
        if truth is None or sample.reason in SILENCES:
            return
        if sample.outcome in BAD and truth not in BAD:
            says = f"{sample.target} is {truth} and judged {sample.outcome}: {sample.explanation()}"
            self._complain("S17", says)
        if sample.outcome is Outcome.UP and truth in BAD:
            self._complain("S18", f"{sample.target} is {truth} and judged up")

    def _waited(self, sample: Sample, record: AttemptRecord) -> None:
        """Leaves out the truth of an attempt that waited for admission so long that its timeout may be of this side."""
        target = self._roster.get(sample.target)
        if target is not None and record.lateness_ns > LAG_SHARE_OF_TIMEOUT * target.timeout_ns:
            known = self.truths.get(sample.target, [])
            self.truths[sample.target] = [each for each in known if each[0] != sample.attempt]

    def _served_once(self, sample: Sample, record: AttemptRecord, *, probed: bool) -> None:
        """L8: a tick or a missed heartbeat is served once, and no tick of an earlier process; S31: a heartbeat counts once."""
        missed = sample.reason in SILENCES
        due_ns = record.due.monotonic_ns
        if probed or missed:
            place = (sample.target, sample.reason if missed else None)
            if probed and due_ns < self._began_ns:
                self._complain("L8", f"{record} was due before this process began")
            if due_ns <= self._due.get(place, due_ns - 1):
                self._complain("L8", f"{record} serves a tick again that was due by {self._due[place]}")
            self._due[place] = due_ns
        elif sample.outcome.is_evidence and not self._is_composite(sample.target):
            if self._beat.get(sample.target) == sample.at:
                self._complain("S31", f"one heartbeat of {sample.target} counts twice: {sample}")
            self._beat[sample.target] = sample.at
