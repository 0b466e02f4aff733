"""Serving a door by uvicorn, with an eye on clients that are slow, silent or too many."""

import asyncio
import logging
import resource
from collections.abc import Callable
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from ..host.access.doors import CLOSE_S, Door
from . import limits
from .origin import is_loopback

_SILENT = logging.Logger("watchkeeper.web.connection", logging.CRITICAL + 1)  # noqa: LOG001  # in no tree of loggers
"""A bad request is the client's fault and no line of ours: a flood of them would fill the log."""


async def serve(app: Any, door: Door, before_the_end: Callable[[], None]) -> None:
    """Serves until it is cancelled; then ends streams at once and other requests within `CLOSE_S`."""
    server = DoorServer(app, door)
    try:
        await server.serve([door.listening])
    except asyncio.CancelledError:
        before_the_end()
        await server.wind_up()
        raise


class DoorServer(Server):
    """The server of one listening socket: without signals, without lines in the host's log, with a bounded end."""

    def __init__(self, app: Any, door: Door) -> None:
        config = Config(
            app,
            http=GuardedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=None,
            proxy_headers=False,
            server_header=False,
            # Also how many are accepted at a stretch, before those that are too many are closed.
            backlog=accepted_at_once(),
            h11_max_incomplete_event_size=limits.HEADER_BYTES_MAX,
            timeout_keep_alive=int(limits.HEADER_WITHIN_S),
        )
        super().__init__(config)
        self._door = door

    async def serve(self, sockets: Any = None) -> None:
        """Serves until it is cancelled."""
        if not self.config.loaded:
            self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets)
        await self.main_loop()

    async def wind_up(self) -> None:
        """Accepts no more, lets requests end within `CLOSE_S`, and drops the other connections."""
        # By the door's own socket: the server of a start that was cancelled is not known here, and accepts already.
        asyncio.get_running_loop().remove_reader(self._door.listening.fileno())
        tasks: set[asyncio.Task[None]] = set()
        try:
            # A connection that was accepted in this moment is lost and left open where its server is closed (asyncio asserts
            # in a task of its own), and where it is not among the connections yet.
            if arriving := _arriving():
                await asyncio.wait(arriving)
            for server in getattr(self, "servers", ()):
                server.close()
            for connection in tuple(self.server_state.connections):
                connection.shutdown()
            tasks |= self.server_state.tasks
            if tasks:
                await asyncio.wait(tasks, timeout=CLOSE_S / 2)
        finally:
            # Also where a stop on a busy machine does not wait for all of it, and cancels this.
            for task in tasks:
                task.cancel()
            for connection in tuple(self.server_state.connections):
                connection.transport.abort()
        await asyncio.sleep(0)


def _arriving() -> set[asyncio.Task[Any]]:
    """Returns the tasks of asyncio that make transports of accepted connections; each ends within a few rounds of the loop."""
    return {
        task
        for task in asyncio.all_tasks()
        if getattr(task.get_coro(), "__name__", "") == "_accept_connection2"
    }


def connections_max() -> int:
    """Returns how many connections a door may have: a quarter of the descriptors at most, as probes need theirs."""
    return _at_most(limits.CONNECTIONS_MAX, 4)


def accepted_at_once() -> int:
    """Returns how many connections are accepted in one round; until its end they come on top of those that a door may have."""
    return max(1, _at_most(limits.ACCEPTED_AT_ONCE, 16))


def _at_most(bound: int, parts: int) -> int:
    """Returns the bound, or one of so many equal parts of the descriptors where that is less."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return bound if descriptors == resource.RLIM_INFINITY else min(bound, descriptors // parts)


def _address_of(connection: object) -> str | None:
    client = connection.client if isinstance(connection, H11Protocol) else None
    return client[0] if client else None


class GuardedProtocol(H11Protocol):
    """One connection. It is dropped where it is one too many, where a request comes too slowly, and where nothing is read."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        # uvicorn's own loggers are the host's where the host runs uvicorn, too.
        self.logger = _SILENT
        self.access_log = False
        self._watch: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if self._one_too_many():
            transport.abort()
            return
        self._watch = self.loop.call_later(limits.HEADER_WITHIN_S, self._no_header)

    def _one_too_many(self) -> bool:
        if len(self.connections) > connections_max():
            return True
        if self.client is None or is_loopback(self.client[0]):
            return False
        alike = sum(1 for each in self.connections if _address_of(each) == self.client[0])
        return alike > limits.CONNECTIONS_PER_ADDRESS_MAX

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._watch, self._reading):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # In parts, because h11 looks at its bound where a header is not complete yet, and 256 KiB may come at once.
        for at in range(0, len(data), limits.RECEIVED_AT_ONCE):
            if self.transport.is_closing():
                return
            before = self.cycle
            super().data_received(data[at : at + limits.RECEIVED_AT_ONCE])
            if self.cycle is not before:
                # A header is complete: the body has its own time from now on.
                self._await(limits.BODY_WITHIN_S, self._no_body)

    def on_response_complete(self) -> None:
        self._await(limits.HEADER_WITHIN_S, self._no_header)
        before = self.cycle
        super().on_response_complete()
        if self.cycle is not before:
            self._await(limits.BODY_WITHIN_S, self._no_body)

    def _await(self, within_s: float, otherwise: Callable[[], None]) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if not self.transport.is_closing():
            self._watch = self.loop.call_later(within_s, otherwise)

    def _no_header(self) -> None:
        if self._is_between():
            self.transport.abort()

    def _no_body(self) -> None:
        if not self._is_between() and self.cycle.more_body:
            self.transport.abort()

    def _is_between(self) -> bool:
        """Whether no request is being answered; there is no cycle before the first one, whatever its annotation says."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reading is None:
            self._reading = self.loop.call_later(limits.WRITE_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        super().resume_writing()
