"""The doors of a runtime: listening sockets, and the thread and event loop on which they are served.

Nothing of it runs on the runtime's own loop, so that a slow client delays no check.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

from msgspec.structs import replace

from ...actors.dispatch.run.event_loops import close_event_loop
from ...adapters.net.listening import ControlSocket, has_web, is_exhausted, is_taken, listen_tcp
from ...domain.errors import ConfigurationError, UsageError
from ...domain.limits import CLOSE_NS, SERVED_AGAIN_NS
from ...domain.specification.web import Web
from ...domain.units import NS_PER_S
from ...domain.validation.web import split_listen, web_problems

CLOSE_S = CLOSE_NS / NS_PER_S
"""The time for requests that are being answered when a door closes."""
AGAIN_S = SERVED_AGAIN_NS / NS_PER_S
CONTROL_LOOK_S = 1.0
"""How often a node looks whether its control socket is still there."""
QUIET_S = 60.0
WITHOUT_WEB = "web: needs the extra `web`: pip install 'watchkeeper[web]'"
Scope: TypeAlias = Mapping[str, Any]
Asgi: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
Actor: TypeAlias = Callable[[Scope], tuple[str, str] | None]
"""Returns the name and the role of the author of a request, None to refuse it."""
logger = logging.getLogger(__name__)


class Door:
    """One listening socket and the rules of those who come in by it."""

    def __init__(self, listening: Any, web: Web | None, url: str) -> None:
        self.listening = listening
        self.web = web
        """The rules of a door over TCP, replaced by a reload; None for the control socket: it gives the role admin."""
        self.url = url
        self._task: asyncio.Task[None] | None = None
        self._is_ended = False

    def is_open_for(self, task: "asyncio.Task[None] | None") -> bool:
        """Notes the task that serves it. Returns whether it is to be served: its end may have come before that task ran."""
        self._task = task
        return not self._is_ended

    def end(self) -> None:
        """Ends its task, which closes its socket."""
        self._is_ended = True
        if self._task is not None:
            self._task.cancel()

    def __repr__(self) -> str:
        return f"Door({self.url})"


class ServedSite(Protocol):
    """Serves the web application."""

    async def serve(self, door: Door) -> None:
        """Serves a door until it is cancelled; then ends the requests within `CLOSE_S`."""
        ...


class MountedSite(ServedSite, Protocol):
    """A site that a host's own application can hold, too."""

    def mounted(self, actor: Actor | None) -> Asgi:
        """Returns the application for a host that serves it itself."""
        ...


def require_web() -> None:
    """Raises: UsageError without the libraries of the extra `web`."""
    if not has_web():
        raise UsageError("the web API needs the extra `web`: pip install 'watchkeeper[web]'")


