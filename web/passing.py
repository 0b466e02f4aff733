"""Requests between the processes of one store: a stand-by passes commands on, and the active process takes messages in."""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..domain.errors import NotRunning
from ..domain.limits import MESSAGE_BYTES_MAX
from ..domain.specification.web import Role
from ..host.access.operations import Operations
from ..host.sharing.peer_responder import PeerResponder
from ..host.sharing.peer_wire import PEER_PATH
from ..host.sharing.standby import PassedAnswer, PassedRequest
from .authority import AUTHOR
from .metrics.scraping import metrics
from .origin import SAFE_IN_PATHS, Author
from .problems import ProblemDocument, Refusal
from .resources.openapi import openapi
from .resources.streaming import events
from .table import Accepted, ApiCall, ApiRoute, Unlocked

_OWN = frozenset({openapi, events, metrics})
_KEPT = frozenset({"content-type", "retry-after", "etag", "www-authenticate"})
"""The headers of an answer that are passed back; the others are this process's own."""


def is_passed_on(route: ApiRoute) -> bool:
    """Whether the active process answers a request that a stand-by gets: all but pages, the document, the event stream and its metrics."""
    is_of_programs = isinstance(route.role, Role) or route.role is Unlocked.KEY
    return is_of_programs and not route.is_page and route.handler not in _OWN


async def passed_on(
    route: ApiRoute, operations: Operations, request: Request, author: Author, body: bytes
) -> Response | None:
    """Returns the answer of the active process; None where this process is to answer: it is active by then, or the question
    of a reader finds no active process, and the store has an answer.

    Raises: NotRunning where no process obeys a command in time; TimeoutError.
    """
    is_command = route.is_command or route.role is Unlocked.KEY
    path = quote(request.scope["path"].removeprefix(request.scope.get("root_path", "")), safe=SAFE_IN_PATHS)
    query = request.scope.get("query_string", b"").decode("latin-1")
    address = f"{path}?{query}" if query else path
    kind = request.headers.get("content-type", "")
    try:
        answer = await _pass_on(operations, author, (route.method, address, kind, body), waits=is_command)
    except (NotRunning, TimeoutError):
        if is_command:
            raise
        return None
    if answer is None:
        return None
    kept = {name.lower(): text for name, text in answer.headers if name.lower() in _KEPT}
    return Response(answer.body, answer.status, headers=kept)


async def _pass_on(
    operations: Operations, author: Author, said: tuple[str, str, str, bytes], *, waits: bool
) -> PassedAnswer | None:
    method, address, kind, body = said
    headers = {AUTHOR.decode(): author.name.encode("utf-8", "replace").decode("latin-1")}
    if kind:
        headers["content-type"] = kind
    return await operations.pass_on(PassedRequest(method, address, headers, body), waits=waits)


async def command_passed_on(call: ApiCall, route: ApiRoute) -> Any:
    """Has the active process obey a command of the API; returns what its handler would return, `Accepted` and all.

    Returns None where this process is active by then. Raises: Refusal, as the active process refuses it; NotRunning where no
    process obeys in time; TimeoutError.
    """
    address = route.path.format_map({name: quote(text, safe="") for name, text in call.path.items()})
    body = b"" if call.body is None else msgspec.json.encode(call.body)
    said = (route.method, address, "application/json", body)
    answer = await _pass_on(call.operations, call.author, said, waits=True)
    if answer is None:
        return None
    if answer.status >= HTTPStatus.BAD_REQUEST:
        document = msgspec.json.decode(answer.body, type=ProblemDocument)
        raise Refusal(document.status, document.detail, document.errors, cause=document.cause)
    state = msgspec.json.decode(answer.body, type=route.answer)
    return Accepted(state) if answer.status == HTTPStatus.ACCEPTED else state


def by_peers(app: ASGIApp, responder: PeerResponder) -> ASGIApp:
    """Returns the application of the control socket, which takes the messages of stand-bys as well."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PEER_PATH:
            await app(scope, receive, send)
            return
        response = await _reply(Request(scope, receive), responder)
        await response(scope, receive, send)

    return answer


async def _reply(request: Request, responder: PeerResponder) -> Response:
    if request.method != "POST":
        return PlainTextResponse("POST alone is understood here", 405)
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MESSAGE_BYTES_MAX:
            return PlainTextResponse("the message is too large", 413)
    return Response(await responder.reply(bytes(data)), media_type="application/octet-stream")
