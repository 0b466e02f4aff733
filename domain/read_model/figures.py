"""The counts behind the metrics. The recorder owns them and adds to them; a question reads them."""

from collections import Counter, deque
from collections.abc import Iterable

import msgspec

from ..incidents.delivery_try import TryResult
from ..incidents.incident import Incident, TransitionKind
from ..incidents.notice import Delivery, DeliveryState, Notice
from ..incidents.record import BlindInterval
from ..incidents.told import ChannelBacklog
from ..limits import LAG_WINDOWS_KEPT, METRIC_GROUPS_MAX
from ..observation.outcome import Outcome, is_answered
from ..observation.sample import Sample
from ..specification.rule import Severity
from ..supervision.blindness import CLOCK_STEPPED, STALLED, SUSPENDED
from ..supervision.own_network import NETWORK_LOST
from .distribution import DELAY_BOUNDS_NS, DURATION_BOUNDS_NS, LATENESS_BOUNDS_NS, Buckets
from .metrics import PartMetrics, PhaseDurations, RuntimeMetrics, TargetMetrics

OTHER_GROUPS = "(other groups)"
"""Stands for the groups beyond `METRIC_GROUPS_MAX`."""
WHOLE = "total"
"""The phase that is the whole response time."""
_ENDS = (DeliveryState.DELIVERED, DeliveryState.DEAD)
_ANSWERS = (TryResult.ACCEPTED, TryResult.REFUSED, TryResult.FAILED)


class GroupDurations:
    """The durations of all attempts of one kind of probe in one group."""

    __slots__ = ("key", "phases", "targets")

    def __init__(self, key: tuple[str, str]) -> None:
        self.key = key
        self.phases: dict[str, Buckets] = {}
        self.targets = 0
        """How many targets it has: without any it is forgotten."""

    def take(self, sample: Sample) -> None:
        """Adds the phases of a sample; the whole of one that was answered."""
        if (phases := sample.phases) is not None:
            for name, took_ns in (
                ("dns", phases.dns_ns),
                ("connect", phases.connect_ns),
                ("tls", phases.tls_ns),
                ("first_byte", phases.first_byte_ns),
                ("transfer", phases.transfer_ns),
            ):
                if took_ns is not None:
                    self._add(name, took_ns)
        if sample.latency_ns is not None and is_answered(sample.outcome, sample.reason):
            self._add(WHOLE, sample.latency_ns)

    def _add(self, phase: str, took_ns: int) -> None:
        buckets = self.phases.get(phase)
        if buckets is None:
            buckets = self.phases[phase] = Buckets(DURATION_BOUNDS_NS)
        buckets.add(took_ns)


class TargetFigures(msgspec.Struct):
    """The counts of one target since its first sample."""

    up: int = 0
    others: dict[Outcome, int] | None = None
    """The other outcomes, once there is one: a map takes 200 bytes, and most targets are always up."""
    answered: int = 0
    response_ns: int = 0
    certificate_ends_ns: int | None = None

    def take(self, sample: Sample) -> None:
        outcome = sample.outcome
        if outcome is Outcome.UP:
            self.up += 1
        else:
            self.others = self.others or {}
            self.others[outcome] = self.others.get(outcome, 0) + 1
        answered = is_answered(outcome, sample.reason)
        if answered and sample.latency_ns is not None:
            self.answered += 1
            self.response_ns += sample.latency_ns
        if sample.certificate_expires_in_ns is not None:
            self.certificate_ends_ns = sample.at.wall_ns + sample.certificate_expires_in_ns
        elif answered:
            # An attempt that failed on its way saw no certificate; the one of before is still the newest that is known.
            self.certificate_ends_ns = None

    def attempts(self) -> tuple[tuple[Outcome, int], ...]:
        return tuple({Outcome.UP: self.up, Outcome.DOWN: 0, **(self.others or {})}.items())


