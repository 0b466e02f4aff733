"""The silences and the texts of the watched targets: together they say which notices wait."""

from collections.abc import Iterable

from ..incidents.delivery_plan import Hold, HoldKind
from ..incidents.incident import Incident
from ..incidents.record import Renamed, Silence
from ..specification.matcher import Selection, Subject
from ..specification.metadata import TargetMetadata
from ..time.moment import Moment


class SilenceBook:
    """Knows the silences that have not ended, and the present group and labels of each watched target.

    A target that is not watched (any more) is judged by the texts that it had when its incident opened.
    """

    def __init__(self) -> None:
        self._silences: dict[str, Silence] = {}
        self._selections: dict[str, Selection] = {}
        """The matchers of each of them, by the same ids."""
        self._metadata: dict[str, TargetMetadata] = {}

    def restore(self, silences: Iterable[Silence]) -> None:
        """Replaces the silences by those of a store."""
        self._silences, self._selections = {}, {}
        for silence in silences:
            self.put(silence)

    def put(self, silence: Silence) -> None:
        """Starts, changes or ends (by an end in the past) a silence."""
        self._silences[silence.id] = silence
        self._selections[silence.id] = silence.selection()

    def describe(self, target: str, metadata: TargetMetadata | None) -> bool:
        """Notes the present texts of a watched target; None where it is watched no longer.

        Returns whether a silence may mute other notices than before.
        """
        if self._metadata.get(target) == metadata:
            return False
        if metadata is None:
            del self._metadata[target]
        else:
            self._metadata[target] = metadata
        return any(selection.needs_metadata for selection in self._selections.values())

    def rename(self, renamed: Renamed) -> tuple[Silence, ...]:
        """Lets every silence that names a target by a former name mute the renamed target. Returns these as they are now."""
        named = {
            silence: silence.renamed(renamed.target, renamed.former) for silence in self._silences.values()
        }
        moved = tuple(after for before, after in named.items() if after != before)
        for silence in moved:
            self.put(silence)
        return moved

    @property
    def next_end_ns(self) -> int | None:
        """The wall time at which the first silence ends; None without any."""
        return min((silence.until_ns for silence in self._silences.values()), default=None)

    def in_force(self, now: Moment) -> tuple[Silence, ...]:
        """Returns the silences that have not ended."""
        return tuple(silence for silence in self._silences.values() if silence.until_ns > now.wall_ns)

    def find(self, silence_id: str, now: Moment) -> Silence | None:
        """Returns a silence that has not ended; None without one of this id."""
        found = self._silences.get(silence_id)
        return found if found is not None and found.until_ns > now.wall_ns else None

    def drop_ended(self, now: Moment) -> bool:
        """Whether a silence has ended since the last call: then notices may be due. Drops the ended silences."""
        ended = [name for name, silence in self._silences.items() if silence.until_ns <= now.wall_ns]
        for name in ended:
            del self._silences[name], self._selections[name]
        return bool(ended)

    def metadata_of(self, target: str) -> TargetMetadata | None:
        """Returns the present texts of a target; None where it is not watched."""
        return self._metadata.get(target)

    def subject(self, incident: Incident) -> Subject:
        """Returns what matchers see of an incident now."""
        return subject_of(incident, self._metadata.get(incident.target))

    def hold(self, incident: Incident, now: Moment) -> Hold | None:
        """Returns the silence by which the notices of an incident wait; of several, the one that ends last."""
        if not self._silences:
            return None
        subject = self.subject(incident)
        muting = [
            (silence.until_ns, name)
            for name, silence in self._silences.items()
            if silence.until_ns > now.wall_ns and self._selections[name].accepts(subject)
        ]
        if not muting:
            return None
        until_ns, name = max(muting)
        return Hold(kind=HoldKind.SILENCE, name=name, until_ns=until_ns)


def subject_of(incident: Incident, metadata: TargetMetadata | None = None) -> Subject:
    """Returns what matchers see of an incident, with the present texts of its target, or those of its opening."""
    said = incident.metadata if metadata is None else metadata
    return Subject(incident.target, said, incident.rule, incident.severity.value)
