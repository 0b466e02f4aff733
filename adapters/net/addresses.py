"""Which addresses lead out to the public network.

`ipaddress.is_global` is no guard: it calls NAT64 of the loopback, 6to4 of a private network and multicast global. The
table below is the IANA special-purpose registries, with everything that embeds another address judged by what it embeds
or refused outright. tests/adapters/network/test_addresses.py has a row per finding.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

SPECIAL_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network: 0.0.0.0 connects to the loopback on Linux
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; neither private nor global to `ipaddress`
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, where clouds keep their metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
PUBLIC_IPV6 = IPv6Network("2000::/3")
"""The only block that IANA hands out: everything else (loopback, mapped, NAT64, local, multicast) is special."""
SPECIAL_IPV6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4 embeds an IPv4 address and is retired
        "2620:4f:8000::/48",
        "3fff::/20",
        "3ffe::/16",
    )
)


def is_public(text: str) -> bool:
    """Whether the numeric address may be connected to when private addresses are denied; anything unread is not."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in SPECIAL_IPV4)
    special = any(address in network for network in SPECIAL_IPV6)
    return address.scope_id is None and address in PUBLIC_IPV6 and not special


def is_literal(host: str) -> bool:
    """Whether the host is an address already, so that nothing is looked up."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
