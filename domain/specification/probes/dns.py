"""The `dns` probe as it is written: one question, and what its answer must hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias, get_args

import msgspec

from ... import limits
from ..construction import Specification
from ..probe import AddressFamily, Port, Tls
from .networked import NetworkProbe

RecordType: TypeAlias = Literal[
    "A", "AAAA", "ANY", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SVCB", "TLSA", "TXT",
]  # fmt: skip
ResponseCode: TypeAlias = Literal["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]
ANY_RCODE: tuple[ResponseCode, ...] = get_args(ResponseCode)
DnsTransport: TypeAlias = Literal["udp", "tcp", "tls"]
Patterns: TypeAlias = Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.RECORD_PATTERNS_MAX)]


class DnsRecords(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Regular expressions on the records of one part of an answer.

    Each record is a line of a zone file with tabs: name, ttl, class, type, data; names end with a dot.
    """

    any_match: Patterns = ()
    """For each of these, some record matches it."""
    all_match: Patterns = ()
    """Every record matches each of these; there may be none."""
    none_match: Patterns = ()
    """No record matches any of these."""
    not_all_match: Patterns = ()
    """For each of these, some record does not match it, where there are records."""

    def __init__(
        self,
        *,
        any_match: Sequence[str] = ...,
        all_match: Sequence[str] = ...,
        none_match: Sequence[str] = ...,
        not_all_match: Sequence[str] = ...,
    ) -> None: ...


class Dns(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="dns"):
    """A question to a name server, and what its answer must hold. No cache is asked but the server's own.

    `[BODY]` holds the answer as JSON: `rcode`, `authoritative`, `authenticated`, `data` (the data of the records of the asked
    type), and `answer`, `authority` and `additional`, lists of records with `name`, `type`, `ttl` and `data`.
    """

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "DNS_RCODE", "BODY"})
    measures: ClassVar[tuple[str, ...]] = (
        "response_time",
        "dns",
        "connect",
        "tls",
        "answers",
        "ttl",
        "availability",
    )

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.NAME_CHARACTERS_ASKED_MAX)]
    """The name that is asked for; that of a PTR question may be an address."""
    type: RecordType = "A"
    """The type of records that is asked for."""
    server: str | None = None
    """The name server, a host name or an address; default: the first in the system's resolv.conf."""
    port: Port | None = None
    """Its port; default: 53, or 853 with `transport: tls`."""
    transport: DnsTransport = "udp"
    """How it is asked. A long answer that UDP cuts is asked for again by TCP."""
    recursion: bool = True
    """Whether the server is asked to ask others for the answer."""
    rcodes: Annotated[tuple[ResponseCode, ...], msgspec.Meta(min_length=1, max_length=6)] | None = None
    """The response codes that are good; default: NOERROR, and any where a condition asks for `[DNS_RCODE]`."""
    answer: DnsRecords = DnsRecords()
    """The judgement of the records of the answer."""
    authority: DnsRecords = DnsRecords()
    """The same of the records that name the authority."""
    additional: DnsRecords = DnsRecords()
    """The same of the additional records."""
    tls: Tls = Tls()
    """How the certificate of the server is judged, with `transport: tls`."""
    address_family: AddressFamily = "any"
    """Which kind of address of the server is spoken with."""

    def __init__(
        self,
        *,
        name: str,
        type: RecordType = ...,  # noqa: A002  # the field's name
        server: str | None = ...,
        port: int | None = ...,
        transport: DnsTransport = ...,
        recursion: bool = ...,
        rcodes: Sequence[ResponseCode] | None = ...,
        answer: DnsRecords = ...,
        authority: DnsRecords = ...,
        additional: DnsRecords = ...,
        tls: Tls = ...,
        address_family: AddressFamily = ...,
    ) -> None: ...

    @property
    def peer(self) -> str:
        return self.server or ""

    @property
    def server_port(self) -> int:
        """The port that is spoken with."""
        return self.port or (853 if self.transport == "tls" else 53)

    @property
    def summary(self) -> str:
        at = f" at {self.server}" if self.server else ""
        return f"DNS {self.type} {self.name}{at} by {self.transport.upper()}"
