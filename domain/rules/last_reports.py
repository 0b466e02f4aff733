"""The last reports of each heartbeat that changed its state, for judgements that the record has lost."""

from collections.abc import Iterable
from typing import NamedTuple

from ..incidents.incident import Incident
from ..limits import LAST_REPORTS_KEPT
from ..observation.sample import Sample


class Standing(NamedTuple):
    """The recorded judgement of a target: the state of its rules, and the number of the last step of each open incident."""

    state: bytes
    steps: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, state: bytes, incidents: Iterable[Incident]) -> "Standing":
        return cls(state, tuple(sorted((incident.id, incident.sequence) for incident in incidents)))


class LastReports:
    """The newest reports, and missed ones, of each heartbeat that changed anything, each with the standing before it.

    A check that is lost is made again within its period. A report is not, and the next one may be due a day later: the
    reports are judged again from the one at whose standing the record is. Where the record is at none of these standings,
    it has every judgement, or an older one is lost too, and judging again could count a report twice.
    """

    def __init__(self) -> None:
        self._last: dict[str, list[tuple[Standing, Sample]]] = {}

    def note(self, before: Standing, after: Standing, sample: Sample) -> None:
        """Notes a judged sample of a target that reports by itself; one that changed nothing needs no second judgement."""
        if before != after:
            last = self._last.setdefault(sample.target, [])
            last.append((before, sample))
            del last[:-LAST_REPORTS_KEPT]

    def reached(self, target: str, standing: Standing) -> None:
        """Notes the standing of a target after a change, be it by a report, a command or a new specification.

        A record at a standing that came again may have the judgement of the report that had changed it before. That report
        and the older ones are dropped, so that none counts twice.
        """
        last = self._last.get(target, [])
        del last[: _position(last, standing) + 1]

    def take_lost(self, target: str, restored: Standing) -> tuple[Sample, ...]:
        """Takes the samples to judge again, in their order, for a target that goes on from what the record has."""
        last = self._last.get(target, [])
        position = _position(last, restored)
        if position < 0:
            return ()
        lost = tuple(sample for _, sample in last[position:])
        del last[position:]
        return lost

    def forget(self, target: str) -> None:
        """Drops a target that is tracked no longer, or is checked now."""
        self._last.pop(target, None)


def _position(last: list[tuple[Standing, Sample]], standing: Standing) -> int:
    """Returns the position of the newest report that was judged at a standing; -1 where there is none."""
    return max((position for position, (before, _) in enumerate(last) if before == standing), default=-1)
