"""Failures of HTTP exchanges: curl's result codes as outcomes and reasons."""

import re

import pycurl

from ...domain.limits import HEADER_BYTES_MAX, INTEGER_MAX
from ...domain.line import one_line
from ...domain.observation.outcome import Outcome, Reason
from ..net.names import refused
from ..net.system_errors import OUT_OF_DESCRIPTORS, REASONS_BY_ERROR, UP, SystemErrorMeaning
from .exchange import HttpAnswer, Proxied
from .proxies import proxy_verdict

END_OF_HEADER = b"\r\n\r\n"
STATUS_LINE = re.compile(rb"HTTP/(?:1\.[01]|[23]) [1-9]\d\d(?: [^\r\n]*)?(?:\r|\Z)")
"""By RFC 9112, and as libcurl writes those of HTTP/2 and 3, which have none. Libcurl itself reads on behind the third digit."""
DIGITS_MAX = 20
FRAMING = re.compile(rb"\n(content-length|transfer-encoding)([ \t]*):([^\r\n]*)")

# pycurl has no names for these; the numbers are libcurl's ABI (curl.h).
E_TOO_LARGE = 100
E_QUIC_CONNECT_ERROR = 96

REASONS_BY_CODE: dict[int, Reason] = {
    pycurl.E_COULDNT_RESOLVE_HOST: Reason.DNS_FAILED,
    pycurl.E_COULDNT_CONNECT: Reason.UNREACHABLE,
    pycurl.E_SSL_CONNECT_ERROR: Reason.TLS_FAILED,
    pycurl.E_PEER_FAILED_VERIFICATION: Reason.CERTIFICATE_INVALID,
    pycurl.E_SSL_INVALIDCERTSTATUS: Reason.CERTIFICATE_INVALID,
    pycurl.E_SSL_ISSUER_ERROR: Reason.CERTIFICATE_INVALID,
    pycurl.E_PARTIAL_FILE: Reason.TRUNCATED,
    pycurl.E_GOT_NOTHING: Reason.TRUNCATED,
    pycurl.E_FILESIZE_EXCEEDED: Reason.BODY_TOO_LARGE,
    E_TOO_LARGE: Reason.HEADERS_TOO_LARGE,
    E_QUIC_CONNECT_ERROR: Reason.UNREACHABLE,
}
"""Everything else that curl may say of an answer is a breach of HTTP."""

SYSTEM_CALL_FAILED = frozenset(
    {
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_RECV_ERROR,
        pycurl.E_SEND_ERROR,
        pycurl.E_SSL_CONNECT_ERROR,
    }
)
"""Results whose cause the operating system names."""

OUR_FAULT = frozenset(
    {
        pycurl.E_FAILED_INIT,
        pycurl.E_OUT_OF_MEMORY,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CIPHER,
        pycurl.E_BAD_FUNCTION_ARGUMENT,
        pycurl.E_UNKNOWN_OPTION,
        pycurl.E_NOT_BUILT_IN,
    }
)
"""A certificate of ours that cannot be read, or no memory: nothing was learned about the target."""


def verdict_of(answer: HttpAnswer, *, secure: bool) -> SystemErrorMeaning:
    """Returns outcome and reason of a request: UP for every complete answer whose framing is consistent."""
    verdict = _verdict_without_proxy(answer, secure=secure)
    return verdict if answer.proxied is Proxied.NOT else proxy_verdict(answer, verdict)


def _verdict_without_proxy(answer: HttpAnswer, *, secure: bool) -> SystemErrorMeaning:
    if answer.code == 0:
        return _framing_verdict(answer)
    if answer.unconnected is not None:
        return answer.unconnected
    if answer.refused_address is not None and answer.code == pycurl.E_COULDNT_CONNECT:
        return refused(answer.refused_address)
    if answer.code == pycurl.E_OPERATION_TIMEDOUT:
        return _timeout_verdict(answer, secure=secure)
    return _failure_verdict(answer)


def _framing_verdict(answer: HttpAnswer) -> SystemErrorMeaning:
    """Judge what curl lets pass: two opinions on where a body ends are a smuggled answer, never a good one."""
    if len(answer.header) > HEADER_BYTES_MAX:
        return Outcome.DOWN, Reason.HEADERS_TOO_LARGE, f"more than {HEADER_BYTES_MAX} bytes of header"
    problem = _framing_problem(answer)
    if problem:
        return Outcome.DOWN, Reason.PROTOCOL_ERROR, problem
    if ends_in_header(answer.header):
        return Outcome.DOWN, Reason.TRUNCATED, "the connection ended within the header"
    return UP


