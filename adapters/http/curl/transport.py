"""HTTP requests by libcurl on the dispatcher's loop: no thread of ours, no task, one descriptor."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pycurl

from ....domain.limits import (
    CONNECTIONS_KEPT_MAX,
    DNS_ENTRIES_CURL_MAX,
    DNS_ENTRIES_MAX,
    DNS_FRESH_NS,
    WIRE_BYTES_SLACK,
    WIRE_EVENTS_BEFORE_LOOKING,
)
from ....domain.observation.attempt import CancelOutcome
from ....domain.policy import CachePolicy
from ....domain.time.moment import Deadline
from ....domain.time.timers import CallAt, Timer
from ....domain.units import NS_PER_MS
from ...activity import Activity, tell
from ...clock import MonotonicClock
from ...net.readiness import BROKEN, READABLE, WRITABLE, make_events
from ..destination import Destination
from ..exchange import HttpAnswer, HttpShape
from .answers import read_answer
from .handles import Handle, Handles, Shelf
from .wire import bytes_allowed, bytes_read

DNS_CACHE = CachePolicy(
    name="names of http targets",
    key="host and port",
    owner="the transport's multi handle (libcurl)",
    fresh_for_ns=DNS_FRESH_NS,
    entries_max=DNS_ENTRIES_CURL_MAX,
    invalidation="by age; a name that was not found is asked for anew by each request until one succeeds",
)
"""Libcurl's own cache of answers, shared by every handle of the transport."""

MASKS = (0, READABLE, WRITABLE, READABLE | WRITABLE)
"""The readiness masks of curl's POLL_NONE, POLL_IN, POLL_OUT and POLL_INOUT."""

OnTransferred = Callable[[HttpAnswer], None]


class Transfer(Activity):
    """One request under way."""

    _transport: "CurlTransport"
    shelf: Shelf
    destination: Destination
    done: OnTransferred | None
    handle: Handle | None = None
    ended: CancelOutcome | None = None

    def cancel(self) -> CancelOutcome:
        """Close its socket now, or say that the answer has been given."""
        if self.ended is None:
            self._transport.abandon(self)
            self.ended = CancelOutcome.WITHOUT_EFFECT
            self.done = None
        return self.ended

    def request_was_sent(self) -> bool:
        """Whether bytes of the request have left, so that the other side may act on it."""
        return self.handle is not None and bool(self.handle.curl.getinfo(pycurl.REQUEST_SIZE))


class Watched(Activity):
    """A socket of libcurl's."""

    mask: int
    events_seen: int = 0
    bytes_allowed: int = WIRE_BYTES_SLACK


