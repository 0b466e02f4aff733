"""Contexts by which rustls proves a peer, kept while their file of authorities is unchanged.

Measured: a handshake costs 300 microseconds by rustls and 600 by OpenSSL 3.0, by libcurl or not, so only rustls goes past
libcurl. It is asked to prove a peer or nothing: without that it would not even look at the peer's signature.
"""

import ssl
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from ....domain.limits import TLS_CONTEXTS_KEPT
from ....domain.policy import CachePolicy
from ....domain.specification.configuration import RuntimeOptions
from ....domain.specification.http.header_rules import HttpVersion
from ....domain.specification.probe import Tls, TlsVersion
from ....domain.specification.problem import Problem
from ...net.secure_contexts import VERSIONS, FileStamp, file_stamp, oldest_version
from ..curl.curl_options import system_authorities

POLICY = CachePolicy(
    name="tls contexts",
    key="the state of the file of authorities, the oldest version, and the protocols offered",
    owner="the plain http engine, where rustls is chosen",
    fresh_for_ns=0,
    entries_max=TLS_CONTEXTS_KEPT,
    invalidation="the file is looked at for each handshake, and read again if it is another or has changed",
)

RUSTLS = "rtls"
"""The package that binds it."""

PROTOCOLS = ("h2", "http/1.1")
"""The protocols that libcurl offers; libcurl carries the exchange where a server chooses the first."""
OLD_PROTOCOLS = ("http/1.1",)
"""Those of a target that may not answer in HTTP/2."""


class Greeting(NamedTuple):
    """A handshake that has begun."""

    hello: bytes
    """The first words to the peer."""
    tls: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO


class Context(NamedTuple):
    """The means of a handshake. The types are those of `ssl`, which `rtls` binds under the same names."""

    settings: ssl.SSLContext
    buffer: type[ssl.MemoryBIO]

    def greet(self, server_name: str) -> Greeting | None:
        """Begin a handshake; None for a name that rustls does not take."""
        incoming, outgoing = self.buffer(), self.buffer()
        try:
            tls = self.settings.wrap_bio(incoming, outgoing, server_hostname=server_name)
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
        except (ssl.SSLError, ValueError):
            return None
        return Greeting(outgoing.read(), tls, incoming, outgoing)


class TlsContexts:
    """Gives a context for each file of authorities. Used on the loop's thread.

    Raises ModuleNotFoundError when `rtls` is not installed.
    """

    def __init__(self, policy: CachePolicy = POLICY) -> None:
        rtls = import_module(RUSTLS)
        self._made = lru_cache(policy.entries_max)(partial(_context, rtls))

    def context(self, tls: Tls, versions: tuple[HttpVersion, ...] = ()) -> Context | None:
        """The means of a handshake that offers these versions of HTTP; without any, the usual ones.

        None where the authorities cannot be read, which libcurl says in its own words."""
        file = tls.ca_file or system_authorities()
        try:
            # Looked at for each handshake: 2 microseconds of 300.
            return (
                None
                if file is None
                else self._made(
                    file,
                    file_stamp(file),
                    oldest_version(tls),
                    PROTOCOLS if not versions or "2" in versions else OLD_PROTOCOLS,
                )
            )
        except OSError:
            return None

    def __repr__(self) -> str:
        return f"TlsContexts(kept={self._made.cache_info().currsize})"


def _context(
    rtls: Any, file: str, _stamp: FileStamp, oldest: TlsVersion, protocols: tuple[str, ...]
) -> Context:
    """A context that trusts the authorities of a file as it is now. Raises OSError for a file that holds none."""
    settings = rtls.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.set_alpn_protocols(list(protocols))
    settings.minimum_version = VERSIONS[oldest]
    # A resumed session would hide a certificate that was replaced, and saves nothing (measured).
    settings.options |= ssl.OP_NO_TICKET
    settings.load_verify_locations(cafile=file)
    if not settings.cert_store_stats()["x509_ca"]:
        raise OSError("no certificate in the file of authorities")
    return Context(settings, rtls.MemoryBIO)


def missing_library(options: RuntimeOptions, package: str = RUSTLS) -> Iterator[Problem]:
    """The problem of a choice whose library is not installed, if there is one."""
    if options.tls_library == "rustls" and find_spec(package) is None:
        path = ("runtime", "tls_library")
        yield Problem(
            path, "rustls is not installed: pip install 'watchkeeper[rustls]', or leave it at openssl"
        )
