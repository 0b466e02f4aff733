"""The `ssh` probe as it is written: the key exchange with a server, and the keys that it may show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

from ... import limits
from ..probe import AddressFamily, Port
from .networked import Library, NetworkProbe

Fingerprints = Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.FINGERPRINTS_MAX)]


class Ssh(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ssh"):
    """The key exchange of SSH, in which the server proves that it has its host key. There is no login.

    `[BODY]` holds `banner`, `key_type` and `fingerprint`, as JSON.
    """

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"})
    measures: ClassVar[tuple[str, ...]] = ("response_time", "dns", "connect", "availability")
    library: ClassVar[Library | None] = Library("asyncssh", "AsyncSSH", "ssh")

    host: str
    """A host name or an address, without the port."""
    port: Port = 22
    """The port, 1 to 65,535."""
    fingerprints: Fingerprints = ()
    """The fingerprints of host keys that are good, as `ssh-keygen -lf` prints them, `SHA256:...`; default: any key is."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is connected to."""

    def __init__(
        self,
        *,
        host: str,
        port: int = ...,
        fingerprints: Sequence[str] = ...,
        address_family: AddressFamily = ...,
    ) -> None: ...

    @property
    def summary(self) -> str:
        return f"SSH {self.host}:{self.port}"
