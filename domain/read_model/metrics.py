"""The figures of a runtime at one moment, as a scrape of its metrics reads them."""

import msgspec

from ..incidents.delivery_try import TryResult
from ..incidents.incident import TransitionKind
from ..incidents.notice import DeliveryState
from ..incidents.told import ChannelBacklog
from ..observation.outcome import Outcome
from ..rules.aggregate import Status
from ..specification.rule import Severity
from .distribution import Distribution


class TargetMetrics(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The figures of one target; counts are those since the start."""

    id: str
    group: str
    status: Status
    attempts: tuple[tuple[Outcome, int], ...]
    """How many attempts ended with each outcome; an outcome that never was is absent, but for UP and DOWN."""
    answered: int
    """How many of them had an answer, whose response times are summed up ..."""
    response_ns: int
    """... here."""
    sampled_at_ns: int | None
    """Wall time of the newest sample; None before the first."""
    certificate_ends_ns: int | None
    """Wall time at which the certificate ends that it last showed; None for a target that shows none."""
    missed: int
    """Ticks of its grid that passed without an attempt."""
    locations: tuple[tuple[str, bool], ...] = ()
    """The locations whose newest result is evidence, each with whether it is good; empty where this runtime alone probes it."""


class PhaseDurations(msgspec.Struct, frozen=True, gc=False):
    """The durations of one phase of all attempts of a kind of probe in a group."""

    group: str
    kind: str
    phase: str
    durations: Distribution


class PartMetrics(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The figures of one part of the runtime; None where it has no such figure."""

    part: str
    queued: int | None = None
    """Messages that wait in its mailbox."""
    shed: int | None = None
    """Messages, or samples, that were dropped as it did not keep up."""
    restarts: int | None = None
    is_healthy: bool = True


class RuntimeMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a runtime; counts are those since the start, of the process or of the part that counts."""

    at_ns: int
    """Wall time as of which all of this holds."""
    targets: tuple[TargetMetrics, ...]
    """Empty where the question left them out."""
    durations: tuple[PhaseDurations, ...]
    lateness: Distribution
    open_incidents: tuple[tuple[Severity, int], ...]
    """Without those of draft rules."""
    transitions: tuple[tuple[Severity, TransitionKind, int], ...]
    notices: tuple[tuple[str, DeliveryState, int], ...]
    """By channel and end, how many were delivered or given up."""
    tries: tuple[tuple[str, TryResult, int], ...]
    """By channel and result, how many tries had an answer; tests of the channel are some of them."""
    delays: tuple[tuple[str, DeliveryState, Distribution], ...]
    """By channel and end, the time from the making of a notice to its end."""
    backlogs: tuple[ChannelBacklog, ...]
    parts: tuple[PartMetrics, ...]
    blind_ns: tuple[tuple[str, int], ...]
    """By cause, for how long the runtime could not observe its targets."""
    loop_lag_ns: int
    """The greatest delay of a wake-up of the supervisor within the last minute."""
    in_flight: int
    """Attempts that ran when this was last told, at most five seconds before."""
    commits: Distribution
    """How long commits of the record took."""
