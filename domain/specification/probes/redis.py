"""The `redis` probe as it is written: a ping, or a command whose answer is judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

from ... import limits
from ..probe import AddressFamily, Port, Tls
from ..text import MASK
from .networked import NetworkProbe

RedisCommand = Annotated[
    tuple[Annotated[str, msgspec.Meta(max_length=limits.TCP_TEXT_CHARACTERS_MAX)], ...],
    msgspec.Meta(max_length=limits.COMMAND_WORDS_MAX),
]


class Redis(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="redis"):
    """A ping of a server that speaks the protocol of Redis, and a command whose answer conditions and rules judge.

    `[BODY]` holds the answer of the command: a text as it is, a list as JSON. A number is the measure `value`.
    """

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"})
    measures: ClassVar[tuple[str, ...]] = ("response_time", "dns", "connect", "tls", "value", "availability")

    host: str
    """A host name or an address, without the port."""
    port: Port = 6379
    """The port, 1 to 65,535."""
    user: str | None = None
    """The user of the login; default: the server's default user, where a password is given."""
    password: str | None = None
    """The password of the login; it is never shown."""
    database: Annotated[int, msgspec.Meta(ge=0, le=limits.INTEGER_MAX)] = 0
    """The number of the database that is selected."""
    command: RedisCommand = ()
    """A command and its arguments, such as `[LLEN, jobs]`, whose answer is read; default: PING alone."""
    tls: Tls | None = None
    """TLS from the first byte, and how the certificate is judged; default: in clear."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is connected to."""

    def __init__(
        self,
        *,
        host: str,
        port: int = ...,
        user: str | None = ...,
        password: str | None = ...,
        database: int = ...,
        command: Sequence[str] = ...,
        tls: Tls | None = ...,
        address_family: AddressFamily = ...,
    ) -> None: ...

    @property
    def summary(self) -> str:
        asked = f" {self.command[0].upper()}" if self.command else ""
        return f"Redis {self.host}:{self.port}{asked}"

    def __repr__(self) -> str:
        # The words of a command may be a value that is nobody's to read.
        words = (*self.command[:1], *[MASK] * (len(self.command) - 1))
        login = f"user={self.user!r}, password={MASK if self.password else None}"
        return f"Redis({self.host!r}, {self.port}, {login}, command={words!r}, tls={self.tls!r})"
