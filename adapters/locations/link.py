"""The link to NATS: connects for ever with growing waits, and refuses at once what it cannot send."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from ...domain import limits
from ...domain.specification.probe import Tls
from ...domain.specification.remote.agents import NatsServer
from . import client as nats
from .client import Heard, NatsRefusal

CONNECTING = NatsRefusal("not connected yet", is_final=False)


class NatsSubject(NamedTuple):
    """A subject that a link listens to, and the queue group in which messages are shared; empty for none."""

    subject: str
    queue: str = ""


class MessageLink(Protocol):
    """Sends and receives messages without keeping any."""

    @property
    def refusal(self) -> NatsRefusal | None:
        """Why nothing can be sent now; None while it can."""
        ...

    def publish(self, subject: str, data: bytes, reply: str = "") -> bool:
        """Sends a message. Returns False where it cannot be sent at once: it is dropped then. Never blocks."""
        ...

    def close(self) -> None: ...


class NatsLink:
    """One connection at a time. Made, used and closed on the loop's own thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        servers: Sequence[NatsServer],
        credentials: str | None,
        listening: Sequence[NatsSubject],
        heard: Heard,
        *,
        name: str,
        dice: Callable[[], float],
        tls: Tls = Tls(),  # noqa: B008  # immutable
    ) -> None:
        self._tls = tls
        self._loop, self._servers, self._credentials = loop, servers, credentials
        self._listening, self._heard, self._name, self._dice = listening, heard, name, dice
        self.shown = nats.shown(servers)
        self.refusal: NatsRefusal | None = CONNECTING
        self.changed: Callable[[NatsRefusal | None], None] = lambda _: None
        """Called with each new refusal, and with None once connected."""
        self.on_denied: Callable[[NatsRefusal], None] = lambda _: None
        """Called with each thing that NATS does not permit on an open connection, which goes on."""
        self.errors = 0
        """Errors of an open connection: messages that were dropped because they came too fast, and what NATS does not permit."""
        self._client: Any = None
        self._sending: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        self._denied: NatsRefusal | None = None
        self._subscriptions: list[Any] = []

    def start(self) -> None:
        """Begins to connect."""
        self._running = self._loop.create_task(self._run())

    def publish(self, subject: str, data: bytes, reply: str = "") -> bool:
        """Sends a message. Returns False where it cannot be sent at once: it is dropped then. Never blocks."""
        client = self._client
        if self.refusal is not None or client is None or not client.is_connected:
            return False
        most = min(client.max_payload, limits.NATS_PENDING_BYTES_MAX - client.pending_data_size)
        if len(data) > most:
            return False
        task = self._loop.create_task(self._send(client, subject, data, reply))
        # The loop itself keeps no strong reference to a task.
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return True

    async def _send(self, client: Any, subject: str, data: bytes, reply: str) -> None:
        try:
            await client.publish(subject, data, reply=reply)
        except Exception as error:  # noqa: BLE001  # the connection has just ended: the message is lost, as any other may be
            self._failed(error)

    async def _run(self) -> None:
        failures = 0
        while True:
            ended = asyncio.Event()
            self._denied = None
            refusal = NatsRefusal("the connection has ended", is_final=False)
            try:
                await self._open(ended)
                self._tell(None)
                failures = 0
                await ended.wait()
            except Exception as error:  # noqa: BLE001  # any of them means that there is no connection
                refusal = nats.refusal_of(error)
            finally:
                self._drop()
            self._tell(refusal if self.denied is None else self.denied)
            failures += 1
            await asyncio.sleep(nats.wait_after(failures, self._dice()))

    async def _open(self, ended: asyncio.Event) -> None:
        # The import takes a tenth of a second, during which the loop would stand still.
        await self._loop.run_in_executor(None, nats.load)
        self._client = client = nats.make_client(self._tls)
        await nats.connect(
            client, self._servers, self._credentials, self._tls, self._name, ended.set, self._failed
        )
        self._subscriptions = [
            await nats.subscribe(client, subject, queue, self._heard) for subject, queue in self._listening
        ]
        # NATS tells of a subscription that it does not permit after it has taken it.
        await nats.settled(client)
        if self._denied is not None:
            raise PermissionError(self._denied.text)

    def _failed(self, error: Exception) -> None:
        self.errors += 1
        denied = nats.refusal_of(error)
        if denied.is_final and "permit" in denied.text and denied != self._denied:
            self._denied = denied
            if self.refusal is None:
                self.on_denied(denied)

    def _tell(self, refusal: NatsRefusal | None) -> None:
        if refusal != self.refusal:
            self.refusal = refusal
            self.changed(refusal)

    @property
    def denied(self) -> NatsRefusal | None:
        """The last thing that NATS did not permit on the connection; None for nothing."""
        return self._denied

    async def stop_listening(self) -> None:
        """Takes no further message of any subject. Raises nothing."""
        subscriptions, self._subscriptions, self._listening = self._subscriptions, [], ()
        for each in subscriptions:
            with suppress(Exception):  # the connection has ended, and with it the subscription
                await each.unsubscribe()

    async def sent(self) -> None:
        """Waits a bounded time until the server has read all that was published. Raises nothing."""
        await asyncio.gather(*self._sending)
        if self._client is not None:
            with suppress(Exception):  # a message that cannot be sent is lost, as any other may be
                await nats.settled(self._client)

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # it is thrown away, whatever state it is in
                client.drop()

    def close(self) -> None:
        """Ends the connection at once."""
        if self._running is not None:
            self._running.cancel()
        for task in self._sending:
            task.cancel()
        self._drop()
        self.refusal = NatsRefusal("closed", is_final=True)

    def __repr__(self) -> str:
        return f"NatsLink({self.shown}, {'connected' if self.refusal is None else self.refusal.text})"
