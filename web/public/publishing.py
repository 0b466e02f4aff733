"""The public pages of a site: each is made once a second at most, and its other documents as they are asked for."""

from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from ...domain.errors import UnknownName
from ...domain.specification.web import PublicPage
from ...host.access.operations import Operations
from ...host.access.page_cache import PageCache
from . import badge, feed
from .gathering import shown_spans, view_of
from .page import Links, page_of
from .value import PublicView

JSON = "application/json"


class PublicDocument(NamedTuple):
    """One document of a page, whole."""

    body: bytes
    media_type: str
    tag: str


class Publication:
    """One page as of a second, with the documents beside it that were asked for."""

    def __init__(self, view: PublicView, page: PublicDocument) -> None:
        self.view, self.page = view, page
        self._made: dict[str, PublicDocument] = {}

    def _document(self, name: str, media_type: str, make: Callable[[], bytes]) -> PublicDocument:
        if name not in self._made:
            self._made[name] = document_of(make(), media_type)
        return self._made[name]

    def feed(self) -> PublicDocument:
        return self._document("feed", feed.MEDIA_TYPE, lambda: feed.feed_of(self.view))

    def json(self) -> PublicDocument:
        return self._document("json", JSON, lambda: msgspec.json.encode(self.view))

    def badge(self, slug: str) -> PublicDocument:
        """Returns the badge of a service. Raises: UnknownName where there is none of this name."""
        found = next((each for each in self.view.components if each.slug == slug), None)
        if found is None:
            raise UnknownName("this page has no such service")
        return self._document(f"badge {slug}", badge.MEDIA_TYPE, lambda: badge.badge_of(found))


def document_of(body: bytes, media_type: str) -> PublicDocument:
    """Returns a document with the digest of its bytes."""
    return PublicDocument(body, media_type, f'"{blake2b(body, digest_size=16).hexdigest()}"')


class PublicPages:
    """Gathers the public pages of one runtime."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._cache = PageCache()

    async def publication(self, name: str, links: Links) -> Publication:
        """Returns a page, of at most a second ago.

        Raises: UnknownName where no page has this id; UsageError while the runtime is stopped; StoreError; TimeoutError.
        """
        web = self._operations.configuration().web
        page = next((each for each in (() if web is None else web.pages) if each.id == name), None)
        if page is None:
            raise UnknownName("no public page has this address")
        return await self._cache.body((page, links), lambda: self._gathered(page, links))

    async def _gathered(self, page: PublicPage, links: Links) -> Publication:
        operations = self._operations
        status = await operations.status()
        past = await operations.past(status, *shown_spans(status.at_ns))
        view = view_of(page, operations.targets().values(), status, past)
        return Publication(view, document_of(await page_of(view, links), "text/html"))
