"""Where a request goes: a URL, checked and taken apart once."""

from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

import msgspec

from ...domain.errors import ConfigurationError
from ...domain.validation.network import ascii_host, url_fault
from ..net.addresses import is_literal

DEFAULT_PORTS = {"http": 80, "https": 443}
# All of printable ASCII: what is written stays written, only other characters are percent-encoded.
KEPT = "".join(chr(code) for code in range(0x21, 0x7F))


def bracketed(host: str) -> str:
    """The host as a URL has it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def host_and_port(host: str, port: int) -> str:
    return f"{bracketed(host)}:{port}"


class Origin(NamedTuple):
    """Scheme, host and port: what two URLs must share for secrets to be sent to both."""

    scheme: str
    host: str
    port: int

    @property
    def host_header(self) -> str:
        """The value of a request's Host header: the port is named where it is not the usual one."""
        usual = self.port == DEFAULT_PORTS[self.scheme]
        return bracketed(self.host) if usual else host_and_port(self.host, self.port)


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A URL that can be requested as it stands."""

    url: str
    """ASCII, with no blank and no control character."""
    origin: Origin
    literal: bool
    """The host is an address, so that no name is looked up."""

    @property
    def secure(self) -> bool:
        return self.origin.scheme == "https"


def destination_of(url: str) -> Destination:
    """The destination a URL names. Raises: ConfigurationError when it is not a plain http or https URL.

    The problem never repeats the URL: a webhook's is a secret.
    """
    if fault := url_fault(url):
        raise ConfigurationError(f"the url {fault}")
    try:
        parts = urlsplit(url)
        origin = Origin(parts.scheme, _ascii_host(parts), parts.port or DEFAULT_PORTS[parts.scheme])
    except ValueError as error:
        raise ConfigurationError("the url has no readable host or port") from error
    return Destination(url=_ascii_url(parts, origin), origin=origin, literal=is_literal(origin.host))


def with_host(destination: Destination, host: str) -> Destination:
    """The same URL on another host name."""
    parts = urlsplit(destination.url)
    netloc = f"{host}:{destination.origin.port}"
    return destination_of(parts._replace(netloc=netloc).geturl())


def _ascii_host(parts: SplitResult) -> str:
    # UTS 46 also folds full-width digits, so that they are judged as the address they stand for.
    return ascii_host(parts.hostname or "")


def _ascii_url(parts: SplitResult, origin: Origin) -> str:
    url = parts.geturl()
    if url.isascii():
        return url
    port = f":{parts.port}" if parts.port else ""
    return quote(parts._replace(netloc=f"{origin.host}{port}").geturl(), safe=KEPT)
