"""The `mqtt` probe by Paho: a login at a message broker, and a message of a topic."""

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
from .mqtt_client import (
    CONNACK,
    PUBACK,
    PUBLISH,
    SUBACK,
    MqttClient,
    MqttMessage,
    load,
    read_packet,
    strange,
)


async def ask_broker(probe: Mqtt, course: AttemptCourse) -> Observation:
    """One attempt of an `mqtt` probe. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    await course.around.loop.run_in_executor(None, load)
    wire = await open_wire(course, probe.host, probe.server_port, probe.address_family, probe.tls)
    # A broker must take 23 letters and digits (MQTT 3.1.1, 3.1.3.1).
    talk = _Talk(wire, MqttClient(probe, probe.client_id or f"wk{token_hex(10)}"), probe, course)
    course.stage = "before the connection was answered"
    await talk.log_in()
    body = b"" if probe.topic is None else await talk.message(probe.topic)
    course.response_time_ns = course.spent_ns()
    await wire.write(talk.client.leave())
    return course.observation(
        body=body[:BODY_BYTES],
        body_cut=len(body) > BODY_BYTES,
        measurements=figure_of(body.decode("utf-8", "replace")),
    )


class _Talk:
    """The packets of one connection."""

    def __init__(self, wire: Wire, client: MqttClient, probe: Mqtt, course: AttemptCourse) -> None:
        self._wire, self.client, self._probe, self._course = wire, client, probe, course
        self._passed_over = 0
        self._found: MqttMessage | None = None
        # A published text must come back, unless another answer to it is expected.
        self._wanted = (probe.expect or probe.publish or "").encode()

    async def log_in(self) -> None:
        """Raises: ProbeFailed, WireBroken."""
        await self._wire.write(self.client.connect())
        if await self._take() != CONNACK:
            raise strange("another packet than CONNACK")

    async def message(self, topic: str) -> bytes:
        """The first message of a topic that has the expected text."""
        self._course.stage = "before the subscription was answered"
        await self._wire.write(self.client.subscribe(topic))
        await self._answer(SUBACK)
        if self._probe.publish is not None:
            self._course.stage = "before the published message was taken"
            await self._wire.write(self.client.publish(topic, self._probe.publish.encode()))
            await self._answer(PUBACK)
        while self._found is None:
            others = f" ({self._passed_over} without the expected text)" if self._passed_over else ""
            self._course.stage = f"before the message came{others}"
            await self._answer(PUBLISH)
        return self._found.payload

    async def _answer(self, kind: int) -> None:
        """Waits for the answer to what was sent: messages may come before it, retained ones above all."""
        while (came := await self._take()) != kind:
            if came != PUBLISH:
                raise strange(f"a packet of type {came}")

    async def _take(self) -> int:
        """The kind of the next packet, once it was taken. Raises: ProbeFailed, WireBroken."""
        # Packets that have come at once are read without a wait, and a flood of them would hold the loop.
        await asyncio.sleep(0)
        packet = await read_packet(self._wire)
        message, said = self.client.take(packet)
        if message is not None:
            self._note(message)
        if said:
            await self._wire.write(said)
        return packet.kind

    def _note(self, message: MqttMessage) -> None:
        # A retained message was there before, and is no answer to what is published.
        is_old = self._probe.publish is not None and message.retained
        if self._found is None and not is_old and self._wanted in message.payload:
            self._found = message
            return
        self._passed_over += 1
        if self._passed_over > MESSAGES_MAX:
            raise down(Reason.BODY_TOO_LARGE, f"{MESSAGES_MAX} messages came without the expected one")
