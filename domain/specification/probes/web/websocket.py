"""The `websocket` probe as it is written: the handshake, a message that is sent, and one that is awaited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from .... import limits
from ...probe import AddressFamily, TcpText, Tls
from ...text import MASK, Pairs, as_pairs
from ..networked import Library, NetworkProbe

_PORTS = {"ws": 80, "wss": 443}
Subprotocols = Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.SUBPROTOCOLS_MAX)]
PatternText = Annotated[str, msgspec.Meta(max_length=limits.CONDITION_CHARACTERS_MAX)]


class WebSocket(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="websocket"):
    """The handshake of a WebSocket, and where it is asked for a message in each direction.

    `[BODY]` holds the message that was awaited.
    """

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"})
    measures: ClassVar[tuple[str, ...]] = (
        "response_time",
        "dns",
        "connect",
        "tls",
        "first_byte",
        "availability",
    )
    library: ClassVar[Library | None] = Library("websockets", "websockets", "websocket")

    url: str
    """An absolute URL of scheme ws or wss."""
    headers: Pairs = ()
    """Headers that are sent with the handshake besides the usual ones, by name."""
    subprotocols: Subprotocols = ()
    """The subprotocols that are offered, the best first; the server must take one of them."""
    send: TcpText | None = None
    """A text message that is sent after the handshake; an answer to it is awaited."""
    expect: PatternText | None = None
    """A regular expression (RE2) that a message must match; others are passed over. Default: with `send`, any message is good."""
    tls: Tls = Tls()
    """How the certificate is judged, for wss."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is connected to."""

    def __init__(
        self,
        *,
        url: str,
        headers: Mapping[str, str] | Pairs = ...,
        subprotocols: Sequence[str] = ...,
        send: str | None = ...,
        expect: str | None = ...,
        tls: Tls = ...,
        address_family: AddressFamily = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "headers", as_pairs(self.headers))

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS begins with the first byte."""
        return self.url[:4].lower() == "wss:"

    @property
    def peer(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port that is connected to."""
        return urlsplit(self.url).port or _PORTS["wss" if self.is_encrypted else "ws"]

    @property
    def awaits_message(self) -> bool:
        """Whether more than the handshake is asked for."""
        return self.send is not None or self.expect is not None

    @property
    def summary(self) -> str:
        parts = urlsplit(self.url)
        return f"WebSocket {parts.scheme}://{parts.netloc}{parts.path}{'?…' if parts.query else ''}"

    def named_texts(self) -> Iterator[tuple[str, str]]:
        yield from as_pairs(self.headers)
        yield from parse_qsl(urlsplit(self.url).query)

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in as_pairs(self.headers))
        url, asked, _ = self.url.partition("?")
        # The message may be a login.
        sent = f"send={MASK if self.send else None}, expect={self.expect!r}"
        return f"WebSocket({url}{asked and f'?{MASK}'}, headers=[{names}], {sent}, tls={self.tls!r})"
