"""A real name server on loopback, over UDP, that answers, refuses, keeps silent, or loses what is sent first."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from ipaddress import ip_address
from types import TracebackType
from typing import Self

HEADER = struct.Struct(">HHHHHH")
RECORD = struct.Struct(">HHIH")
KINDS = {1: 4, 28: 6}
"""The types A and AAAA, and the version of the address that each holds."""
NO_SUCH_NAME, SERVER_FAILED = 3, 2
SILENCE = "silence"
"""The behaviour of a name that is never answered."""
JOIN_S = 20.0

Behaviour = tuple[str, ...] | int | str


class NameServer:
    """Serves on its own thread from the begin of `with` to its end.

    `names` says what each name has: addresses, the code of a failure, or SILENCE; a name that begins with a dot stands for
    all below it. Any other name does not exist. `lost` says how many questions for a name are lost before one is answered.
    """

    def __init__(
        self, names: Mapping[str, Behaviour] | None = None, lost: Mapping[str, int] | None = None
    ) -> None:
        self.names: dict[str, Behaviour] = dict(names or {})
        self.lost: Counter[str] = Counter(lost or {})
        self.asked: Counter[str] = Counter()
        self.mute = False
        """Whether nothing at all is answered."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # Questions that come together must not be lost but where the test says so.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join(JOIN_S)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, peer = self._socket.recvfrom(4096)
            if not question:
                return
            answer = self._answer(question)
            if answer is not None:
                self._socket.sendto(answer, peer)

    def _answer(self, question: bytes) -> bytes | None:
        name, end = _name_of(question)
        (kind,) = struct.unpack_from(">H", question, end)
        self.asked[name] += 1
        behaviour = self._behaviour(name)
        if self.mute or isinstance(behaviour, str):
            return None
        if self.lost[name]:
            self.lost[name] -= 1
            return None
        asked = question[12 : end + 4]
        if isinstance(behaviour, int):
            return _header(question, behaviour, 0) + asked
        wanted = [ip_address(each) for each in behaviour if ip_address(each).version == KINDS.get(kind)]
        records = b"".join(
            b"\xc0\x0c" + RECORD.pack(kind, 1, 60, len(each.packed)) + each.packed for each in wanted
        )
        return _header(question, 0, len(wanted)) + asked + records

    def _behaviour(self, name: str) -> Behaviour:
        below = (self.names[zone] for zone in self.names if zone.startswith(".") and name.endswith(zone))
        return self.names[name] if name in self.names else next(below, NO_SUCH_NAME)


def _header(question: bytes, code: int, answers: int) -> bytes:
    (identity,) = struct.unpack_from(">H", question)
    return HEADER.pack(identity, 0x8180 | code, 1, answers, 0, 0)


def _name_of(question: bytes) -> tuple[str, int]:
    """The name that is asked for, in lower case, and the place behind it."""
    labels, at = [], HEADER.size
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels).lower(), at + 1
