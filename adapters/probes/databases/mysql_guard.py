"""The guard before PyMySQL: no packet goes to it that is too large, and none that would have it send a password in clear.

PyMySQL 1.2 sends a password in clear to a server that asks by `mysql_clear_password` or `dialog`, and encrypts it with any key
that a server names; a packet may have any length.
"""

from ....domain.limits import ANSWER_BYTES_MAX, BODY_BYTES, COLUMNS_MAX
from ....domain.line import one_line
from ....domain.observation.outcome import Reason
from ...net.wire import Wire
from ..course import AttemptCourse, ProbeFailed, down

PROTOCOL, HEAD_BYTES, TLS_ASKED_BYTES = 10, 4, 36
OK, MORE, FILE_ASKED, WORD, LONG, SWITCH, ERROR = 0x00, 0x01, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF
REMEMBERED = b"\x01\x03"
"""The word of a server with caching_sha2_password that the proof is enough."""
PROOFS = frozenset({"mysql_native_password", "caching_sha2_password"})
CLEAR = frozenset({"mysql_clear_password", "sha256_password"})
"""Logins by the password itself, which is sent behind TLS alone."""


class MysqlGuard:
    """The packets of one connection, as they may go to the library and to the server."""

    def __init__(self, course: AttemptCourse, wire: Wire, *, wants_tls: bool) -> None:
        self._course, self._wire, self._wants_tls = course, wire, wants_tls
        self._unread = bytearray()
        self._read_bytes = 0
        self._greeted = False
        self._is_answer = False
        """Whether the next packet is the first one after a command."""
        self.stage, self.matter = "before the login was answered", "the connection"
        """The state after the next thing that is sent, in words, and the thing that a server may refuse; empty for a query."""
        self.logs_in = True

    @property
    def is_secure(self) -> bool:
        return self._wire.tls is not None

    async def write(self, data: bytes) -> None:
        """Sends what the library says. Raises: ProbeFailed where it would be in clear and must not, WireBroken."""
        if self._wants_tls and not self.is_secure and len(data) != TLS_ASKED_BYTES:
            raise no_tls()
        self._course.stage, self._is_answer = self.stage, True
        if self.matter == "the connection":
            self.matter = "the login"
        await self._wire.write(data)

    async def read(self) -> bytes:
        """The packets that have come, whole ones, at least one. Raises: ProbeFailed, WireBroken."""
        while not (length := self._judged_bytes()):
            piece = await self._wire.read()
            self._read_bytes += len(piece)
            if self._read_bytes > ANSWER_BYTES_MAX:
                raise down(Reason.BODY_TOO_LARGE, f"more than {ANSWER_BYTES_MAX} bytes came")
            self._unread += piece
        whole = bytes(self._unread[:length])
        del self._unread[:length]
        return whole

    def check_empty(self) -> None:
        """Raises: ProbeFailed where bytes came in clear before TLS, which anybody could have put there."""
        if self._unread:
            raise down(Reason.PROTOCOL_ERROR, "bytes came in clear where TLS must begin")

    def _judged_bytes(self) -> int:
        """The length of the packets that are whole."""
        at = 0
        while at + HEAD_BYTES <= len(self._unread):
            head = self._unread[at : at + HEAD_BYTES]
            # Looked at before the length, which is anything where another protocol speaks.
            if not self._greeted and head[3]:
                raise strange(f"a packet begins with {one_line(head.decode('latin-1'))!r}")
            length = int.from_bytes(head[:3], "little")
            if length > BODY_BYTES:
                raise down(Reason.BODY_TOO_LARGE, f"one packet has {length} bytes, more than {BODY_BYTES}")
            end = at + HEAD_BYTES + length
            if end > len(self._unread):
                break
            self._judge(bytes(self._unread[at + HEAD_BYTES : end]))
            at = end
        return at

    def _judge(self, content: bytes) -> None:
        if not content:
            raise strange("an empty packet")
        if not self._greeted:
            self._greeted, self._course.first_byte_ns = True, self._course.spent_ns()
            if content[0] not in {PROTOCOL, ERROR}:
                raise strange(f"the version {content[0]} of the protocol")
        elif self.logs_in:
            self._judge_login(content)
        elif self._is_answer:
            self._is_answer = False
            if self.matter and content[0] not in {OK, ERROR}:
                raise strange("rows where there are none")
            _judge_answer(content)

    def _judge_login(self, content: bytes) -> None:
        """Raises: ProbeFailed where the library would send more than a proof of the password."""
        plugin = content[1:].partition(b"\0")[0].decode("ascii", "replace") if content[0] == SWITCH else None
        if plugin is not None and plugin not in PROOFS | CLEAR:
            known = ", ".join(sorted(PROOFS | CLEAR))
            text = f"the server asks for a login by {one_line(plugin[:60])!r}, and these are known: {known}"
            raise down(Reason.UNEXPECTED_ANSWER, text)
        asks = plugin in CLEAR or (content[0] == MORE and content != REMEMBERED)
        if asks and not self.is_secure:
            text = "the server asks for the password in clear, and it is not sent: write tls"
            raise down(Reason.UNEXPECTED_ANSWER, text)


def _judge_answer(content: bytes) -> None:
    if content[0] == FILE_ASKED:
        raise strange("it asks for a file of this machine")
    count = int.from_bytes(content[1:3], "little") if content[0] == WORD else 0
    if content[0] in {LONG, SWITCH} or count > COLUMNS_MAX:
        raise strange(f"more than {COLUMNS_MAX} columns")


def no_tls() -> ProbeFailed:
    return down(Reason.TLS_FAILED, "the server offers no TLS")


def strange(what: str) -> ProbeFailed:
    return down(Reason.PROTOCOL_ERROR, f"no answer of the protocol: {what}")
