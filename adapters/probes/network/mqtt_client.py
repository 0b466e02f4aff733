"""Paho as a protocol without a connection: it is given what a broker says, packet by packet, and says what is to be sent.

Packets are read here and bounded, as Paho 2.2 takes one of 256 MB.
"""

from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from ....domain.limits import BODY_BYTES
from ....domain.line import one_line
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.servers.mqtt import Mqtt
from ...net.wire import Wire
from ..course import ProbeFailed, down

CONNACK, PUBLISH, PUBACK, SUBACK, DISCONNECT = 2, 3, 4, 9, 14
PACKET_BYTES_MAX = BODY_BYTES + 1024
"""A message whose text is as long as a body may be, with its topic."""
LENGTH_DIGITS_MAX = 4
OTHER_VERSION = 1
"""The code of a broker that does not speak the version (MQTT 3.1.1, 3.2.2.3)."""
REFUSED_FROM = 0x80
"""The least code that is a refusal."""


class Packet(NamedTuple):
    """One packet as it came: its kind, and all its bytes."""

    kind: int
    whole: bytes
    content_at: int


async def read_packet(wire: Wire) -> Packet:
    """The next packet. Raises: ProbeFailed where it is larger than any that is needed, or no packet; WireBroken."""
    head = bytearray(await wire.read_exactly(1))
    length = 0
    while len(head) == 1 or head[-1] & 0x80:
        if len(head) > LENGTH_DIGITS_MAX:
            raise strange("a length of more than four bytes")
        head += await wire.read_exactly(1)
        length |= (head[-1] & 0x7F) << 7 * (len(head) - 2)
    if length > PACKET_BYTES_MAX:
        raise down(Reason.BODY_TOO_LARGE, f"a packet has {length} bytes, more than {PACKET_BYTES_MAX}")
    return Packet(head[0] >> 4, bytes(head) + await wire.read_exactly(length), len(head))


class MqttMessage(NamedTuple):
    """A message of a topic."""

    payload: bytes
    retained: bool


class _Pipe:
    """The socket as Paho has it."""

    def __init__(self) -> None:
        self.incoming = self.outgoing = b""

    def recv(self, length: int) -> bytes:
        if not self.incoming:
            raise BlockingIOError
        piece, self.incoming = self.incoming[:length], self.incoming[length:]
        return piece

    def send(self, data: bytes) -> int:
        self.outgoing += bytes(data)
        return len(data)

    def close(self) -> None:
        """Does nothing: the attempt closes its connection."""

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None:
        """Does nothing: it never blocks."""


def load() -> ModuleType:
    """The library: a fifth of a second for the first time, to be spent on a thread."""
    return import_module("paho.mqtt.client")


class MqttClient:
    """One connection. Each method says what is to be sent; `take` returns what was told by a packet."""

    def __init__(self, probe: Mqtt, client_id: str) -> None:
        paho: Any = load()
        self._is_new = probe.version == "5"
        self._pipe = pipe = _Pipe()
        self._told: list[Any] = []

        class Client(paho.Client):  # type: ignore[misc]  # the library is imported when it is used
            def _create_socket(self) -> _Pipe:
                return pipe

        version = paho.MQTTv5 if self._is_new else paho.MQTTv311
        self._client = client = Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if self._is_new else True,
            protocol=version,
            reconnect_on_failure=False,
        )
        if probe.user is not None:
            client.username_pw_set(probe.user, probe.password)
        client.on_connect = lambda _client, _data, _flags, code, _properties: self._told.append(code)
        client.on_publish = lambda _client, _data, _id, code, _properties: self._told.append(code)
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_message = lambda _client, _data, message: self._told.append(
            MqttMessage(message.payload, message.retain)
        )
        self._sent_id: int | None = None

    def _subscribed(self, _client: Any, _data: Any, packet_id: int, codes: Any, _properties: Any) -> None:
        if packet_id == self._sent_id:
            self._told.extend(codes)

    def _disconnected(self, _client: Any, _data: Any, flags: Any, code: Any, _properties: Any) -> None:
        # Paho tells its own end of a connection alike.
        if flags.is_disconnect_packet_from_server:
            self._told.append(code)

    def connect(self) -> bytes:
        """A session that ends with the connection, without a keep-alive: it ends at the deadline."""
        options: dict[str, Any] = {}
        if self._is_new:
            # The broker is told how large a packet may be.
            options["properties"] = import_module("paho.mqtt.properties").Properties(
                import_module("paho.mqtt.packettypes").PacketTypes.CONNECT
            )
            options["properties"].MaximumPacketSize = PACKET_BYTES_MAX
            options["clean_start"] = True
        # The host is unused, as no connection is made here.
        self._client.connect("broker", keepalive=0, **options)
        return self._said()

    def subscribe(self, topic: str) -> bytes:
        self._sent_id = self._client.subscribe(topic)[1]
        return self._said()

    def publish(self, topic: str, payload: bytes) -> bytes:
        """To be acknowledged, so that a refusal is told."""
        self._client.publish(topic, payload, qos=1)
        return self._said()

    def leave(self) -> bytes:
        self._client.disconnect()
        return self._said()

    def take(self, packet: Packet) -> tuple[MqttMessage | None, bytes]:
        """The message that a packet brings, and what is to be sent. Raises: ProbeFailed for a refusal, and for no packet."""
        content = packet.whole[packet.content_at :]
        # Paho has no word for it: it would try an older version.
        if packet.kind == CONNACK and len(content) == 2 and content[1] == OTHER_VERSION:
            raise _refusal(packet.kind, "it does not speak this version of the protocol", OTHER_VERSION)
        self._told.clear()
        self._pipe.incoming = packet.whole
        try:
            failed = self._client.loop_read()
        except Exception as error:  # noqa: BLE001  # the peer's bytes are the reason, in any class that the library has for it
            raise strange(f"Paho finds {type(error).__name__}") from None
        for told in self._told:
            if isinstance(told, MqttMessage):
                return told, self._said()
            if told.value >= REFUSED_FROM or packet.kind == DISCONNECT:
                raise _refusal(packet.kind, str(told).lower(), told.value)
        if failed or len(self._told) != 1:
            raise strange(f"a packet of type {packet.kind} that cannot be read")
        return None, self._said()

    def _said(self) -> bytes:
        said, self._pipe.outgoing = self._pipe.outgoing, b""
        return said


NAMES = {SUBACK: "the subscription", PUBACK: "the message"}


def _refusal(kind: int, why: str, code: int) -> ProbeFailed:
    text = f"the broker refuses {NAMES.get(kind, 'the connection')}: {one_line(why)} ({code})"
    return down(Reason.UNEXPECTED_ANSWER, text)


def strange(what: str) -> ProbeFailed:
    return down(Reason.PROTOCOL_ERROR, f"no answer of the protocol: {what}")
