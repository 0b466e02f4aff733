"""The `mysql` probe: a login at MySQL or MariaDB, and one query in a transaction that only reads."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ....domain.limits import ROWS_MAX
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.servers.mysql import Mysql
from ...net.secure_contexts import client_context
from ..course import AttemptCourse, down
from ..secured import open_wire, secure
from .mysql_packets import (
    CAPABILITIES,
    END,
    HAS_TLS,
    MORE,
    NONCE_BYTES,
    OK,
    UTF8MB4,
    WITH_DATABASE,
    MysqlGreeting,
    Packets,
    ServerError,
    count_of_columns,
    is_end,
    read_column,
    read_greeting,
    read_row,
    strange,
)
from .rows import Rows, limit_ms_of, version_observation

PACKET_BYTES_MAX = 1 << 24
COMMAND_LEAVE, COMMAND_QUERY = b"\x01", b"\x03"
UNKNOWN_VARIABLE = 1193
FULL = b"\x01\x04"
"""The word of a server with caching_sha2_password that it cannot judge an answer without the password itself."""

ERRORS = {
    1044: "the login may not use the data base",
    1046: "no data base is chosen",
    1049: "there is no such data base",
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
    """One attempt of a `mysql` probe. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    context = None if probe.tls is None else client_context(probe.tls)
    wire = await open_wire(course, probe.host, probe.port, probe.address_family, None)
    packets = Packets(wire)
    course.stage = "before the greeting came"
    with _refusing("the connection"):
        greeting = read_greeting(await packets.read())
    course.first_byte_ns = course.spent_ns()
    if probe.tls is not None and context is not None:
        course.stage = "while TLS was asked for"
        if not greeting.capabilities & HAS_TLS:
            raise down(Reason.TLS_FAILED, "the server offers no TLS")
        await packets.write(_introduction(probe))
        await secure(course, wire, probe.host, probe.tls, context)
    course.stage = "before the login was answered"
    with _refusing("the login"):
        await _log_in(packets, probe, greeting)
    if probe.query is None:
        course.response_time_ns = course.spent_ns()
        await packets.begin(COMMAND_LEAVE)
        return version_observation(course, greeting.version)
    course.stage = "before the transaction had begun"
    with _refusing("the transaction"):
        await _begin(packets, greeting, limit_ms_of(course))
    course.stage = "before the query was answered"
    try:
        rows = await _query(packets, probe.query)
    except ServerError as error:
        words = ERRORS.get(error.code)
        text = f"the query fails with the error {error.code}{f': {words}' if words else ''}"
        raise down(Reason.UNEXPECTED_ANSWER, text) from None
    course.response_time_ns = course.spent_ns()
    await packets.begin(COMMAND_LEAVE)
    return rows.observation(course)


@contextmanager
def _refusing(matter: str) -> Iterator[None]:
    try:
        yield
    except ServerError as error:
        text = f"the server refuses {matter}: {error.said} ({error.code})"
        raise down(Reason.UNEXPECTED_ANSWER, text) from None


def _introduction(probe: Mysql) -> bytes:
    """The beginning of the login, which alone stands before TLS: no user's name goes in clear there."""
    flags = CAPABILITIES
    flags |= HAS_TLS if probe.tls is not None else 0
    flags |= WITH_DATABASE if probe.database is not None else 0
    return flags.to_bytes(4, "little") + PACKET_BYTES_MAX.to_bytes(4, "little") + bytes([UTF8MB4]) + bytes(23)


async def _log_in(packets: Packets, probe: Mysql, greeting: MysqlGreeting) -> None:
    # A method that is not known is answered as the oldest: the server then names the one that it wants.
    plugin = greeting.plugin if greeting.plugin in _ANSWERS else "mysql_native_password"
    answer = _answer(packets, probe, plugin, greeting.nonce)
    database = b"" if probe.database is None else _word(probe.database)
    login = _word(probe.user) + bytes([len(answer)]) + answer + database + _word(plugin)
    await packets.write(_introduction(probe) + login)
    for _ in range(4):
        said = await packets.read()
        if said[0] == OK:
            return
        if said[0] == END:
            name, _, nonce = said[1:].partition(b"\0")
            plugin = name.decode("ascii", "replace")
            await packets.write(_answer(packets, probe, plugin, nonce[:NONCE_BYTES]))
        elif said == FULL and plugin == "caching_sha2_password":
            await packets.write(_clear(packets, probe))
        elif said[0] != MORE:
            break
    raise strange("a login without an end")


