"""The `grpc` probe: one call of the health service, by the protocol of the library h2.

Not by grpcio: its core has threads and descriptors of its own, looks names up by itself, and forbids the fork of a program.
"""

import asyncio
from importlib import import_module
from typing import Any
from urllib.parse import unquote_to_bytes

from ....domain.limits import BODY_BYTES, FRAMES_MAX, FRAMES_READ_BYTES
from ....domain.line import one_line
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.probes.web.grpc import Grpc
from ....domain.specification.text import as_pairs
from ....domain.validation.network import ascii_host
from ...net.system_errors import UP, SystemErrorMeaning
from ...net.wire import Wire
from ..course import AttemptCourse, ProbeFailed, down
from ..secured import open_wire
from .health_message import GrpcMessageError, health_request, health_status

_PATH = "/grpc.health.v1.Health/Check"
_CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""The codes of gRPC by their numbers."""
_FRAME_HEADER_BYTES = 9
_SETTINGS = 4
"""The type of the first frame of a server (RFC 9113, 3.4)."""
_SETTINGS_BYTES_MAX = 16_384
_TIMEOUT_MS_MAX = 99_999_999
"""The longest time that a call of gRPC can state in milliseconds: eight digits."""


async def ask_health(probe: Grpc, course: AttemptCourse) -> Observation:
    """One attempt of a `grpc` probe. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    # A fortieth of a second at the first attempt, for which the loop does not stand still.
    connection = await course.around.loop.run_in_executor(None, _new_connection)
    wire = await open_wire(course, probe.host, probe.port, probe.address_family, probe.tls, ("h2",))
    call = GrpcCall(wire, connection)
    course.stage = "before the call was answered"
    await call.ask(_header(probe, course.remaining_s), health_request(probe.service))
    await call.read(course)
    course.response_time_ns = course.spent_ns()
    status, verdict = _judged(call, probe.service)
    return course.observation(verdict, body=status.encode() if status else None)


def _new_connection() -> Any:
    """A client's side of HTTP/2. Importing the library blocks."""
    configuration = import_module("h2.config").H2Configuration(client_side=True, header_encoding=None)
    connection = import_module("h2.connection").H2Connection(configuration)
    connection.local_settings.enable_push = 0
    return connection


def _header(probe: Grpc, remaining_s: float) -> list[tuple[str, str]]:
    host = ascii_host(probe.host)
    bracketed = f"[{host}]" if ":" in host else host
    time_ms = min(max(round(remaining_s * 1_000), 1), _TIMEOUT_MS_MAX)
    return [
        (":method", "POST"),
        (":scheme", "http" if probe.tls is None else "https"),
        (":path", _PATH),
        (":authority", f"{bracketed}:{probe.port}"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "watchkeeper"),
        ("grpc-timeout", f"{time_ms}m"),
        *as_pairs(probe.metadata),
    ]


class GrpcCall:
    """One call on one connection of HTTP/2, by a protocol that does no I/O of its own."""

    def __init__(self, wire: Wire, connection: Any) -> None:
        self._wire = wire
        self._connection = connection
        self._frames_left = FRAMES_MAX
        self._bytes_left = BODY_BYTES
        self.header: dict[bytes, bytes] = {}
        """The header of the answer, with what stands behind it."""
        self.message = bytearray()
        self._ended = False

    async def ask(self, header: list[tuple[str, str]], message: bytes) -> None:
        """Sends the call."""
        self._connection.initiate_connection()
        self._connection.send_headers(1, header)
        self._connection.send_data(1, message, end_stream=True)
        await self._wire.write(self._connection.data_to_send())

    async def read(self, course: AttemptCourse) -> None:
        """Reads until the answer is whole. Raises: ProbeFailed where it never will be."""
        piece = await self._wire.read_exactly(_FRAME_HEADER_BYTES)
        _judge_first_frame(piece)
        while True:
            for event in self._events(piece):
                self._take(event)
                if self.header and course.first_byte_ns is None:
                    course.first_byte_ns = course.spent_ns()
            if self._ended:
                # The server may have closed already, and a good answer is not lost by what it would be told.
                return
            await self._wire.write(self._connection.data_to_send())
            # A server that never stops to send leaves the loop no other occasion.
            await asyncio.sleep(0)
            piece = await self._wire.read(FRAMES_READ_BYTES)

    def _events(self, piece: bytes) -> list[Any]:
        try:
            events: list[Any] = self._connection.receive_data(piece)
        except Exception as error:  # noqa: BLE001  # the peer's bytes are the reason, in any class that the library has for it
            said = one_line(str(error)[:200]) or type(error).__name__
            raise down(Reason.PROTOCOL_ERROR, f"the answer is no HTTP/2: {said}") from None
        self._bytes_left -= len(piece)
        self._frames_left -= len(events)
        if self._bytes_left < 0 or self._frames_left < 0:
            text = f"the answer has more than {BODY_BYTES} bytes or {FRAMES_MAX} frames"
            raise down(Reason.BODY_TOO_LARGE, text)
        return events

    def _take(self, event: Any) -> None:
        if self._ended:
            return
        match type(event).__name__:
            case "ResponseReceived" | "TrailersReceived":
                self.header |= dict(event.headers)
            case "DataReceived":
                self.message += event.data
            case "StreamEnded":
                self._ended = True
            case "StreamReset":
                raise down(Reason.PROTOCOL_ERROR, f"the server broke the call off: {_error_name(event)}")
            case "ConnectionTerminated":
                raise down(Reason.PROTOCOL_ERROR, f"the server ends the connection: {_error_name(event)}")
            case _:
                pass


