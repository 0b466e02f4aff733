"""The servers' side of protocols that begin in clear and change over to TLS."""

import ssl
from collections.abc import Callable, Sequence
from functools import partial

from .visit import Visit

Turn = tuple[bytes, bytes | None]
TURNS: dict[str, list[Turn]] = {
    "smtp": [(b"220-hi\r\n220 mail\r\n", b"EHLO"), (b"250-mail\r\n250 STARTTLS\r\n", b"STARTTLS"), (b"220 go\r\n", None)],
    "imap": [(b"* OK ready\r\n", b"a STARTTLS"), (b"* CAPABILITY IMAP4\r\na OK begin\r\n", None)],
    "pop3": [(b"+OK ready\r\n", b"STLS"), (b"+OK begin\r\n", None)],
    "ftp": [(b"220 ready\r\n", b"AUTH TLS"), (b"234 begin\r\n", None)],
    "postgres": [(b"", bytes.fromhex("0000000804d2162f")), (b"S", None)],
}  # fmt: skip
"""The words of a server, and how the client's answer to it begins; the last turn is followed by the handshake."""


def changing_over(protocol: str, context: ssl.SSLContext) -> Callable[[Visit], None]:
    """The greeting of a server that speaks a protocol in clear, and then TLS until the client leaves."""
    return partial(_speak, TURNS[protocol], context)


def _speak(turns: Sequence[Turn], context: ssl.SSLContext, visit: Visit) -> None:
    for said, expected in turns:
        if said:
            visit.send(said)
        if expected is not None and not visit.read_something().startswith(expected):
            return
    visit.secure(context)
    visit.wait_for_client_to_leave()
