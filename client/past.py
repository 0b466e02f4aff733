"""The past of a target and of an incident, by the API or from the store, in the same rows."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from ..adapters.clock import SystemClock
from ..adapters.stores.opening import make_reader
from ..domain.errors import UnknownName
from ..domain.limits import READ_INCIDENTS_MAX
from ..domain.specification.metadata import NO_METADATA, TargetMetadata
from ..domain.specification.target import Target
from .questions import Questions

if TYPE_CHECKING:
    from .answers import EvidenceRow, IncidentNoticeRow, IncidentRow, SampleRow, SilenceRow


class Past(Protocol):
    """Questions about what was."""

    def incidents(self) -> "tuple[IncidentRow, ...]":
        """Returns incidents, the newest first."""
        ...

    def transitions(self, incident: str) -> "tuple[IncidentRow, ...]":
        """Returns the states of an incident, from its opening."""
        ...

    def incident_notices(self, incident: str) -> "tuple[IncidentNoticeRow, ...]":
        """Returns the notices of an incident with each try to deliver them, the oldest first."""
        ...

    def silences(self) -> "tuple[SilenceRow, ...]":
        """Returns the silences in force."""
        ...

    def target_names(self) -> tuple[str, ...]:
        """Returns the ids of the targets."""
        ...

    def samples(self, target: str, since: datetime, until: datetime) -> "tuple[SampleRow, ...]":
        """Returns samples, the oldest first."""
        ...

    def evidence(self, target: str, since: datetime, until: datetime) -> "tuple[EvidenceRow, ...]":
        """Returns the evidence of bad samples, the oldest first."""
        ...


class StorePast:
    """The past from a store, whether a process runs it or not."""

    def __init__(self, path: str, targets: Iterable[Target] = ()) -> None:
        self.path = path
        self._reader = make_reader(path)
        known = tuple(targets)
        self._metadata = {target.id: target.metadata for target in known}
        self.located = frozenset(target.id for target in known if target.places)
        """The targets that are probed from several locations."""

    def incidents(self) -> "tuple[IncidentRow, ...]":
        from ..web.shapes.documents import incident_row

        return tuple(map(incident_row, self._reader.incidents(limit=READ_INCIDENTS_MAX)))

    def transitions(self, incident: str) -> "tuple[IncidentRow, ...]":
        from ..web.shapes.documents import incident_row

        return tuple(map(incident_row, self._reader.transitions(incident)))

    def incident_notices(self, incident: str) -> "tuple[IncidentNoticeRow, ...]":
        from ..web.shapes.delivery_rows import incident_notice_row

        tries = self._reader.deliveries(incident=incident)
        return tuple(
            incident_notice_row(each, (tried for tried in tries if tried.key == each.notice.key))
            for each in self._reader.notices(incident)
        )

    def silences(self) -> "tuple[SilenceRow, ...]":
        from ..web.shapes.documents import silence_row

        return tuple(map(silence_row, self._reader.silences(SystemClock().read().wall_ns)))

    def target_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._metadata, *self._reader.targets())))

    def metadata(self, target: str) -> TargetMetadata:
        """Returns the group and the labels of a target as its configuration has them."""
        return self._metadata.get(target, NO_METADATA)

    def samples(self, target: str, since: datetime, until: datetime) -> "tuple[SampleRow, ...]":
        from ..web.shapes.documents import ns_of, sample_row

        return tuple(map(sample_row, self._reader.samples(target, ns_of(since), ns_of(until))))

    def evidence(self, target: str, since: datetime, until: datetime) -> "tuple[EvidenceRow, ...]":
        from ..web.shapes.documents import evidence_row, ns_of

        return tuple(map(evidence_row, self._reader.evidence(target, ns_of(since), ns_of(until))))


def metadata_of(past: Past, target: str) -> TargetMetadata:
    """Returns the group and the labels of a target; none of one that is not watched any more."""
    if isinstance(past, StorePast):
        return past.metadata(target)
    if not isinstance(past, Questions):
        return NO_METADATA
    try:
        row = past.target(target)
    except UnknownName:
        return NO_METADATA
    return TargetMetadata(group=row.group, labels=tuple(row.labels.items()))