def _judge_first_frame(header: bytes) -> None:
    """Raises: ProbeFailed where the server does not begin with its settings: the library would wait for a frame of any length."""
    if header.startswith(b"HTTP/"):
        raise down(Reason.PROTOCOL_ERROR, "the server speaks HTTP/1 where HTTP/2 is needed")
    if header[3] != _SETTINGS or int.from_bytes(header[:3]) > _SETTINGS_BYTES_MAX:
        shown = one_line(header.decode("latin-1"))
        raise down(Reason.PROTOCOL_ERROR, f"the answer is no HTTP/2: it begins with {shown}")


def _error_name(event: Any) -> str:
    code = event.error_code
    return str(getattr(code, "name", code))


def _judged(call: GrpcCall, service: str) -> tuple[str, SystemErrorMeaning]:
    """The status of a whole answer, empty without one, and the verdict on it. Raises: ProbeFailed."""
    named = f"the service {one_line(service)!r}" if service else "the server"
    code = _code_of(call.header)
    if code == "NOT_FOUND":
        raise _unknown_service(named)
    if code == "UNIMPLEMENTED":
        raise down(Reason.PROTOCOL_ERROR, f"the server has no health service: {code}")
    if code != "OK":
        message = unquote_to_bytes(call.header.get(b"grpc-message", b"")[:300]).decode("utf-8", "replace")
        said = f", {one_line(message[:200])}" if message else ""
        raise down(Reason.UNEXPECTED_ANSWER, f"the server refuses the call: {code}{said}")
    try:
        status = health_status(bytes(call.message))
    except GrpcMessageError as error:
        raise down(Reason.PROTOCOL_ERROR, f"the answer is none of the health service: {error}") from None
    match status:
        case "SERVING":
            return status, UP
        case "NOT_SERVING":
            return status, (Outcome.DOWN, Reason.REPORTED, f"{named} says that it is NOT_SERVING")
        case "SERVICE_UNKNOWN":
            raise _unknown_service(named)
        case _:
            return status, (Outcome.DOWN, Reason.UNEXPECTED_ANSWER, f"the status of {named} is {status}")


def _unknown_service(named: str) -> ProbeFailed:
    return down(Reason.UNEXPECTED_ANSWER, f"the health service knows nothing of {named}")


def _code_of(header: dict[bytes, bytes]) -> str:
    """The code of an answer. Raises: ProbeFailed where it is none of gRPC."""
    status = header.get(b":status", b"").decode("latin-1")
    kind = header.get(b"content-type", b"")
    if status != "200":
        raise down(
            Reason.UNEXPECTED_ANSWER, f"the call is answered by the status {one_line(status[:20])} of HTTP"
        )
    if not kind.startswith(b"application/grpc"):
        shown = one_line(kind[:100].decode("latin-1")) or "none"
        raise down(Reason.PROTOCOL_ERROR, f"the answer is none of gRPC: its type is {shown}")
    code = header.get(b"grpc-status")
    if code is None:
        raise down(Reason.PROTOCOL_ERROR, "the answer is none of gRPC: it ends without a grpc-status")
    known = code.isdigit() and len(code) <= 2 and int(code) < len(_CODES)
    return _CODES[int(code)] if known else f"code {one_line(code[:20].decode('latin-1'))}"
