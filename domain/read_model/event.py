"""Events that subscribers receive."""

from ..incidents.incident import Incident
from ..incidents.notice import Delivery, Notice
from ..incidents.record import BlindInterval
from ..observation.sample import Sample
from ..public_value import PublicValue
from ..rules.aggregate import Status


class SampleSeen(PublicValue, frozen=True):
    """A sample was judged."""

    sample: Sample
    status: Status


class IncidentChanged(PublicValue, frozen=True):
    """An incident opened, changed, was acknowledged or resolved; sent only after its commit."""

    incident: Incident


class NoticeEnded(PublicValue, frozen=True):
    """A notice was delivered, or given up and stored as a dead letter."""

    notice: Notice
    delivery: Delivery


class WentBlind(PublicValue, frozen=True):
    """The runtime could not observe its targets during an interval."""

    interval: BlindInterval


class HealthChanged(PublicValue, frozen=True):
    """A part of the runtime has a problem, or has recovered (empty detail)."""

    part: str
    detail: str


class RoleChanged(PublicValue, frozen=True):
    """The runtime took over the store (`active`), or stands by because another process runs it (`standby`)."""

    role: str
    detail: str


Event = SampleSeen | IncidentChanged | NoticeEnded | WentBlind | HealthChanged | RoleChanged
