"""How everything stands, as frozen values for hosts, pages and tests."""

import msgspec

from ..incidents.incident import Incident
from ..incidents.record import BlindInterval, Silence
from ..observation.attempt import AttemptRecord
from ..observation.sample import Sample
from ..rules.aggregate import Status
from ..time.moment import wall_text
from .histogram import Percentiles


class TargetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One target as it stands."""

    id: str
    kind: str
    status: Status
    """Confirmed by rules. Once the newest sample is stale: what open incidents say, else UNKNOWN."""
    raw: Status
    """What the newest sample alone says; UNKNOWN once it is stale."""
    explanation: str = ""
    """Of a stale target: `no sample since ...`."""
    paused: bool
    sample: Sample | None
    """The newest one."""
    attempt: AttemptRecord | None
    """The newest one that ended."""
    samples: int
    missed: int
    """Ticks of the grid that passed unserved, all told."""


class RuntimeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Everything as it stands."""

    targets: tuple[TargetStatus, ...]
    incidents: tuple[Incident, ...]
    """The open ones."""
    silences: tuple[Silence, ...]
    problems: tuple[tuple[str, str], ...]
    """Parts of the runtime that are in trouble, with what is wrong; empty when all is well."""
    blind: tuple[BlindInterval, ...]
    """The newest spans in which we could not see."""
    lateness: Percentiles
    """From due to started, over all attempts."""
    counters: tuple[tuple[str, int], ...]

    @property
    def healthy(self) -> bool:
        """Whether every part of the runtime does its work; it says nothing about the targets."""
        return not self.problems


IN_THE_OUTBOX = "notices left in the outbox"
UNWRITTEN = "records not written"
"""Kinds of work that is left undone."""


class AbandonedWork(msgspec.Struct, frozen=True):
    """What was left undone when a runtime stopped: kinds of work, each with names. False when nothing was."""

    left: tuple[tuple[str, tuple[str, ...]], ...] = ()
    store: str | None = None
    """The file of the store; None where the record ends with the process."""

    def __bool__(self) -> bool:
        return bool(self.left)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The notices that the store keeps and the next run sends. None counts while it could not be written."""
        left = dict(self.left)
        return left.get(IN_THE_OUTBOX, ()) if self.store and UNWRITTEN not in left else ()

    @property
    def lost(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Of what is left, all that the next run does not go on with."""
        return tuple(kind for kind in self.left if kind[0] != IN_THE_OUTBOX or not self.waiting)


def no_sample_since(wall_ns: int) -> str:
    """The explanation of what is stale."""
    return f"no sample since {wall_text(wall_ns)}"
