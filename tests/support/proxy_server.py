"""A real proxy on loopback: CONNECT and plain requests of HTTP, over TLS too, and SOCKS5, each with a login or without."""

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import msgspec
from hostile.visit import exactly

JOIN_S = 20.0
READ_BYTES = 64 * 1024
SOCKS_VERSION, LOGIN_VERSION = 5, 1
WITHOUT_LOGIN, BY_LOGIN, NO_METHOD = 0, 2, 255
ADDRESS_V4, NAME, ADDRESS_V6 = 1, 3, 4
REFUSED_BY_TARGET = 5

Place = tuple[str, int]
Login = tuple[str, str]


class Asked(msgspec.Struct, frozen=True):
    """One connection that was asked for."""

    way: str
    """`connect`, `plain` or `socks5`."""
    host: str
    port: int
    login: Login | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str | None:
        """Returns the value of the first header of a name, which is given in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class ProxyServer:
    """Serves on its own threads from the begin of `with` to its end; it speaks HTTP and SOCKS5 on one port.

    `names` says where a host leads that the proxy itself looks up. With `refusal` every CONNECT is answered by this status, with
    `reply` every request of SOCKS by this code.
    """

    def __init__(
        self,
        *,
        login: Login | None = None,
        names: Mapping[str, str] | None = None,
        refusal: str = "",
        reply: int = 0,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.asked: list[Asked] = []
        self.refusal = refusal
        self.reply = reply
        self._login = login
        self._names = dict(names or {})
        self._tls = tls
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=512)
        self.host = host
        self.port: int = self._listener.getsockname()[1]

    def url(self, scheme: str = "http", host: str | None = None) -> str:
        """The address of the proxy, as a configuration has it."""
        place = host or self.host
        return f"{scheme}://{f'[{place}]' if ':' in place else place}:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        # First the one that accepts: a connection that has just come is among those that are open then.
        for thread in self._threads[:1]:
            thread.join(JOIN_S)
        for connection in list(self._open):
            _end(connection)
        for thread in self._threads:
            thread.join(JOIN_S)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name="proxy", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(client)
            self._start(self._attend, client)

    def _attend(self, client: socket.socket) -> None:
        try:
            if self._tls is not None:
                secured = self._tls.wrap_socket(client, server_side=True)
                self._open.discard(client)
                client = secured
                self._open.add(client)
            first = client.recv(1)
            if first == bytes([SOCKS_VERSION]):
                self._socks(client)
            elif first:
                self._http(client, first)
        except (OSError, ValueError, IndexError):
            pass
        finally:
            self._open.discard(client)
            client.close()

    # HTTP.

    def _http(self, client: socket.socket, read: bytes) -> None:
        while b"\r\n\r\n" not in read:
            chunk = client.recv(READ_BYTES)
            if not chunk:
                return
            read += chunk
        head, _, rest = read.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        headers = tuple((name, value.strip()) for name, _, value in pairs)
        tunnel = method == "CONNECT"
        parts = urlsplit(f"//{target}" if tunnel else target)
        host, port = parts.hostname or "", parts.port or 80
        login = _login_of(headers)
        self.asked.append(Asked("connect" if tunnel else "plain", host, port, login, headers))
        if self._login not in {None, login}:
            client.sendall(
                b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                b'Proxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n'
            )
        elif tunnel and self.refusal:
            client.sendall(f"HTTP/1.1 {self.refusal}\r\nContent-Length: 0\r\n\r\n".encode())
        elif tunnel:
            self._tunnel(client, host, port, b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            kept = [line for line in lines if not line.lower().startswith("proxy-")]
            ahead = "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "", ""]).encode("latin-1")
            self._tunnel(client, host, port, b"", ahead + rest)

    def _tunnel(self, client: socket.socket, host: str, port: int, said: bytes, ahead: bytes = b"") -> None:
        try:
            server = socket.create_connection((self._names.get(host, host), port), 10)
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        with server:
            client.sendall(said)
            server.sendall(ahead)
            self._relay(client, server)

    # SOCKS5: RFC 1928, and RFC 1929 of its login.

    def _socks(self, client: socket.socket) -> None:
        methods = exactly(client, exactly(client, 1)[0])
        wanted = WITHOUT_LOGIN if self._login is None else BY_LOGIN
        if wanted not in methods:
            client.sendall(bytes([SOCKS_VERSION, NO_METHOD]))
            return
        client.sendall(bytes([SOCKS_VERSION, wanted]))
        login = self._socks_login(client) if wanted == BY_LOGIN else None
        if self._login not in {None, login}:
            client.sendall(bytes([LOGIN_VERSION, 1]))
            return
        if wanted == BY_LOGIN:
            client.sendall(bytes([LOGIN_VERSION, 0]))
        *_, kind = exactly(client, 4)
        if kind == NAME:
            host = exactly(client, exactly(client, 1)[0]).decode()
        else:
            family = socket.AF_INET if kind == ADDRESS_V4 else socket.AF_INET6
            host = socket.inet_ntop(family, exactly(client, 4 if kind == ADDRESS_V4 else 16))
        port = int.from_bytes(exactly(client, 2))
        self.asked.append(Asked("socks5", host, port, login))
        if self.reply:
            client.sendall(_socks_reply(self.reply))
            return
        try:
            server = socket.create_connection((self._names.get(host, host), port), 10)
        except OSError:
            client.sendall(_socks_reply(REFUSED_BY_TARGET))
            return
        with server:
            client.sendall(_socks_reply(0))
            self._relay(client, server)

    @staticmethod
    def _socks_login(client: socket.socket) -> Login:
        exactly(client, 1)
        user = exactly(client, exactly(client, 1)[0]).decode()
        return user, exactly(client, exactly(client, 1)[0]).decode()

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        """Passes bytes on in both directions until one side closes."""
        self._open.add(server)
        back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
        back.start()
        _pass_on(client, server)
        back.join(JOIN_S)
        self._open.discard(server)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(READ_BYTES):
            sink.sendall(chunk)
    _end(source)
    _end(sink)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # The plain socket: shutting down TLS would wait for the peer's close message.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _socks_reply(code: int) -> bytes:
    return bytes([SOCKS_VERSION, code, 0, ADDRESS_V4, 0, 0, 0, 0, 0, 0])


def _login_of(headers: tuple[tuple[str, str], ...]) -> Login | None:
    said = next((value for name, value in headers if name.lower() == "proxy-authorization"), "")
    if not said.startswith("Basic "):
        return None
    user, _, password = base64.b64decode(said.removeprefix("Basic ")).decode().partition(":")
    return user, password
