"""The `mqtt` probe as it is written: a login at a message broker, and a message that comes through it."""

from typing import Annotated, ClassVar, Literal

import msgspec

from .... import limits
from ...probe import AddressFamily, Port, TcpText, Tls
from ...text import MASK
from ..networked import Library, NetworkProbe

Topic = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.TOPIC_CHARACTERS_MAX)]
ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.CLIENT_ID_CHARACTERS_MAX)]
LoginText = Annotated[str, msgspec.Meta(max_length=limits.TCP_TEXT_CHARACTERS_MAX - 1)]
"""In UTF-8 it has at most 65,535 bytes, which a field of the protocol takes."""
CLEAR_PORT, TLS_PORT = 1883, 8883


class Mqtt(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mqtt"):
    """A connection to a message broker with its login, and a message of a topic, where one is written.

    `[BODY]` holds the message. One that is a number is the measure `value`.
    """

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"})
    measures: ClassVar[tuple[str, ...]] = ("response_time", "dns", "connect", "tls", "value", "availability")
    library: ClassVar[Library | None] = Library("paho", "Paho", "mqtt")

    host: str
    """A host name or an address, without the port."""
    port: Port | None = None
    """The port; default: 1883, or 8883 where `tls` is written."""
    version: Literal["3.1.1", "5"] = "3.1.1"
    """The version of the protocol that is spoken."""
    client_id: ClientId | None = None
    """The name of this client; default: a new one for each attempt. A broker ends an older connection of the same name."""
    user: LoginText | None = None
    """The user of the login; default: there is none."""
    password: LoginText | None = None
    """The password of the login; it is never shown."""
    topic: Topic | None = None
    """A topic whose next message is waited for until the deadline, a retained one included; default: none, the login is all."""
    expect: TcpText | None = None
    """A text that the message must contain; others are passed over."""
    publish: TcpText | None = None
    """A text that is published to the topic once it is subscribed to; without `expect` it must come back."""
    tls: Tls | None = None
    """TLS from the first byte, and how the certificate is judged; default: in clear."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is connected to."""

    @property
    def server_port(self) -> int:
        """The port that is spoken with."""
        return self.port or (CLEAR_PORT if self.tls is None else TLS_PORT)

    @property
    def summary(self) -> str:
        return f"MQTT {self.host}:{self.server_port}{f' {self.topic}' if self.topic else ''}"

    def __repr__(self) -> str:
        login = f"user={self.user!r}, password={MASK if self.password else None}"
        # A published text may be a value that is nobody's to read.
        said = f"topic={self.topic!r}, expect={self.expect!r}, publish={MASK if self.publish else None}"
        return f"Mqtt({self.host!r}, {self.server_port}, {login}, {said}, tls={self.tls!r})"
