"""Failures of HTTP exchanges: curl's result codes as outcomes and reasons."""

import pycurl

from ...domain.limits import HEADER_BYTES_MAX
from ...domain.line import one_line
from ...domain.observation.outcome import Outcome, Reason
from ..net.names import refused
from ..net.system_errors import OUT_OF_DESCRIPTORS, REASONS_BY_ERROR, UP, SystemErrorMeaning
from .exchange import HttpAnswer

# pycurl has no name for this one; the number is libcurl's ABI (curl.h).
E_TOO_LARGE = 100

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
    if header.endswith(b"\r\n\r\n"):
        return False
    _, whole, rest = header.rpartition(b"\r\n\r\n")
    return not whole or rest.startswith(b"HTTP/")


def _framing_problem(answer: HttpAnswer) -> str:
    if not 100 <= answer.status <= 599:
        return f"status {answer.status} is none of HTTP's"
    header = answer.header
    if header.count(b"\n") != header.count(b"\r\n"):
        return "a header line ends with a bare line feed"
    lower = header.lower()
    lengths, codings = lower.count(b"\ncontent-length:"), lower.count(b"\ntransfer-encoding:")
    if lengths + codings < 2:
        return ""
    return _double_framing(lower)


def _double_framing(header: bytes) -> str:
    """The same of the last answer alone, which interim ones precede."""
    last = header.rstrip(b"\r\n").rpartition(b"\r\n\r\n")[2]
    lengths, codings = last.count(b"\ncontent-length:"), last.count(b"\ntransfer-encoding:")
    if lengths > 1:
        return "several Content-Length headers"
    return "both Content-Length and Transfer-Encoding" if lengths and codings else ""


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
    if answer.wire_cut:
        return Outcome.DOWN, Reason.PROTOCOL_ERROR, "framing brought more bytes than the answer may have"
    if answer.body_cut:
        return Outcome.DOWN, Reason.BODY_TOO_LARGE, f"more than {len(answer.body)} bytes of body"
    reason = _failure_reason(answer)
    return Outcome.DOWN, reason, detail or reason.value.replace("_", " ")


def _failure_reason(answer: HttpAnswer) -> Reason:
    if len(answer.header) > HEADER_BYTES_MAX:
        return Reason.HEADERS_TOO_LARGE
    if answer.code in SYSTEM_CALL_FAILED and answer.error_number in REASONS_BY_ERROR:
        return REASONS_BY_ERROR[answer.error_number]
    return REASONS_BY_CODE.get(answer.code, Reason.PROTOCOL_ERROR)
