"""The packets of MySQL and MariaDB: their framing, the greeting, errors, columns and rows."""

from typing import NamedTuple

from ....domain.limits import BODY_BYTES, COLUMNS_MAX
from ....domain.line import one_line
from ....domain.observation.outcome import Reason
from ...net.wire import Wire
from ..course import ProbeFailed, down
from .rows import Cell, number_cell

PROTOCOL, NONCE_BYTES = 10, 20
HAS_TLS, KNOWS_PLUGINS, WITH_DATABASE = 0x800, 0x8_0000, 0x8
CAPABILITIES = 0x1 | 0x200 | 0x2000 | 0x8000 | KNOWS_PLUGINS
"""Long passwords, the protocol of 4.1, transactions, long challenges. No file is ever read for the server, and no second statement taken."""
UTF8MB4 = 45
OK, MORE, FILE_ASKED, END, ERROR = 0x00, 0x01, 0xFB, 0xFE, 0xFF
ABSENT = 0xFB
NUMBERS = frozenset({0, 1, 2, 3, 4, 5, 8, 9, 13, 246})
"""The types of columns whose values are numbers: decimal, tiny, short, long, float, double, longlong, int24, year, newdecimal."""


class ServerError(Exception):  # a word of the server, not a fault of this program
    """The server answered with an error; `said` is its text, which may show parts of a query."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code, self.said = code, said


class MysqlGreeting(NamedTuple):
    """The first packet of a server, which it says of itself."""

    version: str
    capabilities: int
    plugin: str
    nonce: bytes


class Packets:
    """The packets of one connection, each with its number in the exchange that it belongs to."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._number = 0

    @property
    def is_secure(self) -> bool:
        return self._wire.tls is not None

    async def begin(self, content: bytes) -> None:
        """Sends a command, with which an exchange begins."""
        self._number = 0
        await self.write(content)

    async def write(self, content: bytes) -> None:
        await self._wire.write(len(content).to_bytes(3, "little") + bytes([self._number]) + content)
        self._number = (self._number + 1) % 256

    async def read(self) -> bytes:
        """The next packet. Raises: ServerError, ProbeFailed where it is too large or none; WireBroken."""
        head = await self._wire.read_exactly(4)
        # Looked at before the length, which is anything where another protocol speaks.
        if head[3] != self._number:
            raise strange(f"a packet begins with {one_line(head.decode('latin-1'))!r}")
        length = int.from_bytes(head[:3], "little")
        if length > BODY_BYTES:
            raise down(Reason.BODY_TOO_LARGE, f"one packet has {length} bytes, more than {BODY_BYTES}")
        content = await self._wire.read_exactly(length)
        self._number = (self._number + 1) % 256
        if not content:
            raise strange("an empty packet")
        if content[0] == ERROR:
            raise _error(content)
        return content


def _error(content: bytes) -> ServerError:
    said = content[3:]
    # A marker and the state of SQL stand first, but not before the login.
    if said.startswith(b"#"):
        said = said[6:]
    return ServerError(
        int.from_bytes(content[1:3], "little"), one_line(said[:200].decode("utf-8", "replace"))
    )


def read_greeting(content: bytes) -> MysqlGreeting:
    """Raises: ProbeFailed where it is none of protocol 10."""
    if content[0] != PROTOCOL:
        raise strange(f"the version {content[0]} of the protocol")
    version, _, rest = content[1:].partition(b"\0")
    if len(rest) < 44 - 13:
        raise strange("a greeting that is too short")
    capabilities = int.from_bytes(rest[13:15], "little") | int.from_bytes(rest[18:20], "little") << 16
    second = max(13, rest[20] - 8)
    nonce = (rest[4:12] + rest[31 : 31 + second])[:NONCE_BYTES]
    plugin = rest[31 + second :].partition(b"\0")[0].decode("ascii", "replace")
    return MysqlGreeting(
        version.decode("utf-8", "replace"), capabilities, plugin or "mysql_native_password", nonce
    )


class Column(NamedTuple):
    """One column of an answer."""

    name: str
    kind: int


class RowReader:
    """Reads the parts of a packet one after another. Raises: ProbeFailed where there are fewer."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def number(self) -> int:
        """A number as long as its first byte says."""
        first = self.take(1)[0]
        if first < ABSENT:
            return first
        length = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first)
        if length is None:
            raise strange("a length that is none")
        return int.from_bytes(self.take(length), "little")

    def text(self) -> str:
        return self.take(self.number()).decode("utf-8", "replace")

    def cell(self) -> str | None:
        """The next value of a row."""
        if self._content[self._at : self._at + 1] == bytes([ABSENT]):
            self._at += 1
            return None
        return self.text()

    def take(self, length: int) -> bytes:
        piece = self._content[self._at : self._at + length]
        if len(piece) < length:
            raise strange("a packet that is cut")
        self._at += length
        return piece


def read_column(content: bytes) -> Column:
    reader = RowReader(content)
    for _ in ("catalog", "schema", "table", "table of origin"):
        reader.text()
    name = reader.text()
    reader.text()
    reader.number()
    reader.take(2 + 4)
    return Column(name, reader.take(1)[0])


def read_row(content: bytes, columns: list[Column]) -> list[Cell]:
    reader = RowReader(content)
    return [_cell(reader.cell(), column.kind) for column in columns]


def _cell(text: str | None, kind: int) -> Cell:
    return number_cell(text) if text is not None and kind in NUMBERS else text


def count_of_columns(content: bytes) -> int:
    """Raises: ProbeFailed where an answer is no rows that can be read."""
    if content[0] == FILE_ASKED:
        raise strange("it asks for a file of this machine")
    count = RowReader(content).number()
    if count > COLUMNS_MAX:
        raise strange(f"{count} columns")
    return count


def is_end(content: bytes) -> bool:
    """Whether a packet ends a list; a row that begins alike is longer."""
    return content[0] == END and len(content) < 9


def strange(what: str) -> ProbeFailed:
    return down(Reason.PROTOCOL_ERROR, f"no answer of the protocol: {what}")
