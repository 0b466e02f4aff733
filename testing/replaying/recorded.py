"""The recorded past of a replay: what was decided and told, and what operators did."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...adapters.stores.history.recording import HourOfTarget, ToldNotice
from ...adapters.stores.record_reader import RecordReader
from ...domain.incidents.incident import Transition, TransitionKind
from ...domain.incidents.record import Silence
from ...domain.observation.outcome import Outcome, Reason
from ...domain.specification.configuration import Configuration
from ...domain.specification.target import OWN_NAME
from ...domain.units import NS_PER_HOUR
from .judging import Acknowledged

_ENDED, _WITHDRAWN = "acknowledgement_ended", "acknowledgement_withdrawn"


class OpenSpan(NamedTuple):
    """An incident of the record or of the replay."""

    target: str
    rule: str
    opened_at_ns: int
    """When its first bad sample was taken (wall)."""
    detected_ns: int
    """When it opened (wall)."""
    resolved_ns: int | None = None
    """When it ended (wall); None where it was open at the end."""
    is_draft: bool = False

    @property
    def place(self) -> str:
        """Its target and rule, `shop/down`."""
        return f"{self.target}/{self.rule}"

    def overlaps(self, other: "OpenSpan") -> bool:
        """Whether both were open at one time."""
        mine, theirs = self.resolved_ns, other.resolved_ns
        return (theirs is None or self.opened_at_ns < theirs) and (mine is None or other.opened_at_ns < mine)


class SpanBook:
    """Puts the steps of incidents together."""

    def __init__(self) -> None:
        self.spans: dict[str, OpenSpan] = {}

    def note(self, step: Transition) -> None:
        """Takes a step; drills and problems of the runtime itself say nothing about a target."""
        if step.target == OWN_NAME:
            return
        known = self.spans.get(step.id)
        if known is None:
            known = OpenSpan(step.target, step.rule, step.opened_at_ns, step.at_ns)
        ended_ns = step.at_ns if step.change is TransitionKind.RESOLVED else None
        self.spans[step.id] = known._replace(target=step.target, resolved_ns=ended_ns, is_draft=step.draft)


class BlindSpan(NamedTuple):
    """A span in which the runtime could not observe its targets. Wall times."""

    begin_ns: int
    end_ns: int
    cause: str


class RecordedHour(NamedTuple):
    """The samples of one hour by target, with the meanings of their findings."""

    hour: int
    """Counted from 1970."""
    targets: dict[str, HourOfTarget]
    meanings: Mapping[int, tuple[Outcome, Reason]]
    explanations: Mapping[tuple[str, int], str]


class RecordedPast:
    """Reads what a replay needs of a store, which a process may be writing meanwhile."""

    def __init__(self, reader: RecordReader, configuration: Configuration) -> None:
        self._reader = reader
        self._present = {
            former: target.id for target in configuration.targets for former in target.former_names
        }

    @property
    def first_ns(self) -> int | None:
        """When the first sample may have been taken (wall); None without any."""
        with self._reader.recording() as recording:
            return recording.first_ns

    def steps(self, since_ns: int) -> tuple[dict[str, OpenSpan], dict[str, list[Acknowledged]]]:
        """Returns the incidents that opened since a wall time, by id, and by target the acknowledgements of any."""
        book = SpanBook()
        acknowledged: dict[str, list[Acknowledged]] = {}
        with self._reader.recording() as recording:
            for step in recording.steps(since_ns):
                book.note(step)
                if (act := _act_of(step)) is not None:
                    acknowledged.setdefault(self.name_of(step.target), []).append(act)
        spans = {name: span._replace(target=self.name_of(span.target)) for name, span in book.spans.items()}
        return spans, acknowledged

    def notices(self, since_ns: int, until_ns: int) -> list[ToldNotice]:
        """Returns the notices that were made in a span, but for those of the runtime's own problems and of drills."""
        with self._reader.recording() as recording:
            found = recording.notices(since_ns, until_ns)
            own = f"{OWN_NAME}/"
            return [each for each in found if not all(place.startswith(own) for place in each.places)]

    def silences(self, since_ns: int) -> list[Silence]:
        """Returns the silences that were in force since a wall time."""
        return sorted(self._reader.silences(since_ns), key=lambda silence: silence.created_at_ns or 0)

    def blind(self, since_ns: int) -> list[BlindSpan]:
        """Returns the spans since a wall time in which the runtime could not observe its targets."""
        return [
            BlindSpan(each.started_at_ns, each.ended_at_ns, each.cause)
            for each in self._reader.blind(since_ns)
        ]

    def hours(self, begin_ns: int, end_ns: int) -> Iterator[RecordedHour]:
        """Yields the hours of a span that have samples, oldest first, each read by itself: no writer waits, and little is held."""
        for hour in range(begin_ns // NS_PER_HOUR, -(-end_ns // NS_PER_HOUR)):
            with self._reader.recording() as recording:
                targets = {self.name_of(name): samples for name, samples in recording.hour(hour).items()}
                explained = recording.explanations(hour) if targets else {}
                meanings = recording.meanings
            if targets:
                explanations = {
                    (self.name_of(name), at_us): text for (name, at_us), text in explained.items()
                }
                yield RecordedHour(hour, targets, meanings, explanations)

    def name_of(self, target: str) -> str:
        """Returns the present name of a recorded target."""
        return self._present.get(target, target)


def _act_of(step: Transition) -> Acknowledged | None:
    if step.change is TransitionKind.ACKNOWLEDGED:
        return Acknowledged(step.at_ns, step.rule, step.acknowledged_by, step.acknowledged_until_ns)
    if step.reason in {_ENDED, _WITHDRAWN}:
        return Acknowledged(step.at_ns, step.rule, None if step.reason == _ENDED else "", is_withdrawn=True)
    return None