class Wake:
    """The one timer that libcurl asks for, several times a request, and mostly for a later time than before.

    A later time moves nothing: a call that comes too early waits on.
    """

    def __init__(
        self,
        clock: MonotonicClock,
        call_at: CallAt,
        on_time: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._call_at = call_at
        self._on_time = on_time
        self._due_ns: int | None = None
        self._timer: Timer | None = None
        self._timer_ns = 0

    def set(self, in_ms: int) -> None:
        """Call back in so many milliseconds, as soon as the loop comes round for 0, never for a negative number."""
        self._due_ns = None if in_ms < 0 else self._clock.monotonic_ns() + in_ms * NS_PER_MS
        self._arm()

    def _arm(self) -> None:
        due_ns = self._due_ns
        if due_ns is None or (self._timer is not None and self._timer_ns <= due_ns):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_ns = self._call_at(due_ns, self._ring), due_ns

    def _ring(self) -> None:
        self._timer = None
        due_ns = self._due_ns
        if due_ns is not None and due_ns <= self._clock.monotonic_ns():
            self._due_ns = None
            self._on_time()
        else:
            self._arm()


class CurlTransport:
    """Carries requests on one loop; all its methods are called on the loop's thread. Follows no redirect."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: MonotonicClock, call_at: CallAt) -> None:
        self._loop = loop
        self._clock = clock
        self._handles = Handles()
        self.shelf = self._handles.shelf
        """Returns the handle pool for requests of a shape; callers keep it to save the look-up."""
        self._transfers: dict[pycurl.Curl, tuple[Transfer, Handle]] = {}
        self._unresolved: set[str] = set()
        self._watched: dict[int, Watched] = {}
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
        transfer = Transfer(self, shelf, destination, done)
        remaining_ns = deadline.remaining_ns(self._clock.read())
        if self._closed or remaining_ns <= 0:
            self._fail_soon(transfer, pycurl.E_OPERATION_TIMEDOUT, "nothing was left of the deadline")
            return transfer
        try:
            self._begin(transfer, -(-remaining_ns // NS_PER_MS), last_use)
        except pycurl.error as error:
            self._fail_soon(transfer, error.args[0], str(error.args[-1]))
        return transfer

    def soon(self, callback: Callable[[], None]) -> None:
        """Call back as soon as the loop comes round, for what needs no request to be answered."""
        self._loop.call_soon(callback)

    def _begin(self, transfer: Transfer, timeout_ms: int, last_use: bool) -> None:
        shelf = transfer.shelf
        handle = transfer.handle = self._handles.take(shelf)
        handle.curl.setopt(pycurl.URL, transfer.destination.url)
        handle.curl.setopt(pycurl.TIMEOUT_MS, timeout_ms)
        if shelf.shape.keep_connection:
            handle.curl.setopt(pycurl.FORBID_REUSE, last_use)
        if transfer.destination.origin.host in self._unresolved:
            # Libcurl keeps a failed look-up too: one lost packet would be seconds of a target that is up and called down.
            handle.ask_anew()
        self._multi.add_handle(handle.curl)
        self._transfers[handle.curl] = transfer, handle

    def _fail_soon(self, transfer: Transfer, code: int, message: str) -> None:
        self._loop.call_soon(self._deliver, transfer, HttpAnswer(code=code, message=message))

    def abandon(self, transfer: Transfer) -> None:
        """Take a transfer back from curl, which closes its socket, and its handle for others."""
        handle, transfer.handle = transfer.handle, None
        if handle is None:
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
        _, running = self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        if running != len(self._transfers):
            self._collect()

    def _on_events(self, events: list[tuple[int, int]]) -> None:
        running = len(self._transfers)
        for descriptor, mask in events:
            watched = self._watched.get(descriptor)
            _, running = self._multi.socket_action(descriptor, _curl_mask(mask))
            if watched is None:
                continue
            watched.events_seen += 1
            if watched.events_seen > WIRE_EVENTS_BEFORE_LOOKING and self._watched.get(descriptor) is watched:
                self._look_at_wire(descriptor, watched)
        if running != len(self._transfers):
            self._collect()

    def _look_at_wire(self, descriptor: int, watched: Watched) -> None:
        """End a transfer whose framing alone brings more than its answer may have."""
        read = bytes_read(descriptor)
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
            self._deliver(transfer, answer)

    def _take_out(self, curl: pycurl.Curl, code: int, message: str) -> tuple[Transfer, HttpAnswer]:
        transfer, handle = self._transfers.pop(curl)
        self._multi.remove_handle(curl)
        self._remember_look_up(transfer.destination.origin.host, code)
        keeps = transfer.shelf.shape.keep_connection
        return transfer, read_answer(handle, transfer.destination, code, message, keeps_connection=keeps)

    def _deliver(self, transfer: Transfer, answer: HttpAnswer) -> None:
        # The callback's owner holds the transfer too: without the cycle nothing waits for the garbage collector.
        done, transfer.done = transfer.done, None
        if done is None:
            return
        self.abandon(transfer)
        transfer.ended = CancelOutcome.COMPLETED_ANYWAY
        tell(self._loop, done, answer)

    def _remember_look_up(self, host: str, code: int) -> None:
        """Note whose name was not found, so that the next request asks anew; forget it when it is."""
        if code == pycurl.E_COULDNT_RESOLVE_HOST:
            if len(self._unresolved) >= DNS_ENTRIES_MAX:
                self._unresolved.pop()
            self._unresolved.add(host)
        elif code == 0:
            self._unresolved.discard(host)

    def close(self) -> None:
        """Cancel what is under way and release every descriptor; kept connections are closed."""
        if self._closed:
            return
        self._closed = True
        for transfer, _ in list(self._transfers.values()):
            transfer.cancel()
        self._handles.close()
        self._multi.close()
        self._wake.set(-1)
        self._events.close()

    def __repr__(self) -> str:
        return f"CurlTransport(in_flight={len(self._transfers)}, idle_handles={self._handles.idle_count})"


def _curl_mask(mask: int) -> int:
    readable = pycurl.CSELECT_IN if mask & READABLE else 0
    writable = pycurl.CSELECT_OUT if mask & WRITABLE else 0
    broken = pycurl.CSELECT_ERR if mask & BROKEN else 0
    return int(readable | writable | broken)
