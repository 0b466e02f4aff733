"""An HTTP probe's specification made ready to be requested again and again."""

from base64 import b64encode

from ...domain.limits import CONNECTION_USES_MAX
from ...domain.probe import Http
from ...domain.text import as_pairs
from ..curl_options import host_and_port
from ..destination import DEFAULT_PORTS, Destination, Origin, destination_of, with_host
from ..exchange import Headers, HttpShape
from ..handles import Shelf
from ..transport import CurlTransport
from .redirects import Hop


class Plan:
    """One specification's prepared request, and what is remembered between its attempts."""

    __slots__ = ("certificate_expires", "home", "hop", "shelf", "spec", "uses")

    def __init__(self, spec: Http, transport: CurlTransport, *, deny_private_addresses: bool) -> None:
        written = destination_of(spec.url)
        named = _named(spec, written)
        shape = _shape_of(spec, written, deny_private_addresses=deny_private_addresses)
        self.spec = spec
        self.hop = Hop(shape, named)
        self.home: frozenset[Origin] = frozenset({written.origin, named.origin})
        self.shelf: Shelf = transport.shelf(shape)
        self.uses = 0
        self.certificate_expires: str | None = None
        """Of the last handshake: a kept connection shows no certificate again."""

    def last_use(self) -> bool:
        """Count one attempt; true for the one after which a kept connection is given up for a fresh one."""
        self.uses += 1
        return self.uses % CONNECTION_USES_MAX == 0


def _named(spec: Http, written: Destination) -> Destination:
    """The URL under the name that the certificate must prove: curl takes it from nowhere else."""
    return with_host(written, spec.tls.server_name) if spec.tls.server_name else written


def _shape_of(spec: Http, written: Destination, *, deny_private_addresses: bool) -> HttpShape:
    origin = written.origin
    return HttpShape(
        method=spec.method,
        headers=_headers_of(spec, origin),
        body=None if spec.body is None else spec.body.encode(),
        body_bytes_max=spec.body_bytes_max,
        address_family=spec.address_family,
        keep_connection=spec.connection == "reuse",
        tls=spec.tls,
        connect_to=host_and_port(origin.host, origin.port) if spec.tls.server_name else None,
        deny_private_addresses=deny_private_addresses,
    )


def _headers_of(spec: Http, origin: Origin) -> Headers:
    """The headers as written, with credentials, and with the URL's own host where curl connects under another name."""
    added: list[tuple[str, str]] = []
    headers = as_pairs(spec.headers)
    given = {name.lower() for name, _ in headers}
    if spec.tls.server_name and "host" not in given:
        added.append(("Host", _host_header(origin)))
    if spec.bearer is not None:
        added.append(("Authorization", f"Bearer {spec.bearer}"))
    elif spec.basic_auth is not None:
        pair = f"{spec.basic_auth.user}:{spec.basic_auth.password}".encode()
        added.append(("Authorization", f"Basic {b64encode(pair).decode()}"))
    return (*headers, *added)


def _host_header(origin: Origin) -> str:
    if origin.port == DEFAULT_PORTS[origin.scheme]:
        return f"[{origin.host}]" if ":" in origin.host else origin.host
    return host_and_port(origin.host, origin.port)
