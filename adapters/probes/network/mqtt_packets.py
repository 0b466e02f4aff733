"""The packets of MQTT that a check sends and reads, in the versions 3.1.1 and 5."""

from typing import NamedTuple

from ....domain.limits import BODY_BYTES
from ....domain.observation.outcome import Reason
from ...net.wire import Wire
from ..course import ProbeFailed, down

CONNACK, PUBLISH, PUBACK, SUBACK, DISCONNECT = 2, 3, 4, 9, 14
NAMES = {
    CONNACK: "the connection",
    SUBACK: "the subscription",
    PUBACK: "the message",
    DISCONNECT: "the connection",
}
RETAINED = 0x01
"""The bit of a message that the broker has kept for new subscriptions."""
LEAVE = b"\xe0\x00"
PACKET_ID = 1
PACKET_BYTES_MAX = BODY_BYTES + 1024
"""A message whose text is as long as a body may be, with its topic."""

_REFUSED_OF_OLD = {
    1: "it does not speak this version of the protocol",
    2: "it does not take the client id",
    3: "it is unavailable",
    4: "bad user name or password",
    5: "not authorized",
}
"""The codes of a refused connection (MQTT 3.1.1, 3.2.2.3)."""
_REASONS = {
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "it does not speak this version of the protocol",
    0x85: "it does not take the client id",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "it is unavailable",
    0x89: "it is busy",
    0x8A: "banned",
    0x8B: "it is shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "another client has taken over the client id",
    0x8F: "it does not take the topic filter",
    0x90: "it does not take the topic",
    0x95: "the packet is too large",
    0x97: "a quota is exceeded",
    0x9A: "it keeps no retained messages",
    0x9B: "it does not offer this quality of service",
    0x9C: "use another server",
    0x9D: "the server has moved",
    0x9F: "too many connections",
}
"""The codes of refusals (MQTT 5, 2.4)."""


class Packet(NamedTuple):
    """One packet as it came: its kind, the four bits beside it, and the rest."""

    kind: int
    flags: int
    content: bytes


class MqttMessage(NamedTuple):
    """A message of a topic."""

    payload: bytes
    packet_id: int | None
    """The number by which it is acknowledged; None where nothing is."""


async def read_packet(wire: Wire) -> Packet:
    """The next packet. Raises: ProbeFailed where it is larger than any that is needed, or no packet; WireBroken."""
    first = (await wire.read_exactly(1))[0]
    length = 0
    for place in range(4):
        digit = (await wire.read_exactly(1))[0]
        length |= (digit & 0x7F) << (7 * place)
        if digit < 0x80:
            break
    else:
        raise _strange("a length of more than four bytes")
    if length > PACKET_BYTES_MAX:
        raise down(Reason.BODY_TOO_LARGE, f"a packet has {length} bytes, more than {PACKET_BYTES_MAX}")
    return Packet(first >> 4, first & 0x0F, await wire.read_exactly(length))


def connect_packet(version: str, client_id: str, user: str | None, password: str | None) -> bytes:
    """CONNECT, for a session that ends with the connection."""
    flags = 0x02 | (0 if user is None else 0x80) | (0 if password is None else 0x40)
    is_new = version == "5"
    # Without a keep-alive: the connection ends at the deadline. Version 5 is told how large a packet may be (property 39).
    properties = b"\x05\x27" + PACKET_BYTES_MAX.to_bytes(4) if is_new else b""
    content = _text("MQTT") + bytes([5 if is_new else 4, flags, 0, 0]) + properties + _text(client_id)
    return _packet(0x10, content + b"".join(_text(each) for each in (user, password) if each is not None))


def subscribe_packet(version: str, topic: str) -> bytes:
    return _packet(0x82, PACKET_ID.to_bytes(2) + _no_properties(version) + _text(topic) + b"\x00")


def publish_packet(version: str, topic: str, payload: bytes) -> bytes:
    """PUBLISH that is to be acknowledged, so that a refusal is told."""
    return _packet(0x32, _text(topic) + PACKET_ID.to_bytes(2) + _no_properties(version) + payload)


def check_answer(version: str, packet: Packet) -> None:
    """Raises: ProbeFailed where CONNACK, SUBACK or PUBACK refuses, or is none."""
    content, code = packet.content, 0
    if packet.kind == CONNACK:
        if len(content) < 2:
            raise _strange("a CONNACK that is too short")
        code = content[1]
        # A small number is a refusal of the older version, by which a broker answers that does not know the newer one.
        refused = _REFUSED_OF_OLD.get(code) or _REASONS.get(code)
        if code:
            raise _refusal(packet.kind, code, refused)
        return
    if len(content) < 2 or int.from_bytes(content[:2]) != PACKET_ID:
        raise _strange("an answer to another packet")
    if packet.kind == SUBACK:
        rest = _after_properties(content[2:]) if version == "5" else content[2:]
        code = rest[0] if len(rest) == 1 else -1
    elif version == "5" and len(content) > 2:
        code = content[2]
    if code < 0:
        raise _strange("a SUBACK without a code for the topic")
    if code >= 0x80:
        raise _refusal(packet.kind, code, _REASONS.get(code) if version == "5" else "no reason is given")


def read_disconnect(packet: Packet) -> ProbeFailed:
    """The end of a connection by a broker of version 5, which says why."""
    code = packet.content[0] if packet.content else 0
    return _refusal(packet.kind, code, _REASONS.get(code))


def read_message(version: str, packet: Packet) -> MqttMessage:
    """The message of a PUBLISH. Raises: ProbeFailed."""
    topic_bytes = int.from_bytes(packet.content[:2])
    rest = packet.content[2 + topic_bytes :]
    packet_id = None
    if packet.flags & 0x06:
        packet_id, rest = int.from_bytes(rest[:2]), rest[2:]
    if len(packet.content) < 2 + topic_bytes:
        raise _strange("a message whose topic is cut")
    return MqttMessage(_after_properties(rest) if version == "5" else rest, packet_id)


def _after_properties(rest: bytes) -> bytes:
    length = 0
    for place, digit in enumerate(rest[:4]):
        length |= (digit & 0x7F) << (7 * place)
        if digit < 0x80:
            if len(rest) < place + 1 + length:
                break
            return rest[place + 1 + length :]
    raise _strange("properties that are cut")


def _packet(first: int, content: bytes) -> bytes:
    length, digits = len(content), bytearray()
    while True:
        length, digit = length >> 7, length & 0x7F
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([first]) + bytes(digits) + content


def _text(text: str) -> bytes:
    coded = text.encode()
    return len(coded).to_bytes(2) + coded


def _no_properties(version: str) -> bytes:
    return b"\x00" if version == "5" else b""


def _refusal(kind: int, code: int, why: str | None) -> ProbeFailed:
    return down(
        Reason.UNEXPECTED_ANSWER, f"the broker refuses {NAMES[kind]}: {why or 'an unknown reason'} ({code})"
    )


def _strange(what: str) -> ProbeFailed:
    return down(Reason.PROTOCOL_ERROR, f"no answer of the protocol: {what}")
