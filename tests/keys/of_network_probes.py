"""The effect of each key of the probes that speak one protocol with one host."""

import ssl
from pathlib import Path
from typing import Any

from hostile.server import HostileServer
from hostile.starttls import changing_over
from of_probes import probe_kind, refused_or
from ports import free_port
from seeing import sample
from servers import Authority
from watched import NOWHERE, Real, one_target, watching

ELSEWHERE = {"http": {"url": NOWHERE}}


# TLS.


def tls(folder: Path, *, at: dict[str, Any] | None = None, newest: Any = None, **fields: Any) -> str:
    """What becomes of a handshake with a good server."""
    authority = Authority(folder)
    context = authority.context()
    if newest is not None:
        context.maximum_version = newest
    with HostileServer(tls=context) as server:
        place = {"host": server.host, "port": server.port, **(at or {})}
        return one_target(folder, {"tls": {"tls": {"ca_file": authority.file}, **place, **fields}})[0]


def tls_port(folder: Path, right: bool) -> str:
    return tls(folder, at={} if right else {"port": free_port()})


def starttls(folder: Path, value: str | None) -> str:
    authority = Authority(folder)
    with HostileServer(greeting=changing_over("smtp", authority.context())) as server:
        probe = {
            "host": server.host,
            "port": server.port,
            "tls": {"ca_file": authority.file},
            "starttls": value,
        }
        return sample(folder, watching({"tls": probe}))[0]


TLS = {
    "Target.tls": Real(probe_kind, (ELSEWHERE, {"tls": {"host": "127.0.0.1", "port": 9}}), ("http", "tls")),
    "TlsHandshake.host": Real(lambda folder, value: tls(folder, at={"host": value}), ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "TlsHandshake.port": Real(tls_port, (True, False), ("up", "down")),
    "TlsHandshake.starttls": Real(starttls, ("smtp", None), ("up", "down")),
    "TlsHandshake.minimum_version": Real(
        lambda folder, value: tls(folder, newest=ssl.TLSVersion.TLSv1_2, minimum_version=value), ("1.2", "1.3"), ("up", "down")),
    "TlsHandshake.tls": Real(lambda folder, value: tls(folder, tls=value), ({}, {"verify": False}), ("down", "up")),
    "TlsHandshake.address_family": Real(lambda folder, value: refused_or(lambda: tls(folder, address_family=value)),
                                        ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip

NETWORK: dict[str, Real] = TLS
