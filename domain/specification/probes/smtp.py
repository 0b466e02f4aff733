"""The `smtp` probe as it is written: a greeting, TLS and a login, and no mail."""

from collections.abc import Iterator
from typing import ClassVar, Literal, TypeAlias

from ..probe import AddressFamily, Port, Tls
from ..text import MASK
from .networked import NetworkProbe

MailEncryption: TypeAlias = Literal["starttls", "tls", "none"]
_PORTS: dict[MailEncryption, int] = {"starttls": 587, "tls": 465, "none": 25}


class Smtp(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="smtp"):
    """The greeting of a mail server, TLS and a login; no mail is sent.

    `[BODY]` holds `greeting` and `capabilities`, a list, as JSON.
    """

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"})
    measures: ClassVar[tuple[str, ...]] = ("response_time", "dns", "connect", "tls", "availability")

    host: str
    """A host name or an address, without the port."""
    port: Port | None = None
    """The port; default: 587 with `encryption: starttls`, 465 with `tls`, 25 with `none`."""
    encryption: MailEncryption = "starttls"
    """How TLS begins: on a connection that is in clear first, from the first byte, or not at all."""
    user: str | None = None
    """The user of the login; default: there is none."""
    password: str | None = None
    """The password of the login; it is never shown."""
    tls: Tls = Tls()
    """How the certificate is judged, and which one is shown."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is connected to."""

    @property
    def server_port(self) -> int:
        """The port that is spoken with."""
        return self.port or _PORTS[self.encryption]

    @property
    def plain_login(self) -> str | None:
        """The login in one word, as AUTH PLAIN has it before it is coded; None where there is none."""
        if self.user is None or self.password is None:
            return None
        return f"\0{self.user}\0{self.password}"

    @property
    def summary(self) -> str:
        return f"SMTP {self.host}:{self.server_port}"

    def secrets(self) -> Iterator[str]:
        yield from super().secrets()
        if self.plain_login is not None:
            yield self.plain_login

    def __repr__(self) -> str:
        login = f"user={self.user!r}, password={MASK if self.password else None}"
        return f"Smtp({self.host!r}, {self.server_port}, encryption={self.encryption!r}, {login}, tls={self.tls!r})"
