"""Requests between the processes of one store: a stand-by passes commands on, and the active process takes messages in."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..domain.errors import NotRunning
from ..domain.limits import MESSAGE_BYTES_MAX
from ..domain.specification.web import Role
from ..host.access.operations import Operations
from ..host.sharing.peer_desk import PeerDesk
from ..host.sharing.peer_wire import PEER_PATH
from ..host.sharing.standby import PassedRequest
from .authority import AUTHOR
from .metrics.scraping import metrics
from .origin import Author
from .resources.openapi import openapi
from .resources.streaming import events
from .table import ApiRoute, Unlocked

_OWN = frozenset({openapi, events, metrics})
_KEPT = frozenset({"content-type", "retry-after", "etag", "www-authenticate"})
"""The headers of an answer that are passed back; the others are this process's own."""


def is_passed_on(route: ApiRoute) -> bool:
    """Whether the active process answers a request that a stand-by gets: all but pages, the document, the event stream and its metrics."""
    return (isinstance(route.role, Role) or route.role is Unlocked.KEY) and route.handler not in _OWN


async def passed_on(
    route: ApiRoute, operations: Operations, request: Request, author: Author, body: bytes
) -> Response | None:
    """Returns the answer of the active process; None where this process is to answer: it is active by then, or the question
    of a reader finds no active process, and the store has an answer.

    Raises: NotRunning where no process obeys a command in time; TimeoutError.
    """
    is_command = route.is_command or route.role is Unlocked.KEY
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    query = request.scope.get("query_string", b"").decode("latin-1")
    headers = {AUTHOR.decode(): author.name.encode("latin-1", "replace").decode("latin-1")}
    if kind := request.headers.get("content-type"):
        headers["content-type"] = kind
    address = f"{path}?{query}" if query else path
    passed = PassedRequest(request.method, address, headers, body)
    try:
        answer = await operations.pass_on(passed, waits=is_command)
    except (NotRunning, TimeoutError):
        if is_command:
            raise
        return None
    if answer is None:
        return None
    kept = {name.lower(): text for name, text in answer.headers if name.lower() in _KEPT}
    return Response(answer.body, answer.status, headers=kept)


def by_peers(app: ASGIApp, desk: PeerDesk) -> ASGIApp:
    """Returns the application of the control socket, which takes the messages of stand-bys as well."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PEER_PATH:
            await app(scope, receive, send)
            return
        response = await _reply(Request(scope, receive), desk)
        await response(scope, receive, send)

    return answer


async def _reply(request: Request, desk: PeerDesk) -> Response:
    if request.method != "POST":
        return PlainTextResponse("POST alone is understood here", 405)
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MESSAGE_BYTES_MAX:
            return PlainTextResponse("the message is too large", 413)
    return Response(await desk.reply(bytes(data)), media_type="application/octet-stream")
