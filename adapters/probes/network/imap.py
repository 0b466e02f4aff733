"""The `imap` probe: the greeting of a server of mailboxes, TLS and a login, and no mailbox."""

import json
from base64 import b64encode

from ....domain.limits import GREETING_BYTES_MAX
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.servers.imap import Imap
from ...net.secure_contexts import client_context
from ...net.wire import Wire
from ..course import AttemptCourse, ProbeFailed, down
from ..secured import open_wire, secure
from .starttls import shown_line


async def greet_mailboxes(probe: Imap, course: AttemptCourse) -> Observation:
    """One attempt of an `imap` probe. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    context = client_context(probe.tls)
    at_once = probe.tls if probe.encryption == "tls" else None
    wire = await open_wire(course, probe.host, probe.server_port, probe.address_family, at_once)
    talk = _Talk(wire)
    course.stage = "before the greeting came"
    greeting = await talk.greeting()
    course.first_byte_ns = course.spent_ns()
    if probe.encryption == "starttls":
        course.stage = "while TLS was asked for"
        await talk.ask(b"STARTTLS", "STARTTLS", Reason.TLS_FAILED)
        await secure(course, wire, probe.host, probe.tls, context)
    # Those that came in clear could have been written by anybody (RFC 9051, 6.2.1): they are asked for behind TLS.
    course.stage = "before CAPABILITY was answered"
    capabilities = await talk.capabilities()
    if probe.plain_login is not None:
        course.stage = "before the login was answered"
        await _log_in(talk, probe, probe.plain_login, {each.upper() for each in capabilities})
    course.response_time_ns = course.spent_ns()
    await wire.write(b"z LOGOUT\r\n")
    told = {"greeting": greeting, "capabilities": capabilities}
    return course.observation(body=json.dumps(told).encode())


async def _log_in(talk: "_Talk", probe: Imap, plain: str, capabilities: set[str]) -> None:
    if "AUTH=PLAIN" in capabilities:
        await talk.ask(b"AUTHENTICATE PLAIN", "the login", more=[b64encode(plain.encode())])
    elif "LOGINDISABLED" in capabilities:
        raise down(Reason.UNEXPECTED_ANSWER, "the server offers no login by PLAIN, and LOGIN is disabled")
    else:
        # Literals, as a quoted text may hold neither a line's end nor other characters than ASCII.
        user, password = (probe.user or "").encode(), (probe.password or "").encode()
        more = [user + b" {%d}" % len(password), password]
        await talk.ask(b"LOGIN {%d}" % len(user), "the login", more=more)


class _Talk:
    """The commands of one connection and their answers, each of at most so many bytes as a greeting may have."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._commands = 0
        self._bytes_left = GREETING_BYTES_MAX

    async def greeting(self) -> str:
        line = await self._line()
        # PREAUTH: the connection is known already, by its certificate or its place.
        if not line.upper().startswith((b"* OK", b"* PREAUTH")):
            raise _unwanted(line, "the connection", Reason.UNEXPECTED_ANSWER)
        return shown_line(line[2:].partition(b" ")[2])

    async def capabilities(self) -> list[str]:
        told = await self.ask(b"CAPABILITY", "CAPABILITY")
        listed = next((line for line in told if line.upper().startswith(b"* CAPABILITY ")), None)
        if listed is None:
            raise down(Reason.PROTOCOL_ERROR, "CAPABILITY is answered without capabilities")
        return listed.decode("utf-8", "replace").split()[2:]

    async def ask(
        self,
        command: bytes,
        matter: str,
        reason: Reason = Reason.UNEXPECTED_ANSWER,
        more: "list[bytes] | None" = None,
    ) -> list[bytes]:
        """The lines before the one that ends a command. `more` is sent piece by piece, as the server asks for it. Raises: ProbeFailed."""
        self._commands += 1
        self._bytes_left = GREETING_BYTES_MAX
        tag, pieces, told = b"a%d" % self._commands, [*(more or ())], []
        await self._wire.write(tag + b" " + command + b"\r\n")
        while True:
            line = await self._line()
            if line.upper().startswith(b"* BYE"):
                raise _unwanted(line, matter, reason, is_reply=True)
            if line.startswith(b"* "):
                told.append(line)
            elif line.startswith(b"+") and pieces:
                await self._wire.write(pieces.pop(0) + b"\r\n")
            elif line[: len(tag) + 1] == tag + b" ":
                if line[len(tag) + 1 :].upper().split(b" ")[0] != b"OK":
                    raise _unwanted(line[len(tag) + 1 :], matter, reason, is_reply=True)
                return told
            else:
                raise _unwanted(line, matter, reason)

    async def _line(self) -> bytes:
        line = await self._wire.read_line(GREETING_BYTES_MAX)
        self._bytes_left -= len(line) + 2
        if self._bytes_left < 0:
            raise down(Reason.BODY_TOO_LARGE, f"an answer has more than {GREETING_BYTES_MAX} bytes")
        return line


def _unwanted(line: bytes, matter: str, reason: Reason, *, is_reply: bool = False) -> ProbeFailed:
    if is_reply or line.upper().startswith(b"* BYE"):
        return down(reason, f"the server refuses {matter}: {shown_line(line.removeprefix(b'* '))}")
    return down(Reason.PROTOCOL_ERROR, f"no answer of the protocol: {shown_line(line)}")
