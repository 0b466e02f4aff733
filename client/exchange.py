"""One request and its answer, over a connection of its own, within a deadline."""

import io
import os
import socket
import ssl
import threading
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec

from ..adapters.clock import SystemClock
from ..adapters.net.listening import (
    connect_control_socket,
    connect_to_node,
    control_socket_path,
    control_socket_paths,
)
from ..adapters.stores.opening import holder_of, look_at_nodes
from ..domain.cluster.membership import ClusterView
from ..domain.errors import NotAllowed, NotRunning, StoreError, UsageError, WatchkeeperError
from ..domain.limits import CLIENT_ANSWER_BYTES_MAX, TENURE_LEASE_NS
from ..domain.line import count_of, first_line, listed, one_line
from ..domain.store_place import is_database, shown_store
from ..domain.time.moment import NS_PER_S, Deadline

_PORTS = {"http": 80, "https": 443}
_NEEDS_WEB = "it starts or ends just now, or its process lacks the extra `web`: pip install 'watchkeeper[web]' there, and start it again"
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
"""OpenSSL's codes of a certificate that none of the trusted authorities has signed."""
_clock = SystemClock()


class Answered(NamedTuple):
    """An answer."""

    status: int
    is_json: bool
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    wait_s: int | None = None
    """The seconds after which a request that came too soon may come again; such a one has had no effect."""


class Request(NamedTuple):
    """One request."""

    method: str
    path: str
    query: dict[str, Any]
    body: Any
    """Plain data, sent as JSON; bytes are sent as they are, and None is no body."""
    headers: dict[str, str]

    @property
    def address(self) -> str:
        return f"{self.path}?{urlencode(self.query, doseq=True)}" if self.query else self.path


class Place(NamedTuple):
    """The address of a runtime: a store, whose control socket lies beside it, or a URL."""

    name: str
    store: str | None
    scheme: str
    host: str
    port: int
    base: str
    ca: str | None
    node: str = ""
    """The one to ask of the nodes of the store on this machine; empty for any."""

    @property
    def is_socket(self) -> bool:
        return self.store is not None


def place_of(where: str, ca: str | None) -> Place:
    """Returns the place that a text names. Raises: UsageError where a URL is not understood.

    A relative store stays the same file where the process changes its folder.
    """
    if not where or "\0" in where:
        raise UsageError(
            f"{where!r} is neither a store such as watch.db nor a URL such as http://127.0.0.1:8080"
        )
    if is_database(where):
        return Place(shown_store(where), where, "http", "localhost", 0, "", None)
    if "://" not in where:
        return Place(where, os.path.abspath(where), "http", "localhost", 0, "", None)  # noqa: PTH100  # a Path folds `a/..`
    try:
        parts = urlsplit(where)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise UsageError(f"{one_line(shown_store(where))}: {error}") from None
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or not host or not host.isprintable() or " " in host:
        raise UsageError(
            f"{one_line(shown_store(where))}: a URL begins with http:// or https:// and names a host"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError("the URL of a runtime has no user, query or fragment: give the token apart from it")
    base = parts.path.rstrip("/")
    return Place(where, None, parts.scheme, host, port or _PORTS[parts.scheme], base, ca)


class _Bounded(io.RawIOBase):
    """Reads a socket until a deadline, however slowly the bytes come: a timeout of the socket bounds each read alone."""

    def __init__(self, sock: Any, until: Deadline) -> None:
        self._sock, self._until = sock, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left_s(self._until))
        read: int = self._sock.recv_into(buffer)
        return read


def _left_s(until: Deadline) -> float:
    """Returns the seconds until a deadline. Raises: TimeoutError after it."""
    left_s = until.remaining_s(_clock.read())
    if left_s <= 0:
        raise TimeoutError
    return left_s


class _Reading:
    """Stands for a socket where a response makes its file from it."""

    def __init__(self, sock: Any, until: Deadline) -> None:
        self._file: Any = io.BufferedReader(_Bounded(sock, until))

    def makefile(self, _mode: str) -> Any:
        return self._file


class _Connection(HTTPConnection):
    """A connection whose socket is given, and whose answer ends by a deadline."""

    def __init__(self, place: Place, sock: Any, until: Deadline) -> None:
        super().__init__(place.host, place.port or None)
        self.sock = sock
        self._until = until

    def answer(self, method: str) -> HTTPResponse:
        response = HTTPResponse(_Reading(self.sock, self._until), method=method)  # type: ignore[arg-type]  # it makes its file
        response.begin()
        return response


class LivingNodes:
    """The nodes of a store that live, where there are several on this machine to choose from: one that is frozen takes a connection and
    never answers. Those that run shards come first. The database is asked once in a few seconds; while it hangs, each node is as good as another.
    """

    def __init__(self) -> None:
        self._found: tuple[Deadline, tuple[str, ...]] | None = None

    def of(self, store: str) -> tuple[str, ...]:
        """Returns their names."""
        if len(control_socket_paths(store)) <= 2:
            return ()
        if self._found is None or self._found[0].expired(_clock.read()):
            names = _alive(store)
            self._found = Deadline.after(_clock.read(), TENURE_LEASE_NS), names
        return self._found[1]


def _alive(store: str) -> tuple[str, ...]:
    from ..actors.dispatch.run.future import blocking, run_blocking
    from ..host.cluster.other_shards import OtherShards

    with suppress(StoreError):
        view: ClusterView = run_blocking(OtherShards().read(lambda: look_at_nodes(store), blocking))
        # One without a shard, as it has an older configuration, cannot test a channel.
        owners = {each.incarnation for each in view.shards}
        return tuple(
            each.name for each in sorted(view.alive(), key=lambda one: one.incarnation not in owners)
        )
    return ()


