"""The way of an HTTP request and the login at its end: a proxy between, a name server of its own, digest authentication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from ... import limits
from ..construction import Specification
from ..text import MASK, Pairs, as_pairs

NameServerText: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        max_length=limits.ADDRESS_CHARACTERS_MAX,
        description="The address of a name server such as udp://192.0.2.53, tcp://192.0.2.53:5353 or udp://[2001:db8::53]:53.",
    ),
]
Exceptions: TypeAlias = Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.PROXY_EXCEPTIONS_MAX)]
ClientLogin: TypeAlias = Literal["basic", "body"]


class DigestAuth(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """User name and password of HTTP digest authentication (RFC 7616)."""

    user: str
    """The user name."""
    password: str
    """The password; it is never sent, and never shown."""

    def __repr__(self) -> str:
        return f"DigestAuth(user={self.user!r}, password={MASK})"


class Proxy(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A proxy through which the requests of a target go."""

    url: str
    """Its address, such as `http://proxy:3128`. By `http` and `https` it is asked for a tunnel to a target of https, and passes plain
    requests on; by `socks5` it is given the address of the target, by `socks5h` its name."""
    user: str | UnsetType = UNSET
    """The user of the login; default: there is none."""
    password: str | UnsetType = UNSET
    """The password of the login; it is never shown."""
    headers: Pairs = ()
    """Headers that are sent with the request for a tunnel (CONNECT), by name."""
    exceptions: Exceptions = msgspec.field(default=(), name="except")
    """Hosts that are reached without it: `shop.example`, `.example` for all names below, and addresses as `10.0.0.0/8`."""
    ca_file: str | UnsetType = UNSET
    """Path of a PEM file with the authorities to trust for a proxy of https, in place of the system's."""

    def __init__(
        self,
        *,
        url: str,
        user: str = ...,
        password: str = ...,
        headers: Pairs = ...,
        exceptions: Sequence[str] = ...,
        ca_file: str = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "headers", as_pairs(self.headers))

    @property
    def scheme(self) -> str:
        """`http`, `https`, `socks5` or `socks5h`."""
        return self.url.partition("://")[0].lower()

    @property
    def is_socks(self) -> bool:
        """Whether it connects for any protocol, and reads nothing of what it passes on."""
        return self.scheme.startswith("socks5")

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in as_pairs(self.headers))
        login = "" if self.user is UNSET else f", user={self.user!r}, password={MASK}"
        return f"Proxy({self.url!r}{login}, headers=[{names}], exceptions={self.exceptions!r})"
