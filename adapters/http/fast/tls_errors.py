"""Translates the TLS errors of rustls into the texts of libcurl, by which outcomes are decided."""

import re
import ssl
from ipaddress import ip_address

import pycurl

END = "unexpected eof while reading"

REFUSALS = {
    "BadSignature": "certificate signature failure (7)",
    "not valid yet": "certificate is not yet valid (9)",
    "certificate expired": "certificate has expired (10)",
    "UnknownIssuer": "unable to get local issuer certificate (20)",
}
REASONS = {"InvalidContentType": "wrong version number"}
ALERT = re.compile(r"received fatal alert: (\w+)")
CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def handshake_failure(error: ssl.SSLError, server_name: str) -> tuple[int, str]:
    """Curl's result and message for a handshake that failed."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return pycurl.E_SSL_CONNECT_ERROR, f"TLS connect error: SSL routines::{_said(error)}"
    if "not valid for name" in str(error):
        what = f"SSL: no alternative certificate subject name matches target {_kind(server_name)} '{server_name}'"
    else:
        what = f"SSL certificate OpenSSL verify result: {_refused(error)}"
    return pycurl.E_PEER_FAILED_VERIFICATION, what


def reading_failure(error: ssl.SSLError) -> tuple[int, str]:
    """The same for a connection that broke after its handshake."""
    return pycurl.E_RECV_ERROR, f"OpenSSL SSL_read: SSL routines::{_said(error)}"


def _refused(error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate proves nothing, with OpenSSL's number for it."""
    text = str(error)
    return next((words for sign, words in REFUSALS.items() if sign in text), text)


def _said(error: ssl.SSLError) -> str:
    """`wrong version number` of WRONG_VERSION_NUMBER."""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLWantReadError):
        return END
    reason = error.reason or "unknown error"
    alert = ALERT.search(reason)
    if alert is not None:
        return f"ssl/tls alert {CAPITAL.sub(' ', alert[1]).lower()}"
    told = next((words for sign, words in REASONS.items() if sign in reason), reason)
    return told.replace("_", " ").lower()


def _kind(server_name: str) -> str:
    try:
        return f"IPv{ip_address(server_name).version} address"
    except ValueError:
        return "hostname"
