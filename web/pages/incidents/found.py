"""All that is known of one incident, for its page and for its text."""

from typing import NamedTuple

from ....domain.errors import StoreError
from ....domain.incidents.incident import Incident
from ....domain.incidents.record import Silence
from ....domain.incidents.told import ChannelTold, with_waits
from ....domain.read_model.status import TargetStatus
from ....domain.specification.target import Target
from ....domain.suppression.agenda import PlannedSpan
from ....domain.suppression.silence_book import subject_of
from ....domain.units import NS_PER_MINUTE
from ....host.access.incident_past import IncidentPast, read_incident
from ...resources.reading import incident_of
from ...table import ApiCall
from .story import StoryEvent, story_of


class Found(NamedTuple):
    """All that is known of an incident."""

    incident: Incident
    name: str
    """The name of its target for people."""
    target: Target | None
    """None where it is no longer watched."""
    row: TargetStatus | None
    past: IncidentPast | None
    """None where its record cannot be read."""
    problem: str
    """Why not."""
    silences: tuple[Silence, ...]
    """Those in force that mute it."""
    work: PlannedSpan | None
    """The maintenance in force that holds its notices."""
    events: tuple[StoryEvent, ...]
    now_ns: int

    @property
    def told(self) -> tuple[ChannelTold, ...]:
        return () if self.past is None else self.past.told


async def found_of(call: ApiCall) -> Found:
    """Returns what is known of the incident of the path. Raises: UnknownName where none has this id."""
    incident = await incident_of(call)
    status, now_ns = await call.operations.status(), call.operations.now_ns()
    target = call.operations.targets().get(incident.target)
    past, problem = await _past(call, incident, target, now_ns)
    if past is not None:
        past = past._replace(told=with_waits(past.told, status.waits_of(incident.id)))
    row = next((each for each in status.targets if each.id == incident.target), None)
    subject = subject_of(incident, None if row is None else row.metadata)
    silences = tuple(each for each in status.silences if each.selection().accepts(subject))
    work = call.operations.work_in_force().of(subject)
    events = () if past is None else story_of(incident, past, silences, now_ns)
    name = incident.metadata.name or ("" if target is None else target.metadata.name) or incident.target
    return Found(incident, name, target, row, past, problem, silences, work, events, now_ns)


async def _past(
    call: ApiCall, incident: Incident, target: Target | None, now_ns: int
) -> tuple[IncidentPast | None, str]:
    if not call.operations.has_file:
        return None, "the record is kept in memory: set runtime.store to a file to keep what happened"
    every_ns = NS_PER_MINUTE if target is None else target.every_ns
    try:
        return await call.operations.read(
            lambda reader: read_incident(reader, incident, every_ns, now_ns)
        ), ""
    except StoreError as error:
        return None, str(error)
