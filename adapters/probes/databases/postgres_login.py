"""The logins that servers of PostgreSQL ask for: SCRAM, MD5, and a password in clear behind TLS."""

import asyncio
import hashlib
import hmac
import stringprep
import unicodedata
from base64 import b64decode, b64encode
from secrets import token_urlsafe

from ....domain.limits import LOGIN_ROUNDS_MAX
from ....domain.observation.outcome import Reason
from ..course import ProbeFailed, down

MECHANISM = b"SCRAM-SHA-256"


def md5_answer(user: str, password: str, salt: bytes) -> bytes:
    inner = hashlib.md5(password.encode() + user.encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()


class Scram:
    """One login by SCRAM-SHA-256 (RFC 5802, RFC 7677), in which the server proves as well that it knows the password."""

    def __init__(self, password: str, nonce: str | None = None) -> None:
        self._password = _prepared(password)
        self._nonce = nonce or token_urlsafe(18)
        self._bare = f"n=,r={self._nonce}"
        self._signature = b""
        self._proven = False

    def first(self) -> bytes:
        return f"n,,{self._bare}".encode()

    async def final(self, challenge: bytes) -> bytes:
        """The answer to the server's challenge. Raises: ProbeFailed where it is none, or asks for too much work."""
        said = challenge.decode("utf-8", "replace")
        parts = _parts(said)
        try:
            nonce, salt, rounds = parts["r"], b64decode(parts["s"], validate=True), int(parts["i"])
        except (KeyError, ValueError):
            raise _strange("its challenge cannot be read") from None
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise _strange("its challenge is for another login")
        if not 1 <= rounds <= LOGIN_ROUNDS_MAX:
            raise _strange(f"it asks for {rounds} rounds, more than {LOGIN_ROUNDS_MAX}")
        # On a thread, which the derivation leaves to others: milliseconds for which the loop does not stand still.
        salted = await asyncio.get_running_loop().run_in_executor(
            None, hashlib.pbkdf2_hmac, "sha256", self._password, salt, rounds
        )
        final = f"c=biws,r={nonce}"
        words = f"{self._bare},{said},{final}".encode()
        client_key = _keyed(salted, b"Client Key")
        proof = _mixed(client_key, _keyed(hashlib.sha256(client_key).digest(), words))
        self._signature = _keyed(_keyed(salted, b"Server Key"), words)
        return f"{final},p={b64encode(proof).decode()}".encode()

    def check(self, proof: bytes) -> None:
        """Raises: ProbeFailed where the server does not prove that it knows the password."""
        try:
            given = b64decode(_parts(proof.decode("utf-8", "replace"))["v"], validate=True)
        except (KeyError, ValueError):
            given = b""
        self._proven = bool(self._signature) and hmac.compare_digest(given, self._signature)
        self.check_proven()

    def check_proven(self) -> None:
        """Raises: ProbeFailed where the server has not proved that it knows the password."""
        if not self._proven:
            raise down(Reason.UNEXPECTED_ANSWER, "the server does not prove that it knows the password")


def _parts(said: str) -> dict[str, str]:
    return {part[:1]: part[2:] for part in said.split(",") if part[1:2] == "="}


def _keyed(key: bytes, words: bytes) -> bytes:
    return hmac.digest(key, words, "sha256")


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _prepared(password: str) -> bytes:
    """A password as SASLprep has it (RFC 4013); one that it forbids is taken as it is, as the server does."""
    mapped = "".join(
        " " if stringprep.in_table_c12(each) else each
        for each in password
        if not stringprep.in_table_b1(each)
    )
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    forbidden = any(table(each) for each in normal for table in _FORBIDDEN)
    return (password if forbidden or not normal else normal).encode()


_FORBIDDEN = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


def _strange(what: str) -> ProbeFailed:
    return down(Reason.PROTOCOL_ERROR, f"no login of the protocol: {what}")
