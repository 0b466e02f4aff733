"""The way of one request: straight to its host or through a proxy, and the names that must be looked up for it."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from ....domain.specification.http.access import Proxy
from ....domain.specification.probe import AddressFamily
from ...activity import Activity
from ...net.addresses import is_literal, is_public
from ...net.names import PREFERRED, LookedUp, ResolvedAddress, public_only, refused
from ...net.resolver import Resolver
from ...net.system_errors import UP, SystemErrorMeaning
from ..destination import Destination
from ..exchange import HttpShape, Proxied
from ..proxies import PROXY_PORTS, about_proxy, is_excepted

NO_LABEL = str.maketrans(dict.fromkeys(":/[]%", "-"))
"""The characters of an address or a name server that libcurl takes in no host name."""


class NamedPlace(NamedTuple):
    """A name to connect to, and the name server that knows it."""

    host: str
    port: int
    family: AddressFamily
    resolver: str | None = None

    @property
    def key(self) -> str:
        """The name under which libcurl is given the addresses: one for each family and name server, and none that anybody could look up."""
        by = "" if self.resolver is None else f"{self.resolver}."
        return f"{self.family}.{(by + self.host.rstrip('.')).translate(NO_LABEL)}:{self.port}"


class HttpRoute(NamedTuple):
    """The way to a host."""

    place: NamedPlace | None
    """The host to look up; None where it is an address already, or the proxy looks it up."""
    proxy: Proxy | None = None
    through: NamedPlace | None = None
    """The host of the proxy."""
    proxied: Proxied = Proxied.NOT
    denied: str | None = None
    """An address in a private network that the proxy would be asked for, where those are denied."""
    asked: tuple[str, int] | None = None
    """Host and port that the proxy is asked for in place of the URL's."""

    def without_keys(self, message: str) -> str:
        """Libcurl's message without the names that it was given in place of others: a host stands there as it is written."""
        for place in filter(None, (self.place, self.through)):
            name = place.key.rpartition(":")[0]
            if name in message:
                message = message.replace(f" via {place.key}", "").replace(f" over proxy {name}", "")
                message = message.replace(name, place.host)
        return message

    @property
    def is_literal(self) -> bool:
        """Whether nothing is looked up."""
        return self.place is None and self.proxy is None


def route_of(shape: HttpShape, destination: Destination) -> HttpRoute:
    """The way of a request."""
    host, port = shape.connect_to or (destination.origin.host, destination.origin.port)
    literal = destination.literal if shape.connect_to is None else is_literal(host)
    place = NamedPlace(host, port, shape.address_family, shape.resolver)
    proxy = shape.proxy
    if proxy is None or is_excepted(proxy.exceptions, host):
        return HttpRoute(None if literal else place)
    parts = urlsplit(proxy.url)
    through = NamedPlace(parts.hostname or "", parts.port or PROXY_PORTS[proxy.scheme], "any", shape.resolver)
    tunnel = destination.secure or shape.connect_to is not None
    proxied = Proxied.SOCKS if proxy.is_socks else Proxied.TUNNEL if tunnel else Proxied.PLAIN
    return HttpRoute(
        place if proxy.scheme == "socks5" else None,
        proxy,
        through,
        proxied,
        host if literal and shape.deny_private_addresses and not is_public(host) else None,
        shape.connect_to,
    )


class RouteFound(NamedTuple):
    """The addresses on the way, or why there are none."""

    target: tuple[ResolvedAddress, ...] = ()
    proxy: tuple[ResolvedAddress, ...] = ()
    verdict: SystemErrorMeaning = UP

    @property
    def connected_to(self) -> tuple[ResolvedAddress, ...]:
        return self.proxy or self.target

    def of_preferred_family(self, route: HttpRoute) -> tuple["RouteFound", tuple[ResolvedAddress, ...]]:
        """The addresses to try first, and those of the other family, which wait until these have failed where one is preferred."""
        place = route.place
        if route.proxy is not None or place is None or place.family not in PREFERRED:
            return self, ()
        family = self.target[0].family
        others = tuple(each for each in self.target if each.family != family)
        return RouteFound(tuple(each for each in self.target if each.family == family)), others


class RouteLookUp(Activity):
    """The look-up of the names of one route: that of the proxy, then that of the target."""

    resolver: Resolver
    _route: HttpRoute
    _deny: bool
    _done: Callable[[RouteFound], None]
    _proxy: tuple[ResolvedAddress, ...] = ()

    def begin(self) -> RouteFound | None:
        """Returns the addresses if they are known at once; else None, and they are told later."""
        if self._route.denied is not None:
            return RouteFound(verdict=refused(self._route.denied))
        place = self._route.through
        if place is None:
            return self._ask_for_target()
        found = self.resolver.look_up(
            place.host, place.family, lambda found: self._tell(self._take_proxy(found))
        )
        return None if found is None else self._take_proxy(found)

    def _take_proxy(self, found: LookedUp) -> RouteFound | None:
        found = public_only(found) if self._deny else found
        if not found.addresses:
            return RouteFound(verdict=about_proxy(found.verdict))
        self._proxy = found.addresses
        return self._ask_for_target()

    def _ask_for_target(self) -> RouteFound | None:
        place = self._route.place
        if place is None:
            return RouteFound(proxy=self._proxy)
        found = self.resolver.look_up(
            place.host, place.family, lambda found: self._tell(self._take_target(found))
        )
        return None if found is None else self._take_target(found)

    def _take_target(self, found: LookedUp) -> RouteFound:
        found = public_only(found) if self._deny else found
        if not found.addresses:
            return RouteFound(verdict=found.verdict)
        return RouteFound(found.addresses, self._proxy)

    def _tell(self, found: RouteFound | None) -> None:
        if found is not None:
            self._done(found)