def ends_in_header(header: bytes) -> bool:
    """Whether the last header has no end; curl takes it for whole. Trailers, which follow the end, are no header."""
    if header.endswith(END_OF_HEADER):
        return False
    _, whole, rest = header.rpartition(END_OF_HEADER)
    return not whole or rest.startswith(b"HTTP/")


def _framing_problem(answer: HttpAnswer) -> str:
    header = answer.header
    if header.count(b"\n") != header.count(b"\r\n"):
        return "a header line ends with a bare line feed"
    if not speaks_http(header):
        return "the status line is none of HTTP's"
    answers = _answers_in(header)
    return _length_problem(answers[-1].lower()) if answers else ""


def speaks_http(header: bytes) -> bool:
    """Whether each status line is one: libcurl takes `HTTP/1.1 2000 Odd` for a 200."""
    return all(map(STATUS_LINE.match, _answers_in(header)))


def _answers_in(header: bytes) -> list[bytes]:
    """The header of each answer. Interim ones come before the one that counts, and trailers behind it."""
    return [part for part in header.split(END_OF_HEADER) if part[:5].lower() == b"http/"]


def _length_problem(header: bytes) -> str:
    """Why it cannot be said where the body of an answer ends."""
    fields = FRAMING.findall(header)
    lengths = [value.strip() for name, _, value in fields if name == b"content-length"]
    if any(blank for _, blank, _ in fields):
        return "a blank stands before the colon of a header that says where the body ends"
    if len(lengths) > 1:
        return "several Content-Length headers"
    if len(fields) > 1:
        return "both Content-Length and Transfer-Encoding" if lengths else "several Transfer-Encoding headers"
    return "the Content-Length is no number of bytes" if lengths and not _is_length(lengths[0]) else ""


def _is_length(text: bytes) -> bool:
    digits = text.lstrip(b"0") or text[:1]
    return digits.isdigit() and len(digits) < DIGITS_MAX and int(digits) <= INTEGER_MAX


def _timeout_verdict(answer: HttpAnswer, *, secure: bool) -> SystemErrorMeaning:
    if not answer.connect_ns and not answer.reused_connection:
        stage = "while connecting" if answer.ip or answer.name_ns else "before a connection stood"
        return Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT, f"the deadline passed {stage}"
    return Outcome.TIMED_OUT, Reason.TIMED_OUT, f"the deadline passed {_stage(answer, secure=secure)}"


def _stage(answer: HttpAnswer, *, secure: bool) -> str:
    """How far a request had come whose connection stood."""
    if secure and not answer.tls_ns and not answer.reused_connection:
        return "in the TLS handshake"
    if not answer.first_byte_ns:
        return "before the first byte"
    return f"while reading, after {len(answer.body)} bytes of body"


def _failure_verdict(answer: HttpAnswer) -> SystemErrorMeaning:
    detail = one_line(answer.message)
    if answer.error_number in OUT_OF_DESCRIPTORS and answer.code in SYSTEM_CALL_FAILED:
        return Outcome.UNKNOWN, Reason.NO_DESCRIPTORS, detail
    if answer.code in OUR_FAULT:
        return Outcome.UNKNOWN, Reason.PROBE_CRASHED, detail
    if answer.code == pycurl.E_TOO_MANY_REDIRECTS:
        return Outcome.DOWN, Reason.PROTOCOL_ERROR, "the server asks for the digest again and again"
    if answer.wire_cut:
        return Outcome.DOWN, Reason.PROTOCOL_ERROR, "framing brought more bytes than the answer may have"
    reason = _failure_reason(answer)
    return Outcome.DOWN, reason, detail or reason.value.replace("_", " ")


def _failure_reason(answer: HttpAnswer) -> Reason:
    if len(answer.header) > HEADER_BYTES_MAX:
        return Reason.HEADERS_TOO_LARGE
    if answer.code in SYSTEM_CALL_FAILED and answer.error_number in REASONS_BY_ERROR:
        return REASONS_BY_ERROR[answer.error_number]
    return REASONS_BY_CODE.get(answer.code, Reason.PROTOCOL_ERROR)
