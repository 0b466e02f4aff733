"""The `websocket` probe: the handshake, and the messages behind it, by the protocol of the library websockets."""

import asyncio
import logging
import re
from contextlib import suppress
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlsplit

from ....domain.conditions.expression import Expression
from ....domain.limits import (
    BODY_BYTES,
    FRAMES_MAX,
    FRAMES_READ_BYTES,
    HEADER_BYTES_MAX,
    HEADERS_READ_MAX,
    MESSAGES_BYTES_MAX,
)
from ....domain.line import one_line
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.web.websocket import WebSocket
from ....domain.specification.text import as_pairs
from ....domain.validation.network import ascii_host
from ...net.wire import Wire, WireBroken
from ..course import AttemptCourse, down
from ..secured import open_wire

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: (.*))?")
_SWITCHED = 101
_NORMAL_CLOSURE = 1000
_KEPT = "/%:@!$&'()*+,;=~-._?[]"
"""The characters of a path and a query that are sent as they are written."""
# The library writes every header of a handshake, and so a login, to its log where a host has turned debugging on.
_QUIET = logging.Logger("websocket")  # noqa: LOG001  # one of its own, which no host can turn on
_QUIET.disabled = True


async def talk_by_websocket(probe: WebSocket, course: AttemptCourse) -> Observation:
    """One attempt of a `websocket` probe. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    # A sixteenth of a second at the first attempt, for which the loop does not stand still.
    library = await course.around.loop.run_in_executor(None, import_module, "websockets.client")
    secure = probe.tls if probe.is_encrypted else None
    wire = await open_wire(course, probe.peer, probe.port, probe.address_family, secure, ("http/1.1",))
    talk = WebSocketTalk(wire, library.ClientProtocol(_address(probe), **_options(probe)))
    course.stage = "before the handshake was answered"
    await talk.shake_hands(probe)
    course.first_byte_ns = course.spent_ns()
    body = None
    if probe.awaits_message:
        course.stage = "before the expected message came"
        body = await talk.answer(probe)
    course.response_time_ns = course.spent_ns()
    await talk.take_leave()
    return course.observation(body=body)


def _options(probe: WebSocket) -> dict[str, Any]:
    offered = list(probe.subprotocols) or None
    return {"subprotocols": offered, "max_size": BODY_BYTES, "logger": _QUIET}


def _address(probe: WebSocket) -> Any:
    parts = urlsplit(probe.url)
    uri = import_module("websockets.uri").WebSocketURI
    path, query = quote(parts.path, safe=_KEPT), quote(parts.query, safe=_KEPT)
    return uri(probe.is_encrypted, ascii_host(probe.peer), probe.port, path, query)


class WebSocketTalk:
    """One connection of a WebSocket, by a protocol that does no I/O of its own."""

    def __init__(self, wire: Wire, protocol: Any) -> None:
        self._wire = wire
        self._protocol = protocol
        self._frames_left = FRAMES_MAX
        self._bytes_left = MESSAGES_BYTES_MAX

    async def shake_hands(self, probe: WebSocket) -> None:
        """Raises: ProbeFailed where the server does not change over to the protocol that was asked for."""
        request = self._protocol.connect()
        for name, text in as_pairs(probe.headers):
            # A name that stands already, such as that of the program, would be sent twice.
            request.headers.pop(name, None)
            request.headers[name] = text
        self._protocol.send_request(request)
        await self._send()
        lines = await self._head()
        _judge_status(lines[0])
        self._protocol.receive_data(b"\r\n".join([*lines, b"", b""]))
        self._protocol.events_received()
        if (fault := self._protocol.handshake_exc) is not None:
            said = one_line(f"{fault}"[:200])
            raise down(Reason.PROTOCOL_ERROR, f"the handshake is answered wrongly: {said}")
        if probe.subprotocols and self._protocol.subprotocol is None:
            raise down(Reason.UNEXPECTED_ANSWER, "the server takes none of the subprotocols")

    async def _head(self) -> list[bytes]:
        """The lines of the answer to the handshake, at least one."""
        lines: list[bytes] = []
        bytes_left = HEADER_BYTES_MAX
        try:
            while line := await self._wire.read_line(bytes_left):
                lines.append(line)
                bytes_left -= len(line) + 2
                if not lines[0].startswith(b"HTTP/"):
                    break
                if len(lines) > HEADERS_READ_MAX:
                    text = f"the answer to the handshake has more than {HEADERS_READ_MAX} headers"
                    raise down(Reason.HEADERS_TOO_LARGE, text)
        except WireBroken as broken:
            if broken.reason is Reason.BODY_TOO_LARGE:
                text = f"the answer to the handshake has more than {HEADER_BYTES_MAX} bytes"
                raise down(Reason.HEADERS_TOO_LARGE, text) from None
            raise
        return lines or [b""]

    async def answer(self, probe: WebSocket) -> bytes:
        """Sends the message of the probe, and returns the first one that is good. Raises: ProbeFailed."""
        expected = None if probe.expect is None else Expression.compile(probe.expect)
        if probe.send is not None:
            self._protocol.send_text(probe.send.encode())
            await self._send()
        whole, is_text = bytearray(), False
        while True:
            for frame in await self._frames():
                match frame.opcode.name:
                    case "TEXT" | "BINARY" | "CONT" as kind:
                        is_text = kind == "TEXT" or (is_text and kind == "CONT")
                        whole += frame.data
                        if not frame.fin:
                            continue
                        message, whole = bytes(whole), bytearray()
                        if is_text:
                            _judge_text(message)
                        if expected is None or expected.search(message) is not None:
                            return message
                    case "CLOSE":
                        raise down(Reason.UNEXPECTED_ANSWER, self._closed_by_server())
                    case _:
                        pass
            self._judge_frames()

    def _closed_by_server(self) -> str:
        close = self._protocol.close_rcvd
        said = f", {one_line(close.reason[:200])}" if close.reason else ""
        return f"the server closed the connection with code {close.code}{said}"

    def _judge_frames(self) -> None:
        """Raises: ProbeFailed where what was read is none of the protocol."""
        fault = self._protocol.parser_exc
        if fault is None:
            return
        if type(fault).__name__ == "PayloadTooBig":
            raise down(Reason.BODY_TOO_LARGE, f"a message has more than {BODY_BYTES} bytes")
        said = one_line(str(fault)[:200]) or type(fault).__name__
        raise down(Reason.PROTOCOL_ERROR, f"a frame is none of the protocol: {said}")

    async def _frames(self) -> list[Any]:
        """The frames of the next bytes; there may be none."""
        piece = await self._wire.read(FRAMES_READ_BYTES)
        self._protocol.receive_data(piece)
        frames: list[Any] = self._protocol.events_received()
        with suppress(WireBroken):
            # A server that has closed already is told by the next read, and what it sent before counts.
            await self._send()
        # A server that never stops to send leaves the loop no other occasion.
        await asyncio.sleep(0)
        self._bytes_left -= len(piece)
        self._frames_left -= len(frames)
        if self._bytes_left < 0 or self._frames_left < 0:
            text = f"{MESSAGES_BYTES_MAX} bytes or {FRAMES_MAX} frames came without the expected message"
            raise down(Reason.BODY_TOO_LARGE, text)
        return frames

    async def _send(self) -> None:
        await self._wire.write(b"".join(self._protocol.data_to_send()))

    async def take_leave(self) -> None:
        """Closes with the code of a normal end, and does not wait for the server's."""
        if self._protocol.state.name == "OPEN":
            self._protocol.send_close(_NORMAL_CLOSURE)
            with suppress(WireBroken):
                await self._send()


def _judge_status(line: bytes) -> None:
    """Raises: ProbeFailed where the first line of the answer says no change of protocol."""
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        shown = one_line(line[:200].decode("latin-1"))
        raise down(Reason.PROTOCOL_ERROR, f"the handshake is answered by no HTTP: {shown}")
    status = int(found[1])
    if status == _SWITCHED:
        return
    said = f"{status} {one_line((found[2] or b'')[:100].decode('latin-1'))}".strip()
    if status // 100 == 3:
        text = f"the handshake is answered by {said}, and no redirect is followed: write the address itself under url"
        raise down(Reason.REDIRECT_REFUSED, text)
    raise down(Reason.UNEXPECTED_ANSWER, f"the handshake is answered by {said}")


def _judge_text(message: bytes) -> None:
    try:
        message.decode()
    except UnicodeDecodeError:
        raise down(Reason.PROTOCOL_ERROR, "a text message is no UTF-8") from None
