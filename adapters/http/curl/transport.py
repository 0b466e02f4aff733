"""HTTP requests by libcurl on the dispatcher's loop: no thread of ours, no task, one descriptor."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pycurl
from msgspec.structs import replace

from ....domain.limits import CONNECTIONS_KEPT_MAX, WIRE_BYTES_SLACK, WIRE_EVENTS_BEFORE_LOOKING
from ....domain.observation.attempt import CancelOutcome
from ....domain.time.moment import Deadline
from ....domain.time.timers import CallAt, Timer
from ....domain.units import NS_PER_MS, NS_PER_US
from ...activity import Activity, Answer, tell
from ...clock import MonotonicClock
from ...net.names import ResolvedAddress
from ...net.readiness import BROKEN, READABLE, WRITABLE, make_events
from ...net.resolver import Resolver
from ...net.sockets import has_route, verdict_of_connection
from ...net.system_errors import NO_ROUTE, UP, SystemErrorMeaning
from ..destination import Destination
from ..exchange import HttpAnswer, HttpShape
from ..failures import E_QUIC_CONNECT_ERROR
from .answers import connections_had_died, read_answer
from .handles import Handle, Handles, Shelf
from .route import HttpRoute, RouteFound, RouteLookUp, route_of
from .wake import Wake
from .wire import bytes_allowed, bytes_read

MASKS = (0, READABLE, WRITABLE, READABLE | WRITABLE)
"""The readiness masks of curl's POLL_NONE, POLL_IN, POLL_OUT and POLL_INOUT."""
UNCONNECTED = frozenset({pycurl.E_COULDNT_CONNECT, E_QUIC_CONNECT_ERROR})
OnTransferred = Callable[[HttpAnswer], None]


class Transfer(Activity):
    """One request under way."""

    _transport: "CurlTransport"
    shelf: Shelf
    destination: Destination
    deadline: Deadline
    last_use: bool
    done: OnTransferred | None
    begun_ns: int
    route: HttpRoute
    """The way there, with the names to look up unless a kept connection makes that unnecessary."""
    addresses: tuple[ResolvedAddress, ...] = ()
    """The addresses that are connected to, once the names are looked up: those of the proxy where there is one."""
    naming: RouteLookUp | None = None
    name_ns: int = 0
    """How long the look-up took; 0 before it, and where there was none."""
    others: tuple[ResolvedAddress, ...] = ()
    """The addresses of the other family, while those of the preferred one are tried."""
    lost_ns: int = 0
    """How long those of the preferred family took to fail."""
    fresh: bool = False
    """Whether no kept connection is taken: those that were had died."""
    handle: Handle | None = None
    ended: CancelOutcome | None = None
    timer: Timer | None = None
    """Ends the look-up at the deadline; libcurl keeps the deadline itself."""

    def cancel(self) -> CancelOutcome:
        """Close its socket now, or say that the answer has been given."""
        if self.ended is None:
            self._transport.abandon(self)
            self.ended = CancelOutcome.WITHOUT_EFFECT
            self.done = None
        return self.ended

    def stop_timer(self) -> None:
        timer, self.timer = self.timer, None
        if timer is not None:
            timer.cancel()

    def request_was_sent(self) -> bool:
        """Whether bytes of the request have left, so that the other side may act on it."""
        return self.handle is not None and bool(self.handle.curl.getinfo(pycurl.REQUEST_SIZE))


class Watched(Activity):
    """A descriptor of libcurl's: a socket, or the one by which its own threads wake it."""

    mask: int
    events_seen: int | None = 0
    """None where nothing counts the bytes of the descriptor."""
    bytes_allowed: int = WIRE_BYTES_SLACK


