"""Commands by forms: each is an operation of the API, and leads back to the page that it came from."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, tzinfo
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from ...domain.errors import UnknownName
from ...domain.incidents.delivery_try import TryResult
from ...domain.specification.web import Role
from ...domain.time.duration import parse_duration
from ..passing import command_passed_on
from ..problems import Fault, Refusal, fault_of
from ..resources import acting, channels, checks, silencing
from ..resources.routes import ROUTES
from ..shapes.answers import AcknowledgementBody
from ..table import Accepted, ApiCall, ApiRoute, Handler
from .acting.flash import leave_message
from .forms import ActForm, led_to, read_act
from .frame import zone_of

B = TypeVar("B", bound=msgspec.Struct)
_OPERATIONS = {route.handler: route for route in ROUTES}


class Effect(NamedTuple):
    """The state that a command has left."""

    state: Any
    """The answer of the API."""
    is_durable: bool


async def perform(call: ApiCall, operation: Handler, path: Mapping[str, str], body: Any = None) -> Effect:
    """Has an operation of the API done, here or by the active process of the store.

    Raises: as the operation does; NotRunning where no process obeys in time; TimeoutError.
    """
    asked = call._replace(path=path, body=body)
    made = None
    if call.operations.stands_by:
        made = await command_passed_on(asked, _OPERATIONS[operation])
    if made is None:
        made = await operation(asked)
    return Effect(made.state, is_durable=False) if isinstance(made, Accepted) else Effect(made, True)


def lead_back(call: ApiCall, back: str, otherwise: str, code: str, *, is_durable: bool = True) -> Response:
    """Returns the redirection to the page of a form, else to another one of this site, which says what stands now."""
    response = led_to(call, back, otherwise)
    leave_message(call.visit, response, code, call.operations.now_ns(), is_durable=is_durable)
    return response


# Targets.


async def pause(call: ApiCall) -> Response:
    return await _of_target(call, acting.pause, "paused")


async def resume(call: ApiCall) -> Response:
    return await _of_target(call, acting.resume, "resumed")


async def check(call: ApiCall) -> Response:
    form = await read_act(call, ActForm)
    answer, _ = await perform(call, checks.check, call.path)
    return lead_back(call, form.next, _target(call), "checking" if answer.attempt is None else "checked")


async def _of_target(call: ApiCall, operation: Handler, code: str) -> Response:
    form = await read_act(call, ActForm)
    effect = await perform(call, operation, call.path)
    return lead_back(call, form.next, _target(call), code, is_durable=effect.is_durable)


def _target(call: ApiCall) -> str:
    return f"/t/{quote(call.path['target'], safe='')}"


# Incidents.


class AcknowledgeForm(ActForm, frozen=True):
    """The form by which a person says that they have seen an incident."""

    note: str = ""
    until: str = ""
    """A length such as 2h, or a moment in the reader's time zone."""
    until_worse: str = ""
    """Not empty where a rise of the severity is to end it."""
    asks_worse: str = ""
    """Not empty where the form asked for that: then the box that is not ticked says no."""


async def acknowledge(call: ApiCall) -> Response:
    form = await read_act(call, AcknowledgeForm)
    zone = zone_of(call)
    worse = {"until_worse": bool(form.until_worse)} if form.asks_worse else {}
    body = body_of(AcknowledgementBody, {"note": form.note.strip(), **end_fields(form.until, zone), **worse})
    effect = await perform(call, acting.acknowledge, call.path, body)
    is_taken = effect.is_durable and effect.state.acknowledged_by != call.author.name
    code = "taken" if is_taken else "acknowledged"
    return lead_back(call, form.next, _incident(call), code, is_durable=effect.is_durable)


async def unacknowledge(call: ApiCall) -> Response:
    form = await read_act(call, ActForm)
    effect = await unless_gone(call, acting.unacknowledge)
    if effect is None:
        return lead_back(call, form.next, _incident(call), "free")
    return lead_back(call, form.next, _incident(call), "unacknowledged", is_durable=effect.is_durable)


def _incident(call: ApiCall) -> str:
    return f"/i/{quote(call.path['incident'], safe='')}"


# Silences, notices and channels.


async def end_silence(call: ApiCall) -> Response:
    form = await read_act(call, ActForm)
    effect = await unless_gone(call, silencing.delete_silence)
    if effect is None:
        return lead_back(call, form.next, "/silences", "over")
    return lead_back(call, form.next, "/silences", "unsilenced", is_durable=effect.is_durable)


async def redrive(call: ApiCall) -> Response:
    form = await read_act(call, ActForm)
    effect = await unless_gone(call, acting.redrive)
    return lead_back(call, form.next, "/self", "kept" if effect is None else "redriven")


async def test_channel(call: ApiCall) -> Response:
    form = await read_act(call, ActForm)
    tried, _ = await perform(call, channels.test, call.path)
    code = "accepted" if tried.result is TryResult.ACCEPTED else "refused"
    # The answer is a foreign text: the page reads it from the record.
    page = f"/self?tested={quote(tried.key, safe='')}" if call.operations.has_file else form.next
    return lead_back(call, page, "/self", code)


async def unless_gone(call: ApiCall, operation: Handler) -> Effect | None:
    """Returns the effect; None where there was nothing left to command: a button may be pressed twice."""
    try:
        return await perform(call, operation, call.path)
    except UnknownName:
        return None
    except Refusal as refusal:
        if refusal.status == 404:
            return None
        raise


# Fields.


def end_fields(text: str, zone: tzinfo, field: str = "until") -> dict[str, Any]:
    """Returns the end that a person has written, as fields of the API: a moment of their time zone, or a length.

    Raises: Refusal of a text that is neither.
    """
    said = text.strip()
    if not said:
        return {}
    with suppress(ValueError):
        moment = datetime.fromisoformat(said)
        return {"until": moment if moment.tzinfo else moment.replace(tzinfo=zone)}
    length = said.replace(" ", "")
    try:
        parse_duration(length)
    except ValueError as error:
        fault = Fault(field, f"{error}, or a moment such as 2026-11-30 08:00")
        raise Refusal(400, "an end is wrong", [fault]) from None
    return {"length": length}


def body_of(into: type[B], fields: Mapping[str, Any]) -> B:
    """Returns the body of an operation. Raises: Refusal of a field that it does not take."""
    try:
        return msgspec.convert(fields, into)
    except msgspec.ValidationError as error:
        raise Refusal(400, "a field is wrong", [fault_of(error)]) from None


def _act(path: str, does: str, handler: Handler) -> ApiRoute:
    return ApiRoute("POST", path, Role.OPERATOR, does, handler, is_page=True)


ACTS: tuple[ApiRoute, ...] = (
    _act("/t/{target}/pause", "Starts no more attempts.", pause),
    _act("/t/{target}/resume", "Starts attempts again.", resume),
    _act("/t/{target}/check", "Starts one attempt at once.", check),
    _act("/i/{incident}/acknowledge", "Records that the author has seen an incident.", acknowledge),
    _act("/i/{incident}/unacknowledge", "Withdraws an acknowledgement.", unacknowledge),
    _act("/silences/{silence}/end", "Ends a silence.", end_silence),
    _act("/notices/{key}/redrive", "Sends a notice that was given up again.", redrive),
    _act("/channels/{channel}/test", "Sends a test to a channel.", test_channel),
)
