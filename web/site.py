"""The site of a runtime: what all its doors share, and the servers of its doors."""

from collections.abc import Iterator, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from ..domain.specification.web import Token, Web
from ..host.access.doors import Actor, Asgi, Door
from ..host.access.operations import Operations
from ..host.access.page_cache import PageCache
from ..host.sharing.peer_responder import PeerResponder
from .application import DOOR, application
from .authority import Authority
from .hub import Hub
from .metrics.scrapes import Scrapes
from .pages.routes import PAGES
from .passing import by_peers
from .pings import Pings
from .public.publishing import PublicPages
from .public.routes import PUBLIC
from .resources.routes import ROUTES
from .serving import serve
from .sessions import Sessions
from .table import Services


class Site:
    """Serves doors, or is held by the application of a host."""

    def __init__(self, operations: Operations, responder: PeerResponder) -> None:
        self._responder = responder
        self._services = Services(
            operations,
            Pings(operations),
            Hub(operations),
            PageCache(),
            PublicPages(operations),
            Scrapes(operations),
        )
        self._sessions = Sessions()

    def mounted(self, actor: Actor | None) -> Asgi:
        """Returns the application for a host that serves it."""
        return self._application(actor)

    def _application(self, actor: Actor | None = None) -> ASGIApp:
        authority = Authority(self._sessions, self._issued, actor)
        return application(self._services, authority, self._web, (*ROUTES, *PUBLIC, *PAGES))

    def _issued(self) -> Iterator[Token]:
        return (issued.token for issued in self._services.operations.tokens.all())

    def _web(self) -> Web | None:
        return self._services.operations.configuration().web

    async def serve(self, door: Door) -> None:
        """Serves a door until it is cancelled."""
        app = by_peers(self._application(), self._responder) if door.web is None else self._application()

        async def by_this_door(scope: Scope, receive: Receive, send: Send) -> None:
            known: MutableMapping[str, Any] = {**scope, DOOR: door}
            await app(known, receive, send)

        await serve(by_this_door, door, before_the_end=self._services.hub.close)
