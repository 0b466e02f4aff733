"""Channels that are chat programs and phones, as written in a configuration or in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec

from ..time.duration import Duration
from .construction import Specification
from .probe import Tls
from .text import MASK, TOPIC_PATTERN, DurationText

Repeats: TypeAlias = Literal["never", "harmless", "possible"]
"""How a receiver shows a notice that is sent again after a crash: once; once, because it takes the second for the first; twice."""


class Slack(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message in Slack. With a bot token it is kept up to date, and each step of the incident is an answer in its thread."""

    one_of: ClassVar[tuple[str, ...]] = ("token", "url")
    harmless: ClassVar[Mapping[str, Any]] = {"url": "https://hooks.slack.com/services/T/B/x", "channel": None}
    token: str | None = None
    """The bot token of a Slack app, `xoxb-...`; it is never shown."""
    channel: str | None = None
    """The channel to post to with the token: its id such as `C024BE91L`, or its name such as `#ops`."""
    url: str | None = None
    """In place of the token an incoming webhook: each notice is a message of its own."""
    api: str = "https://slack.com/api"
    """The address of Slack's API, to which the token goes."""
    timeout: DurationText = "10s"
    """How long one try to deliver a notice may take."""
    tls: Tls = Tls()
    """How the receiver's certificate is judged, for https."""

    def __init__(
        self,
        *,
        token: str | None = ...,
        channel: str | None = ...,
        url: str | None = ...,
        api: str = ...,
        timeout: Duration = ...,
        tls: Tls = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        self.one_given()

    @property
    def repeats(self) -> Repeats:
        return "possible" if self.token is None else "never"

    def __repr__(self) -> str:
        return f"Slack({self.given()}={MASK}, channel={self.channel!r})"


class Discord(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message in Discord by a webhook of the channel; it is rewritten at each step of the incident."""

    repeats: ClassVar[Repeats] = "possible"
    url: str
    """The URL of the webhook, which Discord shows in the settings of the channel; it is never shown."""
    timeout: DurationText = "10s"
    """How long one try to deliver a notice may take."""
    tls: Tls = Tls()
    """How the receiver's certificate is judged, for https."""

    def __init__(self, *, url: str, timeout: Duration = ..., tls: Tls = ...) -> None: ...

    def __repr__(self) -> str:
        return f"Discord(url={MASK})"


class Telegram(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message in Telegram by a bot; it is rewritten at each step of the incident, which is an answer to it besides."""

    repeats: ClassVar[Repeats] = "possible"
    token: str
    """The token of the bot, `123456:ABC...`; it is never shown."""
    chat: int | str
    """The number of the chat, such as -1001234567890, or the name of a public one, such as `@ops`."""
    topic: int | None = None
    """The number of a topic of the chat, if it has topics."""
    api: str = "https://api.telegram.org"
    """The address of the Bot API, to which the token goes."""
    timeout: DurationText = "10s"
    """How long one try to deliver a notice may take."""
    tls: Tls = Tls()
    """How the receiver's certificate is judged, for https."""

    def __init__(
        self,
        *,
        token: str,
        chat: int | str,
        topic: int | None = ...,
        api: str = ...,
        timeout: Duration = ...,
        tls: Tls = ...,
    ) -> None: ...

    def __repr__(self) -> str:
        return f"Telegram(chat={self.chat!r}, token={MASK})"


class Ntfy(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A notification on phones by ntfy; each step of the incident takes the place of the one before."""

    repeats: ClassVar[Repeats] = "harmless"
    topic: Annotated[str, msgspec.Meta(pattern=TOPIC_PATTERN)]
    """The topic; at a public server its name is a secret, so it is never shown."""
    server: str = "https://ntfy.sh"
    """The address of the server, version 2.16 or later: an earlier one shows each step as another notification."""
    token: str | None = None
    """An access token, `tk_...`, where the topic needs one; it is never shown."""
    timeout: DurationText = "10s"
    """How long one try to deliver a notice may take."""
    tls: Tls = Tls()
    """How the receiver's certificate is judged, for https."""

    def __init__(
        self,
        *,
        topic: str,
        server: str = ...,
        token: str | None = ...,
        timeout: Duration = ...,
        tls: Tls = ...,
    ) -> None: ...

    def __repr__(self) -> str:
        return f"Ntfy(server={self.server!r}, topic={MASK})"
