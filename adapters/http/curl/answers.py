"""The facts that curl has about a finished transfer, read once."""

import errno
import os
import re
import socket
from binascii import a2b_base64
from urllib.parse import urljoin

import pycurl

from ....domain.observation.outcome import Outcome, Reason
from ....domain.units import NS_PER_US
from ...net.certificates import PeerCertificate, peer_certificate
from ...net.sockets import socket_error
from ..destination import Destination
from ..exchange import HttpAnswer, Proxied, has_tunnel
from .handles import Handle

NAMELESS = "SSL: the certificate has no subject alternative name, and the common name alone proves no host"
NO_AGREEMENT = (
    Outcome.DOWN,
    Reason.VERSION_REFUSED,
    "HTTP/2 alone is offered, and the server does not agree to it",
)
DIED = frozenset({pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_GOT_NOTHING})
PEM_BEGINS = "-----BEGIN CERTIFICATE-----"
LOCATION = re.compile(rb"(?im)^location:([^\r\n]*)")


def read_answer(
    handle: Handle,
    destination: Destination,
    code: int,
    message: str,
    *,
    keeps_connection: bool,
    name_ns: int,
    lost_ns: int,
    proxied: Proxied = Proxied.NOT,
) -> HttpAnswer:
    """The answer a handle holds. Its name took `name_ns` before libcurl began, and addresses that failed took `lost_ns`.

    Asks only what can have a value: each question costs a third of a microsecond.
    """
    ask = handle.curl.getinfo
    if handle.body_cut:
        # The cap ended it, not a failure: everything before the rest of the body was read.
        code, message = 0, ""
    if handle.nameless_certificate:
        code, message = pycurl.E_PEER_FAILED_VERIFICATION, NAMELESS
    begun_ns = name_ns + lost_ns
    proven = destination.secure and not handle.nameless_certificate
    tls_us = ask(pycurl.APPCONNECT_TIME_T) if proven else 0
    status, ip = ask(pycurl.RESPONSE_CODE), ask(pycurl.PRIMARY_IP)
    return HttpAnswer(
        code=code,
        unconnected=NO_AGREEMENT if code and tls_us and handle.disagrees else None,
        error_number=_error_number(handle, code, message) if code else 0,
        message=message,
        status=status,
        header=b"".join(handle.header),
        body=b"".join(handle.body),
        body_cut=handle.body_cut,
        wire_cut=handle.wire_cut,
        refused_address=handle.refused_address,
        ip=ip,
        proxied=proxied,
        proxy_status=ask(pycurl.HTTP_CONNECTCODE) if proxied is Proxied.TUNNEL else 0,
        proxy_error=ask(pycurl.PROXY_ERROR) if proxied is Proxied.SOCKS else 0,
        redirect_url=_redirect_url(handle, destination) if 300 <= status < 400 else None,
        cookies=_cookies(handle) if handle.hands_on_cookies or 300 <= status < 400 else (),
        # Where no connection was made at all, there is no address either.
        reused_connection=keeps_connection and bool(ip) and not ask(pycurl.NUM_CONNECTS),
        # Without a handshake of its own, a certificate that was shown is that of a proxy.
        certificate=_certificate(handle)
        if destination.secure and (proxied is not Proxied.TUNNEL or has_tunnel(ask(pycurl.HTTP_CONNECTCODE)))
        else None,
        name_ns=name_ns,
        connect_ns=_after(begun_ns, ask(pycurl.CONNECT_TIME_T)),
        tls_ns=_after(begun_ns, tls_us),
        # Curl tells the time of a first byte of a connection that was refused, too.
        first_byte_ns=_after(begun_ns, ask(pycurl.STARTTRANSFER_TIME_T)) if handle.header else 0,
        total_ns=begun_ns + ask(pycurl.TOTAL_TIME_T) * NS_PER_US,
    )


def _certificate(handle: Handle) -> PeerCertificate | None:
    """The certificates that a handshake of this transfer showed; of all that libcurl writes of each, its text as PEM."""
    chain = handle.curl.getinfo(pycurl.INFO_CERTINFO)
    texts = [text for fields in chain for name, text in fields if name == "Cert"]
    return peer_certificate([a2b_base64(text.partition(PEM_BEGINS)[2].partition("-")[0]) for text in texts])


def connections_had_died(answer: HttpAnswer) -> bool:
    """Whether a request found kept connections alone, all closed by the other side, and heard nothing on them."""
    return answer.code in DIED and answer.reused_connection and not answer.header


def _redirect_url(handle: Handle, destination: Destination) -> str | None:
    """Where a redirect leads. Curl says nothing of one whose body was cut."""
    url: str | None = handle.curl.getinfo(pycurl.REDIRECT_URL)
    found = LOCATION.findall(b"".join(handle.header)) if handle.body_cut and not url else ()
    location = found[-1].strip(b" \t").decode("utf-8", "replace") if found else ""
    return urljoin(destination.url, location) if location else url


def _cookies(handle: Handle) -> tuple[bytes, ...]:
    return tuple(handle.curl.getinfo_raw(pycurl.INFO_COOKIELIST))


def _after(begun_ns: int, time_us: int) -> int:
    """A time of libcurl's, counted from the beginning of the look-up; 0 for a phase that was not reached."""
    return begun_ns + time_us * NS_PER_US if time_us else 0


def _error_number(handle: Handle, code: int, message: str) -> int:
    """The system's word about a failure; where curl has kept none, what the system says to the same wish."""
    known = int(handle.curl.getinfo(pycurl.OS_ERRNO)) or handle.open_error_number
    if handle.curl.getinfo(pycurl.CONNECT_TIME_T) and os.strerror(known) not in message:
        # Of an address that was tried before the one that answered.
        return 0
    if known or handle.refused_address is not None:
        return known
    if code == pycurl.E_COULDNT_CONNECT:
        # A refused connection by TCP leaves a number: without one no socket could be opened at all.
        unopened = 0 if handle.tries_quic else errno.EMFILE
        return socket_error(socket.AF_INET) or socket_error(socket.AF_INET6) or unopened
    return 0
