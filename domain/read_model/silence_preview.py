"""The effect that a silence would have, before it is commanded."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from ..incidents.incident import Incident
from ..incidents.record import Silence
from ..public_value import PublicValue, moment_of
from ..specification.matcher import Subject
from ..specification.metadata import TargetMetadata
from ..suppression.silence_book import subject_of


class SilencePreview(PublicValue, frozen=True, kw_only=True):
    """The present targets and incidents that a silence would mute; targets that come later are muted, too, where they match."""

    targets: tuple[str, ...]
    """The ids of the muted targets; a silence by rule or severity mutes some of their incidents alone."""
    incidents: tuple[Incident, ...]
    """The open incidents whose notices would wait."""
    until_ns: int | None = None
    """Wall time of its end; None where none was given."""

    @property
    def until(self) -> datetime | None:
        """Its end, in UTC; None where none was given."""
        return moment_of(self.until_ns)


def preview_of(
    silence: Silence, targets: Mapping[str, TargetMetadata], incidents: Iterable[Incident]
) -> SilencePreview:
    """Returns what a silence would mute of watched targets, given with their texts, and of open incidents."""
    accepts = silence.selection().accepts
    return SilencePreview(
        targets=tuple(name for name, metadata in targets.items() if accepts(Subject(name, metadata))),
        incidents=tuple(each for each in incidents if accepts(subject_of(each, targets.get(each.target)))),
        until_ns=silence.until_ns or None,
    )
