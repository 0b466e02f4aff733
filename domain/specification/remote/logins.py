"""Logins at NATS: what the text of a credentials file holds."""

import re
from typing import NamedTuple

_JWT = "NATS USER JWT"
_SEED = "USER NKEY SEED"
_USER_SEED = re.compile(r"SU[A-Z2-7]{20,}")
"""It has 58 characters; one that was cut off is no token."""
_OTHER_KEYS = {
    re.compile(r"SA[A-Z2-7]{56}"): "is the seed of an account",
    re.compile(r"SO[A-Z2-7]{56}"): "is the seed of an operator",
    re.compile(r"U[A-Z2-7]{55}"): "is a public key",
}
"""Keys of NATS that are no login, each with what it is."""


class NatsLogin(NamedTuple):
    """How a client proves itself to NATS; what is empty is not sent."""

    user: str = ""
    password: str = ""
    token: str = ""
    jwt: str = ""
    """It goes with a seed, which signs."""
    seed: str = ""
    """Without a JWT: that of an NKEY."""

    @property
    def signs(self) -> bool:
        """Whether it signs what the server asks for, which needs the library `nkeys`."""
        return bool(self.seed)


def login_of(credentials: str) -> NatsLogin:
    """Returns the login of a text without a problem: a credentials file, an NKEY seed, `user:password`, or a token."""
    lines = [line.strip() for line in credentials.splitlines() if line.strip()]
    if _is_file(credentials):
        return NatsLogin(jwt=_below(lines, _JWT), seed=_below(lines, _SEED))
    if (seed := next(filter(_USER_SEED.fullmatch, lines), "")) or not lines:
        return NatsLogin(seed=seed)
    user, colon, password = credentials.strip().partition(":")
    return NatsLogin(user=user, password=password) if colon else NatsLogin(token=user)


def credentials_problem(credentials: str) -> str:
    """Returns what is wrong with the text of credentials, and what to do; empty for a good one. It quotes nothing of the text."""
    text = credentials.strip()
    if not text:
        return "is empty: write the text of a credentials file, such as ${file:/run/secrets/nats}, or leave it out"
    login = login_of(text)
    if _is_file(text) and not (login.seed and (login.jwt or _JWT not in text)):
        lacking = "a seed of a user (SU...)" if login.jwt or _JWT not in text else "a JWT"
        return f"lacks {lacking}: write the whole file, as `nsc generate creds` prints it"
    for form, what in _OTHER_KEYS.items():
        if form.fullmatch(text):
            return f"{what}: write the seed of a user, which begins with SU"
    return ""


def _is_file(text: str) -> bool:
    return _JWT in text or _SEED in text


def _below(lines: list[str], title: str) -> str:
    """The line below that which begins a block; empty without one, and where the block is empty."""
    at = next((at for at, line in enumerate(lines) if "BEGIN" in line and title in line), None)
    found = "" if at is None or at + 1 == len(lines) else lines[at + 1]
    return "" if found.startswith("-") else found