def exchange(place: Place, request: Request, timeout_s: float, nodes: LivingNodes) -> Answered:
    """Returns the answer to a request. Follows no redirect, uses no proxy and keeps no connection.

    A request that the server puts off, because its client may send no more just now, is sent again when it may be, where that
    is before the deadline.

    Raises: NotRunning where nothing answers there; NotAllowed for a control socket of another user; UsageError for a `ca` that
    cannot be read; TimeoutError; and WatchkeeperError for what is no answer of HTTP.
    """
    until = Deadline.after(_clock.read(), round(timeout_s * NS_PER_S))
    try:
        while True:
            with _connected(place, until, nodes) as sock:
                answered = _answered(place, sock, request, until)
            if answered.wait_s is None or answered.wait_s >= _left_s(until):
                return answered
            threading.Event().wait(answered.wait_s)
    except TimeoutError:
        raise TimeoutError(f"{place.name} has not answered within {timeout_s:.3g} s") from None
    except ssl.SSLCertVerificationError as error:
        remedy = (
            ": name the authority of its certificate with `ca`"
            if error.verify_code in _UNKNOWN_AUTHORITY
            else ""
        )
        raise WatchkeeperError(f"{place.name}: {error.verify_message}{remedy}") from None
    except ssl.SSLError as error:
        says = f"{place.name}: no connection by TLS ({error.reason or error}): a server without TLS has a URL with http://"
        raise WatchkeeperError(says) from None
    except OSError as error:
        if place.is_socket and isinstance(error, PermissionError):
            raise NotAllowed(
                f"the control socket of {place.name} is open to the user of its process alone: act as that user"
            ) from None
        raise NotRunning(_nothing_at(place, error)) from None
    except HTTPException as error:
        raise WatchkeeperError(f"{place.name} is no watchkeeper: {first_line(repr(error))}") from None


def _nothing_at(place: Place, error: OSError) -> str:
    if place.store is None:
        return f"nothing answers at {place.name}: {first_line(error.strerror or str(error))}"
    try:
        alive = look_at_nodes(place.store).alive()
    except StoreError as unread:
        raise StoreError(
            f"no process of this user on this machine answers, and whether one runs elsewhere cannot be read: {unread}"
        ) from None
    names = listed([f"{each.name} ({each.process})" for each in alive])
    if place.node:
        others = f": there {'is' if len(alive) == 1 else 'are'} {names}" if alive else ": none runs"
        return f"no node {one_line(place.node)} of {place.name} answers this user on this machine{others}"
    if alive:
        return (
            f"{place.name} is run by {count_of(len(alive), 'node')}, and none answers this user on this machine:"
            f" {names}. Act there, or name the API of one with --url"
        )
    holder = holder_of(place.store)
    if holder is not None:
        at = control_socket_path(place.store)
        return f"{holder} runs {place.name}, and {at} does not answer: {_NEEDS_WEB}"
    if is_database(place.store) or os.path.lexists(place.store):
        return f"no process runs {place.name}"
    remedy = ": a URL begins with http:// or https://" if ":" in place.name else ""
    return f"no process runs {place.name}, and there is no such file{remedy}"


def _connected(place: Place, until: Deadline, nodes: LivingNodes) -> Any:
    if place.store is not None:
        if place.node:
            return connect_to_node(place.store, place.node, _left_s(until))
        living = nodes.of(place.store)
        return connect_control_socket(place.store, _left_s(until), living)
    sock = socket.create_connection((place.host, place.port), timeout=_left_s(until))
    if place.scheme == "http":
        return sock
    try:
        context = _trusting(place.ca)
        sock.settimeout(_left_s(until))
        return context.wrap_socket(sock, server_hostname=place.host)
    except BaseException:
        sock.close()
        raise


def _trusting(ca: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        why = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise UsageError(f"the authority `ca` cannot be read: {ca}: {why}") from None


def _answered(place: Place, sock: Any, request: Request, until: Deadline) -> Answered:
    sock.settimeout(_left_s(until))
    connection = _Connection(place, sock, until)
    is_raw = request.body is None or isinstance(request.body, bytes)
    body = request.body if is_raw else msgspec.json.encode(request.body)
    headers = {"accept": "application/json", "connection": "close", **request.headers}
    if body is not None and not is_raw:
        headers["content-type"] = "application/json"
    connection.request(request.method, place.base + request.address, body, headers)
    response = connection.answer(request.method)
    content = response.read(CLIENT_ANSWER_BYTES_MAX + 1)
    if len(content) > CLIENT_ANSWER_BYTES_MAX:
        raise WatchkeeperError(f"{place.name} answers with more than {CLIENT_ANSWER_BYTES_MAX:,} bytes")
    if response.length:
        raise NotRunning(f"{place.name} ended in the middle of an answer: its process has ended")
    kind = (response.getheader("content-type") or "").partition(";")[0].strip()
    wait = response.getheader("retry-after") or ""
    is_put_off = response.status == HTTPStatus.TOO_MANY_REQUESTS and wait.isascii() and wait.isdigit()
    # At least a second: a server that names none must not be asked without a pause.
    wait_s = max(int(wait[:9]), 1) if is_put_off else None
    return Answered(response.status, kind.endswith("json"), content, tuple(response.getheaders()), wait_s)
