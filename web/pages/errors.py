"""Refusals as pages, for browsers; programs get the problem document."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from ..origin import relative_target
from ..problems import Refusal
from ..table import API, ApiCall
from .forms import led_to_sign_in
from .layout import render

OF_PROGRAMS = (f"{API}/", "/ping/", "/healthz", "/readyz", "/metrics")
NOT_FOUND = 404
TITLES: Mapping[int, str] = {
    400: "That was not understood",
    401: "Please sign in",
    403: "That is not for this reader",
    404: "There is nothing here",
    405: "That cannot be done with this page",
    409: "That cannot be done now",
    413: "The form is too large",
    415: "That was no form",
    429: "Too many requests",
    431: "The address is too long",
    500: "Something is wrong inside",
    503: "The runtime does not answer",
}
ADVICE: Mapping[int, str] = {
    400: "Nothing was changed. Go back, correct it and send it again.",
    403: "Nothing was changed.",
    404: "It may have been removed or renamed: the overview finds every target that is watched.",
    405: "Nothing was changed. Open the page by its link.",
    409: "Nothing was changed. Open the page again: it shows what stands now.",
    413: "Nothing was changed. Go back and shorten what was typed.",
    415: "Nothing was changed. Open the page again and use its buttons.",
    429: "Nothing was changed. Wait {wait}, then load the page again.",
    431: "Shorten the address, or remove the cookies of this site.",
    500: "It may work in a moment; the log of the runtime holds the reason.",
    503: (
        "Load the page again in a moment. If it stays so, its log says why; on its machine, watchkeeper status shows the"
        " last record."
    ),
}
"""The next step of a reader, by the status of the refusal."""


class Lead(NamedTuple):
    """The way on from a page that is not there."""

    advice: str
    words: str
    path: str


_LEADS: Mapping[str, Lead] = {
    "i": Lead(
        "An id that was cut in a message leads nowhere: look for the incident by its time and its target.",
        "Incidents",
        "/incidents",
    ),
    "login": Lead(
        "Ask for another link, or sign in with a token. At a terminal, watchkeeper run prints a link.",
        "Sign in",
        "/login",
    ),
}
"""By the first part of the address. Any other page that is not there leads to the overview alone."""


def wants_page(request: Request) -> bool:
    """Whether a person reads the answer: a browser asks for HTML, and for no path that programs ask for."""
    return "text/html" in request.headers.get("accept", "") and not _path(request).startswith(OF_PROGRAMS)


def _path(request: Request) -> str:
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def _lead(call: ApiCall) -> Lead | None:
    _, first, *more = _path(call.request).split("/")
    if first == "t" and len(more) > 1 and more[1] == "a":
        advice = "The page of the target shows its past, and what its latest bad answers held."
        return Lead(advice, "Target", f"/t/{quote(more[0], safe='')}")
    return _LEADS.get(first)


async def refused_page(call: ApiCall, refusal: Refusal) -> Response:
    """Returns the page of a refusal; a reader that may sign in, and is not known yet, is led to where they do."""
    can_sign_in = not call.visit.is_by_socket and call.authority.actor is None
    if refusal.status == 401 and can_sign_in:
        return led_to_sign_in(call)
    try:
        return await _page(call, refusal)
    except Refusal:
        # The parameter that chooses the zone is itself what was refused.
        return await _page(call._replace(query=None), refusal)


async def _page(call: ApiCall, refusal: Refusal) -> Response:
    status = refusal.status
    wait_s = refusal.headers.get("retry-after", "1")
    lead = _lead(call) if status == NOT_FOUND else None
    advice = ADVICE.get(status, "") if lead is None else lead.advice
    # The browser names the page before this one only where it is of this site.
    before = urlsplit(call.visit.headers.one(b"referer") or "") if call.visit.changes else None
    return await render(
        call,
        "error.html",
        refusal=refusal,
        keep="no-store",
        document=refusal.document,
        title=TITLES.get(status, refusal.document.title),
        advice=advice.replace("{wait}", "a second" if wait_s == "1" else f"{wait_s} seconds"),
        lead=lead,
        back=before and relative_target(f"{before.path}?{before.query}" if before.query else before.path),
        offers_sign_in=status == 403,
    )
