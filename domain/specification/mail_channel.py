"""The `email` channel, as written in a configuration or in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from ..limits import MAIL_RECIPIENTS_MAX
from ..time.duration import Duration
from .chat_channels import Repeats
from .construction import Specification
from .probe import Tls
from .text import MASK, DurationText

PORTS = {"smtp": 587, "smtps": 465}
"""The port of each scheme, where the URL names none (RFC 6409, RFC 8314)."""


class MailServer(NamedTuple):
    """The parts of the URL of a mail server."""

    host: str
    port: int
    is_encrypted: bool
    """Whether TLS begins with the first byte."""
    user: str | None
    password: str | None


def mail_server(url: str) -> MailServer:
    """Returns the parts of a URL. Raises: ValueError where a part cannot be read."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("is no URL of a mail server: write it like smtp://mail.example.org:587")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("has more than a server: leave out what stands behind the host and its port")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("has a port that is none: it may be 1 to 65,535")
    return MailServer(
        parts.hostname,
        port or PORTS[parts.scheme],
        parts.scheme == "smtps",
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
    )


class Email(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mail for each notice, over SMTP; those of one incident are one conversation."""

    repeats: ClassVar[Repeats] = "possible"
    to: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MAIL_RECIPIENTS_MAX)]
    """The addresses that get it."""
    from_: str = msgspec.field(name="from")
    """The address that it comes from."""
    smtp: str
    """The server: `smtp://mail.example.org:587`, or `smtps://` for TLS from the first byte; a login may stand in front of the host."""
    user: str | None = None
    """The user name of a login, where it does not stand in the URL."""
    password: str | None = None
    """Its password, which is never shown."""
    starttls: Literal["required", "never"] = "required"
    """Whether `smtp://` must change over to TLS before a login or a mail is sent; `never` is for a server of this machine."""
    tls: Tls = Tls()
    """How the server's certificate is judged."""
    timeout: DurationText = "30s"
    """How long one try to deliver a notice may take."""

    def __init__(
        self,
        *,
        to: Sequence[str],
        from_: str,
        smtp: str,
        user: str | None = ...,
        password: str | None = ...,
        starttls: Literal["required", "never"] = ...,
        tls: Tls = ...,
        timeout: Duration = ...,
    ) -> None: ...

    @property
    def server(self) -> MailServer:
        """The server with its login, wherever that stands. Raises: ValueError for a URL that cannot be read."""
        server = mail_server(self.smtp)
        return server if self.user is None else server._replace(user=self.user, password=self.password)

    def __repr__(self) -> str:
        # The URL may hold a password.
        return f"Email(to={self.to!r}, password={MASK if self.password else None})"
