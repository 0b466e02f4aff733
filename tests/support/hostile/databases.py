"""Small servers of the protocols of PostgreSQL and MySQL: a login, and answers in any bytes that a test likes."""

import hashlib
from collections.abc import Callable
from typing import Any

from .visit import Visit

SALT = b"salt"
NONCE = b"12345678abcdefghijkl"


def message(kind: str, content: bytes = b"") -> bytes:
    """A message of PostgreSQL."""
    return kind.encode() + (len(content) + 4).to_bytes(4) + content


READY = message("Z", b"I")
WELCOME = (
    message("R", bytes(4)) + message("S", b"server_version\x0015.1\x00") + message("K", bytes(8)) + READY
)
BEGUN = message("C", b"BEGIN\0") + message("C", b"SET\0") + message("Z", b"T")


def columns(*types: int) -> bytes:
    """The columns `a`, `b` ... of these types."""
    each = b"".join(
        chr(97 + at).encode() + b"\0" + bytes(6) + kind.to_bytes(4) + bytes(8)
        for at, kind in enumerate(types)
    )
    return message("T", len(types).to_bytes(2) + each)


def row(*cells: bytes | None) -> bytes:
    each = b"".join(b"\xff" * 4 if cell is None else len(cell).to_bytes(4) + cell for cell in cells)
    return message("D", len(cells).to_bytes(2) + each)


def error(code: str, text: str = "no") -> bytes:
    return message("E", f"SERROR\0C{code}\0M{text}\0".encode() + b"\0")


NUMBER = message("1") + message("2") + columns(23) + row(b"42") + message("C", b"SELECT 1\0") + READY


class Postgres:
    """Takes the startup of each visit, asks for a password by MD5 where there is one, and answers what follows in turn."""

    def __init__(
        self, *answers: bytes, user: str = "watch", database: str = "shop", password: str | None = None
    ) -> None:
        self.heard: list[bytes] = []
        self._answers = answers or (BEGUN, NUMBER)
        self._place, self._login = (user, database), password

    def __call__(self, visit: Visit) -> None:
        words = visit.read_something()[8:].split(b"\0")
        settings = dict(zip(words[::2], words[1::2], strict=False))
        place = (settings[b"user"].decode(), settings.get(b"database", settings[b"user"]).decode())
        if self._login is not None:
            visit.send(message("R", (5).to_bytes(4) + SALT))
            inner = hashlib.md5((self._login + self._place[0]).encode()).hexdigest()  # noqa: S324
            expected = b"md5" + hashlib.md5(inner.encode() + SALT).hexdigest().encode()  # noqa: S324
            if expected not in visit.read_something():
                visit.send(error("28P01", "password authentication failed"))
                return
        visit.send(WELCOME if place == self._place else error("3D000", "there is no such data base"))
        for answer in self._answers:
            self.heard.append(visit.read_something())
            visit.send(answer)
        self.heard.append(visit.read_something())
        visit.wait_for_client_to_leave()


def packet(number: int, content: bytes) -> bytes:
    """A packet of MySQL."""
    return len(content).to_bytes(3, "little") + bytes([number % 256]) + content


def greeting(
    plugin: bytes = b"mysql_native_password", version: bytes = b"8.4.0", *, has_tls: bool = False
) -> bytes:
    low = (0x8200 | 0x8 | (0x800 if has_tls else 0)).to_bytes(2, "little")
    head = b"\x0a" + version + b"\0" + bytes(4) + NONCE[:8] + b"\0" + low + b"\x2d" + bytes(2)
    return packet(0, head + b"\x08\x00" + bytes([21]) + bytes(10) + NONCE[8:] + b"\0" + plugin + b"\0")


TLS_ASKED_BYTES = 36
"""The length of the packet by which a client begins TLS."""
OK = bytes(7)
END = b"\xfe\0\0\2\0"


def text(word: bytes) -> bytes:
    return bytes([len(word)]) + word


def column(name: bytes = b"n", kind: int = 3) -> bytes:
    return b"\3def" + bytes(3) + text(name) + b"\0\x0c" + bytes(6) + bytes([kind]) + bytes(5)


def refusal(code: int, said: str) -> bytes:
    return b"\xff" + code.to_bytes(2, "little") + b"#HY000" + said.encode()


def answer(*contents: bytes, first: int = 1) -> bytes:
    """Packets that follow each other in one exchange."""
    return b"".join(packet(first + at, content) for at, content in enumerate(contents))


FORTY_TWO = answer(b"\1", column(), END, text(b"42"), END)


class Mysql:
    """Greets each visit, judges its login by mysql_native_password, and answers its commands in turn; `heard` has them."""

    def __init__(
        self,
        *answers: bytes,
        user: str = "watch",
        database: str | None = None,
        password: str = "",
        greets: bytes | None = None,
        logs_in: Callable[[Visit], Any] | None = None,
    ) -> None:
        self.heard: list[bytes] = []
        self._answers = answers or (*[answer(OK)] * 5, FORTY_TWO)
        self._login, self._database = (user.encode(), password.encode()), database
        self._greeting, self._logs_in = greets or greeting(), logs_in

    def __call__(self, visit: Visit) -> None:
        visit.send(self._greeting)
        if self._logs_in is not None:
            self._logs_in(visit)
        elif not self._judge(visit.read_something()):
            visit.send(answer(refusal(1045, "Access denied"), first=2))
            return
        else:
            visit.send(packet(2, OK))
        for said in self._answers:
            self.heard.append(visit.read_something())
            visit.send(said)
        self.heard.append(visit.read_something())
        visit.wait_for_client_to_leave()

    def _judge(self, login: bytes) -> bool:
        user, _, rest = login[36:].partition(b"\0")
        proof, database = rest[1 : 1 + rest[0]], rest[1 + rest[0] :].partition(b"\0")[0].decode()
        expected = b""
        if self._login[1]:
            once = hashlib.sha1(self._login[1]).digest()  # noqa: S324
            mask = hashlib.sha1(NONCE + hashlib.sha1(once).digest()).digest()  # noqa: S324
            expected = bytes(a ^ b for a, b in zip(once, mask, strict=True))
        return user == self._login[0] and proof == expected and self._database in {None, database}
