"""An HTTP probe's specification made ready to be requested again and again."""

from base64 import b64encode

from msgspec import UNSET
from msgspec.structs import replace

from ...domain.limits import CONNECTION_USES_MAX
from ...domain.specification.probe import Http
from ...domain.specification.text import as_pairs
from ..net.certificates import PeerCertificate
from .curl.handles import Shelf
from .curl.transport import CurlTransport
from .demands import Demands
from .destination import Origin, destination_of
from .exchange import Headers, HttpShape, completed
from .fast.eligibility import FastPathEligibility
from .naming import Naming, naming_of
from .redirects import Hop
from .tokens import TokenQuestion, question_of

ANY_COMPRESSION = "gzip, deflate"
"""All that can be undone here."""


class Plan:
    """One specification's prepared request, and what is remembered between its attempts."""

    __slots__ = (
        "_authorised",
        "_host",
        "_transport",
        "certificate",
        "demands",
        "home",
        "hop",
        "plain",
        "question",
        "shelf",
        "spec",
        "uses",
    )

    def __init__(
        self, spec: Http, transport: CurlTransport, *, deny_private_addresses: bool, fast_tls: bool
    ) -> None:
        written = destination_of(spec.url)
        naming = naming_of(written, spec.tls)
        shape = _shape_of(spec, naming, deny_private_addresses=deny_private_addresses)
        self.spec = spec
        self.demands = Demands(spec)
        self._host = written.origin.host
        self._transport = transport
        self.shelf: Shelf = transport.shelf(shape)
        # Equal shapes are one: there may be 100,000 plans.
        self.hop = Hop(self.shelf.shape, naming.destination)
        self.home: tuple[Origin, ...] = (written.origin, naming.destination.origin)
        self.plain = FastPathEligibility(self.shelf.shape, self.hop.destination, fast_tls=fast_tls)
        self.question: TokenQuestion | None = question_of(spec.oauth2, shape) if spec.oauth2 else None
        """How a token is asked for; None where none is needed."""
        self._authorised: tuple[str, Shelf] | None = None
        self.uses = 0
        self.certificate: PeerCertificate | None = None
        """Of the last handshake: a kept connection shows no certificate again."""

    def with_token(self, token: str) -> tuple[Hop, Shelf]:
        """The request with a token, and its pool of handles."""
        if self._authorised is None or self._authorised[0] != token:
            headers = (*self.hop.shape.headers, ("Authorization", f"Bearer {token}"))
            # Not kept by the transport, which would remember the shapes of thousands of tokens.
            self._authorised = token, self._transport.shelf_for_once(replace(self.hop.shape, headers=headers))
        shelf = self._authorised[1]
        return Hop(shelf.shape, self.hop.destination), shelf

    def under_own_name(self, hop: Hop) -> Hop:
        """A redirect to the target's own host, asked there under the name that the target's certificate must prove."""
        if not hop.destination.secure or hop.destination.origin.host != self._host:
            return hop
        naming = naming_of(hop.destination, self.spec.tls)
        headers = completed(hop.shape.headers, naming.headers)
        return Hop(replace(hop.shape, headers=headers, connect_to=naming.connect_to), naming.destination)

    def last_use(self) -> bool:
        """Count one attempt; true for the one after which a kept connection is given up for a fresh one."""
        self.uses += 1
        return self.uses % CONNECTION_USES_MAX == 0


def _shape_of(spec: Http, naming: Naming, *, deny_private_addresses: bool) -> HttpShape:
    return HttpShape(
        method=spec.method,
        headers=_headers_of(spec, naming),
        body=None if spec.body is None else spec.body.encode(),
        body_bytes_max=spec.body_bytes_max,
        address_family=spec.address_family,
        keep_connection=spec.connection == "reuse",
        tls=spec.tls,
        connect_to=naming.connect_to,
        deny_private_addresses=deny_private_addresses,
        versions=() if spec.versions is UNSET else spec.versions,
        proxy=spec.proxy or None,
        resolver=spec.resolver or None,
        digest_auth=spec.digest_auth or None,
    )


def _headers_of(spec: Http, naming: Naming) -> Headers:
    """The headers as written, and the credentials; what is written wins over what follows from the rest."""
    return completed(
        as_pairs(spec.headers), (*naming.headers, *_credentials(spec), *_compression(spec), *_cookies(spec))
    )


def _compression(spec: Http) -> Headers:
    if spec.compression is UNSET or spec.compression == "none":
        return ()
    asked = ANY_COMPRESSION if spec.compression == "any" else spec.compression
    return (("Accept-Encoding", asked),)


def _cookies(spec: Http) -> Headers:
    if spec.cookies is UNSET or not spec.cookies:
        return ()
    return (("Cookie", "; ".join(f"{name}={value}" for name, value in as_pairs(spec.cookies))),)


def _credentials(spec: Http) -> Headers:
    if spec.bearer is not None:
        return (("Authorization", f"Bearer {spec.bearer}"),)
    if spec.basic_auth is not None:
        pair = f"{spec.basic_auth.user}:{spec.basic_auth.password}".encode()
        return (("Authorization", f"Basic {b64encode(pair).decode()}"),)
    return ()
