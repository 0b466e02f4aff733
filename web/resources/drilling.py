"""Drills: begun for a route, and ended."""

from ...domain.errors import UsageError
from ...host.access.drilling import route_of
from ..problems import Refusal
from ..shapes.answers import IncidentRow
from ..shapes.documents import incident_row
from ..shapes.drill_answers import DrillAnswer, drill_channels
from ..table import Accepted, ApiCall
from .reading import incident_named, incident_of


async def begin(call: ApiCall) -> DrillAnswer:
    """Begins a drill. Raises: UnknownName for a route that is not there; Refusal of a length that is none."""
    operations, body = call.operations, call.body
    configuration = operations.configuration()
    route = route_of(body.route, configuration.routes)
    try:
        name = await operations.obeyed(
            lambda: operations.verbs.drill(
                body.route,
                by=call.author.name,
                length=body.length or "",
                severity=body.severity,
                despite_holds=body.despite_holds,
            )
        )
    except UsageError as error:
        if not operations.is_started:
            raise
        raise Refusal(409, str(error)) from None
    await operations.settled()
    return DrillAnswer(
        incident=incident_row(await incident_named(call, name)),
        channels=drill_channels(route, configuration.channels, body.severity),
    )


async def end(call: ApiCall) -> IncidentRow | Accepted:
    """Ends a drill. Raises: Refusal of an incident that is none, or is over."""
    found = await incident_of(call)
    if not found.drill:
        raise Refusal(409, f"the incident {found.id} is no drill: it ends with what has caused it")
    if not found.is_open:
        raise Refusal(409, f"the drill {found.id} is over")
    await call.operations.obeyed(lambda: call.operations.verbs.end_drill(found.id, by=call.author.name))
    if not (await call.operations.settled()).is_durable:
        return Accepted(incident_row(found))
    return incident_row(await incident_of(call))
