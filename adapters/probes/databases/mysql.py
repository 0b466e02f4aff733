"""The `mysql` probe by PyMySQL, on a thread without a socket: a login, and one query in a transaction that only reads."""

import ssl
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from ....domain.limits import ROWS_MAX
from ....domain.line import one_line
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.servers.mysql import Mysql
from ...net.secure_contexts import client_context
from ...net.wire import Wire, WireBroken
from ..blocking import Released, Threaded
from ..course import AttemptCourse, ProbeFailed, down
from ..secured import open_wire, secure
from .mysql_guard import MysqlGuard, no_tls, strange
from .rows import Cell, Rows, limit_ms_of, number_cell, version_observation

UNKNOWN_VARIABLE, LACKS_TLS = 1193, 2026
CODES_OF_CLIENT = range(2000, 3000)
"""The errors that the library finds by itself."""
NUMBERS = frozenset({0, 1, 2, 3, 4, 5, 8, 9, 13, 246})
"""The types of columns whose values are numbers: decimal, tiny, short, long, float, double, longlong, int24, year, newdecimal."""

ERRORS = {
    1044: "the login may not use the database",
    1046: "no database is chosen",
    1049: "there is no such database",
    1054: "there is no such column",
    1064: "the statement cannot be read",
    1142: "a right is missing",
    1146: "there is no such table",
    1205: "a lock is held",
    1213: "the transaction was rolled back",
    1227: "a right is missing",
    1305: "there is no such function",
    1317: "the server ended the query",
    1370: "a right is missing",
    1792: "it would write, and a check only reads",
    1969: "the server ended the query",
    3024: "the server ended the query",
}
"""The words for a code: the server's own may show parts of the query."""


async def ask_mysql(probe: Mysql, course: AttemptCourse) -> Observation:
    """One attempt of a `mysql` probe. Raises: ProbeFailed, WireBroken, OSError, UnusableFileError."""
    context = None if probe.tls is None else client_context(probe.tls)
    wire = await open_wire(course, probe.host, probe.port, probe.address_family, None)
    course.stage = "before the greeting came"
    lent = LentSocket(course, wire, probe, context)
    client = _Client(lent, probe, limit_ms_of(course))
    await lent.threaded.run(client.log_in)
    rows = None if probe.query is None else await lent.threaded.run(partial(client.query, probe.query))
    course.response_time_ns = course.spent_ns()
    await lent.threaded.run(client.leave)
    return version_observation(course, client.version) if rows is None else rows.observation(course)


class LentSocket:
    """The socket as the library has it: the coroutine of the attempt reads and writes for it."""

    def __init__(
        self, course: AttemptCourse, wire: Wire, probe: Mysql, context: ssl.SSLContext | None
    ) -> None:
        self.threaded = Threaded(course.around.loop, "watchkeeper-mysql")
        self.guard = MysqlGuard(course, wire, wants_tls=context is not None)
        self._course, self._wire, self._probe, self._context = course, wire, probe, context
        self._unread = bytearray()

    def sendall(self, data: bytes) -> None:
        self.threaded.ask(partial(self.guard.write, bytes(data)))

    def read(self, length: int) -> bytes:
        while len(self._unread) < length:
            self._unread += self.threaded.ask(self.guard.read)
        piece = bytes(self._unread[:length])
        del self._unread[:length]
        return piece

    def makefile(self, _mode: str) -> "LentSocket":
        return self

    def settimeout(self, seconds: float | None) -> None:
        """Does nothing: the deadline of the attempt holds."""

    def close(self) -> None:
        """Does nothing: the attempt closes its connection."""

    async def secure(self) -> None:
        """Begins TLS as the probe states it. Raises: ProbeFailed, WireBroken."""
        assert self._probe.tls is not None and self._context is not None  # noqa: S101, PT018 - a handshake is made for a context alone
        if self._unread:
            raise strange("bytes came in clear where TLS must begin")
        self.guard.check_empty()
        await secure(self._course, self._wire, self._probe.host, self._probe.tls, self._context)


class _Handshake(ssl.SSLContext):
    """The context as the library has it: the handshake is made by the coroutine, with a context that proves the server."""

    def wrap_socket(self, sock: Any, *_: Any, **__: Any) -> Any:
        sock.threaded.ask(sock.secure)
        return sock


