"""The `icmp` probe as it is written: echo requests to a host."""

from typing import Annotated, ClassVar

import msgspec

from ... import limits
from ..probe import AddressFamily
from .networked import NetworkProbe


class Icmp(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="icmp"):
    """Echo requests to a host, as `ping` sends them; one answer of them is enough to be up.

    The system must let the process send them: by `net.ipv4.ping_group_range` on Linux, or by the capability CAP_NET_RAW.
    """

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP"})
    measures: ClassVar[tuple[str, ...]] = (
        "response_time",
        "dns",
        "loss",
        "round_trip_min",
        "round_trip_max",
        "availability",
    )

    host: str
    """A host name or an address."""
    count: Annotated[int, msgspec.Meta(ge=1, le=limits.ECHOES_MAX)] = 1
    """How many requests are sent in one attempt, 100 ms apart. The share without an answer is the measure `loss`, in percent."""
    payload_bytes: Annotated[int, msgspec.Meta(ge=limits.ECHO_TOKEN_BYTES, le=limits.ECHO_BYTES_MAX)] = 56
    """How many bytes each request holds behind its header."""
    ttl: Annotated[int, msgspec.Meta(ge=1, le=255)] | None = None
    """How many routers a request may pass; default: the system's."""
    dont_fragment: bool = False
    """Whether a request is lost rather than sent in pieces, which finds a path whose packets must be smaller."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is asked."""
