"""The `smtp` probe: the greeting of a mail server, TLS and a login, and no mail."""

import json
from base64 import b64encode

from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.smtp import Smtp
from ...net.secure_contexts import client_context
from ...net.wire import Wire
from ..course import AttemptCourse, ProbeFailed, down
from ..secured import open_wire, secure
from .starttls import read_reply, shown_line

HELLO = b"EHLO watchkeeper.invalid"


async def greet_mail_server(probe: Smtp, course: AttemptCourse) -> Observation:
    """One attempt of an `smtp` probe. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    context = client_context(probe.tls)
    at_once = probe.tls if probe.encryption == "tls" else None
    wire = await open_wire(course, probe.host, probe.server_port, probe.address_family, at_once)
    course.stage = "before the greeting came"
    greeting = await _reply(wire, b"220", "the connection")
    course.first_byte_ns = course.spent_ns()
    capabilities = await _hello(wire, course)
    if probe.encryption == "starttls":
        course.stage = "while TLS was asked for"
        await _said(wire, b"STARTTLS", b"220", "STARTTLS", Reason.TLS_FAILED)
        await secure(course, wire, probe.host, probe.tls, context)
        # Capabilities that came in clear could have been written by anybody (RFC 3207, 4.2).
        capabilities = await _hello(wire, course)
    if probe.plain_login is not None:
        course.stage = "before the login was answered"
        await _log_in(wire, probe, probe.plain_login, capabilities)
    course.response_time_ns = course.spent_ns()
    await wire.write(b"QUIT\r\n")
    told = {"greeting": shown_line(greeting[-1][4:]), "capabilities": capabilities}
    return course.observation(body=json.dumps(told).encode())


async def _hello(wire: Wire, course: AttemptCourse) -> list[str]:
    course.stage = "before EHLO was answered"
    lines = await _said(wire, HELLO, b"250", "EHLO")
    return [shown_line(line[4:]) for line in lines[1:]]


async def _log_in(wire: Wire, probe: Smtp, plain: str, capabilities: list[str]) -> None:
    ways = next((each.upper().split()[1:] for each in capabilities if each.upper().startswith("AUTH ")), [])
    if "PLAIN" in ways:
        await _said(wire, b"AUTH PLAIN " + plain.encode(), b"235", "the login")
    elif "LOGIN" in ways:
        await _said(wire, b"AUTH LOGIN", b"334", "the login")
        await _said(wire, b64encode((probe.user or "").encode()), b"334", "the login")
        await _said(wire, b64encode((probe.password or "").encode()), b"235", "the login")
    else:
        offered = f"only {' '.join(ways)}" if ways else "no login"
        raise down(Reason.UNEXPECTED_ANSWER, f"the server offers {offered}: PLAIN or LOGIN is needed")


async def _said(
    wire: Wire, words: bytes, code: bytes, matter: str, reason: Reason = Reason.UNEXPECTED_ANSWER
) -> list[bytes]:
    await wire.write(words + b"\r\n")
    return await _reply(wire, code, matter, reason)


async def _reply(
    wire: Wire, code: bytes, matter: str, reason: Reason = Reason.UNEXPECTED_ANSWER
) -> list[bytes]:
    """The lines of a reply. Raises: ProbeFailed where it is another one."""
    lines = await read_reply(wire)
    if lines[-1][:3] != code:
        raise _refused(lines[-1], matter, reason)
    return lines


def _refused(line: bytes, matter: str, reason: Reason) -> ProbeFailed:
    return down(reason, f"the server refuses {matter}: {shown_line(line)}")