class _Client:
    """The use of the library, on its thread."""

    def __init__(self, lent: LentSocket, probe: Mysql, limit_ms: int) -> None:
        self._lent, self._probe, self._limit_ms = lent, probe, limit_ms
        self._connection: Any = None

    @property
    def version(self) -> str:
        return str(self._connection.get_server_info())

    def log_in(self) -> None:
        """Raises: ProbeFailed, WireBroken, Released."""
        pymysql = import_module("pymysql")
        # Without a file of settings, and without values of the library's own types: all are texts.
        self._connection = pymysql.connect(
            host=self._probe.host,
            user=self._probe.user,
            password=(self._probe.password or "").encode(),
            database=self._probe.database,
            ssl=None if self._probe.tls is None else _Handshake(ssl.PROTOCOL_TLS_CLIENT),
            ssl_disabled=self._probe.tls is None,
            use_unicode=False,
            conv={},
            autocommit=None,
            program_name="watchkeeper",
            defer_connect=True,
        )
        with _Judged(pymysql, self._lent.guard):
            self._connection.connect(self._lent)
        self._lent.guard.logs_in = False

    def query(self, query: str) -> Rows:
        """The rows of one statement: the server takes no second one, as that was not agreed on."""
        pymysql, guard = import_module("pymysql"), self._lent.guard
        guard.stage, guard.matter = "before the transaction had begun", "the transaction"
        with _Judged(pymysql, guard):
            self._begin(pymysql)
        guard.stage, guard.matter = "before the query was answered", ""
        with _Judged(pymysql, guard):
            return self._rows(pymysql, query)

    def _begin(self, pymysql: ModuleType) -> None:
        """Bounds the query in time and in rows, and begins a transaction in which nothing can be written."""
        is_mariadb = "mariadb" in self.version.lower()
        limit = (
            f"max_statement_time = {self._limit_ms / 1_000}"
            if is_mariadb
            else f"max_execution_time = {self._limit_ms}"
        )
        for statement in (f"SET {limit}", f"SET sql_select_limit = {ROWS_MAX + 1}"):
            try:
                self._connection.query(statement)
            except pymysql.Error as error:
                # A server that is older, or another one of this protocol: the deadline holds without it.
                if error.args[0] != UNKNOWN_VARIABLE:
                    raise
        # MariaDB ends a transaction that only reads for a statement such as DROP, which a session that only reads refuses.
        self._connection.query("SET SESSION TRANSACTION READ ONLY")
        self._connection.query("START TRANSACTION READ ONLY")

    def _rows(self, pymysql: ModuleType, query: str) -> Rows:
        rows = Rows()
        cursor = self._connection.cursor(pymysql.cursors.SSCursor)
        try:
            cursor.execute(query.encode())
            columns = cursor.description or ()
            names = [column[0] for column in columns]
            while columns and not rows.cut and (row := cursor.fetchone()) is not None:
                rows.take(names, [_cell(raw, column[1]) for raw, column in zip(row, columns, strict=True)])
        finally:
            # An answer that is left is read to its end otherwise, which may never come.
            if cursor._result is not None:  # noqa: SLF001  # the library has no other word for it
                cursor._result.unbuffered_active = False  # noqa: SLF001
        return rows

    def leave(self) -> None:
        """Tells the server that this is the end."""
        self._connection.close()


class _Judged:
    """Judges what the library raises: a refusal of the server, or an answer that it cannot read."""

    def __init__(self, pymysql: ModuleType, guard: MysqlGuard) -> None:
        self._pymysql, self._guard = pymysql, guard

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, ProbeFailed | WireBroken | Released):
            return
        if not isinstance(error, self._pymysql.Error):
            raise strange(f"PyMySQL finds {type(error).__name__}") from None
        code, said = error.args[0] if error.args else 0, one_line(str(error.args[-1])[:200])
        if code == LACKS_TLS:
            raise no_tls() from None
        if not isinstance(code, int) or code in CODES_OF_CLIENT or len(error.args) == 1:
            raise strange(said) from None
        if self._guard.matter:
            text = f"the server refuses {self._guard.matter}: {said} ({code})"
        else:
            words = ERRORS.get(code)
            text = f"the query fails with the error {code}{f': {words}' if words else ''}"
        raise down(Reason.UNEXPECTED_ANSWER, text) from None


def _cell(raw: bytes | None, kind: int) -> Cell:
    if raw is None:
        return None
    text = raw.decode("utf-8", "replace")
    return number_cell(text) if kind in NUMBERS else text
