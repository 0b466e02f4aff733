"""The ASGI application: router, authorisation, parameters, bodies, answers, and one line for each command."""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..domain.conditions.json_document import nested_deeper
from ..domain.limits import JSON_DEPTH_MAX
from ..domain.line import one_line
from ..domain.specification.web import Role, Web
from .authority import Authority, require
from .limits import BODY_BYTES_MAX, HEADER_BYTES_MAX, PARAMETERS_MAX
from .origin import Author, Visit
from .pages.errors import refused_page, wants_page
from .parameters import read_pairs
from .passing import is_passed_on, passed_on
from .problems import PROBLEM_TYPE, Refusal, fault_of, refusal_of
from .resources.openapi import document_of
from .resources.routes import ROUTES
from .table import Accepted, ApiCall, ApiRoute, Services, require_roles

logger = logging.getLogger(__name__)
AUDIT = logging.getLogger("watchkeeper.web.audit")
DOOR = "watchkeeper.door"
"""The key of the scope under which a server of ours names the door; a host's server names none."""
NO_ROUTE = "(none)"
"""Counts the requests for a path, or by a method, that there is not: their own paths are words of strangers."""
TOO_LONG = f"the path, the parameters and the headers of a request may have {HEADER_BYTES_MAX:,} bytes"
_HEADERS = {
    "cache-control": "private, no-cache",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "vary": "Accept-Encoding, Authorization, Cookie",
    "x-content-type-options": "nosniff",
}


