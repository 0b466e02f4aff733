"""The web door: where it listens, and the tokens that open it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET

from .. import limits
from .construction import Specification
from .matcher import Selection, Subject, parsed
from .text import SHA256_PATTERN, Name, Title, Url

if TYPE_CHECKING:
    from .target import Target


class Role(StrEnum):
    """The right to see and to act, weakest first; each role includes the ones before it."""

    VIEWER = "viewer"
    """Sees everything but secrets."""
    OPERATOR = "operator"
    """Acknowledges, silences, pauses and sends notices again."""
    ADMIN = "admin"
    """Reloads, and sees the configuration with its secrets masked."""

    def includes(self, other: Role) -> bool:
        """Whether this role may do what `other` may."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


Anonymous: TypeAlias = Literal["viewer", "none"]
RoleLike: TypeAlias = Role | Literal["viewer", "operator", "admin"]


class Token(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bearer token; only its digest is configured, so that the file holds no secret."""

    name: Name
    """The name under which its commands are recorded: the author of acknowledgements and silences."""
    role: Role
    """The right that it gives: viewer, operator or admin."""
    sha256: Annotated[str, msgspec.Meta(pattern=SHA256_PATTERN)]
    """The SHA-256 of the token in hexadecimal; `printf %s TOKEN | sha256sum` prints it."""

    def __init__(self, *, name: str, role: RoleLike, sha256: str) -> None: ...


class IssuedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was made while a runtime ran; no configuration holds it."""

    token: Token
    created_at_ns: int
    created_by: str


class PublicPage(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One page for everybody, without a token: `/public/ID`. It shows targets that have `public`, by that name alone."""

    id: Name
    """The part of its address that names it."""
    title: Title
    """The name of the page for its readers."""
    match: Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.MATCHERS_MAX)] = ()
    """Matchers as silences have them, such as `group=shop`, which must all hold; without any, every target with `public`."""

    def chosen(self, targets: Iterable[Target]) -> tuple[Target, ...]:
        """Returns the targets that it shows. Raises: ValueError for a matcher that cannot be read."""
        selection = Selection(parsed(self.match))
        return tuple(
            target
            for target in targets
            if target.public is not UNSET and selection.accepts(Subject(target.id, target.metadata))
        )

    def __init__(self, *, id: str, title: str, match: Sequence[str] = ...) -> None: ...  # noqa: A002  # as in the file


class WebMetrics(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The metrics that the web door serves at `/metrics`."""

    targets: bool = True
    """Whether each target has series of its own; without them groups have theirs: for very many targets."""

    def __init__(self, *, targets: bool = ...) -> None: ...


class Web(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON API over TCP. Without it nothing listens on TCP; needs the extra `web`."""

    listen: str
    """The address and port to listen on, such as `127.0.0.1:8080` or `[::1]:8080`."""
    address: Url | None = None
    """The address at which people open the pages, such as `https://watch.example.org`: notices link to it."""
    anonymous: Anonymous | None = None
    """The right of a request without a token; default: viewer for programs of this machine, none for others."""
    tokens: Annotated[tuple[Token, ...], msgspec.Meta(max_length=limits.TOKENS_MAX)] = ()
    """The tokens that open it."""
    trusted_proxies: Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.TRUSTED_PROXIES_MAX)] = ()
    """Networks such as `10.0.0.0/8` whose `X-Forwarded-For` names the real client."""
    pages: Annotated[tuple[PublicPage, ...], msgspec.Meta(max_length=limits.PUBLIC_PAGES_MAX)] = ()
    """Public pages: what everybody may see."""
    insecure: bool = False
    """Whether a browser may sign in over plain HTTP from another machine, where its token can be read on the way."""
    metrics: WebMetrics = WebMetrics()
    """The metrics for Prometheus."""

    def __init__(
        self,
        *,
        listen: str,
        address: str | None = ...,
        anonymous: Anonymous | None = ...,
        tokens: Sequence[Token] = ...,
        trusted_proxies: Sequence[str] = ...,
        pages: Sequence[PublicPage] = ...,
        insecure: bool = ...,
        metrics: WebMetrics = ...,
    ) -> None: ...