class Doors:
    """Owns the doors, their thread and their loop. The lifecycle calls it under its own lock."""

    def __init__(self, make_site: Callable[[], ServedSite] | None) -> None:
        """`make_site` is called at the first need, on the loop's thread, and only with the extra `web`; None: no doors."""
        self._make_site = make_site
        self._site: ServedSite | None = None
        self._thread: LoopThread | None = None
        self._tcp: Door | None = None
        self._also: list[Door] = []
        self._control: tuple[tuple[str | None, str], ControlSocket, Door] | None = None
        self._control_guard = threading.Lock()

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the API is served now: over TCP, and `unix:PATH` of the control socket."""
        doors = (self._tcp, *self._also, self._control and self._control[2])
        return tuple(door.url for door in doors if door is not None)

    def bound(self, web: Web | None) -> Door | None:
        """Returns a door over TCP that listens and is not served yet, for `use`; the present one where the address is the same.

        Raises: ConfigurationError where the address cannot be listened on, and without the extra `web`.
        """
        if web is None or self._make_site is None:
            return None
        former = self._tcp
        if former is None or former.web is None:
            return self._listen(web)
        if split_listen(former.web.listen) == split_listen(web.listen):
            return former
        return self._listen(web, former.listening)

    def _listen(self, web: Web, former: Any = None) -> Door:
        if not has_web():
            raise ConfigurationError(WITHOUT_WEB)
        host, port = split_listen(web.listen)
        try:
            listening = listen_tcp(host, port, former)
        except OSError as error:
            why = error.strerror or str(error)
            if is_taken(error):
                why += ": another process of this machine listens there; give each node of one machine an address of its own"
            raise ConfigurationError(f"web.listen: {web.listen} cannot be listened on: {why}") from None
        host = f"[{host}]" if ":" in host else host
        return Door(listening, web, f"http://{host}:{listening.getsockname()[1]}")

    def discard(self, door: Door | None) -> None:
        """Closes a door that was bound and is not used."""
        if door is not None and door is not self._tcp:
            door.listening.close()

    def use(self, door: Door | None, web: Web | None, store: str | None, node: str = "") -> None:
        """Serves this door over TCP and the control socket of this store, or of a node of it, and closes those of before."""
        former, self._tcp = self._tcp, door
        if door is not None and door is former:
            door.web = web
        elif door is not None:
            logger.info("The page and the API listen on %s", door.url)
            self._serve(door, at_first_contact=False)
        if former is not None and former is not door:
            self._end(former)
        for other in self._also:
            # A token that the configuration takes away opens no door of `serve` either.
            other.web = other.web and replace(other.web, tokens=() if web is None else web.tokens)
        self._control_of(store, node)

    def serve(self, web: Web) -> str:
        """Serves one more door over TCP until the end of the runtime; returns its URL.

        Raises: ConfigurationError as `bound` does, and for an address that must not be listened on; UsageError without doors.
        """
        if problems := [str(problem) for problem in web_problems(web, ("web",))]:
            raise ConfigurationError(*problems)
        if self._make_site is None:
            raise UsageError("a runtime in virtual time opens no port: its API is asgi()")
        door = self._listen(web)
        self._also.append(door)
        self._serve(door, at_first_contact=False)
        return door.url

    def local_url(self) -> str:
        """Returns the URL of a door over TCP as a browser of this machine reaches it. Raises: UsageError where none is open."""
        for door in (self._tcp, *self._also):
            if door is not None:
                return door.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        raise UsageError("nothing listens for a browser: start the runtime with `web`, or call serve()")

    def _control_of(self, store: str | None, node: str) -> None:
        with self._control_guard:
            self._open_control(store, node)

    async def _keep_control(self, control: ControlSocket) -> None:
        """Opens the control socket of a node again once the process is gone that took its name, and with it the path, while this one was
        frozen.
        """
        while True:
            await asyncio.sleep(CONTROL_LOOK_S)
            with self._control_guard:
                kept = self._control
                if kept is None or kept[1] is not control:
                    return
                if control.is_gone():
                    self._control = None
                    kept[2].end()
                    if self._open_control(*kept[0]):
                        logger.info("Verbs reach this process again by the socket %s", control.path)
                    return

    def _open_control(self, store: str | None, node: str) -> bool:
        """Returns whether verbs reach this process by a control socket now."""
        if self._control is not None and self._control[0] == (store, node):
            return True
        if self._control is not None:
            _, control, door = self._control
            self._control = None
            # Its task closes the socket: an event loop that still knows a closed one would mistake the next one for it.
            self._end(door)
            control.remove()
        if store is None or self._make_site is None or not has_web():
            return False
        try:
            control = ControlSocket(store, node)
        except OSError as error:
            # Watching goes on: the socket is a convenience, and `status` and the record can be read without it.
            logger.warning("The control socket is not opened, so that verbs cannot act: %s", error)
            return False
        door = Door(control.socket, None, f"unix:{control.path}")
        self._control = (store, node), control, door
        # Most runtimes of hosts are never asked: the web libraries (100 ms, 29 MB) are loaded when somebody connects.
        self._serve(door, at_first_contact=True)
        if node and self._thread is not None:
            self._thread.start_task(lambda: self._keep_control(control))
        return True

    def _serve(self, door: Door, *, at_first_contact: bool) -> None:
        if self._thread is None:
            try:
                self._thread = LoopThread("watchkeeper-web")
            except RuntimeError as error:
                # The system gives no more threads: watching goes on without doors.
                logger.error("The doors are not served: %s", error)  # noqa: TRY400  # it has no trace of ours
                return
        self._thread.start_task(lambda: self._served(door, at_first_contact=at_first_contact))

    async def _served(self, door: Door, *, at_first_contact: bool) -> None:
        try:
            if not door.is_open_for(asyncio.current_task()):
                return
            if at_first_contact:
                await _first_contact(door.listening)
            told = False
            while (lack := await self._serve_once(door)) is not None:
                if not told:
                    logger.warning("%s is not served yet, and is tried again each second: %s", door, lack)
                told = True
                await asyncio.sleep(AGAIN_S)
        except asyncio.CancelledError:
            pass
        except Exception:
            logger.exception("%s is closed after an internal fault", door)
        finally:
            door.listening.close()

    async def _serve_once(self, door: Door) -> OSError | None:
        """Serves a door. Returns an error where the machine lacks what that takes: a descriptor to load the libraries by."""
        try:
            if self._site is None and self._make_site is not None:
                self._site = self._make_site()
            if self._site is not None:
                await self._site.serve(door)
        except OSError as error:
            return error
        return None

    def _end(self, door: Door) -> None:
        """Closes a door; requests that are being answered have `CLOSE_S`. Does not wait for them."""
        if self._thread is not None:
            self._thread.call(door.end)
        else:
            door.listening.close()

    def close(self, within_s: float = CLOSE_S) -> None:
        """Closes all doors and ends the thread. Blocks at most for the given time and a second."""
        thread, self._thread = self._thread, None
        with self._control_guard:
            control, self._control = self._control, None
        self._tcp, self._also, self._site = None, [], None
        if thread is not None and not thread.stop(within_s):
            logger.warning("The thread of the web doors did not end in time")
        if control is not None:
            control[1].close()

    def let_go(self) -> None:
        """Closes the copies of the listening sockets that a forked child has: they would keep the addresses taken."""
        control = (self._control and self._control[2],)
        for door in (self._tcp, *self._also, *control):
            if door is not None:
                door.listening.close()

    def forked(self) -> None:
        """Forgets everything in a forked child: the doors are the parent's."""
        # Kept, because dropping the last reference would close descriptors that the parent still uses.
        self._inherited = self._thread, self._control, self._tcp, self._also
        self._control_guard = threading.Lock()
        self._thread = self._control = self._tcp = self._site = None
        self._also = []