def application(
    services: Services,
    authority: Authority,
    web: Callable[[], Web | None],
    routes: Iterable[ApiRoute] = ROUTES,
) -> ASGIApp:
    """Returns the application; `web` gives the rules where a host serves it.

    Raises: UsageError where a route states no role.
    """
    table = tuple(routes)
    require_roles(table)
    by_path: dict[str, dict[str, ApiRoute]] = {}
    # A fixed path goes before one with a parameter in its place: `/silences/preview` before `/silences/{silence}`.
    for route in sorted(table, key=lambda each: each.path.count("{")):
        by_path.setdefault(route.path, {})[route.method] = route
    site = _Site(services, authority, web)
    made = Starlette(
        routes=[
            Route(path, partial(_answer, site, of_method), methods=[*of_method])
            for path, of_method in by_path.items()
        ],
        exception_handlers={HTTPException: partial(_refused_by_router, site)},
    )
    # It would be built from `Host`, which is the client's word.
    made.router.redirect_slashes = False
    made.state.document = document_of(route for route in table if not route.is_for_people)

    # A function by itself: uvicorn takes any other callable for an application of ASGI 2.
    async def over_http(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        elif scope["type"] == "http" and _header_bytes(scope) > HEADER_BYTES_MAX:
            refused = Refusal(431, TOO_LONG, headers=[("connection", "close")])
            request = Request(scope)
            response = await _refused(site.call(request), refused)
            await _finished(response, request)(scope, receive, send)
        elif scope["type"] in {"http", "lifespan"}:
            await made(scope, receive, send)

    return over_http


def _header_bytes(scope: Scope) -> int:
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    return len(scope["path"]) + len(scope["query_string"]) + headers


class _Site(NamedTuple):
    """The parts that answer every request of one application."""

    services: Services
    authority: Authority
    mounted: Callable[[], Web | None]

    def call(self, request: Request) -> ApiCall:
        """Returns a request as it comes, of nobody yet."""
        visit = Visit.of(request.scope, request.scope.get(DOOR), self.mounted)
        author = Author("anonymous", None, visit.where)
        path = request.scope.get("path_params", {})
        return ApiCall(self.services, author, path, None, None, request, visit, self.authority)


async def _answer(site: _Site, of_method: Mapping[str, ApiRoute], request: Request) -> Response:
    route = of_method["GET" if request.method == "HEAD" else request.method]
    call, services = site.call(request), site.services
    try:
        if isinstance(route.role, Role):
            author = site.authority.author_of(call.visit)
            call = call._replace(author=author)
            require(author, route.role)
        call = call._replace(query=_query(route, request))
        raw = await _raw(request) if route.body is not None else b""
        passed = None
        if is_passed_on(route) and services.operations.stands_by:
            passed = await passed_on(route, services.operations, request, call.author, raw)
        response = passed or await _made(route, call._replace(body=_body(route, request, raw)))
    except ClientDisconnect:
        response = Response(status_code=400)
    except Exception as error:
        refusal = error if isinstance(error, Refusal) else refusal_of(error)
        if refusal is None:
            logger.exception("An internal fault in %s %s", route.method, route.path)
            refusal = Refusal(500, "an internal fault: the log of the runtime has it")
        response = await _refused(call, refusal)
    if route.is_command:
        services.pages.forget()
    # Strangers leave no line: a flood of their requests would fill the log.
    if route.is_command and call.author.role is not None:
        _audit(request, call.author, response.status_code)
    services.operations.metrics.traffic.answered(route.path, response.status_code)
    return _finished(response, request)


def _audit(request: Request, author: Author, status: int) -> None:
    path = one_line(request.scope["path"])
    said = {"method": request.method, "path": path, "by": author.name, "from": author.where, "status": status}
    AUDIT.info("%s %s by %s from %s: %d", *said.values(), extra={"audit": said})


async def _made(route: ApiRoute, call: ApiCall) -> Response:
    made = await route.handler(call)
    if isinstance(made, Response):
        return made
    is_durable = not isinstance(made, Accepted)
    body = msgspec.json.encode(made if is_durable else made.state)
    response = Response(body, 200 if is_durable else 202, media_type="application/json")
    if route.method == "GET":
        response.headers["etag"] = f'"{blake2b(body, digest_size=16).hexdigest()}"'
    return response


def _finished(response: Response, request: Request) -> Response:
    """Returns the response with the headers of all, or 304 where the client has it already."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    tag = response.headers.get("etag")
    if tag is None or tag not in _tags(request.headers.get("if-none-match", "")):
        return response
    kept = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
    return Response(status_code=304, headers=kept)


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]


def _problem(refusal: Refusal) -> Response:
    return Response(
        msgspec.json.encode(refusal.document),
        refusal.status,
        headers=refusal.headers,
        media_type=PROBLEM_TYPE,
    )


async def _refused(call: ApiCall, refusal: Refusal) -> Response:
    """Returns a refusal: a page for a person, a problem document for a program."""
    return await refused_page(call, refusal) if wants_page(call.request) else _problem(refusal)


async def _refused_by_router(site: _Site, request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    site.services.operations.metrics.traffic.answered(NO_ROUTE, status)
    headers = (getattr(error, "headers", None) or {}).items()
    detail = "there is no such path: GET /api/v1/openapi.json lists them"
    if wants_page(request):
        detail = "there is no such page"
    if status == 405:
        detail = "this path does not know the method"
    refused = await _refused(_of_reader(site, request), Refusal(status, detail, headers=headers))
    return _finished(refused, request)


def _of_reader(site: _Site, request: Request) -> ApiCall:
    """Returns a request for no page with its reader, whose links stand on the page that says so; else of nobody."""
    call = site.call(request)
    if wants_page(request):
        with suppress(Refusal):
            return call._replace(author=site.authority.author_of(call.visit))
    return call


def _query(route: ApiRoute, request: Request) -> Any:
    """Returns the parameters. Raises: Refusal of too many, with every one that is repeated, and the first that is wrong."""
    if request.scope["query_string"].count(b"&") >= PARAMETERS_MAX:
        raise Refusal(400, f"a request may have {PARAMETERS_MAX} parameters")
    return read_pairs(request.query_params.multi_items(), route.query)


async def _raw(request: Request) -> bytes:
    """Returns the bytes of a body, read within its bound. Raises: Refusal of one that is too large."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > BODY_BYTES_MAX:
            raise Refusal(413, f"a body may have {BODY_BYTES_MAX:,} bytes", headers=[("connection", "close")])
    return bytes(raw)


def _body(route: ApiRoute, request: Request, raw: bytes) -> Any:
    """Returns the body as a value. Raises: Refusal of one that is no JSON, or wrong."""
    if route.body is None:
        return None
    if not raw:
        raw = b"{}"
    elif request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "send `Content-Type: application/json`")
    elif request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, "send the body without compression")
    if nested_deeper(raw, JSON_DEPTH_MAX):
        raise Refusal(400, "the body is nested too deeply")
    try:
        read = route.reads or partial(msgspec.json.decode, type=route.body)
        return read(raw)
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError) as error:
        raise Refusal(400, "the body is wrong", [fault_of(error)]) from None
