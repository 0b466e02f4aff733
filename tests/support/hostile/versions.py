"""Servers of several versions of HTTP over TLS, which note what each client offers."""

import ssl
import warnings
from collections.abc import Callable

from .visit import Visit

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS, ACK = 1, 4, 1
STATUS_200 = bytes([0x88])
"""The field `:status: 200` of HPACK's static table (RFC 7541, appendix A)."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Returns one frame of HTTP/2 (RFC 9113, 4.1)."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def redirect_to(url: str) -> bytes:
    """Returns the fields of a redirect, each with a name of the static table and its value as it is."""
    return bytes([8, 3]) + b"302" + bytes([0x0F, 46 - 0x0F, len(url)]) + url.encode()


def answer_in_http_2(visit: Visit, fields: bytes = STATUS_200, body: bytes = b"ok") -> None:
    """Reads one request, and answers it."""
    visit.read_exactly(len(PREFACE))
    visit.send(frame(SETTINGS, 0, 0))
    kind, stream = SETTINGS, 0
    while kind != HEADERS:
        head = visit.read_exactly(9)
        kind, stream = head[3], int.from_bytes(head[5:])
        visit.read_exactly(int.from_bytes(head[:3]))
    visit.send(frame(SETTINGS, ACK, 0) + frame(HEADERS, END_HEADERS, stream, fields))
    visit.send(frame(DATA, END_STREAM, stream, body))
    visit.wait_for_client_to_leave()


def agreeing(
    context: ssl.SSLContext,
    offers: list[list[str]],
    in_http_1: Callable[[Visit], None] | None = None,
    in_http_2: Callable[[Visit], None] = answer_in_http_2,
) -> Callable[[Visit], None]:
    """A server of the version that is agreed on, by TLS; `offers` takes what each client offers."""

    def serve(visit: Visit) -> None:
        offers.append(visit.offered_protocols())
        visit.secure(context)
        if visit.protocol == "h2":
            in_http_2(visit)
        elif visit.read_request():
            (in_http_1 or Visit.answer)(visit)

    return serve


def of_versions(context: ssl.SSLContext, newest: ssl.TLSVersion, oldest: ssl.TLSVersion) -> ssl.SSLContext:
    """Has a server speak these versions of TLS alone, old ones too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = oldest, newest
    return context
