"""Plain HTTP without libcurl: a GET on a fresh connection, over TLS only by rustls, where the last answer had the common form.

Measured at a thousand checks a second: libcurl costs 200 microseconds a request, this a third of it. The same code judges
the answer. An answer of any other form, and a name that leads nowhere, is handed back for libcurl.
"""

import asyncio
from collections.abc import Callable

from ....domain.time.moment import Deadline
from ....domain.time.timers import CallAt
from ...clock import MonotonicClock
from ...net.readiness import make_events
from ...net.resolver import LookedUp, Resolver
from ..exchange import HttpAnswer
from .exchange import OnAnswer, OnExchanged, PlainExchange
from .request import HeaderName, PlainRequest
from .tls_contexts import TlsContexts
from .tls_exchange import TlsExchange


class FastHttpEngine:
    """Carries plain requests on one loop; all its methods are called on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MonotonicClock,
        call_at: CallAt,
        *,
        resolver: Resolver | None = None,
        contexts: TlsContexts | None = None,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._events = make_events(loop, self._on_events)
        self._exchanges: dict[int, PlainExchange] = {}
        self._call_at = call_at
        self._resolver = Resolver(loop, clock) if resolver is None else resolver
        self._contexts = contexts

    @property
    def secures(self) -> bool:
        """Whether it can shake hands; without contexts HTTPS is for libcurl."""
        return self._contexts is not None

    def start(self, request: PlainRequest, deadline: Deadline, done: OnExchanged) -> PlainExchange:
        """Begin a request that ends at the deadline at the latest; `done` is called once, never from within `start`."""
        begun_ns = self.now_ns()
        exchange = self._exchange(request, begun_ns, done)
        if self._events.closed or deadline.monotonic_ns <= begun_ns:
            self._loop.call_soon(exchange.expired)
            return exchange
        exchange.timer = self._call_at(deadline.monotonic_ns, exchange.expired)
        exchange.begin()
        return exchange

    def _exchange(self, request: PlainRequest, begun_ns: int, done: OnExchanged) -> PlainExchange:
        secured = request.secured
        if secured is None:
            return PlainExchange(self, request, begun_ns, done)
        context = None if self._contexts is None else self._contexts.context(secured.tls)
        return TlsExchange(self, request, begun_ns, done, context)

    # The engine as one exchange sees it.

    def now_ns(self) -> int:
        return self._clock.monotonic_ns()

    def look_up(self, name: HeaderName, done: Callable[[LookedUp], None]) -> LookedUp | None:
        return self._resolver.look_up(name.host, name.family, done)

    def soon(self, callback: Callable[[OnAnswer], None], said: OnAnswer) -> None:
        self._loop.call_soon(callback, said)

    def watch(self, descriptor: int, exchange: PlainExchange, mask: int) -> None:
        self._exchanges[descriptor] = exchange
        self._events.register(descriptor, mask)

    def watch_again(self, descriptor: int, mask: int) -> None:
        self._events.modify(descriptor, mask)

    def forget(self, descriptor: int, exchange: PlainExchange) -> None:
        """Its socket, if it has one, is about to be closed."""
        self._exchanges.pop(descriptor, None)
        self._events.will_close(descriptor)
        if exchange.timer is not None:
            exchange.timer.cancel()

    def call(self, done: OnExchanged, answer: HttpAnswer | None) -> None:
        try:
            done(answer)
        except Exception as error:  # noqa: BLE001 - one callback's fault must not cost the others their answers
            self._loop.call_exception_handler({"message": "an answer's callback failed", "exception": error})

    def _on_events(self, events: list[tuple[int, int]]) -> None:
        for descriptor, mask in events:
            exchange = self._exchanges.get(descriptor)
            if exchange is not None:
                self._go_on(exchange, mask)

    def _go_on(self, exchange: PlainExchange, mask: int) -> None:
        try:
            exchange.ready(mask)
        except Exception as error:  # noqa: BLE001 - told once and never again: the others must not miss their events
            self._loop.call_exception_handler({"message": "a plain exchange failed", "exception": error})
            exchange.crashed(error)

    def close(self) -> None:
        """Cancel what is under way and release every descriptor."""
        if self._events.closed:
            return
        for exchange in list(self._exchanges.values()):
            exchange.cancel()
        self._events.close()
        self._resolver.close()

    def __repr__(self) -> str:
        return f"PlainHttp(under_way={len(self._exchanges)})"
