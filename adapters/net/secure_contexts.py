"""Contexts of OpenSSL by which probes and channels of mail prove a peer, kept while their files are unchanged: reading the
authorities of a system takes 20 milliseconds."""

import os
import ssl
from functools import lru_cache
from warnings import catch_warnings, simplefilter

from msgspec import UNSET

from ...domain.limits import TLS_CONTEXTS_KEPT
from ...domain.policy import CachePolicy
from ...domain.specification.probe import Tls, TlsVersion

POLICY = CachePolicy(
    name="tls contexts of probes and mail",
    key="the `tls` settings, the oldest version, the state of their files",
    owner="the process",
    fresh_for_ns=0,
    entries_max=TLS_CONTEXTS_KEPT,
    invalidation="the files are looked at for each handshake, and read again if they have changed",
)
VERSIONS: dict[TlsVersion, ssl.TLSVersion] = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
OLD_VERSIONS = frozenset({"1.0", "1.1"})
OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"
"""OpenSSL 3 speaks TLS 1.0 and 1.1 at this level alone, at which it takes short keys and SHA-1, too."""
FileStamp = tuple[int, int, int, int]
"""Figures that change with the content of a file."""


class UnusableFileError(Exception):
    """A file of the `tls` settings cannot be used: nothing was learned about the target."""


def client_context(
    tls: Tls, oldest: TlsVersion | None = None, protocols: tuple[str, ...] = ()
) -> ssl.SSLContext:
    """The context of a handshake, with the files as they are now; `protocols` are offered by ALPN.

    The oldest version that is good is that of `tls`, unless another is given.

    Raises: UnusableFileError where a file cannot be read.
    """
    try:
        # The authorities of the system are renewed while a process runs for months.
        authorities = tls.ca_file or (ssl.get_default_verify_paths().cafile if tls.verify else None)
        stamps = tuple(map(file_stamp, filter(None, (authorities, tls.certificate_file, tls.key_file))))
        return _made(tls, oldest or oldest_version(tls), protocols, stamps)
    except ssl.SSLError as error:
        raise UnusableFileError(f"a file under tls cannot be used: {error.reason or 'no PEM'}") from None
    except OSError as error:
        name = f" {error.filename}" if error.filename else ""
        raise UnusableFileError(f"the file{name} cannot be read: {error.strerror}") from None


def oldest_version(tls: Tls) -> TlsVersion:
    """The oldest version of TLS that is good."""
    return "1.2" if tls.minimum_version is UNSET else tls.minimum_version


def _require_version(context: ssl.SSLContext, oldest: TlsVersion) -> None:
    """Has a context refuse versions that are older."""
    if oldest not in OLD_VERSIONS:
        context.minimum_version = VERSIONS[oldest]
        return
    context.set_ciphers(OLD_CIPHERS)
    with catch_warnings():
        # Python warns of old versions, which are had here by asking for them alone.
        simplefilter("ignore", DeprecationWarning)
        context.minimum_version = VERSIONS[oldest]


def file_stamp(file: str) -> FileStamp:
    """Returns the state of a file now. Raises: OSError where there is none."""
    found = os.stat(file)  # noqa: PTH116  # half the time of a Path, and this is done for every handshake
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


@lru_cache(POLICY.entries_max)
def _made(
    tls: Tls, oldest: TlsVersion, protocols: tuple[str, ...], _stamps: tuple[FileStamp, ...]
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _require_version(context, oldest)
    # A resumed session would hide a certificate that was replaced.
    context.options |= ssl.OP_NO_TICKET
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca_file:
        context.load_verify_locations(tls.ca_file)
    else:
        context.load_default_certs()
    if tls.certificate_file is not None:
        # A pass phrase in any case: without one OpenSSL would ask for it on the terminal.
        password = "" if tls.key_password is UNSET else tls.key_password
        context.load_cert_chain(tls.certificate_file, tls.key_file, password)
    return context
