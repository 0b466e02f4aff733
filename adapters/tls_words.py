"""What went wrong in TLS, as OpenSSL tells Python, said as libcurl says it: the words that verdicts are given by."""

import ssl
from ipaddress import ip_address

import pycurl

WRONG_NAME = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL."""


def handshake_failure(error: ssl.SSLError, server_name: str) -> tuple[int, str]:
    """Curl's result and message for a handshake that failed."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return pycurl.E_SSL_CONNECT_ERROR, f"TLS connect error: {_said(error)}"
    if error.verify_code in WRONG_NAME:
        what = f"SSL: no alternative certificate subject name matches target {_kind(server_name)} '{server_name}'"
    else:
        what = f"SSL certificate OpenSSL verify result: {error.verify_message} ({error.verify_code})"
    return pycurl.E_PEER_FAILED_VERIFICATION, what


def reading_failure(error: ssl.SSLError) -> tuple[int, str]:
    """The same for a connection that broke after its handshake."""
    return pycurl.E_RECV_ERROR, f"OpenSSL SSL_read: {_said(error)}"


def _said(error: ssl.SSLError) -> str:
    """`SSL routines::wrong version number` of WRONG_VERSION_NUMBER."""
    return f"SSL routines::{(error.reason or 'unknown error').replace('_', ' ').lower()}"


def _kind(server_name: str) -> str:
    try:
        return f"IPv{ip_address(server_name).version} address"
    except ValueError:
        return "hostname"
