"""The `postgres` probe: a login, and one query in a transaction that only reads."""

from typing import NamedTuple

from ....domain.limits import BODY_BYTES, COLUMNS_MAX, NOTICES_MAX, ROWS_MAX
from ....domain.line import one_line
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.servers.postgres import Postgres
from ...net.secure_contexts import client_context
from ...net.wire import Wire
from ..course import AttemptCourse, ProbeFailed, down
from ..network.starttls import ask_for_tls
from ..secured import open_wire, secure
from .postgres_login import MECHANISM, Scram, md5_answer
from .rows import Cell, Rows, limit_ms_of, number_cell, version_observation

PROTOCOL = 3 << 16
CELL_ABSENT = -1
NUMBERS = frozenset({20, 21, 23, 26, 700, 701, 1700})
"""The types of columns whose values are numbers: int8, int2, int4, oid, float4, float8, numeric."""
BOOLEAN = 16
PASSED_OVER = frozenset(b"NSA")
"""Notices, settings and notifications, which may come at any time."""
PLAIN_PASSWORD, MD5_PASSWORD, SASL, SASL_CONTINUE, SASL_FINAL = 3, 5, 10, 11, 12

ERRORS = {
    "22": "the data is wrong",
    "25006": "it would write, and a check only reads",
    "28": "the login is refused",
    "40": "the transaction was rolled back",
    "42501": "a right is missing",
    "42601": "the statement cannot be read",
    "42703": "there is no such column",
    "42883": "there is no such function",
    "42P01": "there is no such table",
    "53": "the server lacks resources",
    "55P03": "a lock is held",
    "57014": "the server ended the query",
    "57P": "the server is going down",
}
"""The words for a code, or for the beginning of some: the server's own may show parts of the query."""


class ServerMessage(NamedTuple):
    """One message of the server: the letter of its kind, and the rest."""

    kind: int
    content: bytes