class CurlTransport:
    """Carries requests on one loop; all its methods are called on the loop's thread. Follows no redirect.

    Names are looked up by the resolver, which is its maker's to close: libcurl is given addresses.
    """

    _handles_type = Handles

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: MonotonicClock, call_at: CallAt, resolver: Resolver
    ) -> None:
        self._loop = loop
        self._clock = clock
        self.call_at = call_at
        self.now_ns = clock.monotonic_ns
        self._resolver = resolver
        self._handles = self._handles_type()
        self.shelf = self._handles.shelf
        """Returns the handle pool for requests of a shape; callers keep it to save the look-up."""
        self._transfers: dict[pycurl.Curl, tuple[Transfer, Handle]] = {}
        self._unnamed: set[Transfer] = set()
        """The transfers that wait for an address."""
        self._watched: dict[int, Watched] = {}
        self._running = 0
        """How many transfers libcurl had not ended when it was last called."""
        self._closed = False
        self._events = make_events(loop, self._on_events)
        self._wake = Wake(clock, call_at, self._on_time)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._wake.set)
        self._multi.setopt(pycurl.M_MAXCONNECTS, CONNECTIONS_KEPT_MAX)
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_NOTHING)

    def shelf_for_once(self, shape: HttpShape) -> Shelf:
        """The pool for a request like which there will be no other; nothing of it is kept."""
        return Shelf(shape, keeps=False)

    def start(
        self,
        shelf: Shelf,
        destination: Destination,
        deadline: Deadline,
        done: OnTransferred,
        *,
        last_use: bool = False,
    ) -> Transfer:
        """Begin a request that ends at the deadline at the latest; `done` is called once, never from within `start`.

        With `last_use` a connection that the shape would keep is closed afterwards.
        """
        now_ns = self._clock.monotonic_ns()
        route = route_of(shelf.shape, destination)
        transfer = Transfer(self, shelf, destination, deadline, last_use, done, now_ns, route)
        if self._closed or deadline.monotonic_ns <= now_ns:
            self._fail_soon(transfer, pycurl.E_OPERATION_TIMEDOUT, "nothing was left of the deadline")
        elif route.is_literal or (shelf.shape.keep_connection and route.proxy is None):
            self._begin(transfer, RouteFound())
        else:
            self._look_up(transfer)
        return transfer

    def _look_up(self, transfer: Transfer) -> None:
        shape = transfer.shelf.shape
        transfer.naming = RouteLookUp(
            self._resolver.at(shape.resolver, deny_private=shape.deny_private_addresses),
            transfer.route,
            shape.deny_private_addresses,
            partial(self._named, transfer),
        )
        found = transfer.naming.begin()
        if found is not None:
            self._named(transfer, found)
            return
        self._unnamed.add(transfer)
        transfer.timer = self.call_at(transfer.deadline.monotonic_ns, partial(self._overdue, transfer))

    def _named(self, transfer: Transfer, found: RouteFound) -> None:
        """The name service has answered."""
        self._unnamed.discard(transfer)
        transfer.stop_timer()
        if transfer.done is None:
            return
        transfer.addresses = found.connected_to
        # Never 0, which says that nothing was looked up.
        transfer.name_ns = max(self._clock.monotonic_ns() - transfer.begun_ns, NS_PER_US)
        if found.verdict is UP:
            first, transfer.others = found.of_preferred_family(transfer.route)
            self._begin(transfer, first)
        else:
            self._end_unnamed(transfer, pycurl.E_COULDNT_RESOLVE_HOST, found.verdict)

    def _overdue(self, transfer: Transfer) -> None:
        transfer.timer = None
        self._unnamed.discard(transfer)
        naming = transfer.naming
        verdict = (self._resolver if naming is None else naming.resolver).overdue(transfer.begun_ns)
        self._end_unnamed(transfer, pycurl.E_OPERATION_TIMEDOUT, verdict)

    def _end_unnamed(self, transfer: Transfer, code: int, verdict: SystemErrorMeaning) -> None:
        total_ns = self._clock.monotonic_ns() - transfer.begun_ns
        answer = HttpAnswer(code=code, unconnected=verdict, total_ns=total_ns)
        self._loop.call_soon(self._deliver, transfer, answer)

    def tell(self, done: Callable[[Answer], None], answer: Answer) -> None:
        """Gives an answer; a fault of its receiver costs no other receiver its own."""
        tell(self._loop, done, answer)

    def soon(self, callback: Callable[[], None]) -> None:
        """Call back as soon as the loop comes round, for what needs no request to be answered."""
        self._loop.call_soon(callback)

    def _begin(self, transfer: Transfer, found: RouteFound) -> None:
        """Give the request to libcurl with the addresses that were found, or to take a connection that is kept."""
        try:
            self._hand_over(transfer, found)
        except pycurl.error as error:
            self._fail_soon(transfer, error.args[0], str(error.args[-1]))

    def _hand_over(self, transfer: Transfer, found: RouteFound) -> None:
        shelf = transfer.shelf
        handle = transfer.handle = self._handles.take(shelf)
        handle.lead(transfer.route, found)
        handle.curl.setopt(pycurl.URL, transfer.destination.url)
        remaining_ns = transfer.deadline.monotonic_ns - self._clock.monotonic_ns()
        # Libcurl takes 0 for no limit at all.
        handle.curl.setopt(pycurl.TIMEOUT_MS, max(1, -(-remaining_ns // NS_PER_MS)))
        if shelf.shape.keep_connection:
            handle.curl.setopt(pycurl.FORBID_REUSE, transfer.last_use)
            handle.curl.setopt(pycurl.FRESH_CONNECT, transfer.fresh)
        self._multi.add_handle(handle.curl)
        self._transfers[handle.curl] = transfer, handle

    def _fail_soon(self, transfer: Transfer, code: int, message: str) -> None:
        self._loop.call_soon(self._deliver, transfer, HttpAnswer(code=code, message=message))

    def abandon(self, transfer: Transfer) -> None:
        """Take a transfer back from curl, which closes its socket, and its handle for others."""
        handle, transfer.handle = transfer.handle, None
        if handle is None:
            self._unnamed.discard(transfer)
            transfer.stop_timer()
            return
        if self._transfers.pop(handle.curl, None) is not None:
            self._multi.remove_handle(handle.curl)
        self._handles.give_back(transfer.shelf, handle)

    def _on_socket(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        watched = self._watched.get(descriptor)
        if what in {pycurl.POLL_REMOVE, pycurl.POLL_NONE}:
            if watched is not None:
                del self._watched[descriptor]
                with suppress(OSError):  # closed already
                    self._events.unregister(descriptor)
        elif watched is None:
            self._watched[descriptor] = Watched(MASKS[what])
            self._events.register(descriptor, MASKS[what])
        elif watched.mask != MASKS[what]:
            watched.mask = MASKS[what]
            self._events.modify(descriptor, watched.mask)

    def _on_time(self) -> None:
        _, self._running = self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        if self._running != len(self._transfers):
            self._collect()

    def _on_events(self, events: list[tuple[int, int]]) -> None:
        for event in events:
            # A fault with one descriptor must not cost the others of the batch their events.
            tell(self._loop, self._act, event)
        if self._running != len(self._transfers):
            self._collect()

    def _act(self, event: tuple[int, int]) -> None:
        descriptor, mask = event
        watched = self._watched.get(descriptor)
        _, self._running = self._multi.socket_action(descriptor, _curl_mask(mask))
        if watched is None or watched.events_seen is None:
            return
        watched.events_seen += 1
        if watched.events_seen > WIRE_EVENTS_BEFORE_LOOKING and self._watched.get(descriptor) is watched:
            self._look_at_wire(descriptor, watched)

    def _look_at_wire(self, descriptor: int, watched: Watched) -> None:
        """End a transfer whose framing alone brings more than its answer may have."""
        read = bytes_read(descriptor)
        if read is None:
            watched.events_seen = None
            return
        if read <= watched.bytes_allowed:
            return
        handle = self._handle_on(descriptor)
        if handle is None:
            return
        transfer, _ = self._transfers[handle.curl]
        watched.bytes_allowed = bytes_allowed(transfer.shelf.shape)
        if read > watched.bytes_allowed:
            handle.wire_cut = True
            self._loop.call_soon(self._deliver, *self._take_out(handle.curl, pycurl.E_WRITE_ERROR, ""))

    def _handle_on(self, descriptor: int) -> Handle | None:
        handles = (handle for _, handle in self._transfers.values())
        return next((each for each in handles if each.curl.getinfo(pycurl.ACTIVESOCKET) == descriptor), None)

    def _collect(self) -> None:
        """Give out all answers that are complete."""
        _, whole, failed = self._multi.info_read()
        # All are taken out first: a callback may cancel one of the others, or start a new one on its handle.
        ended = [self._take_out(curl, 0, "") for curl in whole]
        ended += [self._take_out(curl, code, message) for curl, code, message in failed]
        for transfer, answer in ended:
            if (
                answer.code == pycurl.E_ABORTED_BY_CALLBACK
                and not transfer.route.is_literal
                and not transfer.addresses
            ):
                # No connection was kept: the request has yet to begin.
                self._begin_anew(transfer)
            elif connections_had_died(answer) and not transfer.fresh:
                # Libcurl has tried five kept connections. The time of the dead ones is not the target's.
                transfer.fresh, transfer.begun_ns = True, self._clock.monotonic_ns()
                self._begin_anew(transfer)
            elif transfer.others and answer.code in UNCONNECTED and not answer.connect_ns:
                self._try_others(transfer)
            else:
                self._deliver(transfer, answer)

    def _try_others(self, transfer: Transfer) -> None:
        """Go on with the other family: libcurl itself would mix the two."""
        if transfer.done is not None:
            self.abandon(transfer)
            others, transfer.others = transfer.others, ()
            transfer.lost_ns = self._clock.monotonic_ns() - transfer.begun_ns - transfer.name_ns
            self._begin(transfer, RouteFound(others))

    def _begin_anew(self, transfer: Transfer) -> None:
        if transfer.done is not None:
            self.abandon(transfer)
            if transfer.route.is_literal:
                self._begin(transfer, RouteFound())
            else:
                self._look_up(transfer)

    def _take_out(self, curl: pycurl.Curl, code: int, message: str) -> tuple[Transfer, HttpAnswer]:
        transfer, handle = self._transfers.pop(curl)
        self._multi.remove_handle(curl)
        answer = read_answer(
            handle,
            transfer.destination,
            code,
            transfer.route.without_keys(message),
            keeps_connection=transfer.shelf.shape.keep_connection,
            proxied=transfer.route.proxied,
            name_ns=transfer.name_ns,
            lost_ns=transfer.lost_ns,
        )
        if code == pycurl.E_COULDNT_CONNECT and answer.error_number in NO_ROUTE:
            answer = _blamed_on_route(answer, transfer)
        return transfer, answer

    def _deliver(self, transfer: Transfer, answer: HttpAnswer) -> None:
        # The callback's owner holds the transfer too: without the cycle nothing waits for the garbage collector.
        done, transfer.done = transfer.done, None
        if done is None:
            return
        self.abandon(transfer)
        transfer.ended = CancelOutcome.COMPLETED_ANYWAY
        tell(self._loop, done, answer)

    def close(self) -> None:
        """Cancel what is under way and release every descriptor; kept connections are closed."""
        if self._closed:
            return
        self._closed = True
        for transfer in [*self._unnamed, *(transfer for transfer, _ in self._transfers.values())]:
            transfer.cancel()
        self._handles.close()
        self._multi.close()
        self._wake.set(-1)
        self._events.close()

    def __repr__(self) -> str:
        in_flight = len(self._transfers) + len(self._unnamed)
        return f"CurlTransport(in_flight={in_flight}, idle_handles={self._handles.idle_count})"


def _blamed_on_route(answer: HttpAnswer, transfer: Transfer) -> HttpAnswer:
    """The answer with the verdict of a connection to one of its addresses, where this machine could reach none of them."""
    hosts = [address.host for address in transfer.addresses]
    if not hosts:
        shape = transfer.shelf.shape
        hosts = [shape.connect_to[0] if shape.connect_to else transfer.destination.origin.host]
    if any(map(has_route, hosts)):
        return answer
    return replace(answer, unconnected=verdict_of_connection(answer.error_number, hosts[0], answer.message))


def _curl_mask(mask: int) -> int:
    readable = pycurl.CSELECT_IN if mask & READABLE else 0
    writable = pycurl.CSELECT_OUT if mask & WRITABLE else 0
    broken = pycurl.CSELECT_ERR if mask & BROKEN else 0
    return int(readable | writable | broken)
