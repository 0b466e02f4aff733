"""The last report of each heartbeat that changed its state, for a judgement that the record has lost."""

from collections.abc import Iterable
from typing import NamedTuple

from ..incidents.incident import Incident
from ..observation.sample import Sample
from ..specification.target import Target


class Standing(NamedTuple):
    """What the record has of a target: the state of its rules, and the number of the last step of each open incident."""

    state: bytes
    steps: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, state: bytes, incidents: Iterable[Incident]) -> "Standing":
        return cls(state, tuple(sorted((incident.id, incident.sequence) for incident in incidents)))


class LastReports:
    """The newest report, or missed one, of each heartbeat that changed anything, with the standing on which it was judged.

    A check that is lost is made again within its period. A report is not, and the next one may be due a day later: it is
    judged again where the record stands as it did before the report. Where it stands otherwise, it has the judgement,
    or an older one is lost too, and judging again could count a report twice.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[Standing, Sample]] = {}

    def note(self, target: str, before: Standing, after: Standing, sample: Sample) -> None:
        """Notes a judged sample of a target that reports by itself; one that changed nothing needs no second judgement."""
        if before != after:
            self._last[target] = (before, sample)

    def lost(self, target: Target, restored: Standing) -> Sample | None:
        """Returns the sample to judge again, for a target that goes on from what the record has."""
        before, sample = self._last.get(target.id, (None, None))
        return sample if before == restored and target.heartbeat is not None else None

    def forget(self, target: str) -> None:
        """Drops a target that is tracked no longer."""
        self._last.pop(target, None)