async def _first_contact(listening: Any) -> None:
    """Waits for the first connection of a listening socket, and leaves it to be accepted."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listening.fileno(), came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(listening.fileno())


class LoopThread:
    """A thread with an event loop of its own."""

    def __init__(self, name: str) -> None:
        # Not by the policy of the host: closing a door takes its descriptor out of this kind of loop.
        self._loop = asyncio.SelectorEventLoop()
        self._loop.set_exception_handler(self._handle)
        self._quiet_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            # A stop does not wait for ever, and what it no longer waits for ends here. The doors come first: only they know what is
            # to be closed of a connection that has just been accepted.
            self._loop.run_until_complete(self._cancelled(CLOSE_S))
            close_event_loop(self._loop)

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Says in one line a minute that nothing can be accepted: the loop tries dozens of times a second."""
        error = context.get("exception")
        if not isinstance(error, OSError) or not is_exhausted(error):
            loop.default_exception_handler(context)
        elif loop.time() >= self._quiet_until:
            self._quiet_until = loop.time() + QUIET_S
            logger.warning("Connections to the API wait: %s", error.strerror)

    def call(self, work: Callable[[], object]) -> None:
        """Runs a function on the loop's thread, soon."""
        with suppress(RuntimeError):  # the loop has ended, and its work with it
            self._loop.call_soon_threadsafe(work)

    def start_task(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Starts a coroutine, soon; `stop` cancels it."""

        def start() -> None:
            task = self._loop.create_task(work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self.call(start)

    def stop(self, within_s: float) -> bool:
        """Cancels the tasks, waits for them and ends the thread. Returns whether it ended in time.

        Raises: UsageError on the loop's own thread, which cannot wait for itself.
        """
        if threading.current_thread() is self._thread:
            raise UsageError("a runtime cannot be stopped by a request to it")
        ended: Future[None] = Future()
        self.call(lambda: self._loop.create_task(self._wind_up(within_s, ended)))
        with suppress(TimeoutError):
            ended.result(within_s + 0.5)
        self.call(self._loop.stop)
        self._thread.join(0.5)
        return not self._thread.is_alive()

    async def _wind_up(self, within_s: float, ended: "Future[None]") -> None:
        await self._cancelled(within_s)
        ended.set_result(None)

    async def _cancelled(self, within_s: float) -> None:
        """Cancels each task once, and waits for their ends."""
        tasks = set(self._tasks)
        for task in tasks:
            if not task.cancelling():
                task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)
