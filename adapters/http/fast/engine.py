"""Plain HTTP without libcurl: a GET on a fresh connection, over TLS only by rustls, where the last answer had the common form.

Measured at a thousand checks a second: libcurl costs 200 microseconds a request, this a third of it. The same code judges
the answer. An answer of any other form, and a name that leads nowhere, is handed back for libcurl.
"""

import asyncio

from ....domain.time.moment import Deadline
from ....domain.time.timers import CallAt
from ...clock import MonotonicClock
from ...net.readiness import make_events
from ...net.resolver import Resolver
from ...net.sockets import Sockets
from .exchange import OnExchanged, PlainExchange
from .request import PlainRequest
from .tls_contexts import TlsContexts
from .tls_exchange import TlsExchange


class FastHttpEngine:
    """Carries plain requests on one loop; all its methods are called on the loop's thread. The resolver is its maker's to close."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MonotonicClock,
        call_at: CallAt,
        resolver: Resolver,
        *,
        contexts: TlsContexts | None = None,
    ) -> None:
        self.loop = loop
        self._events = make_events(loop, self._on_events)
        self.sockets = Sockets(loop)
        self._exchanges: dict[int, PlainExchange] = {}
        self._call_at = call_at
        self._contexts = contexts
        self.secures = contexts is not None
        """Whether it can shake hands; without contexts HTTPS is for libcurl."""
        # Used by its exchanges as they are: a method around each would cost as much again.
        self.resolver = resolver
        self.now_ns = clock.monotonic_ns
        self.watch_again = self._events.modify

    def start(self, request: PlainRequest, deadline: Deadline, done: OnExchanged) -> PlainExchange | None:
        """Begin a request that ends at the deadline at the latest; None where it is for libcurl to ask.

        `done` is called once, never from within `start`.
        """
        if request.server_name is None:
            exchange = PlainExchange(self, request, self.now_ns(), done, request.wire)
        else:
            secured = self._secured(request, request.server_name, done)
            if secured is None:
                return None
            exchange = secured
        if self._events.closed or deadline.monotonic_ns <= exchange.begun_ns:
            self.loop.call_soon(exchange.expired)
            return exchange
        exchange.timer = self._call_at(deadline.monotonic_ns, exchange.expired)
        exchange.begin()
        return exchange

    def _secured(self, request: PlainRequest, server_name: str, done: OnExchanged) -> TlsExchange | None:
        """The exchange with its first words ready: the time they take to make is not the target's."""
        context = (
            None
            if self._contexts is None
            else self._contexts.context(request.shape.tls, request.shape.versions)
        )
        greeting = None if context is None else context.greet(server_name)
        if greeting is None:
            return None
        return TlsExchange(self, request, self.now_ns(), done, greeting.hello, greeting=greeting)

    def watch(self, descriptor: int, exchange: PlainExchange, mask: int) -> None:
        self._exchanges[descriptor] = exchange
        self._events.register(descriptor, mask)

    def forget(self, descriptor: int, exchange: PlainExchange) -> None:
        """Its socket, if it has one, is about to be closed."""
        self._exchanges.pop(descriptor, None)
        self._events.will_close(descriptor)
        if exchange.timer is not None:
            exchange.timer.cancel()

    def _on_events(self, events: list[tuple[int, int]]) -> None:
        for descriptor, mask in events:
            exchange = self._exchanges.get(descriptor)
            if exchange is not None:
                self._go_on(exchange, mask)

    def _go_on(self, exchange: PlainExchange, mask: int) -> None:
        try:
            exchange.ready(mask)
        except Exception as error:  # noqa: BLE001 - told once and never again: the others must not miss their events
            self.loop.call_exception_handler({"message": "a plain exchange failed", "exception": error})
            exchange.crashed(error)

    def close(self) -> None:
        """Cancel what is under way and release every descriptor."""
        if self._events.closed:
            return
        for exchange in list(self._exchanges.values()):
            exchange.cancel()
        self._events.close()
        self.sockets.close_all()

    def __repr__(self) -> str:
        return f"PlainHttp(under_way={len(self._exchanges)})"
