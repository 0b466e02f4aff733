"""The routes of public pages: open to everybody, and answered from the value of a page alone."""

from collections.abc import Callable
from urllib.parse import quote

from msgspec import UNSET
from starlette.responses import Response

from ...domain.errors import StoreError, UnknownName, WatchkeeperError
from ..limits import PUBLIC_CACHED_S
from ..pages.errors import wants_page
from ..pages.static_files import static_files
from ..problems import FailedPart, Refusal
from ..table import ApiCall, ApiRoute, Unlocked
from .page import Links, error_page
from .publishing import Publication, PublicDocument

_EVERYWHERE = {
    "access-control-allow-origin": "*",
    "cache-control": f"public, max-age={PUBLIC_CACHED_S}",
    "cross-origin-resource-policy": "cross-origin",
    "vary": "Accept",
}
"""A public page belongs to everybody: a proxy may keep it, and other pages may show its badges."""
_TITLES = {404: "There is nothing here", 503: "The status is not known"}
_ADVICE = {
    404: "The address may be mistyped, or the page was renamed: ask for it where the link was found.",
    429: "Wait a second, then load the page again.",
    503: "Load the page again in a moment. The services themselves may be well: this is about their status page alone.",
}
"""For readers who know nothing of the site behind the page."""


async def _published(call: ApiCall, made: Callable[[Publication], PublicDocument]) -> Response:
    """Returns a document of a page, or the page that says why there is none, without a way into the site.

    Raises: Refusal of a program that asks too often, or for what is not there.
    """
    try:
        document = await _document(call, made)
    except Refusal as refusal:
        if not wants_page(call.request):
            raise
        said = refusal.document
        title = _TITLES.get(said.status, said.title)
        body = error_page(title, said.detail, _ADVICE.get(said.status, ""), _links(call))
        headers = {**refusal.headers, "cache-control": "no-store"}
        return Response(body, said.status, headers=headers, media_type="text/html")
    headers = {**_EVERYWHERE, "etag": document.tag}
    return Response(document.body, headers=headers, media_type=document.media_type)


async def _document(call: ApiCall, made: Callable[[Publication], PublicDocument]) -> PublicDocument:
    call.authority.admit(call.visit)
    try:
        return made(await call.services.public_pages.publication(call.path["page"], _links(call)))
    except UnknownName as error:
        raise Refusal(404, str(error)) from None
    except (WatchkeeperError, TimeoutError) as error:
        # The reason may name what is not for everybody.
        detail = "the status cannot be read just now"
        cause: FailedPart = "store" if isinstance(error, StoreError) else UNSET
        raise Refusal(503, detail, headers=[("retry-after", "2")], cause=cause) from None


def _links(call: ApiCall) -> Links:
    root = str(call.visit.scope.get("root_path", ""))
    return Links(
        f"{root}/static/{static_files().digest}", f"{root}/public/{quote(call.path['page'], safe='')}/"
    )


async def page(call: ApiCall) -> Response:
    return await _published(call, lambda publication: publication.page)


async def feed(call: ApiCall) -> Response:
    return await _published(call, Publication.feed)


async def status(call: ApiCall) -> Response:
    return await _published(call, Publication.json)


async def badge(call: ApiCall) -> Response:
    return await _published(call, lambda publication: publication.badge(call.path["name"]))


E = Unlocked.EVERYBODY
PUBLIC: tuple[ApiRoute, ...] = (
    ApiRoute("GET", "/public/{page}", E, "A public page.", page),
    ApiRoute("GET", "/public/{page}/feed.atom", E, "Its announcements and incidents as a feed.", feed),
    ApiRoute("GET", "/public/{page}/status.json", E, "The same as JSON.", status),
    ApiRoute("GET", "/public/{page}/badge/{name}.svg", E, "The badge of one service.", badge),
)
"""No part of the API's document: its readers have no token."""
