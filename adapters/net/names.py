"""Host names as they are written: which are addresses, what is asked of the name service for the others, and its answers."""

import socket
from functools import lru_cache
from ipaddress import IPv4Address, ip_address

import msgspec

from ...domain.limits import DNS_ENTRIES_MAX
from ...domain.observation.outcome import Outcome, Reason
from ...domain.specification.probe import AddressFamily
from .addresses import is_public
from .system_errors import UP, SystemErrorMeaning

FAMILIES: dict[AddressFamily, socket.AddressFamily] = {
    "any": socket.AF_UNSPEC,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
    "prefer_ipv4": socket.AF_UNSPEC,
    "prefer_ipv6": socket.AF_UNSPEC,
}
PREFERRED: dict[AddressFamily, socket.AddressFamily] = {
    "prefer_ipv4": socket.AF_INET,
    "prefer_ipv6": socket.AF_INET6,
}
"""The family whose addresses are tried first, and those of the other once all of them have failed."""


class ResolvedAddress(msgspec.Struct, frozen=True):
    """One numeric address, as a socket wants it but for the port."""

    family: socket.AddressFamily
    host: str
    scope: int = 0

    def with_port(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        if self.family == socket.AF_INET:
            return (self.host, port)
        return (self.host, port, 0, self.scope)


class LookedUp(msgspec.Struct, frozen=True):
    """The result of a look-up: addresses, or why there are none."""

    addresses: tuple[ResolvedAddress, ...] = ()
    verdict: SystemErrorMeaning = UP


def not_found(host: str, why: str) -> LookedUp:
    """The name leads nowhere: a fault of the target."""
    return LookedUp(verdict=(Outcome.DOWN, Reason.DNS_FAILED, f"could not resolve {host}: {why}"))


def no_address(host: str, family: AddressFamily) -> LookedUp:
    """The name stands without an address, or without one of the configured family."""
    if family == "any" or family in PREFERRED:
        return not_found(host, "it has no address")
    kind = "IPv4" if family == "ipv4" else "IPv6"
    text = f"{host} has no {kind} address, and address_family: {family} allows no other"
    return LookedUp(verdict=(Outcome.DOWN, Reason.DNS_FAILED, text))


def preferred_first(found: LookedUp, family: AddressFamily) -> LookedUp:
    """The same addresses, those of the preferred family before the others."""
    first = PREFERRED.get(family)
    if first is None or len(found.addresses) < 2:
        return found
    return LookedUp(
        tuple(sorted(found.addresses, key=lambda address: address.family != first)), found.verdict
    )


def public_only(found: LookedUp) -> LookedUp:
    """The addresses in the public network alone; where all are in another one, the name is refused."""
    public = tuple(address for address in found.addresses if is_public(address.host))
    if public or not found.addresses:
        return found if len(public) == len(found.addresses) else LookedUp(public)
    return LookedUp(verdict=refused(found.addresses[0].host))


def refused(host: str) -> SystemErrorMeaning:
    return Outcome.DOWN, Reason.ADDRESS_REFUSED, f"{host} is not a public address: refused"


@lru_cache(maxsize=DNS_ENTRIES_MAX)
def literal_address(host: str) -> ResolvedAddress | None:
    """The address that a host already is; None for a name, for `127.1`, and for a scoped address, whose scope is looked up."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return None
    if "%" in host:
        return None
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    # As the system and libcurl write it: `str` has another spelling of a mapped address before Python 3.13.
    return ResolvedAddress(family, socket.inet_ntop(family, address.packed))


@lru_cache(maxsize=DNS_ENTRIES_MAX)
def numeric_addresses(host: str, family: AddressFamily) -> tuple[ResolvedAddress, ...]:
    """The address that a host is in any spelling that the system knows (`127.1`, `fe80::1%eth0`); none for a name.

    A name service would be asked for `127.1`, and would be told that the name does not exist.
    """
    if "%" not in host and ":" not in host and not host.rpartition(".")[2][:1].isdigit():
        return ()
    try:
        found = socket.getaddrinfo(
            host, None, family=FAMILIES[family], type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except OSError:
        return ()
    return tuple(
        ResolvedAddress(socket.AddressFamily(kind), str(place[0]), int(place[3]) if len(place) > 3 else 0)
        for kind, _, _, _, place in found
    )


def asked_name(host: str) -> str:
    """The name that the name service is asked for.

    `shop.localhost.` is a name of this machine as much as `shop.localhost` is (RFC 6761), which c-ares knows without the dot.
    """
    bare = host.removesuffix(".").lower()
    return bare if bare == "localhost" or bare.endswith(".localhost") else host
