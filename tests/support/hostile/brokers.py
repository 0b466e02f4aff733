"""A small message broker and a small server of mailboxes, each with one login."""

from collections.abc import Iterator
from typing import Any

from .visit import Visit

CONNACK, SUBACK, PUBACK = b"\x20\x02\0\0", b"\x90\x03\0\1\0", b"\x40\x02\0\2"
CONNACK_5, SUBACK_5, PUBACK_5 = b"\x20\x03\0\0\0", b"\x90\x04\0\1\0\0", b"\x40\x03\0\2\0"


def mqtt_text(text: str) -> bytes:
    coded = text.encode()
    return len(coded).to_bytes(2) + coded


def published(topic: str, payload: bytes, *, version: int = 4, retained: bool = False) -> bytes:
    """A message as a broker sends it, of less than 128 bytes."""
    content = mqtt_text(topic) + (b"\0" if version == 5 else b"") + payload
    return bytes([0x31 if retained else 0x30, len(content)]) + content


class Broker:
    """Takes one login, and gives a retained message and what is published to those who have subscribed; `heard` has all packets."""

    def __init__(
        self, user: str | None = None, password: str | None = None, retained: bytes | None = b"7"
    ) -> None:
        self.heard: list[bytes] = []
        self._login = b"".join(mqtt_text(each) for each in (user, password) if each is not None)
        self._retained = retained

    def __call__(self, visit: Visit) -> None:
        version, topic = 4, ""
        for packet in packets(visit):
            self.heard.append(packet)
            kind, content = packet[0] >> 4, packet[2:]
            if kind == 1:
                version = content[6]
                good = content.endswith(self._login) and bool(content[7] & 0x80) is bool(self._login)
                visit.send((CONNACK_5 if version == 5 else CONNACK) if good else b"\x20\x02\0\5")
            elif kind == 8:
                rest = content[3:] if version == 5 else content[2:]
                topic = rest[2:-1].decode()
                visit.send(SUBACK_5 if version == 5 else SUBACK)
                if self._retained is not None:
                    visit.send(published(topic, self._retained, version=version, retained=True))
            elif kind == 3:
                payload = content[2 + content[1] + (3 if version == 5 else 2) :]
                visit.send(published(topic, payload, version=version))
                visit.send(PUBACK_5 if version == 5 else PUBACK)


def packets(visit: Visit) -> Iterator[bytes]:
    """The packets of a client, each of less than 128 bytes, until it leaves."""
    read = b""
    while more := visit.read_something():
        read += more
        while len(read) > 1 and len(read) >= 2 + read[1]:
            yield read[: 2 + read[1]]
            read = read[2 + read[1] :]


class Mailboxes:
    """Speaks IMAP: a greeting, capabilities, STARTTLS with a context, and logins by PLAIN or LOGIN; `heard` has all lines."""

    def __init__(
        self, *capabilities: str, plain: bytes = b"", context: Any = None, at_once: bool = False
    ) -> None:
        self.heard: list[bytes] = []
        self._capabilities = " ".join(("IMAP4rev1", *capabilities)).encode()
        self._plain, self._context, self._at_once = plain, context, at_once

    def __call__(self, visit: Visit) -> None:
        if self._at_once:
            visit.secure(self._context)
        visit.send(b"* OK mail.test ready\r\n")
        while line := visit.read_something():
            self.heard.append(line)
            tag, _, command = line.rstrip().partition(b" ")
            if command == b"CAPABILITY":
                visit.send(b"* CAPABILITY " + self._capabilities + b"\r\n" + tag + b" OK done\r\n")
            elif command == b"STARTTLS":
                visit.send(tag + (b" OK begin\r\n" if self._context else b" BAD what\r\n"))
                if self._context:
                    visit.secure(self._context)
            elif command == b"AUTHENTICATE PLAIN":
                visit.send(b"+ \r\n")
                said = visit.read_something()
                visit.send(tag + (b" OK in\r\n" if said.rstrip() == self._plain else b" NO wrong\r\n"))
            elif command.startswith(b"LOGIN "):
                visit.send(b"+ user\r\n")
                user = visit.read_something()
                visit.send(b"+ password\r\n")
                said = user.partition(b" ")[0] + b" " + visit.read_something().rstrip()
                visit.send(tag + (b" OK in\r\n" if said == self._plain else b" NO wrong\r\n"))
            else:
                visit.send(b"* BYE\r\n" + tag + b" OK out\r\n")
