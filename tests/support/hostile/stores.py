"""A small store that speaks the protocol of Redis, with a login, databases and a few commands."""

import ssl
from collections.abc import Iterator

from .visit import Visit

PONG, OK = b"+PONG\r\n", b"+OK\r\n"
ANSWERS: dict[str, bytes] = {
    "LLEN jobs": b":42\r\n",
    "GET load": b"$4\r\n0.25\r\n",
    "GET gone": b"$-1\r\n",
    "GET word": "$9\r\ngrün\r\nab\r\n".encode(),
    "LRANGE jobs 0 -1": b"*3\r\n$1\r\na\r\n:7\r\n*2\r\n$-1\r\n+x\r\n",
    "LLEN word": b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
}


class Store:
    """Answers the commands of each visit; `heard` holds all of them."""

    def __init__(
        self, password: str | None = None, user: str = "default", tls: ssl.SSLContext | None = None
    ) -> None:
        self.heard: list[str] = []
        self._login = None if password is None else (user, password)
        self._tls = tls

    def __call__(self, visit: Visit) -> None:
        if self._tls is not None:
            visit.secure(self._tls)
        allowed, database = self._login is None, "0"
        for words in commands(visit):
            self.heard.append(" ".join(words))
            if words[0] == "AUTH":
                allowed = (words[1] if len(words) > 2 else "default", words[-1]) == self._login
                visit.send(OK if allowed else b"-WRONGPASS invalid username-password pair\r\n")
            elif not allowed:
                visit.send(b"-NOAUTH Authentication required.\r\n")
            elif words[0] == "SELECT":
                database = words[1]
                visit.send(OK if int(database) < 16 else b"-ERR DB index is out of range\r\n")
            elif words == ["PING"]:
                visit.send(PONG)
            elif words == ["DATABASE"]:
                visit.send(b":" + database.encode() + b"\r\n")
            else:
                visit.send(ANSWERS[" ".join(words)])


def commands(visit: Visit) -> Iterator[list[str]]:
    """The commands that a client sends, until it leaves."""
    read = bytearray()
    while more := visit.read_something():
        read += more
        while (command := _taken(read)) is not None:
            yield command


def _taken(read: bytearray) -> list[str] | None:
    """Takes one whole command from the front of what was read."""
    first, _, rest = bytes(read).partition(b"\r\n")
    words = []
    for _ in range(int(first[1:] or 0)):
        length, found, rest = rest.partition(b"\r\n")
        if not found or len(rest) < int(length[1:]) + 2:
            return None
        words.append(rest[: int(length[1:])].decode())
        rest = rest[int(length[1:]) + 2 :]
    if not words:
        return None
    read[:] = rest
    return words
