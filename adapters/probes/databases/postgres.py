"""The `postgres` probe by libpq: a login, and one query in a transaction that only reads."""

from collections.abc import AsyncIterator
from typing import Any

from ....domain.line import one_line
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.servers.postgres import Postgres
from ...net.secure_contexts import client_context
from ...net.wire import Wire
from ..course import AttemptCourse, ProbeFailed, down
from ..network.starttls import ask_for_tls
from ..secured import open_wire, secure
from .libpq import Libpq, load
from .postgres_guard import ERROR, SASL_FINAL, Guard, strange, unproven
from .rows import Cell, Rows, limit_ms_of, number_cell, version_observation

NUMBERS = frozenset({20, 21, 23, 26, 700, 701, 1700})
"""The types of columns whose values are numbers: int8, int2, int4, oid, float4, float8, numeric."""
BOOLEAN = 16
OF_LOGIN, OF_COMMAND, OF_QUERY = b"RZK", b"CZ", b"12TnDCsIZ"
"""The kinds of messages that may come: none by which rows would be copied."""

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


async def ask_postgres(probe: Postgres, course: AttemptCourse) -> Observation:
    """One attempt of a `postgres` probe. Raises: ProbeFailed, WireBroken, OSError, UnusableFileError, LibpqUnusable."""
    context = None if probe.tls is None else client_context(probe.tls)
    psycopg = await course.around.loop.run_in_executor(None, load)
    wire = await open_wire(course, probe.host, probe.port, probe.address_family, None)
    if probe.tls is not None and context is not None:
        course.stage = "while TLS was asked for"
        await ask_for_tls(wire, "postgres")
        await secure(course, wire, probe.host, probe.tls, context)
    course.stage = "before the login was answered"
    talk = _Talk(wire, psycopg, probe)
    course.keep(talk.libpq)
    await talk.log_in()
    if probe.query is None:
        course.response_time_ns = course.spent_ns()
        version = talk.version
        await talk.leave()
        return version_observation(course, version)
    course.stage = "before the transaction had begun"
    # Within the transaction: a pool that lends this connection to others keeps nothing of it.
    await talk.begin(f"BEGIN READ ONLY; SET LOCAL statement_timeout = {limit_ms_of(course)}")
    course.stage = "before the query was answered"
    rows = await talk.query(probe.query)
    course.response_time_ns = course.spent_ns()
    await talk.leave()
    return rows.observation(course)


class _Talk:
    """The words of libpq on one connection."""

    def __init__(self, wire: Wire, psycopg: Any, probe: Postgres) -> None:
        self._wire, self._pq, self._broken = wire, psycopg.pq, psycopg.OperationalError
        self._guard = Guard(wire, has_password=bool(probe.password))
        self.libpq = Libpq(
            user=probe.user,
            password=probe.password or "",
            dbname=probe.database or probe.user,
            application_name="watchkeeper",
        )
        self._connection = self.libpq.connection

    @property
    def version(self) -> str:
        return (self._connection.parameter_status(b"server_version") or b"").decode("utf-8", "replace")

    async def log_in(self) -> None:
        """Raises: ProbeFailed, WireBroken."""
        polled, kind = self._connection.connect_poll(), 0
        while polled != self._pq.PollingStatus.OK:
            if polled == self._pq.PollingStatus.FAILED:
                raise self._refused_login(kind)
            await self._wire.write(self.libpq.said())
            message = await self._guard.read(OF_LOGIN)
            kind, polled = message.kind, self.libpq.hear(bytes(message), self._connection.connect_poll)
        self._connection.nonblocking = 1

    def _refused_login(self, kind: int) -> ProbeFailed:
        # The words before name the socket between libpq and this process.
        said = one_line(
            self._connection.error_message.decode("utf-8", "replace").partition(" failed: ")[2].strip()[:200]
        )
        if kind == ERROR:
            return down(Reason.UNEXPECTED_ANSWER, f"the server refuses the login: {said}")
        return unproven() if self._guard.login == SASL_FINAL else strange(f"the login: {said}")

    async def begin(self, statements: str) -> None:
        """Carries out statements without rows. Raises: ProbeFailed, WireBroken."""
        self._connection.send_query(statements.encode())
        async for result in self._results(OF_COMMAND):
            if code := self._code(result):
                said = _field(result, self._pq.DiagnosticField.MESSAGE_PRIMARY)[:200]
                text = f"the server refuses the transaction: {said} ({code})"
                raise down(Reason.UNEXPECTED_ANSWER, text)

    async def query(self, query: str) -> Rows:
        """The rows of one statement: the extended protocol takes no second one, by which the transaction could end."""
        rows = Rows()
        self._connection.send_query_params(query.encode(), None)
        self._connection.set_single_row_mode()
        async for result in self._results(OF_QUERY):
            if code := self._code(result):
                words = _words_of(code)
                text = f"the query fails with the error {code}{words}"
                raise down(Reason.UNEXPECTED_ANSWER, text)
            for row in range(result.ntuples):
                rows.take(*_row_of(result, row))
            if rows.cut:
                break
        return rows

    async def _results(self, kinds: bytes) -> AsyncIterator[Any]:
        """The results of what was sent, one for each row."""
        while self._connection.flush():
            await self._wire.write(self.libpq.said())
        await self._wire.write(self.libpq.said())
        while True:
            while self._connection.is_busy():
                # After what it cannot read, libpq waits for the end of the query.
                if said := self._connection.error_message:
                    raise _unreadable(said)
                await self._hear(kinds)
            result = self._connection.get_result()
            if result is None:
                return
            yield result

    async def _hear(self, kinds: bytes) -> None:
        message = await self._guard.read(kinds)
        try:
            self.libpq.hear(bytes(message), self._connection.consume_input)
        except self._broken as error:
            raise _unreadable(str(error).encode()) from None

    def _code(self, result: Any) -> str:
        """The code of a result that is an error; empty for another. Raises: ProbeFailed where libpq cannot read the answer."""
        if result.status != self._pq.ExecStatus.FATAL_ERROR:
            return ""
        code = _field(result, self._pq.DiagnosticField.SQLSTATE)[:5]
        if not code:
            raise _unreadable(result.error_message)
        return code

    async def leave(self) -> None:
        """Tells the server that this is the end."""
        await self._wire.write(self.libpq.finish())


def _unreadable(said: bytes) -> ProbeFailed:
    """The end of an attempt whose server says what libpq cannot read, in the words of libpq."""
    return strange(one_line(said.decode("utf-8", "replace")[:200]).strip())


def _words_of(code: str) -> str:
    words = next((ERRORS[code[:length]] for length in (5, 3, 2) if code[:length] in ERRORS), "")
    return words and f": {words}"


def _field(result: Any, field: int) -> str:
    return one_line((result.error_field(field) or b"").decode("utf-8", "replace"))


def _row_of(result: Any, row: int) -> tuple[list[str], list[Cell]]:
    places = range(result.nfields)
    names = [(result.fname(at) or b"").decode("utf-8", "replace") for at in places]
    return names, [_cell(result.get_value(row, at), result.ftype(at)) for at in places]


def _cell(raw: bytes | None, kind: int) -> Cell:
    if raw is None:
        return None
    text = raw.decode("utf-8", "replace")
    if kind == BOOLEAN:
        return text == "t"
    return number_cell(text) if kind in NUMBERS else text
