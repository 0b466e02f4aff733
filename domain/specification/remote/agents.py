"""Agents: processes at other locations that probe for this runtime, and the NATS servers by which they are reached."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from ... import limits
from ..construction import Specification
from ..probe import Tls
from ..text import MASK, Name
from .logins import login_of

NATS_SCHEMES = ("nats", "tls")
_LOGIN = re.compile(r"(?P<scheme>^|,|://)\s*(?P<user>[^/@:,\s]*)(?P<password>:[^/@,\s]*)?@")


class NatsServer(NamedTuple):
    """One server of NATS."""

    host: str
    port: int
    user: str
    """Without a password: a token."""
    password: str
    encrypted: bool


class Agents(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The locations from which agents probe, and the NATS servers between them and this runtime; needs the extra `nats`."""

    nats: Annotated[str, msgspec.Meta(max_length=limits.URL_CHARACTERS_MAX)]
    """The NATS servers, such as `tls://nats.example:4222`; those of one cluster with a comma between: `tls://a,b,c`."""
    credentials: Annotated[str, msgspec.Meta(max_length=limits.CREDENTIALS_CHARACTERS_MAX)] | None = None
    """The login, in place of one in the URL, as `${file:/run/secrets/nats}` reads it: the text of a NATS credentials file, an NKEY seed, a
    token, or `user:password`. It is a secret."""
    tls: Tls | UnsetType = UNSET
    """How the certificate of the servers of `tls://` is judged, and which one is shown to them."""
    locations: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=limits.LOCATIONS_MAX)]
    """The names of the locations at which agents run, such as `fra`; targets name them under `locations`."""

    def __init__(
        self, *, nats: str, locations: Sequence[str], credentials: str | None = ..., tls: Tls = ...
    ) -> None: ...

    def __repr__(self) -> str:
        login = "" if self.credentials is None else f", credentials={MASK}"
        tls = "" if self.tls is UNSET else f", tls={self.tls!r}"
        return f"Agents(nats={shown_servers(self.nats)!r}{login}{tls}, locations={self.locations!r})"

    @property
    def servers(self) -> tuple[NatsServer, ...]:
        """The servers of a text without a problem: what the first one states of scheme and login holds for those that state none."""
        return tuple(_servers(self.nats))

    def secrets(self) -> Iterator[str]:
        """Yields what may be shown nowhere: passwords, tokens, and the lines of the credentials."""
        for login in _LOGIN.finditer(self.nats):
            secret = (login["password"] or "")[1:] or login["user"]
            yield from (secret, unquote(secret))
        # A token and a seed stand in lines of their own, below lines that name them.
        for line in (self.credentials or "").splitlines():
            if line.strip() and not line.lstrip().startswith("-"):
                yield line.strip()
        if password := login_of(self.credentials or "").password:
            yield password
        if self.tls is not UNSET and self.tls.key_password is not UNSET:
            yield self.tls.key_password


def shown_servers(nats: str) -> str:
    """Returns the text that names NATS servers without the passwords and tokens in it."""
    return _LOGIN.sub(
        lambda login: f"{login['scheme']}{login['user'] + ':' if login['password'] else ''}{MASK}@", nats
    )


def servers_problem(nats: str) -> str:
    """Returns what is wrong with a text that names NATS servers, and what to do; empty for a good one."""
    parts = [part.strip() for part in nats.split(",")]
    if len(parts) > limits.NATS_SERVERS_MAX:
        return f"names {len(parts)} servers: write {limits.NATS_SERVERS_MAX} or fewer"
    schemes = [part.partition("://")[0] for part in parts if "://" in part]
    if not schemes or "://" not in parts[0] or not set(schemes) <= set(NATS_SCHEMES):
        return "is no address of NATS: write nats://HOST:4222 or tls://HOST:4222"
    if len(set(schemes)) > 1:
        return "mixes nats:// and tls://: write one of them for all servers"
    try:
        servers = [*_servers(nats)]
    except ValueError:
        return f"has a host or a port that cannot be read: write {schemes[0]}://HOST:4222"
    if any(not server.host for server in servers):
        return f"has a server without a host: write {schemes[0]}://HOST:4222, with a comma before each further one"
    places = [(server.host, server.port) for server in servers]
    if len(set(places)) < len(places):
        return "has a server twice: keep one"
    return ""


def _servers(nats: str) -> Iterator[NatsServer]:
    """Raises: ValueError for a host or a port that cannot be read, and for more than a host and a port."""
    scheme, login = "", ("", "")
    for part in nats.split(","):
        stated, colon, rest = part.strip().rpartition("://")
        scheme = stated if colon else scheme
        found = urlsplit(f"{scheme}://{rest}")
        if found.path.strip("/") or found.query or found.fragment or re.search(r"\s", rest):
            raise ValueError("more than a host and a port")
        if found.username is not None:
            login = unquote(found.username), unquote(found.password or "")
        host, port = found.hostname or "", found.port
        if port == 0:
            raise ValueError("no port has the number 0")
        yield NatsServer(host, NATS_PORT if port is None else port, *login, encrypted=scheme == "tls")


NATS_PORT = 4222
"""The usual port of NATS."""