class Figures:
    """All counts that do not belong to a single target."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], GroupDurations] = {}
        self._lateness = Buckets(LATENESS_BOUNDS_NS)
        self._transitions: Counter[tuple[Severity, TransitionKind]] = Counter()
        self._notices: Counter[tuple[str, DeliveryState]] = Counter()
        self._tries: Counter[tuple[str, TryResult]] = Counter()
        self._delays: dict[tuple[str, DeliveryState], Buckets] = {}
        self._backlogs: dict[str, ChannelBacklog] = {}
        self._blind_ns: Counter[str] = Counter()
        self._lags_ns: deque[int] = deque(maxlen=LAG_WINDOWS_KEPT)
        self._in_flight = 0
        self._commits = Buckets(DURATION_BOUNDS_NS)

    # Groups.

    def enrol(self, former: GroupDurations | None, group: str, kind: str) -> GroupDurations:
        """Returns the durations of a group and kind for a target that had `former` until now."""
        key = (group, kind)
        if former is not None and former.key == key:
            return former
        if former is not None:
            self.leave(former)
        if key not in self._groups and len(self._groups) >= METRIC_GROUPS_MAX:
            key = (OTHER_GROUPS, kind)
        joined = self._groups.setdefault(key, GroupDurations(key))
        joined.targets += 1
        return joined

    def leave(self, durations: GroupDurations) -> None:
        """Takes a target out of a group, which is forgotten with its last one."""
        durations.targets -= 1
        if not durations.targets:
            del self._groups[durations.key]

    # Events.

    def began_late(self, lateness_ns: int) -> None:
        self._lateness.add(lateness_ns)

    def moved(self, incident: Incident) -> None:
        """Counts a durable transition."""
        if not (incident.draft or incident.is_drill):
            self._transitions[incident.severity, incident.change] += 1

    def ended(self, notice: Notice, delivery: Delivery) -> None:
        """Counts a notice that was delivered or given up."""
        key = notice.channel, delivery.state
        self._notices[key] += 1
        self._delays.setdefault(key, Buckets(DELAY_BOUNDS_NS)).add(delivery.at_ns - notice.created_at_ns)

    def written(self, took_ns: int, tries: Iterable[tuple[str, TryResult]]) -> None:
        """Counts a commit, and the tries to deliver whose answers it made durable."""
        self._commits.add(took_ns)
        self._tries.update(tries)

    def keep_backlogs(self, backlogs: Iterable[ChannelBacklog]) -> None:
        """Keeps how many notices each channel has not taken."""
        self._backlogs |= {backlog.channel: backlog for backlog in backlogs}

    def went_blind(self, interval: BlindInterval) -> None:
        """Adds an interval; one in which the wall clock was set is none, as samples stay valid."""
        if interval.cause != CLOCK_STEPPED:
            self._blind_ns[interval.cause] += max(interval.ended_at_ns - interval.started_at_ns, 0)

    def loaded(self, lag_ns: int, in_flight: int) -> None:
        """Keeps the load of the last few seconds."""
        self._lags_ns.append(lag_ns)
        self._in_flight = in_flight

    # The question.

    @property
    def backlogs(self) -> Iterable[ChannelBacklog]:
        return self._backlogs.values()

    def read(
        self,
        at_ns: int,
        targets: tuple[TargetMetrics, ...],
        open_incidents: Iterable[Incident],
        parts: tuple[PartMetrics, ...],
    ) -> RuntimeMetrics:
        """Returns all figures. Counts that are zero are there where their labels are known, so that their first step shows."""
        open_by_severity = Counter(
            incident.severity for incident in open_incidents if not (incident.draft or incident.is_drill)
        )
        steps = ((severity, change) for severity in Severity for change in TransitionKind)
        ends = dict.fromkeys((channel, end) for channel in self._backlogs for end in _ENDS) | self._notices
        answers = (
            dict.fromkeys((channel, result) for channel in self._backlogs for result in _ANSWERS)
            | self._tries
        )
        blind_ns = dict.fromkeys((STALLED, SUSPENDED, NETWORK_LOST), 0) | self._blind_ns
        return RuntimeMetrics(
            at_ns=at_ns,
            targets=targets,
            durations=tuple(
                PhaseDurations(*group.key, phase, buckets.read())
                for group in self._groups.values()
                for phase, buckets in group.phases.items()
            ),
            lateness=self._lateness.read(),
            open_incidents=tuple((severity, open_by_severity[severity]) for severity in Severity),
            transitions=tuple((*step, self._transitions[step]) for step in steps),
            notices=tuple((*end, self._notices[end]) for end in ends),
            tries=tuple((*answer, self._tries[answer]) for answer in answers),
            delays=tuple((*end, buckets.read()) for end, buckets in self._delays.items()),
            backlogs=tuple(self._backlogs.values()),
            parts=parts,
            blind_ns=tuple(blind_ns.items()),
            loop_lag_ns=max(self._lags_ns, default=0),
            in_flight=self._in_flight,
            commits=self._commits.read(),
        )
