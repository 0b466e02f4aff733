"""The newest sample and the marks of targets, for one who asks for the same targets again and again."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol, TypeVar

from ...domain.incidents.record import HeardMark
from .history.stored import StoredSample

V_co = TypeVar("V_co", covariant=True)


class OfTargets(Protocol[V_co]):
    """Values by target."""

    def get(self, target: str, /) -> V_co | None: ...


class LastRecords(NamedTuple):
    """The newest sample and the marks of targets, of more perhaps than were asked for."""

    latest: Mapping[str, StoredSample]
    heard: OfTargets[HeardMark]
    up_since: OfTargets[int]
    """Since when each is up that was so at its newest sample (wall time)."""
    changed: Collection[str] | None
    """The targets of which this may be other than at the reading before; None where all may be."""


class RecordFollower(Protocol):
    """Reads the newest sample and the marks of some targets; used by one thread at a time."""

    def read(self, since_ns: int, until_ns: int) -> LastRecords:
        """Returns them as the record has them now; of samples, those of a span. Raises: StoreError."""
        ...
