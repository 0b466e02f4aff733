"""Proxies: the hosts that are reached without one, and failures on the way through one told apart from those of the target."""

import errno
from functools import lru_cache
from ipaddress import ip_address, ip_network

import pycurl

from ...domain.limits import PROXIED_HOSTS_KEPT
from ...domain.line import one_line
from ...domain.observation.outcome import Outcome, Reason
from ..net.system_errors import SystemErrorMeaning
from .exchange import HttpAnswer, Proxied, has_tunnel

PROXY_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
PROXY_WANTS_LOGIN = 407
TARGET_NOT_REACHED = frozenset({502, 503, 504})
"""The answers to CONNECT by which proxies say that the target cannot be reached."""

# pycurl has no name for these; the numbers are libcurl's ABI (curl.h): the result, and the numbers of CURLINFO_PROXY_ERROR.
E_PROXY = 97
SOCKS_TARGET = {
    19: (Reason.CONNECTION_REFUSED, "it refuses the connection"),
    21: (Reason.UNREACHABLE, "the host cannot be reached"),
    22: (Reason.UNREACHABLE, "its network cannot be reached"),
    24: (Reason.UNREACHABLE, "the way there is too long"),
}
"""The words of a proxy of SOCKS about the target."""
SOCKS_REFUSAL = {
    12: "it wants a login",
    17: "it does not know the type of the address",
    18: "it does not connect",
    20: "it has failed",
    23: "it does not allow the target",
    25: "for a reason of its own",
    33: "it refuses the login",
}
TLS_FAILURES = frozenset(
    {pycurl.E_SSL_CONNECT_ERROR, pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_ISSUER_ERROR}
)
SPOILT_CONNECT = ("CONNECT ", "Proxy CONNECT ", "Too large response headers")
"""The beginnings of libcurl's words on an answer to CONNECT that goes on and on behind a good status."""


@lru_cache(maxsize=PROXIED_HOSTS_KEPT)
def is_excepted(exceptions: tuple[str, ...], host: str) -> bool:
    """Whether a host, in lower case, is reached without the proxy."""
    return any(_excepts(exception.lower(), host) for exception in exceptions)


def _excepts(exception: str, host: str) -> bool:
    if exception.startswith("."):
        return host.rstrip(".").endswith(exception)
    if exception.rstrip(".") == host.rstrip("."):
        return True
    try:
        return ip_address(host) in ip_network(exception, strict=False)
    except ValueError:
        return False


def about_proxy(verdict: SystemErrorMeaning) -> SystemErrorMeaning:
    """The same failure as one of the proxy; a fault of this machine stays one, and so does an address that is denied."""
    outcome, reason, detail = verdict
    own = outcome is Outcome.UNKNOWN or reason is Reason.ADDRESS_REFUSED
    return outcome, reason if own else Reason.PROXY_FAILED, one_line(f"the proxy: {detail}")


def proxy_verdict(answer: HttpAnswer, verdict: SystemErrorMeaning) -> SystemErrorMeaning:
    """The verdict on a request through a proxy, given the one that it would have without: what the proxy did is not the target's."""
    if answer.unconnected is not None and not answer.connect_ns and not answer.ip:
        # Of names: which of both it was about stands in it already.
        return verdict
    if answer.code == 0:
        if answer.proxied is Proxied.PLAIN and answer.status == PROXY_WANTS_LOGIN:
            return Outcome.DOWN, Reason.PROXY_REFUSED, "the proxy answers 407: it wants a login"
        return verdict
    if answer.code == E_PROXY:
        return _socks_verdict(answer)
    if answer.proxy_status and not has_tunnel(answer.proxy_status):
        return _connect_verdict(answer.proxy_status)
    if not answer.connect_ns and not answer.reused_connection:
        return about_proxy(verdict)
    if _stands_between(answer):
        return _between(answer, verdict)
    return verdict


def _socks_verdict(answer: HttpAnswer) -> SystemErrorMeaning:
    said = SOCKS_TARGET.get(answer.proxy_error)
    if said is not None:
        return Outcome.DOWN, said[0], f"the proxy says of the target: {said[1]}"
    refusal = SOCKS_REFUSAL.get(answer.proxy_error)
    if refusal is not None:
        return Outcome.DOWN, Reason.PROXY_REFUSED, f"the proxy refuses: {refusal}"
    reset = (
        "the connection was reset" if answer.error_number == errno.ECONNRESET else one_line(answer.message)
    )
    return Outcome.DOWN, Reason.PROXY_FAILED, f"the proxy: {reset}"


def _connect_verdict(status: int) -> SystemErrorMeaning:
    if status in TARGET_NOT_REACHED:
        text = f"the proxy cannot reach the target: it answers {status} to CONNECT"
        return Outcome.DOWN, Reason.UNREACHABLE, text
    login = ": it wants a login" if status == PROXY_WANTS_LOGIN else ""
    return Outcome.DOWN, Reason.PROXY_REFUSED, f"the proxy answers {status} to CONNECT{login}"


def _stands_between(answer: HttpAnswer) -> bool:
    """Whether the proxy stood, and had not yet connected to the target."""
    match answer.proxied:
        case Proxied.TUNNEL:
            spoilt = answer.code == pycurl.E_RECV_ERROR and answer.message.startswith(SPOILT_CONNECT)
            return not answer.reused_connection and (not answer.proxy_status or spoilt)
        case Proxied.SOCKS:
            return answer.code == pycurl.E_OPERATION_TIMEDOUT and answer.message.startswith(
                "Connection timed out"
            )
        case _:
            # Only between here and a proxy of https is TLS spoken.
            return answer.code in TLS_FAILURES


def _between(answer: HttpAnswer, verdict: SystemErrorMeaning) -> SystemErrorMeaning:
    if answer.code == pycurl.E_OPERATION_TIMEDOUT:
        text = "the deadline passed before the proxy had connected to the target"
        return Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT, text
    return about_proxy(verdict)
