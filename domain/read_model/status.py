"""The status of a runtime and its targets, as frozen values for hosts, pages and tests."""

import msgspec

from ..incidents.incident import Incident
from ..incidents.record import BlindInterval, Silence
from ..observation.attempt import AttemptRecord
from ..observation.sample import Sample
from ..rules.aggregate import Status
from ..specification.metadata import NO_METADATA, TargetMetadata
from ..time.moment import wall_text
from .histogram import Percentiles


class TargetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of one target."""

    id: str
    kind: str
    metadata: TargetMetadata = NO_METADATA
    """Its group, name, labels, description and links."""
    status: Status
    """Confirmed by rules. Where the newest sample is stale: by open incidents, else UNKNOWN."""
    since_ns: int
    """Wall time at which this status began: of a problem, the opening of its incident, also of an earlier run; of any other, as far
    as this run has seen it."""
    raw: Status
    """The status by the newest sample alone; UNKNOWN once it is stale."""
    explanation: str = ""
    """For a stale target: `no sample since ...`."""
    paused: bool
    sample: Sample | None
    """The newest sample."""
    attempt: AttemptRecord | None
    """The newest ended attempt."""
    samples: int
    missed: int
    """The total of grid ticks that passed without an attempt."""


class RuntimeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of a whole runtime."""

    targets: tuple[TargetStatus, ...]
    incidents: tuple[Incident, ...]
    """The open incidents."""
    silences: tuple[Silence, ...]
    problems: tuple[tuple[str, str], ...]
    """Each part of the runtime that has a problem, with its description; empty without any."""
    blind: tuple[BlindInterval, ...]
    """The newest intervals in which the runtime could not observe its targets."""
    lateness: Percentiles
    """The time from due to started, over all attempts."""
    counters: tuple[tuple[str, int], ...]

    @property
    def healthy(self) -> bool:
        """Whether no part of the runtime has a problem; independent of the state of the targets."""
        return not self.problems


IN_THE_OUTBOX = "notices left in the outbox"
UNWRITTEN = "records not written"
"""Kinds of undone work."""


class AbandonedWork(msgspec.Struct, frozen=True):
    """The work left undone at a stop: kinds of work, each with names. False without any."""

    left: tuple[tuple[str, tuple[str, ...]], ...] = ()
    store: str | None = None
    """The file of the store; None where the record ends with the process."""

    def __bool__(self) -> bool:
        return bool(self.left)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The notices that the store keeps and the next run sends; none while the store could not be written."""
        left = dict(self.left)
        return left.get(IN_THE_OUTBOX, ()) if self.store and UNWRITTEN not in left else ()

    @property
    def lost(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The undone work that the next run does not continue."""
        return tuple(kind for kind in self.left if kind[0] != IN_THE_OUTBOX or not self.waiting)


def no_sample_since(wall_ns: int) -> str:
    """Returns the explanation of a stale target."""
    return f"no sample since {wall_text(wall_ns)}"