async def ask_postgres(probe: Postgres, course: AttemptCourse) -> Observation:
    """One attempt of a `postgres` probe. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    context = None if probe.tls is None else client_context(probe.tls)
    wire = await open_wire(course, probe.host, probe.port, probe.address_family, None)
    if probe.tls is not None and context is not None:
        course.stage = "while TLS was asked for"
        await ask_for_tls(wire, "postgres")
        await secure(course, wire, probe.host, probe.tls, context)
    course.stage = "before the login was answered"
    talk = _Talk(wire)
    await _log_in(talk, probe)
    await talk.read_until_ready()
    if probe.query is None:
        course.response_time_ns = course.spent_ns()
        await talk.write(b"X")
        return version_observation(course, talk.version)
    course.stage, talk.matter = "before the transaction had begun", "the transaction"
    # Within the transaction: a pool that lends this connection to others keeps nothing of it.
    await talk.write(b"Q", _word(f"BEGIN READ ONLY; SET LOCAL statement_timeout = {limit_ms_of(course)}"))
    await talk.read_until_ready()
    course.stage = "before the query was answered"
    rows = await _query(talk, probe.query)
    course.response_time_ns = course.spent_ns()
    await talk.write(b"X")
    return rows.observation(course)


async def _log_in(talk: "_Talk", probe: Postgres) -> None:
    settings = {"user": probe.user, "application_name": "watchkeeper", "client_encoding": "UTF8"}
    if probe.database is not None:
        settings["database"] = probe.database
    words = b"".join(_word(name) + _word(value) for name, value in settings.items())
    await talk.write(b"", PROTOCOL.to_bytes(4) + words + b"\0")
    scram: Scram | None = None
    while True:
        content = (await talk.read(b"R")).content
        kind, rest = int.from_bytes(content[:4]), content[4:]
        if kind == 0:
            # A server that skips the end of the exchange has proved nothing: it may be another one.
            if scram is not None:
                scram.check_proven()
            return
        if probe.password is None:
            text = "the server asks for a password: write it under password"
            raise down(Reason.UNEXPECTED_ANSWER, text)
        if kind == PLAIN_PASSWORD:
            if not talk.is_secure:
                text = "the server asks for the password in clear, and it is not sent: write tls"
                raise down(Reason.UNEXPECTED_ANSWER, text)
            await talk.write(b"p", _word(probe.password))
        elif kind == MD5_PASSWORD:
            await talk.write(b"p", md5_answer(probe.user, probe.password, rest[:4]) + b"\0")
        elif kind == SASL and MECHANISM in rest.split(b"\0"):
            scram = Scram(probe.password)
            first = scram.first()
            await talk.write(b"p", MECHANISM + b"\0" + len(first).to_bytes(4) + first)
        elif kind == SASL_CONTINUE and scram is not None:
            await talk.write(b"p", await scram.final(rest))
        elif kind == SASL_FINAL and scram is not None:
            scram.check(rest)
        else:
            text = f"the server asks for a login of kind {kind}: SCRAM, MD5 or a password in clear are known"
            raise down(Reason.UNEXPECTED_ANSWER, text)


async def _query(talk: "_Talk", query: str) -> Rows:
    """The rows of one statement: the extended protocol takes no second one, by which the transaction could end."""
    parse = _message(b"P", b"\0" + _word(query) + b"\0\0")
    bind = _message(b"B", bytes(8))
    execute = _message(b"E", b"\0" + (ROWS_MAX + 1).to_bytes(4))
    await talk.send(parse + bind + _message(b"D", b"P\0") + execute + _message(b"S"))
    talk.in_query = True
    rows, columns = Rows(), _Columns((), ())
    while True:
        reply = await talk.read(b"12TnDCsIZ")
        if reply.kind == ord("T"):
            columns = _read_columns(reply.content)
        elif reply.kind == ord("D"):
            rows.take(columns.names, _read_row(reply.content, columns))
        if rows.cut or reply.kind == ord("Z"):
            return rows


class _Columns(NamedTuple):
    names: tuple[str, ...]
    types: tuple[int, ...]


def _read_columns(content: bytes) -> _Columns:
    names, types, at = [], [], 2
    for _ in range(_count(content)):
        end = content.find(b"\0", at)
        if end < 0 or len(content) < end + 19:
            raise _strange("columns that are cut")
        names.append(content[at:end].decode("utf-8", "replace"))
        types.append(int.from_bytes(content[end + 7 : end + 11]))
        at = end + 19
    return _Columns(tuple(names), tuple(types))


def _read_row(content: bytes, columns: _Columns) -> list[Cell]:
    if _count(content) != len(columns.types):
        raise _strange("a row with other columns")
    cells: list[Cell] = []
    at = 2
    for kind in columns.types:
        length = int.from_bytes(content[at : at + 4], signed=True)
        at += 4
        if length == CELL_ABSENT:
            cells.append(None)
            continue
        if length < 0 or at + length > len(content):
            raise _strange("a row that is cut")
        cells.append(_cell(content[at : at + length].decode("utf-8", "replace"), kind))
        at += length
    return cells


def _cell(text: str, kind: int) -> Cell:
    if kind == BOOLEAN:
        return text == "t"
    return number_cell(text) if kind in NUMBERS else text


def _count(content: bytes) -> int:
    count = int.from_bytes(content[:2])
    if len(content) < 2 or count > COLUMNS_MAX:
        raise _strange(f"{count} columns")
    return count


class _Talk:
    """The messages of one connection."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.version = ""
        self.matter = "the login"
        self.in_query = False

    @property
    def is_secure(self) -> bool:
        return self._wire.tls is not None

    async def write(self, kind: bytes, content: bytes = b"") -> None:
        await self.send(_message(kind, content))

    async def send(self, data: bytes) -> None:
        await self._wire.write(data)

    async def read_until_ready(self) -> None:
        while (await self.read(b"ZKC")).kind != ord("Z"):
            pass

    async def read(self, kinds: bytes) -> ServerMessage:
        """The next message of some kinds. Raises: ProbeFailed for an error of the server, and for another message."""
        for _ in range(NOTICES_MAX):
            reply = await self._read(kinds)
            if reply.kind == ord("E"):
                raise self._refusal(_fields(reply.content))
            if reply.kind not in PASSED_OVER:
                return reply
            if reply.content.startswith(b"server_version\0"):
                self.version = reply.content.split(b"\0")[1].decode("utf-8", "replace")
        raise down(Reason.BODY_TOO_LARGE, f"{NOTICES_MAX} notices came in a row")

    async def _read(self, kinds: bytes) -> ServerMessage:
        kind = (await self._wire.read_exactly(1))[0]
        # Looked at before the length, which is anything where another protocol speaks.
        if kind not in kinds and kind not in PASSED_OVER and kind != ord("E"):
            raise _strange(f"a message that begins with {one_line(chr(kind))!r}")
        length = int.from_bytes(await self._wire.read_exactly(4)) - 4
        if length < 0:
            raise _strange("a message of less than no length")
        if length > BODY_BYTES:
            raise down(Reason.BODY_TOO_LARGE, f"one message has {length} bytes, more than {BODY_BYTES}")
        return ServerMessage(kind, await self._wire.read_exactly(length))

    def _refusal(self, fields: dict[str, str]) -> ProbeFailed:
        code = one_line(fields.get("C", "")[:5])
        if self.in_query:
            words = next((ERRORS[code[:length]] for length in (5, 3, 2) if code[:length] in ERRORS), "")
            return down(
                Reason.UNEXPECTED_ANSWER, f"the query fails with the error {code}{words and f': {words}'}"
            )
        text = f"the server refuses {self.matter}: {one_line(fields.get('M', '')[:200])} ({code})"
        return down(Reason.UNEXPECTED_ANSWER, text)


def _fields(content: bytes) -> dict[str, str]:
    return {chr(field[0]): field[1:].decode("utf-8", "replace") for field in content.split(b"\0") if field}


def _message(kind: bytes, content: bytes = b"") -> bytes:
    return kind + (len(content) + 4).to_bytes(4) + content


def _word(text: str) -> bytes:
    return text.encode() + b"\0"


def _strange(what: str) -> ProbeFailed:
    return down(Reason.PROTOCOL_ERROR, f"no answer of the protocol: {what}")
