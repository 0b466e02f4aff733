"""Sessions of browsers: kept here, so that they end with their token, and known to a browser by a random id alone."""

import asyncio
from collections import OrderedDict
from hashlib import blake2b, sha256
from secrets import token_urlsafe
from typing import NamedTuple

from ..domain.specification.web import Role
from . import limits


class BrowserSession(NamedTuple):
    """One browser that has signed in."""

    name: str
    role: Role
    """The role of a session that a link opened; one of a token has the role that its token has now."""
    token: str | None
    """The digest of the token that opened it; None for a link."""
    form_proof: str
    """A secret that stands in every form of its pages, so that no page of another site can send one."""
    until_s: float
    key: str
    """The digest of its id."""


class Sessions:
    """The sessions of one site, on the loop that serves it."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, BrowserSession] = OrderedDict()

    def begin(self, name: str, role: Role, token: str | None) -> str:
        """Opens a session; returns the id for the cookie."""
        own = [key for key, session in self._open.items() if session.name == name]
        for key in own[: len(own) + 1 - limits.SESSIONS_PER_AUTHOR_MAX]:
            del self._open[key]
        while len(self._open) >= limits.SESSIONS_MAX:
            self._open.popitem(last=False)
        id_, until_s = token_urlsafe(32), _now_s() + limits.SESSION_WITHIN_S
        key = _digest(id_)
        self._open[key] = BrowserSession(name, role, token, token_urlsafe(32), until_s, key)
        return id_

    def find(self, id_: str) -> BrowserSession | None:
        """Returns the session of this id; None where it is over or was never open."""
        session = self._open.get(_digest(id_))
        if session is None or _now_s() < session.until_s:
            return session
        self.end(id_)
        return None

    def end(self, id_: str) -> None:
        """Closes a session; an unknown one is closed already."""
        self._open.pop(_digest(id_), None)

    def is_open(self, session: BrowserSession) -> bool:
        """Whether a session that was found earlier is still open."""
        return _now_s() < session.until_s and session.key in self._open


def cookie_name(mount: str, *, encrypted: bool) -> str:
    """Returns the name of the cookie for a mount.

    Cookies know no ports: the digest keeps the sessions of several runtimes of one machine apart. `__Host-` makes a
    browser refuse a cookie that another name or an unencrypted connection has set, and needs TLS itself.
    """
    digest = blake2b(mount.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
    return f"__Host-wk-{digest}" if encrypted else f"wk-{digest}"


def cookie(name: str, id_: str, *, encrypted: bool, within_s: float) -> str:
    """Returns the header that sets the cookie; no script reads it, and no page of another site sends it along."""
    secure = "; Secure" if encrypted else ""
    return f"{name}={id_}; Path=/; Max-Age={int(within_s)}; HttpOnly; SameSite=Lax{secure}"


def cookie_of(lines: list[str], name: str) -> str | None:
    """Returns the value of the one cookie of this name; None without one, and where it stands twice."""
    pairs = (part.strip().partition("=") for line in lines for part in line.split(";"))
    found = [value for key, equals, value in pairs if equals and key == name]
    return found[0] if len(found) == 1 else None


def _digest(id_: str) -> str:
    return sha256(id_.encode("utf-8", "surrogateescape")).hexdigest()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
