"""Links that open one session: each is valid for ten minutes and is used once."""

import threading
from collections import OrderedDict
from typing import NamedTuple

from ...actors.ports import Clock
from ...adapters.configuration.tokens import digest_of, new_link_secret
from ...domain import limits
from ...domain.specification.web import Role


class LoginLink(NamedTuple):
    """The session that a link opens."""

    name: str
    role: Role


class LoginLinks:
    """Knows the links that wait to be used, by the digests of their secrets."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._waiting: OrderedDict[str, tuple[LoginLink, int]] = OrderedDict()

    def make(self, name: str, role: Role) -> str:
        """Returns the secret part of a new link."""
        secret = new_link_secret()
        with self._guard:
            self._waiting[digest_of(secret)] = (
                LoginLink(name, role),
                self._now_ns() + limits.LOGIN_LINK_VALID_NS,
            )
            while len(self._waiting) > limits.LOGIN_LINKS_MAX:
                self._waiting.popitem(last=False)
        return secret

    def find(self, secret: str) -> LoginLink | None:
        """Returns the session that this link would open; None where it was used, is too old or was never made."""
        with self._guard:
            link, until_ns = self._waiting.get(digest_of(secret), (None, 0))
        return link if self._now_ns() < until_ns else None

    def take(self, secret: str) -> LoginLink | None:
        """Uses a link; of several that ask at the same time one gets it."""
        with self._guard:
            link, until_ns = self._waiting.pop(digest_of(secret), (None, 0))
        return link if self._now_ns() < until_ns else None

    def _now_ns(self) -> int:
        return self._clock.boot_ns()
