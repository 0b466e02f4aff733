"""The guard before libpq: no message goes to it that is too large, that asks for too much work, or for a password in clear.

libpq 18 takes a message of 2 GB, and derives a key for as many rounds as the server likes, in which psycopg 3.3 holds the
whole process: 0.11 s for 100,000 rounds.
"""

import re
from typing import NamedTuple

from ....domain.limits import BODY_BYTES, LOGIN_MESSAGES_MAX, LOGIN_ROUNDS_MAX, NOTICES_MAX
from ....domain.line import one_line
from ....domain.observation.outcome import Reason
from ...net.wire import Wire
from ..course import ProbeFailed, down

MECHANISM = b"SCRAM-SHA-256"
CHALLENGE = re.compile(rb"r=[^,\0]+,s=[^,\0]+,i=([0-9]{1,9})")
"""The whole challenge: libpq reads it as far as it is one, so that nothing may follow."""
GRANTED, CLEAR, MD5, SASL, SASL_CONTINUE, SASL_FINAL = 0, 3, 5, 10, 11, 12
PASSED_OVER, SETTING, ERROR, LOGIN = frozenset(b"NA"), ord("S"), ord("E"), ord("R")
"""Notices and notifications, which may come at any time, as settings may, which libpq keeps."""


class ServerMessage(NamedTuple):
    """One message of the server: the letter of its kind, and the rest."""

    kind: int
    content: bytes

    def __bytes__(self) -> bytes:
        return bytes([self.kind]) + (len(self.content) + 4).to_bytes(4) + self.content


class Guard:
    """Reads the messages of one connection."""

    def __init__(self, wire: Wire, *, has_password: bool) -> None:
        self._wire, self._has_password = wire, has_password
        self._challenged = self._answers = 0
        self.login = GRANTED
        """The kind of the newest message of the login."""

    async def read(self, kinds: bytes) -> ServerMessage:
        """The next message of some kinds, or an error of the server. Raises: ProbeFailed, WireBroken."""
        for _ in range(NOTICES_MAX):
            message = await self._read(kinds)
            if message.kind == LOGIN:
                return self._judged(message)
            if message.kind not in PASSED_OVER:
                return message
        raise down(Reason.BODY_TOO_LARGE, f"{NOTICES_MAX} notices came in a row")

    async def _read(self, kinds: bytes) -> ServerMessage:
        kind = (await self._wire.read_exactly(1))[0]
        # Looked at before the length, which is anything where another protocol speaks.
        if kind not in kinds and kind not in PASSED_OVER and kind not in {SETTING, ERROR}:
            raise strange(f"a message that begins with {one_line(chr(kind))!r}")
        length = int.from_bytes(await self._wire.read_exactly(4)) - 4
        if length < 0:
            raise strange("a message of less than no length")
        if length > BODY_BYTES:
            raise down(Reason.BODY_TOO_LARGE, f"one message has {length} bytes, more than {BODY_BYTES}")
        return ServerMessage(kind, await self._wire.read_exactly(length))

    def _judged(self, message: ServerMessage) -> ServerMessage:
        """A message of the login as libpq may have it. Raises: ProbeFailed."""
        kind, rest = int.from_bytes(message.content[:4]), message.content[4:]
        self._answers += 1
        if self._answers > LOGIN_MESSAGES_MAX:
            raise strange("a login without an end")
        if kind == GRANTED:
            # A server that skips the end of the exchange has proved nothing: it may be another one.
            if self._challenged and self.login != SASL_FINAL:
                raise unproven()
            return message
        self.login = kind
        if not self._has_password:
            raise down(Reason.UNEXPECTED_ANSWER, "the server asks for a password: write it under password")
        if kind == CLEAR and self._wire.tls is None:
            text = "the server asks for the password in clear, and it is not sent: write tls"
            raise down(Reason.UNEXPECTED_ANSWER, text)
        if kind == SASL and MECHANISM in rest.split(b"\0"):
            self._challenged += 1
            # The binding to TLS is left out of the offer: libpq sees none, and would take the offer for a forged one.
            return ServerMessage(LOGIN, message.content[:4] + MECHANISM + b"\0\0")
        if kind == SASL_CONTINUE:
            _check_rounds(rest)
        elif kind not in {CLEAR, MD5, SASL_FINAL}:
            text = f"the server asks for a login of kind {kind}: SCRAM, MD5 or a password in clear are known"
            raise down(Reason.UNEXPECTED_ANSWER, text)
        return message


def _check_rounds(challenge: bytes) -> None:
    found = CHALLENGE.fullmatch(challenge)
    if found is None:
        raise strange("its challenge cannot be read")
    if int(found[1]) > LOGIN_ROUNDS_MAX:
        raise strange(f"it asks for {int(found[1])} rounds, more than {LOGIN_ROUNDS_MAX}")


def unproven() -> ProbeFailed:
    return down(Reason.UNEXPECTED_ANSWER, "the server does not prove that it knows the password")


def strange(what: str) -> ProbeFailed:
    return down(Reason.PROTOCOL_ERROR, f"no answer of the protocol: {what}")