def _answer(packets: Packets, probe: Mysql, plugin: str, nonce: bytes) -> bytes:
    """The answer to a challenge. Raises: ProbeFailed where the server asks for another kind of login."""
    if plugin in _CLEAR:
        return _clear(packets, probe)
    if plugin not in _ANSWERS:
        known = ", ".join(sorted({*_ANSWERS, *_CLEAR}))
        text = f"the server asks for a login by {plugin[:60]!r}, and these are known: {known}"
        raise down(Reason.UNEXPECTED_ANSWER, text)
    return _ANSWERS[plugin](probe.password.encode(), nonce) if probe.password else b""


def _clear(packets: Packets, probe: Mysql) -> bytes:
    if not packets.is_secure:
        text = "the server asks for the password in clear, and it is not sent: write tls"
        raise down(Reason.UNEXPECTED_ANSWER, text)
    return _word(probe.password or "")


def native_answer(password: bytes, nonce: bytes) -> bytes:
    once = hashlib.sha1(password, usedforsecurity=False).digest()
    twice = hashlib.sha1(once, usedforsecurity=False).digest()
    return _mixed(once, hashlib.sha1(nonce + twice, usedforsecurity=False).digest())


def sha2_answer(password: bytes, nonce: bytes) -> bytes:
    once = hashlib.sha256(password).digest()
    twice = hashlib.sha256(once).digest()
    return _mixed(once, hashlib.sha256(twice + nonce).digest())


_ANSWERS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "mysql_native_password": native_answer,
    "caching_sha2_password": sha2_answer,
}
_CLEAR = frozenset({"mysql_clear_password", "sha256_password"})
"""Logins by the password itself, which is sent behind TLS alone."""


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


async def _begin(packets: Packets, greeting: MysqlGreeting, limit_ms: int) -> None:
    """Bounds the query in time and in rows, and begins a transaction in which nothing can be written."""
    is_mariadb = "mariadb" in greeting.version.lower()
    limit = f"max_statement_time = {limit_ms / 1_000}" if is_mariadb else f"max_execution_time = {limit_ms}"
    for statement in (f"SET {limit}", f"SET sql_select_limit = {ROWS_MAX + 1}"):
        try:
            await _done(packets, statement)
        except ServerError as error:
            # A server that is older, or another one of this protocol: the deadline holds without it.
            if error.code != UNKNOWN_VARIABLE:
                raise
    # MariaDB ends a transaction that only reads for a statement such as DROP, which a session that only reads refuses.
    await _done(packets, "SET SESSION TRANSACTION READ ONLY")
    await _done(packets, "START TRANSACTION READ ONLY")


async def _done(packets: Packets, statement: str) -> None:
    await packets.begin(COMMAND_QUERY + statement.encode())
    if (await packets.read())[0] != OK:
        raise strange("rows where there are none")


async def _query(packets: Packets, query: str) -> Rows:
    """The rows of one statement: the server takes no second one, as that was not agreed on."""
    await packets.begin(COMMAND_QUERY + query.encode())
    rows = Rows()
    first = await packets.read()
    if first[0] == OK:
        return rows
    columns = [read_column(await packets.read()) for _ in range(count_of_columns(first))]
    if not is_end(await packets.read()):
        raise strange("more columns than were told")
    names = [column.name for column in columns]
    while not rows.cut and not is_end(packet := await packets.read()):
        rows.take(names, read_row(packet, columns))
    return rows


def _word(text: str) -> bytes:
    return text.encode() + b"\0"
