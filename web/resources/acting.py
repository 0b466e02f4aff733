"""Commands: each is idempotent, and answered with the state that it left once that is durable."""

from ...domain.errors import ConfigurationError, StoreError, UnknownName, UsageError
from ...domain.incidents.incident import Incident
from ...domain.limits import RUN_CHARACTERS_MAX
from ...domain.line import one_line
from ...domain.time.moment import wall_text
from ..pings import PingKind
from ..problems import Refusal
from ..shapes.answers import Done, IncidentRow, TargetRow
from ..shapes.documents import incident_row, status_answer
from ..shapes.ends import end_ns
from ..shapes.runtime_rows import StatusAnswer
from ..table import Accepted, ApiCall
from .reading import incident_of, target_as_it_is


async def pause(call: ApiCall) -> TargetRow | Accepted:
    await call.operations.obeyed(
        lambda: call.operations.verbs.pause(call.path["target"], by=call.author.name)
    )
    return await _target_afterwards(call)


async def resume(call: ApiCall) -> TargetRow | Accepted:
    await call.operations.obeyed(lambda: call.operations.verbs.resume(call.path["target"]))
    return await _target_afterwards(call)


async def heartbeat(call: ApiCall) -> TargetRow | Accepted:
    """Reports for a heartbeat. Raises: UnknownName; Refusal of a target of another kind."""
    target = call.operations.target(call.path["target"])
    if target.kind != "heartbeat":
        raise Refusal(409, f"the target {target.id!r} takes no heartbeats: it is of kind {target.kind}")
    said = call.body
    kind: PingKind = "start" if said.start else "success" if said.ok and not said.exit_status else "fail"
    run = said.run and one_line(said.run, RUN_CHARACTERS_MAX)
    # An integer of JSON may be written as 1.0.
    exit_status = None if said.exit_status is None else int(said.exit_status)
    await call.services.pings.take(target.id, kind, exit_status, run, said.detail)
    return await _target_afterwards(call)


async def _target_afterwards(call: ApiCall) -> TargetRow | Accepted:
    settled = await call.operations.settled()
    row = await target_as_it_is(call, settled.status)
    return row if settled.is_durable else Accepted(row)


async def acknowledge(call: ApiCall) -> IncidentRow | Accepted:
    """Acknowledges, or changes the note or the end of the author's own acknowledgement; that of another one stays.

    Raises: Refusal of an incident that is resolved and was not acknowledged before, and of an end that has passed.
    """
    found, author, body = await incident_of(call), call.author.name, call.body
    has_end = body.until is not None or body.length is not None
    until_ns = (
        end_ns("an acknowledgement", body.length, body.until, call.operations.now_ns()) if has_end else None
    )
    if found.acknowledged_at_ns is not None and not (found.is_open and found.acknowledged_by == author):
        return incident_row(found)
    if not found.is_open:
        raise Refusal(409, f"the incident {found.id} is resolved: there is nothing left to acknowledge")
    until = "" if until_ns is None else wall_text(until_ns)
    await call.operations.obeyed(
        lambda: call.operations.verbs.acknowledge(
            found.id, by=author, note=body.note, until=until, until_worse=body.until_worse
        )
    )
    return await _incident_afterwards(call, found)


async def unacknowledge(call: ApiCall) -> IncidentRow | Accepted:
    """Withdraws an acknowledgement. Raises: Refusal where nobody has acknowledged the incident, and of a resolved one."""
    found = await incident_of(call)
    if not found.is_open:
        raise Refusal(409, f"the incident {found.id} is resolved: its acknowledgement stays in the record")
    if found.acknowledged_at_ns is None:
        raise Refusal(404, f"the incident {found.id} is not acknowledged")
    await call.operations.obeyed(lambda: call.operations.verbs.unacknowledge(found.id, by=call.author.name))
    return await _incident_afterwards(call, found)


async def _incident_afterwards(call: ApiCall, found: Incident) -> IncidentRow | Accepted:
    if not (await call.operations.settled()).is_durable:
        return Accepted(incident_row(found))
    return incident_row(await incident_of(call))


async def redrive(call: ApiCall) -> Done | Accepted:
    """Sends a dead letter again. Raises: UnknownName where there is none of this key."""
    key = call.path["key"]
    if await call.operations.verbs.aio.redrive(key):
        done = Done(done=True, detail=f"{key} is back in the outbox")
        return done if (await call.operations.settled()).is_durable else Accepted(done)
    raise UnknownName(
        f"no notice that can be sent again has the key {key!r}: it was never given up, its channel has a "
        "later one, or the store waits to be reopened"
    )


async def reload(call: ApiCall) -> StatusAnswer:
    """Reads the configuration file again. Raises: Refusal where the runtime has none; ConfigurationError for a store that it cannot use."""
    try:
        await call.operations.verbs.aio.reload()
    except StoreError as error:
        raise ConfigurationError(str(error)) from None
    except UsageError as error:
        raise Refusal(409, str(error)) from None
    return status_answer(await call.operations.status(fresh=True))
