"""The `mqtt` probe: a login at a message broker, and a message of a topic."""

import asyncio
from secrets import token_hex

from ....domain.limits import BODY_BYTES, MESSAGES_MAX
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.servers.mqtt import Mqtt
from ...net.wire import Wire
from ..course import AttemptCourse, down
from ..figures import figure_of
from ..secured import open_wire
from .mqtt_packets import (
    CONNACK,
    DISCONNECT,
    LEAVE,
    PUBACK,
    PUBLISH,
    RETAINED,
    SUBACK,
    MqttMessage,
    Packet,
    check_answer,
    connect_packet,
    publish_packet,
    read_disconnect,
    read_message,
    read_packet,
    subscribe_packet,
)


async def ask_broker(probe: Mqtt, course: AttemptCourse) -> Observation:
    """One attempt of an `mqtt` probe. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    wire = await open_wire(course, probe.host, probe.server_port, probe.address_family, probe.tls)
    talk = _Talk(wire, probe, course)
    # A broker must take 23 letters and digits (MQTT 3.1.1, 3.1.3.1).
    client_id = probe.client_id or f"wk{token_hex(10)}"
    course.stage = "before the connection was answered"
    await wire.write(connect_packet(probe.version, client_id, probe.user, probe.password))
    await talk.answer(CONNACK)
    body = b"" if probe.topic is None else await talk.message(probe.topic)
    course.response_time_ns = course.spent_ns()
    await wire.write(LEAVE)
    return course.observation(
        body=body[:BODY_BYTES],
        body_cut=len(body) > BODY_BYTES,
        measurements=figure_of(body.decode("utf-8", "replace")),
    )


class _Talk:
    """The packets of one connection."""

    def __init__(self, wire: Wire, probe: Mqtt, course: AttemptCourse) -> None:
        self._wire, self._probe, self._course = wire, probe, course
        self._passed_over = 0
        self._found: MqttMessage | None = None
        # A published text must come back, unless another answer to it is expected.
        self._wanted = (probe.expect or probe.publish or "").encode()

    async def message(self, topic: str) -> bytes:
        """The first message of a topic that has the expected text."""
        self._course.stage = "before the subscription was answered"
        await self._wire.write(subscribe_packet(self._probe.version, topic))
        await self.answer(SUBACK)
        if self._probe.publish is not None:
            self._course.stage = "before the published message was taken"
            content = self._probe.publish.encode()
            await self._wire.write(publish_packet(self._probe.version, topic, content))
            await self.answer(PUBACK)
        while self._found is None:
            others = f" ({self._passed_over} without the expected text)" if self._passed_over else ""
            self._course.stage = f"before the message came{others}"
            self._note(await self._packet())
        return self._found.payload

    async def answer(self, kind: int) -> None:
        """Waits for the answer to what was sent. Raises: ProbeFailed where it is a refusal."""
        while (packet := await self._packet()).kind != kind:
            if kind == CONNACK:
                raise down(Reason.PROTOCOL_ERROR, "no answer of the protocol: another packet than CONNACK")
            # Messages may come before the answer to a subscription, retained ones above all.
            self._note(packet)
        check_answer(self._probe.version, packet)

    async def _packet(self) -> Packet:
        # Packets that have come at once are read without a wait, and a flood of them would hold the loop.
        await asyncio.sleep(0)
        packet = await read_packet(self._wire)
        if packet.kind == DISCONNECT:
            raise read_disconnect(packet)
        return packet

    def _note(self, packet: Packet) -> None:
        if packet.kind != PUBLISH:
            raise down(Reason.PROTOCOL_ERROR, f"no answer of the protocol: a packet of type {packet.kind}")
        message = read_message(self._probe.version, packet)
        # A retained message was there before, and is no answer to what is published.
        is_old = self._probe.publish is not None and bool(packet.flags & RETAINED)
        if self._found is None and not is_old and self._wanted in message.payload:
            self._found = message
            return
        self._passed_over += 1
        if self._passed_over > MESSAGES_MAX:
            raise down(Reason.BODY_TOO_LARGE, f"{MESSAGES_MAX} messages came without the expected one")
