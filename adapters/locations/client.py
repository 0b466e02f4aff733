"""One connection of nats-py, made so that it ends by itself: the link above it decides when there is another one."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from ...domain import limits
from ...domain.errors import WatchkeeperError
from ...domain.line import first_line
from ...domain.specification.remote.agents import NatsServer
from ...domain.units import NS_PER_MS

MISSING = "nats-py is not installed: pip install 'watchkeeper[nats]'"
NO_TLS = "the server offers no TLS, which tls:// asks for: nothing was sent to it"


class NatsRefusal(NamedTuple):
    """Why there is no connection."""

    text: str
    is_final: bool
    """Whether trying again cannot help until somebody changes credentials, certificates or permissions."""


class NoTls(WatchkeeperError):
    """A server that must speak TLS does not."""


def load() -> Any:
    """Returns the library. Raises: ImportError where it is not installed."""
    return import_module("nats.aio.client")


def make_client() -> Any:
    """Returns a client that sends nothing in clear to a server of `tls://`. Raises: ImportError without nats-py."""
    library: Any = load()

    class Client(library.Client):  # type: ignore[misc]  # the library is imported when it is used
        async def _process_info(
            self, info: dict[str, Any], initial_connection: bool = False
        ) -> None:  # of the library
            # The library goes on in clear, login included, where a server, or somebody before it, leaves this word out.
            server = self._current_server
            if server is not None and server.uri.scheme == "tls" and not info.get("tls_required"):
                raise NoTls(NO_TLS)
            await super()._process_info(info, initial_connection)

        def drop(self) -> None:
            """Closes the connection at once."""
            for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
                if task is not None:
                    task.cancel()
            # The library has no public way to end at once. Its own way writes first what waits, and then waits for the server's
            # part of the end of TLS, half a minute of a server that hangs.
            for subscription in self._subs.values():
                subscription._stop_processing()  # noqa: SLF001
            if self._transport:
                for writer in (self._transport._io_writer, self._transport._bare_io_writer):  # noqa: SLF001
                    writer.transport.abort()

    return Client()


async def connect(
    client: Any,
    servers: Sequence[NatsServer],
    credentials: str | None,
    name: str,
    on_end: Callable[[], None],
    on_error: Callable[[Exception], None],
) -> None:
    """Connects to one of the servers, in a random order. Raises: any error of the network and of the library."""
    errors: list[Exception] = []

    async def failed(error: Exception) -> None:
        (errors if not client.is_connected else []).append(error)
        on_error(error)

    try:
        await client.connect(
            servers=[_url(server) for server in servers],
            name=name,
            allow_reconnect=False,
            # Each server is tried twice without a wait between: the waits are those of the link.
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=limits.NATS_CONNECT_S,
            ping_interval=limits.NATS_PING_S,
            max_outstanding_pings=2,
            pending_size=limits.NATS_PENDING_BYTES_MAX * 4,
            no_echo=True,
            closed_cb=_calling(on_end),
            error_cb=failed,
            **_login(servers, credentials),
            **({"tls": ssl.create_default_context()} if servers[0].encrypted else {}),
        )
    except Exception as error:  # noqa: BLE001  # whatever it is, it may stand for another one
        # After all servers were tried the library says only that; the reason came before.
        raise (errors[-1] if errors else error) from None


def _url(server: NatsServer) -> str:
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{'tls' if server.encrypted else 'nats'}://{host}:{server.port}"


def _login(servers: Sequence[NatsServer], credentials: str | None) -> dict[str, Any]:
    """The arguments of the library for the credentials of a file, or else for the login of the URL."""
    if credentials is not None:
        text = credentials.strip()
        if "NATS USER JWT" in text:
            return {"user_credentials": load().RawCredentials(credentials)}
        user, colon, password = text.partition(":")
        if colon:
            return {"user": user, "password": password}
        return {"nkeys_seed_str": text} if text.startswith("SU") and text.isupper() else {"token": text}
    first = servers[0]
    if first.password:
        return {"user": first.user, "password": first.password}
    return {"token": first.user} if first.user else {}


def _calling(callback: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        callback()

    return call


def refusal_of(error: Exception) -> NatsRefusal:
    """Returns why a connection could not be made, in one line for people."""
    match error:
        case ImportError():
            return NatsRefusal(MISSING, is_final=True)
        case NoTls():
            return NatsRefusal(str(error), is_final=True)
        case ssl.SSLCertVerificationError():
            text = f"its certificate is refused: {error.verify_message}"
            return NatsRefusal(
                f"{text}; the environment variable SSL_CERT_FILE names further authorities", True
            )
        case ssl.SSLError():
            return NatsRefusal(f"TLS failed: {first_line(error.reason or str(error))}", is_final=True)
        case ConnectionRefusedError():
            return NatsRefusal("nothing listens there", is_final=False)
        case socket.gaierror():
            return NatsRefusal("its name is not known", is_final=False)
        case TimeoutError():
            return NatsRefusal(f"no answer within {limits.NATS_CONNECT_S} s", is_final=False)
        case _:
            return _of_library(first_line(str(error) or type(error).__name__))


def _of_library(text: str) -> NatsRefusal:
    lowered = text.lower()
    if "authorization" in lowered or "authentication" in lowered or "credentials" in lowered:
        return NatsRefusal("it refuses the login: check user, password or credentials file", is_final=True)
    if "permissions violation" in lowered:
        return NatsRefusal(f"it does not permit this account: {text.removeprefix('nats: ')}", is_final=True)
    return NatsRefusal(text.removeprefix("nats: "), is_final=False)


def shown(servers: Sequence[NatsServer]) -> str:
    """Returns the servers without their logins."""
    return ", ".join(_url(server) for server in servers)


def wait_after(failures: int, share: float) -> float:
    """Returns the seconds to wait after so many failures in a row; `share` from 0 to 1 spreads many clients of one server."""
    whole_ns = min(limits.NATS_RETRY_NS << min(failures - 1, 16), limits.NATS_RETRY_NS_MAX)
    return whole_ns * (0.5 + share / 2) / (NS_PER_MS * 1_000)


Heard = Callable[[str, str, bytes, bool], None]
"""Takes the subject of a message, where to answer, its bytes, and whether NATS says by it that nobody listens."""


async def subscribe(client: Any, subject: str, queue: str, heard: Heard) -> Any:
    """Returns the subscription by which every message of a subject is given to `heard`; one that has no listener is told by its header alone."""

    async def take(message: Any) -> None:
        headers = message.headers
        is_unheard = not message.data and headers is not None and headers.get("Status") == "503"
        heard(message.subject, message.reply, message.data, is_unheard)

    return await client.subscribe(
        subject, queue=queue, cb=take, pending_bytes_limit=limits.NATS_UNREAD_BYTES_MAX
    )


async def settled(client: Any) -> None:
    """Waits until the server has read all that was sent, and has told what it refuses of it. Raises: TimeoutError."""
    await asyncio.wait_for(client.flush(limits.NATS_CONNECT_S), limits.NATS_CONNECT_S)
