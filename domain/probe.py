"""What to check and how: the specification of each probe kind, as written in a configuration or in Python."""

from typing import Annotated, Literal

import msgspec

from . import limits
from .text import MASK, DurationText, Pairs, as_pairs

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
BodyCap = Annotated[int, msgspec.Meta(ge=0, le=limits.BODY_BYTES_MAX)]
TcpText = Annotated[str, msgspec.Meta(max_length=limits.TCP_TEXT_CHARACTERS_MAX)]
AddressFamily = Literal["any", "ipv4", "ipv6"]


class BasicAuth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """User name and password of HTTP basic authentication."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"BasicAuth(user={self.user!r}, password={MASK})"


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the peer's certificate is judged and which one we show."""

    verify: bool = True
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None


class _Probe(msgspec.Struct, frozen=True, tag_field="kind"):
    """The tag tells the kinds apart in messages; where a key of the target names the kind it is not written."""


class Http(_Probe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="http"):
    """An HTTP or HTTPS request on a fresh connection."""

    url: str
    method: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{1,16}$")] = "GET"
    headers: Pairs = ()
    body: str | None = None
    basic_auth: BasicAuth | None = None
    bearer: str | None = None
    follow_redirects: bool = True
    redirects_max: Annotated[int, msgspec.Meta(ge=0, le=20)] = 5
    body_bytes_max: BodyCap = limits.BODY_BYTES
    address_family: AddressFamily = "any"
    connection: Literal["fresh", "reuse"] = "fresh"
    tls: Tls = Tls()

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "headers", as_pairs(self.headers))

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in as_pairs(self.headers))
        url, asked, _ = self.url.partition("?")
        return f"Http({self.method} {url}{asked and f'?{MASK}'}, headers=[{names}])"


class Tcp(_Probe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="tcp"):
    """A TCP connection, and optionally one line sent and an answer expected."""

    host: str
    port: Port
    send: TcpText | None = None
    expect: TcpText | None = None
    """A text that the answer must contain."""
    address_family: AddressFamily = "any"

    def __repr__(self) -> str:
        # What is sent may be a login: `AUTH` is how a store of keys is asked whether it is well.
        return f"Tcp({self.host!r}, {self.port}, send={MASK if self.send else None}, expect={self.expect!r})"


class Exec(_Probe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="exec"):
    """A program run without a shell, answering by the Nagios plugin protocol (exit status 0, 1, 2, 3 and perfdata)."""

    argv: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=64)]
    environment: Pairs = ()
    """The whole environment besides PATH and LANG; nothing else is inherited."""
    directory: str | None = None
    output_bytes_max: BodyCap = limits.BODY_BYTES

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "environment", as_pairs(self.environment))

    def __repr__(self) -> str:
        return f"Exec({self.argv[0]!r}, {len(self.argv) - 1} arguments)"


class Call(_Probe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="call"):
    """A callable of the host, known by name: the callable itself stays with the runtime that was given it."""

    name: str


class Heartbeat(_Probe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="heartbeat"):
    """The host reports by itself; silence longer than the cadence plus `grace` is a failure."""

    grace: DurationText = "0s"


Probe = Http | Tcp | Exec | Call | Heartbeat

KINDS: dict[str, type[Probe]] = {
    "http": Http,
    "tcp": Tcp,
    "exec": Exec,
    "call": Call,
    "heartbeat": Heartbeat,
}
"""The key of a target under which each specification is written."""
