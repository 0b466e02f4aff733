"""The `imap` probe as it is written: a greeting, TLS and a login, and no mailbox opened."""

from collections.abc import Iterator
from typing import ClassVar

from ...probe import AddressFamily, Port, Tls
from ...text import MASK
from ..networked import NetworkProbe
from ..smtp import MailEncryption

_PORTS: dict[MailEncryption, int] = {"starttls": 143, "tls": 993, "none": 143}


class Imap(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="imap"):
    """The greeting of a server of mailboxes, TLS and a login; no mailbox is opened.

    `[BODY]` holds `greeting` and `capabilities`, a list, as JSON.
    """

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"})
    measures: ClassVar[tuple[str, ...]] = ("response_time", "dns", "connect", "tls", "availability")

    host: str
    """A host name or an address, without the port."""
    port: Port | None = None
    """The port; default: 993 with `encryption: tls`, 143 with `starttls` and `none`."""
    encryption: MailEncryption = "tls"
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
        """The login in one word, as PLAIN has it before it is coded; None where there is none."""
        if self.user is None or self.password is None:
            return None
        return f"\0{self.user}\0{self.password}"

    @property
    def summary(self) -> str:
        return f"IMAP {self.host}:{self.server_port}"

    def secrets(self) -> Iterator[str]:
        yield from super().secrets()
        if self.plain_login is not None:
            yield self.plain_login

    def __repr__(self) -> str:
        login = f"user={self.user!r}, password={MASK if self.password else None}"
        return f"Imap({self.host!r}, {self.server_port}, encryption={self.encryption!r}, {login}, tls={self.tls!r})"
