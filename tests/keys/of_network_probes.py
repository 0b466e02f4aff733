"""The effect of each key of the probes that speak one protocol with one host."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile.records import RecordServer, record, reply
from hostile.server import HostileServer
from hostile.starttls import changing_over
from of_probes import probe_kind, refused_or
from pinged import HERE, RAW, pinged
from ports import free_port
from seeing import refusal, sample, written
from servers import Authority
from watched import NOWHERE, Real, one_target, watching
from watchkeeper import Runtime

from tests.conftest import may_leave_the_network

ELSEWHERE = {"http": {"url": NOWHERE}}


# TLS.


def tls(folder: Path, *, at: dict[str, Any] | None = None, newest: Any = None, **fields: Any) -> str:
    """The fate of a handshake with a good server."""
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


# DNS.

ADDRESS = record(1, bytes([192, 0, 2, 1]))


def dns(
    folder: Path, *, said: Callable[[bytes], bytes] | None = None, context: Any = None, **fields: Any
) -> tuple[str, list[tuple[str, bytes]]]:
    """The fate of a question to a good server, and what it was asked."""
    with RecordServer(said or (lambda question: reply(question, [ADDRESS])), tls=context) as server:
        probe = {"name": "shop.example", "server": "127.0.0.1", "port": server.port, **fields}
        return refused_or(lambda: one_target(folder, {"dns": probe})[0]), server.asked


def judged(part: int, way: str) -> Callable[[Path, list[str]], str]:
    """The fate of two records in one part of an answer, which are judged in one way."""
    records = [ADDRESS, record(1, bytes([192, 0, 2, 2]))]
    parts = [records if at == part else [] for at in range(3)]
    key = ("answer", "authority", "additional")[part]

    def see(folder: Path, patterns: list[str]) -> str:
        return dns(folder, said=lambda question: reply(question, *parts), **{key: {way: patterns}})[0]

    return see


def number_asked(folder: Path, value: str) -> int:
    return int.from_bytes(dns(folder, type=value)[1][0][1][-4:-2])


def dns_tls(folder: Path, trusted: bool) -> str:
    authority = Authority(folder)
    settings = {"ca_file": authority.file} if trusted else {}
    return dns(
        folder, context=authority.context(), transport="tls", **({"tls": settings} if settings else {})
    )[0]


def dns_port(folder: Path, right: bool) -> str:
    return dns(folder, **({} if right else {"port": free_port()}))[0]


BOTH, FIRST, NEITHER = ["192"], ["2.1$"], ["198"]
QUESTION = {"dns": {"name": "shop.example", "server": "127.0.0.1", "port": 9}}

DNS = {
    "Target.dns": Real(probe_kind, (ELSEWHERE, QUESTION), ("http", "dns")),
    "Dns.name": Real(lambda folder, value: dns(folder, name=value)[1][0][1][12:16], ("a.example", "b.example"), (b"\x01a\x07e", b"\x01b\x07e")),
    "Dns.type": Real(number_asked, ("A", "MX"), (1, 15)),
    "Dns.server": Real(lambda folder, value: dns(folder, server=value)[0], ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Dns.port": Real(dns_port, (True, False), ("up", "down")),
    "Dns.transport": Real(lambda folder, value: dns(folder, transport=value)[1][0][0], ("udp", "tcp"), ("udp", "tcp")),
    "Dns.recursion": Real(lambda folder, value: dns(folder, recursion=value)[1][0][1][2] & 1, (True, False), (1, 0)),
    "Dns.rcodes": Real(lambda folder, value: dns(folder, rcodes=value)[0], (["NOERROR"], ["NXDOMAIN"]), ("up", "down")),
    "Dns.answer": Real(judged(0, "any_match"), (BOTH, NEITHER), ("up", "down")),
    "Dns.authority": Real(judged(1, "any_match"), (BOTH, NEITHER), ("up", "down")),
    "Dns.additional": Real(judged(2, "any_match"), (BOTH, NEITHER), ("up", "down")),
    "Dns.tls": Real(dns_tls, (True, False), ("up", "down")),
    "Dns.address_family": Real(lambda folder, value: dns(folder, address_family=value)[0], ("ipv4", "ipv6"), ("up", "refused")),
    "DnsRecords.any_match": Real(judged(0, "any_match"), (FIRST, NEITHER), ("up", "down")),
    "DnsRecords.all_match": Real(judged(0, "all_match"), (BOTH, FIRST), ("up", "down")),
    "DnsRecords.none_match": Real(judged(0, "none_match"), (NEITHER, FIRST), ("up", "down")),
    "DnsRecords.not_all_match": Real(judged(0, "not_all_match"), (FIRST, BOTH), ("up", "down")),
}  # fmt: skip


# UDP.


def udp(
    folder: Path, *, at: dict[str, Any] | None = None, quick: bool = False, **fields: Any
) -> tuple[str, list[bytes]]:
    """The fate of a datagram to a server that answers, and what it heard."""
    with RecordServer(lambda datagram: b"pong") as server:
        probe = {"host": "127.0.0.1", "port": server.port, "send": "ping", **(at or {}), **fields}
        found = refused_or(lambda: one_target(folder, {"udp": probe}, timeout="1s" if quick else "20s")[0])
        return found, [heard for _, heard in server.asked]


def udp_port(folder: Path, right: bool) -> str:
    return udp(folder, at={} if right else {"port": free_port()})[0]


UDP = {
    "Target.udp": Real(probe_kind, (ELSEWHERE, {"udp": {"host": "127.0.0.1", "port": 9, "send": "x"}}), ("http", "udp")),
    "Udp.host": Real(lambda folder, value: udp(folder, at={"host": value})[0], ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Udp.port": Real(udp_port, (True, False), ("up", "down")),
    "Udp.send": Real(lambda folder, value: udp(folder, send=value)[1][0], ("ping", "hello"), (b"ping", b"hello")),
    "Udp.expect": Real(lambda folder, value: udp(folder, expect=value, quick=value == "nope")[0], ("pong", "nope"), ("up", "timed_out")),
    "Udp.address_family": Real(lambda folder, value: udp(folder, address_family=value)[0], ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip


# ICMP, in a network of its own.


def icmp(way: str = "good", **fields: Any) -> dict[str, Any]:
    """The fate of echo requests, and the requests that arrived."""
    if not may_leave_the_network():
        pytest.skip("runs a program in a network of its own, which this system forbids")
    (found,), _ = pinged(RAW, (way, {**HERE, **fields}))
    return found


def heard(at: int, key: str) -> Callable[[Path, Any], Any]:
    return lambda folder, value: icmp(**({} if value is None else {key: value}))["heard"][0][at]


def icmp_family(folder: Path, value: str) -> Any:
    document = watching({"icmp": {**HERE, "address_family": value}})
    return "refused" if refusal(lambda: Runtime.from_config(written(folder, document), {})) else "taken"


ICMP = {
    "Target.icmp": Real(probe_kind, (ELSEWHERE, {"icmp": HERE}), ("http", "icmp")),
    "Icmp.host": Real(lambda folder, value: icmp("kernel", host=value)["ip"], ("127.0.0.1", "::1"), ("127.0.0.1", "::1")),
    "Icmp.count": Real(lambda folder, value: len(icmp(count=value)["heard"]), (1, 2), (1, 2)),
    "Icmp.payload_bytes": Real(heard(0, "payload_bytes"), (56, 100), (56, 100)),
    "Icmp.ttl": Real(heard(1, "ttl"), (9, None), (9, 64)),
    "Icmp.dont_fragment": Real(heard(2, "dont_fragment"), (True, False), (True, False)),
    "Icmp.address_family": Real(icmp_family, ("ipv4", "ipv6"), ("taken", "refused")),
}  # fmt: skip

NETWORK: dict[str, Real] = TLS | DNS | UDP | ICMP
