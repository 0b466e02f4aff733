"""The status of a runtime and its targets, as frozen values for hosts, pages and tests."""

from collections import Counter
from datetime import datetime
from typing import Any

from ..errors import UnknownName
from ..incidents.announcement import Announcement
from ..incidents.delivery_plan import IncidentWait
from ..incidents.incident import Incident
from ..incidents.record import BlindInterval, Silence
from ..line import count_of
from ..observation.attempt import AttemptRecord
from ..observation.location import LocationResult
from ..observation.outcome import Outcome
from ..observation.sample import Sample
from ..public_value import PublicValue, html_table
from ..rules.aggregate import Status
from ..specification.metadata import NO_METADATA, TargetMetadata
from ..specification.problem import suggestion
from ..time.moment import utc, wall_text
from .histogram import Percentiles
from .node_status import NodeStatus


class TargetStatus(PublicValue, frozen=True, kw_only=True, gc=False):
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
    silences: tuple[Silence, ...] = ()
    """The silences in force that mute it; one with a matcher of rules or severities mutes some of its incidents alone."""
    sample: Sample | None
    """The newest sample."""
    attempt: AttemptRecord | None
    """The newest ended attempt."""
    samples: int
    missed: int
    """The total of grid ticks that passed without an attempt."""
    running_since_ns: int | None = None
    """Wall time at which a run of a job began that has not ended; None where none is known."""
    heard_ns: int | None = None
    """Wall time of the newest sample. Before the first one of this run: of what an earlier run heard, or missed, of a heartbeat."""
    awaited_since_ns: int | None = None
    """Wall time from which the next report of a heartbeat is expected that this run has not heard yet; None of any other target."""

    @property
    def since(self) -> datetime:
        """When this status began, in UTC."""
        return utc(self.since_ns)

    @property
    def locations(self) -> tuple[LocationResult, ...]:
        """The findings of the locations that probe it, in the newest sample; empty where this runtime alone does.

        A process that reads the record of another has what each said and why, without its time and its own words, and nothing where the
        target is up and no location says otherwise.
        """
        return () if self.sample is None else self.sample.locations or ()

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data; the texts for people, where the target has any, stand among the fields."""
        said = super().to_dict()
        about: dict[str, Any] = said.pop("metadata")
        return {**said, **about}

    def __repr__(self) -> str:
        return f"<TargetStatus {self.id!r}: {self.status.value} since {wall_text(self.since_ns)}>"


STANDBY = "standby"
"""The part that has the problems of a process that stands by."""
RECORDED = "this is the last recorded state"
"""Begins the problem that says that a status is from the store alone."""
UNREAD = "another node runs its shard, and the store cannot be read"
"""The explanation of a target of which a node knows nothing."""


class RuntimeStatus(PublicValue, frozen=True, kw_only=True):
    """The status of a whole runtime."""

    mappings = frozenset({"problems", "counters"})

    at_ns: int
    """Wall time as of which all of this holds."""
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
    announcements: tuple[Announcement, ...] = ()
    """The announcements that stand, for the readers of public pages."""
    waits: tuple[IncidentWait, ...] = ()
    """The channels that are to be told of an incident and wait: each with the reason, and until when it lasts."""
    nodes: tuple[NodeStatus, ...] = ()
    """The processes that share the shards of the store; empty where one process has all of it."""
    pinged_at_ns: int | None = None
    """When the service of the dead-man's ping last answered one well (wall); None before that in this run."""

    @property
    def pinged_at(self) -> datetime | None:
        """When the service of the dead-man's ping last answered one well, in UTC; None before that in this run."""
        return None if self.pinged_at_ns is None else utc(self.pinged_at_ns)

    @property
    def at(self) -> datetime:
        """The moment as of which all of this holds, in UTC."""
        return utc(self.at_ns)

    def waits_of(self, incident_id: str) -> tuple[IncidentWait, ...]:
        """Returns the channels that wait to be told of an incident."""
        return tuple(waiting for waiting in self.waits if waiting.incident_id == incident_id)

    @property
    def is_recorded(self) -> bool:
        """Whether this is what the store has, because the process that runs it does not answer."""
        return any(part == STANDBY and text.startswith(RECORDED) for part, text in self.problems)

    @property
    def healthy(self) -> bool:
        """Whether no part of the runtime has a problem; independent of the state of the targets."""
        return not self.problems

    def __getitem__(self, target: str) -> TargetStatus:
        """Returns the status of one target. Raises: UnknownName for a target that is not watched."""
        for row in self.targets:
            if row.id == target:
                return row
        raise UnknownName(
            f"no target {target!r} is watched{suggestion(str(target), (row.id for row in self.targets))}"
        )

    def __contains__(self, target: object) -> bool:
        return any(row.id == target for row in self.targets)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data, with `healthy` beside the fields."""
        return {"healthy": self.healthy, **super().to_dict()}

    def __repr__(self) -> str:
        return status_line(self)

    def _repr_html_(self) -> str:
        """The table that a notebook shows: a row for each target, those with a problem first."""
        rows = sorted(self.targets, key=lambda row: _URGENCY.index(row.status))
        return html_table(
            ("target", "status", "since", "latency", "why"),
            [(row.id, row.status.value, wall_text(row.since_ns), _latency(row), _why(row)) for row in rows],
        )


_URGENCY = (Status.DOWN, Status.DEGRADED, Status.UNKNOWN, Status.PAUSED, Status.UP)


def _latency(row: TargetStatus) -> str:
    latency_ms = row.sample.latency_ms if row.sample else None
    return "" if latency_ms is None else f"{latency_ms:.1f} ms"


def _why(row: TargetStatus) -> str:
    if row.explanation or row.sample is None or row.sample.outcome is Outcome.UP:
        return row.explanation
    return row.sample.explanation()


IN_THE_OUTBOX = "notices left in the outbox"
UNWRITTEN = "records not written"
STORE_LOST = "the store is not in its place"
"""Kinds of undone work."""
KEPT_BY_THE_PROCESS = "the record of meanwhile is kept only as long as this process lives"
"""The end of a store's problem while another file, or none, lies in its place: a stop then loses the record of meanwhile."""


class AbandonedWork(PublicValue, frozen=True):
    """The work left undone at a stop: kinds of work, each with names. False without any."""

    mappings = frozenset({"left"})

    left: tuple[tuple[str, tuple[str, ...]], ...] = ()
    store: str | None = None
    """The file of the store; None where the record ends with the process."""

    def __bool__(self) -> bool:
        return bool(self.left)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The notices that the store keeps and the next run sends; none where it could not be written, or is lost."""
        left = dict(self.left)
        return left.get(IN_THE_OUTBOX, ()) if self.store and not {UNWRITTEN, STORE_LOST} & left.keys() else ()

    @property
    def lost(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The undone work that the next run does not continue."""
        return tuple(kind for kind in self.left if kind[0] != IN_THE_OUTBOX or not self.waiting)


def no_sample_since(wall_ns: int) -> str:
    """Returns the explanation of a stale target."""
    return f"no sample since {wall_text(wall_ns)}"


def status_line(status: Any) -> str:
    """Returns the status of a runtime, here or in another process, in one short line."""
    counted = Counter(row.status.value for row in status.targets)
    parts = [
        count_of(len(status.targets), "target"),
        *(f"{count} {state}" for state, count in sorted(counted.items())),
        count_of(len(status.incidents), "open incident"),
        "healthy" if status.healthy else f"{count_of(len(status.problems), 'problem')} of its own",
    ]
    return f"<{type(status).__name__}: {', '.join(parts)}>"
