"""Where a request goes: a URL, checked and taken apart once."""

import re
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

import msgspec

from ...domain.errors import ConfigurationError
from ...domain.validation.network import ascii_host, url_fault
from ..net.addresses import is_literal
from ..net.names import numeric_addresses

DEFAULT_PORTS = {"http": 80, "https": 443}
# All of printable ASCII: what is written stays written, only other characters are percent-encoded.
KEPT = "".join(chr(code) for code in range(0x21, 0x7F))

ESCAPE = re.compile("%[0-9a-f][0-9A-Fa-f]|%[0-9A-F][a-f]")
"""An escape that libcurl would write in capitals."""


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
    """The destination a URL names, in the spelling that libcurl would give it: whoever sends the request sends the same.

    Raises: ConfigurationError when it is not a plain http or https URL.
    The problem never repeats the URL: a webhook's is a secret.
    """
    if fault := url_fault(url):
        raise ConfigurationError(f"the url {fault}")
    try:
        parts = urlsplit(url)
        origin = Origin(parts.scheme, _host_of(parts), parts.port or DEFAULT_PORTS[parts.scheme])
    except ValueError as error:
        raise ConfigurationError("the url has no readable host or port") from error
    return Destination(url=_canonical_url(parts, origin), origin=origin, literal=is_literal(origin.host))


def with_host(destination: Destination, host: str) -> Destination:
    """The same URL on another host name."""
    parts = urlsplit(destination.url)
    netloc = f"{host}:{destination.origin.port}"
    return destination_of(parts._replace(netloc=netloc).geturl())


def _host_of(parts: SplitResult) -> str:
    """The host in lower case and in ASCII; an address in its usual spelling, however it is written (`127.1`)."""
    # UTS 46 also folds full-width digits, so that they are judged as the address they stand for.
    host = ascii_host(parts.hostname or "")
    numeric = () if ":" in host else numeric_addresses(host, "ipv4")
    return numeric[0].host if numeric else host


def _canonical_url(parts: SplitResult, origin: Origin) -> str:
    if "%" not in parts.netloc:
        port = f":{parts.port}" if parts.port else ""
        parts = parts._replace(netloc=f"{bracketed(origin.host)}{port}")
    url = parts.geturl()
    ascii_url = url if url.isascii() else quote(url, safe=KEPT)
    return ESCAPE.sub(lambda found: found[0].upper(), ascii_url)
