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
from ...domain.specification.probe import Tls
from ...domain.specification.remote.agents import NatsServer
from ...domain.specification.remote.logins import login_of
from ...domain.units import NS_PER_MS
from ..net.secure_contexts import UnusableFileError, client_context

MISSING = "nats-py is not installed: pip install 'watchkeeper[nats]'"
NO_KEYS = "nkeys is not installed, by which a seed signs: pip install 'watchkeeper[nats]'"
UNREADABLE_SEED = "the seed in its credentials cannot be read: write the whole of it"
UNTRUSTED = "name its authority under tls.ca_file of agents, and by --ca of an agent; or by the environment variable SSL_CERT_FILE"
NO_CERTIFICATE = "the server asks for a certificate: name it under tls.certificate_file of agents, and by --certificate of an agent"
NO_TLS = "the server offers no TLS, which tls:// asks for: nothing was sent to it"


class NatsRefusal(NamedTuple):
    """Why there is no connection."""

    text: str
    is_final: bool
    """Whether trying again cannot help until somebody changes credentials, certificates or permissions."""


class NoTls(WatchkeeperError):
    """A server that must speak TLS does not."""


class NoCertificate(WatchkeeperError):
    """A server asks for a certificate, and there is none to show."""


def load() -> Any:
    """Returns the library. Raises: ImportError where it is not installed."""
    return import_module("nats.aio.client")


def make_client(tls: Tls) -> Any:
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

        def _connect_command(self) -> bytes:  # of the library, after the handshake
            # By TLS 1.3 a server takes the handshake of a client without a certificate, and then breaks off without a word.
            if self._server_info.get("tls_verify") and tls.certificate_file is None:
                raise NoCertificate(NO_CERTIFICATE)
            _end_silently(self._transport)
            made: bytes = super()._connect_command()
            return made

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


def _end_silently(transport: Any) -> None:
    """Has asyncio log nothing when the server ends a connection of TLS: the library does not tell it that this is one."""
    writer = transport._io_writer  # noqa: SLF001  # of the library
    protocol = writer.transport.get_protocol()
    if writer.get_extra_info("ssl_object") is not None and hasattr(protocol, "_over_ssl"):
        protocol._over_ssl = True  # noqa: SLF001  # of asyncio


async def connect(
    client: Any,
    servers: Sequence[NatsServer],
    credentials: str | None,
    tls: Tls,
    name: str,
    on_end: Callable[[], None],
    on_error: Callable[[Exception], None],
) -> None:
    """Connects to one of the servers, in a random order. Raises: any error of the network and of the library."""
    errors: list[Exception] = []
    secured: dict[str, Any] = {}
    if servers[0].encrypted:
        # The authorities of a system take 20 ms to read.
        secured["tls"] = await asyncio.get_running_loop().run_in_executor(None, client_context, tls)
        if tls.server_name is not None:
            secured["tls_hostname"] = tls.server_name

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
            **secured,
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
        login = login_of(credentials)
        if login.jwt:
            # Written anew: the library reads for ever where a block has no begin, and takes the line ends of other systems into the key.
            text = _block("NATS USER JWT", login.jwt) + _block("USER NKEY SEED", login.seed)
            return {"user_credentials": load().RawCredentials(text)}
        if login.seed:
            return {"nkeys_seed_str": login.seed}
        return {"token": login.token} if login.token else {"user": login.user, "password": login.password}
    first = servers[0]
    if first.password:
        return {"user": first.user, "password": first.password}
    return {"token": first.user} if first.user else {}


def _block(title: str, line: str) -> str:
    return f"-----BEGIN {title}-----\n{line}\n------END {title}------\n"


def _calling(callback: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        callback()

    return call


def refusal_of(error: Exception) -> NatsRefusal:
    """Returns why a connection could not be made, in one line for people."""
    match error:
        case ImportError():
            return NatsRefusal(NO_KEYS if error.name == "nkeys" else MISSING, is_final=True)
        case UnusableFileError():
            return NatsRefusal(str(error), is_final=True)
        case NoTls() | NoCertificate():
            return NatsRefusal(str(error), is_final=True)
        case ssl.SSLCertVerificationError():
            return NatsRefusal(f"its certificate is refused: {error.verify_message}; {UNTRUSTED}", True)
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
    if lowered.startswith("nkeys:"):
        return NatsRefusal(UNREADABLE_SEED, is_final=True)
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
