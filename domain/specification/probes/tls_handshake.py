"""The `tls` probe as it is written: a handshake on any port."""

from typing import ClassVar, Literal, TypeAlias

from msgspec import UNSET

from ..probe import AddressFamily, Port, Tls, TlsVersion
from .networked import NetworkProbe

StartTls: TypeAlias = Literal["smtp", "imap", "pop3", "ftp", "postgres"]


class TlsHandshake(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="tls"):
    """A TLS handshake on any port: the chain, the name and the expiry of the certificate, and the version of TLS.

    `[BODY]` holds what was agreed, as JSON: `version`, such as `1.3`, `cipher`, and the `subject` of the certificate.
    """

    facts: ClassVar[frozenset[str]] = frozenset(
        {"CONNECTED", "RESPONSE_TIME", "IP", "CERTIFICATE_EXPIRATION", "CERTIFICATE", "BODY"}
    )
    measures: ClassVar[tuple[str, ...]] = (
        "response_time",
        "dns",
        "connect",
        "tls",
        "certificate_expiration",
        "availability",
    )

    host: str
    """A host name or an address, without the port."""
    port: Port
    """The port, 1 to 65,535."""
    starttls: StartTls | None = None
    """The protocol in whose words TLS is asked for, on a port that begins in clear; default: TLS from the first byte."""
    minimum_version: TlsVersion = "1.2"
    """The oldest version of TLS that is good; a server that offers only older ones is down."""
    tls: Tls = Tls()
    """How the certificate is judged, and which one is shown."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is connected to."""

    @property
    def summary(self) -> str:
        after = f" after STARTTLS of {self.starttls}" if self.starttls else ""
        return f"TLS {self.host}:{self.port}{after}"

    @property
    def oldest_version(self) -> TlsVersion:
        """The oldest version that is good, under whichever key it is stated."""
        return self.minimum_version if self.tls.minimum_version is UNSET else self.tls.minimum_version
