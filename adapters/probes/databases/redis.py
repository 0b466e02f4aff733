"""The `redis` probe: a login, a ping, and one command with its answer, in the serialisation that all such servers speak."""

import json
from typing import TypeAlias

from ....domain.limits import BODY_BYTES, GREETING_BYTES_MAX, JSON_DEPTH_MAX
from ....domain.line import one_line
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.redis import Redis
from ...net.wire import Wire
from ..course import AttemptCourse, ProbeFailed, down
from ..figures import figure_of
from ..secured import open_wire

RedisAnswer: TypeAlias = "str | int | list[RedisAnswer] | None"


class RedisError(Exception):  # a word of the server, not a fault of this program
    """The server answered with an error."""


async def ask_redis(probe: Redis, course: AttemptCourse) -> Observation:
    """One attempt of a `redis` probe. Raises: ProbeFailed, WireBroken."""
    wire = await open_wire(course, probe.host, probe.port, probe.address_family, probe.tls)
    if probe.password is not None:
        login = ("AUTH", probe.user, probe.password) if probe.user else ("AUTH", probe.password)
        course.stage = "before the login was answered"
        await _asked(wire, "the login", *login)
    if probe.database:
        course.stage = "before the database was selected"
        await _asked(wire, "the database", "SELECT", str(probe.database))
    course.stage = "before PING was answered"
    if (answer := await _asked(wire, "PING", "PING")) != "PONG":
        raise down(Reason.UNEXPECTED_ANSWER, f"PING is answered by {one_line(str(answer)[:200])}")
    if probe.command:
        name = one_line(probe.command[0][:40])
        course.stage = f"before {name} was answered"
        answer = await _asked(wire, name, *probe.command)
    body = (answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)).encode()
    return course.observation(
        body=body[:BODY_BYTES],
        body_cut=len(body) > BODY_BYTES,
        measurements=figure_of(answer),
    )


async def _asked(wire: Wire, what: str, *words: str) -> RedisAnswer:
    """The answer to a command. Raises: ProbeFailed where it is an error."""
    coded = [word.encode() for word in words]
    await wire.write(
        b"*%d\r\n" % len(coded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in coded)
    )
    try:
        return await RedisReader(wire).read()
    except RedisError as refusal:
        raise down(Reason.UNEXPECTED_ANSWER, f"the server refuses {what}: {refusal}") from None


class RedisReader:
    """Reads one answer, whose parts together have at most so many bytes as a body has."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._bytes_left = BODY_BYTES

    async def read(self, depth_left: int = JSON_DEPTH_MAX) -> RedisAnswer:
        """Raises: RedisError where the server answers with an error, ProbeFailed where it speaks another protocol."""
        line = await self._wire.read_line(GREETING_BYTES_MAX)
        self._count(len(line) + 2)
        kind, rest = line[:1], line[1:]
        match kind:
            case b"+":
                return _text(rest)
            case b"-":
                raise RedisError(one_line(_text(rest)[:200]))
            case b":":
                return _integer(rest, line)
            case b"$":
                return await self._bulk(_integer(rest, line))
            case b"*":
                return await self._list(_integer(rest, line), depth_left)
            case _:
                raise _strange(line)

    async def _bulk(self, length: int) -> RedisAnswer:
        if length < 0:
            return None
        self._count(length)
        return _text((await self._wire.read_exactly(length + 2))[:length])

    async def _list(self, length: int, depth_left: int) -> RedisAnswer:
        if length < 0:
            return None
        if depth_left == 0:
            raise down(Reason.PROTOCOL_ERROR, f"lists are nested deeper than {JSON_DEPTH_MAX}")
        # An entry has three bytes at least, so that a length alone is no reason to wait for what is too large.
        if 3 * length > self._bytes_left:
            self._count(3 * length)
        return [await self.read(depth_left - 1) for _ in range(length)]

    def _count(self, length: int) -> None:
        self._bytes_left -= length
        if self._bytes_left < 0:
            raise down(Reason.BODY_TOO_LARGE, f"the answer has more than {BODY_BYTES} bytes")


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace")


def _integer(digits: bytes, line: bytes) -> int:
    sign = digits.removeprefix(b"-")
    if not sign.isdigit() or len(sign) > len(str(2**63)):
        raise _strange(line)
    return int(digits)


def _strange(line: bytes) -> ProbeFailed:
    return down(Reason.PROTOCOL_ERROR, f"no answer of the protocol: {one_line(_text(line[:200]))}")
