"""The plainest delivery policy: the channels that an incident names, and nothing but silences holds back."""

from collections.abc import Collection, Iterable

from ...observation.sample import Sample
from ...time.moment import Moment
from ..delivery_plan import Hold, HoldKind, Recipient
from ..incident import Incident, Transition
from ..record import Restored
from ..silence_book import SilenceBook


class NamedChannels:
    """A delivery policy for runtimes without routes."""

    def __init__(self) -> None:
        self.silences = SilenceBook()

    def restore(self, restored: Restored, now: Moment) -> None:
        self.silences.restore(restored.silences)

    def recipients(self, incident: Incident) -> tuple[Recipient, ...]:
        return tuple(Recipient(channel=channel) for channel in dict.fromkeys(incident.notify))

    def hold(self, incident: Incident, now: Moment) -> Hold | None:
        return Hold(kind=HoldKind.SILENCE) if self.silences.mutes(incident, now) else None

    def quiet(self, recipient: Recipient, now: Moment) -> Hold | None:
        return None

    def note(self, transition: Transition, now: Moment) -> Collection[str]:
        return ()

    def take(self, samples: Iterable[Sample], now: Moment) -> Collection[str]:
        return ()

    def next_change_ns(self, now: Moment) -> int | None:
        return min((silence.until_ns for silence in self.silences.in_force(now)), default=None)
