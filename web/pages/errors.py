"""Refusals as pages, for browsers; programs get the problem document."""

from starlette.requests import Request
from starlette.responses import Response

from ..problems import Refusal
from ..table import API, ApiCall
from .forms import led_to_sign_in
from .layout import render

OF_PROGRAMS = (f"{API}/", "/ping/", "/healthz", "/readyz", "/metrics")


def wants_page(request: Request) -> bool:
    """Whether a person reads the answer: a browser asks for HTML, and for no path that programs ask for."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return "text/html" in request.headers.get("accept", "") and not path.startswith(OF_PROGRAMS)


async def refused_page(call: ApiCall, refusal: Refusal) -> Response:
    """Returns the page of a refusal; a reader that may sign in, and is not known yet, is led to where they do."""
    can_sign_in = not call.visit.is_by_socket and call.authority.actor is None
    if refusal.status == 401 and can_sign_in:
        return led_to_sign_in(call)
    try:
        return await render(call, "error.html", refusal=refusal, keep="no-store", document=refusal.document)
    except Refusal:
        # The parameter that chooses the zone is itself what was refused.
        return await render(
            call._replace(query=None),
            "error.html",
            refusal=refusal,
            keep="no-store",
            document=refusal.document,
        )
