"""The words by which each protocol changes over from clear text to TLS."""

from collections.abc import Awaitable, Callable

from ....domain.limits import GREETING_BYTES_MAX
from ....domain.line import one_line
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.tls_handshake import StartTls
from ...net.wire import Wire
from ..course import ProbeFailed, down

EHLO = b"EHLO watchkeeper.invalid\r\n"
POSTGRES_ASKS = bytes.fromhex("0000000804d2162f")
"""SSLRequest: its length, and a version of the protocol that does not exist."""


async def ask_for_tls(wire: Wire, protocol: StartTls) -> None:
    """Brings a fresh connection to where the handshake begins. Raises: ProbeFailed where the server refuses."""
    await _WORDS[protocol](wire)


async def _smtp(wire: Wire) -> None:
    await expect_reply(wire, b"220", "the connection")
    await wire.write(EHLO)
    await expect_reply(wire, b"250", "EHLO")
    await wire.write(b"STARTTLS\r\n")
    await expect_reply(wire, b"220", "STARTTLS")


async def _ftp(wire: Wire) -> None:
    await expect_reply(wire, b"220", "the connection")
    await wire.write(b"AUTH TLS\r\n")
    await expect_reply(wire, b"234", "AUTH TLS")


async def _pop3(wire: Wire) -> None:
    await _expect_line(wire, b"+OK", "the connection")
    await wire.write(b"STLS\r\n")
    await _expect_line(wire, b"+OK", "STLS")


async def _imap(wire: Wire) -> None:
    await _expect_line(wire, b"* OK", "the connection")
    await wire.write(b"a STARTTLS\r\n")
    line = await wire.read_line(GREETING_BYTES_MAX)
    read = len(line)
    while line.startswith(b"* "):
        line = await wire.read_line(GREETING_BYTES_MAX)
        read += len(line) + 2
        if read > GREETING_BYTES_MAX:
            raise _endless()
    if not line.upper().startswith(b"A OK"):
        raise _refused(line, "STARTTLS")


async def _postgres(wire: Wire) -> None:
    await wire.write(POSTGRES_ASKS)
    answer = await wire.read_exactly(1)
    if answer == b"N":
        raise down(Reason.TLS_FAILED, "the server offers no TLS")
    if answer != b"S":
        raise down(Reason.PROTOCOL_ERROR, "the server does not speak the protocol of PostgreSQL")


async def expect_reply(
    wire: Wire, code: bytes, matter: str, reason: Reason = Reason.TLS_FAILED
) -> list[bytes]:
    """The lines of the next reply, each with its code. Raises: ProbeFailed for the reason where the code is another one."""
    lines = await _read_reply(wire)
    if lines[-1][:3] != code:
        raise _refused(lines[-1], matter, reason)
    return lines


async def _read_reply(wire: Wire) -> list[bytes]:
    """A reply of one or more lines, as SMTP and FTP have them; each line begins with the code. Raises: ProbeFailed."""
    read, lines = 0, []
    while True:
        line = await wire.read_line(GREETING_BYTES_MAX)
        read += len(line) + 2
        if not line[:3].isdigit():
            raise _strange(line)
        lines.append(line)
        if line[3:4] != b"-":
            return lines
        if read > GREETING_BYTES_MAX:
            raise _endless()


async def _expect_line(wire: Wire, beginning: bytes, matter: str) -> None:
    line = await wire.read_line(GREETING_BYTES_MAX)
    if not line.upper().startswith(beginning):
        is_reply = line[:1] in {b"+", b"-", b"*"}
        raise _refused(line, matter) if is_reply else _strange(line)


def _refused(line: bytes, matter: str, reason: Reason = Reason.TLS_FAILED) -> ProbeFailed:
    return down(reason, f"the server refuses {matter}: {shown_line(line)}")


def _strange(line: bytes) -> ProbeFailed:
    return down(Reason.PROTOCOL_ERROR, f"no reply of the protocol: {shown_line(line)}")


def _endless() -> ProbeFailed:
    return down(Reason.BODY_TOO_LARGE, f"a reply has more than {GREETING_BYTES_MAX} bytes")


def shown_line(line: bytes) -> str:
    """The beginning of a line, for people."""
    return one_line(line[:200].decode("utf-8", "replace"))


_WORDS: dict[StartTls, Callable[[Wire], Awaitable[None]]] = {
    "smtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
    "ftp": _ftp,
    "postgres": _postgres,
}
