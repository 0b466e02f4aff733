"""The `domain` probe as it is written: when the registration of a name ends, as its registry says."""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

import msgspec

from .... import limits
from ...http.given import PHASES
from ...probe import Tls
from ..networked import NetworkProbe


class DomainRegistration(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="domain"):
    """A question to the registry of a domain, by RDAP. It is up while the domain is registered.

    `[BODY]` holds `name`, `status`, a list, `registrar`, `events` with their dates by their names, such as `registration`,
    `expiration` and `last_changed`, and `nameservers`, as JSON.
    """

    facts: ClassVar[frozenset[str]] = frozenset(
        {"DOMAIN_EXPIRATION", "BODY", "STATUS", "CONNECTED", "RESPONSE_TIME", "IP"}
    )
    measures: ClassVar[tuple[str, ...]] = (
        "response_time",
        *PHASES,
        "status",
        "registration_expiration",
        "availability",
    )
    every_ns_min: ClassVar[int] = limits.REGISTRY_EVERY_NS_MIN

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.NAME_CHARACTERS_ASKED_MAX)]
    """The domain as it was registered, such as `example.org`: a name below it is not in the registry."""
    rdap_server: str | None = None
    """The URL of the RDAP server, without `/domain/`; default: the registry's, as IANA lists it, read once a day."""
    tls: Tls = Tls()
    """How the certificate of the server is judged."""

    @property
    def peer(self) -> str:
        try:
            return urlsplit(self.rdap_server or "").hostname or ""
        except ValueError:
            return ""

    @property
    def summary(self) -> str:
        at = f" at {self.peer}" if self.peer else ""
        return f"registration of {self.name}{at}"
