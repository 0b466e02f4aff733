"""The effect of each key of the probes whose protocol begins as HTTP."""

import atexit
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from health_server import LOCKED, OLD, SERVING, health_server
from of_network_probes import ELSEWHERE
from of_probes import probe_kind, refused_or
from ports import free_port
from servers import Authority
from watched import Real, one_target
from websocket_server import WebSocketServer

# WebSocket.

SAID = "^you said a$"


def websocket(
    folder: Path, path: str = "", timeout: str = "20s", **fields: Any
) -> tuple[str, WebSocketServer]:
    """The fate of a conversation with a good server, and that server."""
    with WebSocketServer(subprotocol="v1.live") as server:
        probe = {"url": f"{server.url}{path}", **fields}
        return refused_or(lambda: one_target(folder, {"websocket": probe}, timeout=timeout)[0]), server


def expected(folder: Path, value: str) -> str:
    """The fate of a conversation; the message that does not come is not waited for."""
    return websocket(folder, timeout="20s" if value == SAID else "300ms", send="a", expect=value)[0]


def path_asked(folder: Path, value: str) -> str:
    return str(websocket(folder, value)[1].requests[0].path)


def token_sent(folder: Path, value: dict[str, str]) -> Any:
    return websocket(folder, headers=value)[1].requests[0].headers.get("x-token")


def websocket_tls(folder: Path, trusted: bool) -> str:
    authority = Authority(folder)
    tls = {"ca_file": authority.file} if trusted else {}
    with WebSocketServer(tls=authority.context()) as server:
        return one_target(folder, {"websocket": {"url": server.url, "tls": tls}})[0]


WEBSOCKET = {
    "Target.websocket": Real(probe_kind, (ELSEWHERE, {"websocket": {"url": "ws://127.0.0.1:9/"}}), ("http", "websocket")),
    "WebSocket.url": Real(path_asked, ("/one", "/two"), ("/one", "/two")),
    "WebSocket.headers": Real(token_sent, ({}, {"X-Token": "7"}), (None, "7")),
    "WebSocket.subprotocols": Real(lambda folder, value: websocket(folder, subprotocols=value)[0], (["v1.live"], ["v2.live"]), ("up", "down")),
    "WebSocket.send": Real(lambda folder, value: websocket(folder, send=value)[1].heard, ("one", "two"), (["one"], ["two"])),
    "WebSocket.expect": Real(expected, (SAID, "^b"), ("up", "timed_out")),
    "WebSocket.tls": Real(websocket_tls, (True, False), ("up", "down")),
    "WebSocket.address_family": Real(lambda folder, value: websocket(folder, address_family=value)[0], ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip


# gRPC.


SERVERS = ExitStack()
"""The programs that serve gRPC: starting one takes half a second."""
atexit.register(SERVERS.close)


@cache
def health_port() -> int:
    return SERVERS.enter_context(health_server())[0]


@cache
def secure_health() -> tuple[int, str]:
    """The port of a server of TLS, and the file of its authority."""
    authority = Authority(Path(SERVERS.enter_context(TemporaryDirectory())))
    return SERVERS.enter_context(health_server(*authority.server_files()))[0], authority.file


def grpc(folder: Path, at: dict[str, Any] | None = None, **fields: Any) -> str:
    """The fate of a question to a good server."""
    probe = {"host": "127.0.0.1", "port": health_port(), **(at or {}), **fields}
    return refused_or(lambda: one_target(folder, {"grpc": probe})[0])


def grpc_tls(folder: Path, trusted: bool) -> str:
    port, file = secure_health()
    return grpc(folder, at={"port": port}, tls={"ca_file": file} if trusted else {})


def metadata(folder: Path, value: dict[str, str]) -> str:
    return grpc(folder, service=LOCKED, metadata=value)


GRPC = {
    "Target.grpc": Real(probe_kind, (ELSEWHERE, {"grpc": {"host": "127.0.0.1", "port": 9}}), ("http", "grpc")),
    "Grpc.host": Real(lambda folder, value: grpc(folder, at={"host": value}), ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Grpc.port": Real(lambda folder, right: grpc(folder, at={} if right else {"port": free_port()}), (True, False), ("up", "down")),
    "Grpc.service": Real(lambda folder, value: grpc(folder, service=value), (SERVING, OLD), ("up", "down")),
    "Grpc.metadata": Real(metadata, ({"x-token": "sesame"}, {}), ("up", "down")),
    "Grpc.tls": Real(grpc_tls, (True, False), ("up", "down")),
    "Grpc.address_family": Real(lambda folder, value: grpc(folder, address_family=value), ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip

WEB_PROTOCOLS: dict[str, Real] = WEBSOCKET | GRPC
