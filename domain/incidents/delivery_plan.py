"""The plan of a delivery: the recipients of an incident, and why a notice waits. The ledger asks for it."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from ..line import escaped
from ..observation.sample import Sample
from ..public_value import PublicValue, moment_of
from ..time.moment import Moment
from .incident import Incident, Transition
from .record import Restored


class HoldKind(StrEnum):
    """The kinds of reasons that hold a notice back."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    DEPENDENCY = "dependency"
    FLAPPING = "flapping"
    QUIET = "quiet"
    """A quiet window of its route."""
    DELAY = "delay"
    """Its channel or its escalation step waits for a while after the opening."""
    GROUPING = "grouping"
    """It goes out with the next digest of its group."""


# One for each incident and channel that waits: they lead to nothing that leads back, and the collector of garbage leaves them alone.
class Hold(PublicValue, frozen=True, kw_only=True, gc=False):
    """A reason for which a notice waits."""

    kind: HoldKind
    name: str = ""
    """The id of the silence, maintenance or window, or the targets on which it depends."""
    until_ns: int | None = None
    """Wall time at which it ends by itself; None where an event ends it."""

    @property
    def until(self) -> datetime | None:
        """When it ends by itself, in UTC; None where an event ends it."""
        return moment_of(self.until_ns)

    @property
    def reason(self) -> str:
        """The reason in words, without its end: `maintenance patch-day`."""
        return f"{_REASONS[self.kind]} {escaped(self.name)}".rstrip()

    def said(self, moment: Callable[[int], str]) -> str:
        """Returns the reason in words with its end, which `moment` makes a text."""
        return self.reason if self.until_ns is None else f"{self.reason} until {moment(self.until_ns)}"


_REASONS = {
    HoldKind.SILENCE: "silence",
    HoldKind.MAINTENANCE: "maintenance",
    HoldKind.DEPENDENCY: "depends on",
    HoldKind.FLAPPING: "flapping:",
    HoldKind.QUIET: "quiet window",
    HoldKind.DELAY: "its delay",
    HoldKind.GROUPING: "digest of",
}


class IncidentWait(PublicValue, frozen=True, gc=False):
    """A channel that is to be told of an incident, and the reason for which it waits."""

    incident_id: str
    channel: str
    hold: Hold


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A channel that is to be told of an incident, and how."""

    channel: str
    route: str = ""
    """The id of the route that chose it; empty where the target names the channel itself."""
    group: tuple[tuple[str, str], ...] | None = None
    """The names and texts by which its notices are grouped; None: each incident has a notice of its own."""
    group_wait_ns: int = 0
    group_interval_ns: int = 0
    after_ns: int = 0
    """How long after the opening it is told at the earliest."""
    is_escalation: bool = False
    remind_every_ns: int | None = None
    quiet: tuple[str, ...] = ()
    """The windows in which nothing is sent to it."""


class DeliveryPolicy(Protocol):
    """Chooses recipients and holds notices back. It is told every transition and sample, and owns no clock.

    A new one is made for each incarnation of the sink, and restored before anything else is asked of it.
    """

    def restore(self, restored: Restored, now: Moment) -> None:
        """Takes over the open incidents, silences and openings of a record; what it knew of an earlier one is over."""
        ...

    def recipients(self, incident: Incident) -> tuple[Recipient, ...]:
        """Returns who is told of an incident, each channel once."""
        ...

    def hold(self, incident: Incident, now: Moment) -> Hold | None:
        """Returns what holds back every notice of an incident now."""
        ...

    def remark(self, incident: Incident) -> str:
        """Returns what the first notice of an incident says besides; empty for nothing."""
        ...

    def quiet(self, recipient: Recipient, now: Moment) -> Hold | None:
        """Returns the quiet window in force of a recipient."""
        ...

    def note(self, transition: Transition, now: Moment) -> Collection[str]:
        """Takes a step of an incident. Returns the targets whose incidents are to be reviewed besides."""
        ...

    def take(self, samples: Iterable[Sample], now: Moment) -> Collection[str]:
        """Takes samples. Returns the targets whose incidents are to be reviewed."""
        ...

    def next_change_ns(self, now: Moment) -> int | None:
        """Returns the wall time after now at which a hold begins or ends by itself; None where none will."""
        ...
