"""Contexts for handshakes past libcurl, set up as libcurl sets up its own, and kept while their files stay as they are.

Measured: a handshake costs 610 microseconds by the standard library on OpenSSL 3.0, 300 by rustls, which is used where
somebody has chosen it. Only to prove a peer: where nothing is to be proven it would not even look at the peer's signature.
"""

import ssl
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from ..domain.configuration import RuntimeOptions
from ..domain.limits import AUTHORITIES_LOOKED_AT_NS, TLS_CONTEXTS_KEPT
from ..domain.policy import CachePolicy
from ..domain.probe import Tls
from ..domain.problem import Problem
from .curl_options import system_authorities

POLICY = CachePolicy(
    name="tls contexts",
    key="the file of authorities, or that nothing is to be proven",
    owner="the plain http engine",
    fresh_for_ns=AUTHORITIES_LOOKED_AT_NS,
    entries_max=TLS_CONTEXTS_KEPT,
    invalidation="once it is that old the file is looked at, and read again if it is another or has changed",
)

RUSTLS = "rtls"
"""The package that binds it."""

PROTOCOLS = ["h2", "http/1.1"]
"""What libcurl offers: a server that chooses the first is libcurl's to talk to."""

Stamp = tuple[int, int, int, int]


class Context(NamedTuple):
    """What a handshake is begun with."""

    settings: ssl.SSLContext
    """Or one of `rtls`, which is the same to whoever uses it."""
    buffer: type[ssl.MemoryBIO]
    """What such a context reads from and writes to."""


class _Kept(NamedTuple):
    context: Context
    stamp: Stamp | None
    looked_ns: int


class TlsContexts:
    """Gives a context for each way to judge a peer. Used on the loop's thread."""

    def __init__(self, policy: CachePolicy = POLICY, *, rustls: bool = False) -> None:
        self.policy = policy
        self._rustls = import_module(RUSTLS) if rustls else None
        self._kept: dict[str | None, _Kept] = {}

    def context(self, tls: Tls, now_ns: int) -> Context | None:
        """None where the authorities cannot be read, which libcurl says in its own words."""
        file = (tls.ca_file or system_authorities()) if tls.verify else None
        if file is None and tls.verify:
            return None
        # Put back at the end: the beginning is what was asked for longest ago.
        kept = self._kept.pop(file, None)
        if kept is None or now_ns - kept.looked_ns >= self.policy.fresh_for_ns:
            kept = self._look(file, kept, now_ns)
        if kept is None:
            return None
        self._kept[file] = kept
        if len(self._kept) > self.policy.entries_max:
            del self._kept[next(iter(self._kept))]
        return kept.context

    def _look(self, file: str | None, kept: _Kept | None, now_ns: int) -> _Kept | None:
        try:
            stamp = None if file is None else _stamp(file)
            same = kept is not None and kept.stamp == stamp
            context = kept.context if kept is not None and same else self._made(file)
        except OSError:
            return None
        return _Kept(context, stamp, now_ns)

    def _made(self, file: str | None) -> Context:
        if file is not None and self._rustls is not None:
            return _by_rustls(self._rustls, file)
        return Context(_by_openssl(file), ssl.MemoryBIO)

    def __repr__(self) -> str:
        return f"TlsContexts(kept={len(self._kept)})"


def _stamp(file: str) -> Stamp:
    found = Path(file).stat()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


def missing_library(options: RuntimeOptions, package: str = RUSTLS) -> Iterator[Problem]:
    """What is wrong with the choice of a library that nobody has installed."""
    if options.tls_library == "rustls" and find_spec(package) is None:
        path = ("runtime", "tls_library")
        yield Problem(
            path, "rustls is not installed: pip install 'watchkeeper[rustls]', or leave it at openssl"
        )


def _by_rustls(rtls: Any, file: str) -> Context:
    """The same by rustls, which proves names and chains by rules of its own: what it refuses at first libcurl judges."""
    settings = rtls.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.set_alpn_protocols(PROTOCOLS)
    settings.options |= ssl.OP_NO_TICKET
    settings.load_verify_locations(cafile=file)
    if not settings.cert_store_stats()["x509_ca"]:
        raise OSError("no certificate in the file of authorities")
    return Context(settings, rtls.MemoryBIO)


def _by_openssl(file: str | None) -> ssl.SSLContext:
    """A context that trusts the authorities of a file, or proves nothing. Raises OSError for a file that is none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(PROTOCOLS)
    # A resumed session would hide a certificate that was replaced, and saves nothing (measured).
    context.options |= ssl.OP_NO_TICKET
    if file is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    # As libcurl does: an intermediate in the file is as good as a root.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cafile=file)
    return context
