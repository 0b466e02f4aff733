"""The `smtp` probe: the greeting of a mail server, TLS and a login, and no mail."""

import json
from base64 import b64encode

from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.smtp import Smtp
from ...net.secure_contexts import client_context
from ...net.wire import Wire
from ..course import AttemptCourse, down
from ..secured import open_wire, secure
from .starttls import EHLO, expect_reply, shown_line


async def greet_mail_server(probe: Smtp, course: AttemptCourse) -> Observation:
    """One attempt of an `smtp` probe. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    context = client_context(probe.tls)
    at_once = probe.tls if probe.encryption == "tls" else None
    wire = await open_wire(course, probe.host, probe.server_port, probe.address_family, at_once)
    course.stage = "before the greeting came"
    greeting = await expect_reply(wire, b"220", "the connection", Reason.UNEXPECTED_ANSWER)
    course.first_byte_ns = course.spent_ns()
    capabilities = await _hello(wire, course)
    if probe.encryption == "starttls":
        course.stage = "while TLS was asked for"
        await _said(wire, b"STARTTLS\r\n", b"220", "STARTTLS", Reason.TLS_FAILED)
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
    lines = await _said(wire, EHLO, b"250", "EHLO")
    return [shown_line(line[4:]) for line in lines[1:]]


async def _log_in(wire: Wire, probe: Smtp, plain: str, capabilities: list[str]) -> None:
    ways = next((each.upper().split()[1:] for each in capabilities if each.upper().startswith("AUTH ")), [])
    if "PLAIN" in ways:
        await _said(wire, b"AUTH PLAIN " + _coded(plain), b"235", "the login")
    elif "LOGIN" in ways:
        await _said(wire, b"AUTH LOGIN\r\n", b"334", "the login")
        await _said(wire, _coded(probe.user or ""), b"334", "the login")
        await _said(wire, _coded(probe.password or ""), b"235", "the login")
    else:
        offered = f"only {' '.join(ways)}" if ways else "no login"
        raise down(Reason.UNEXPECTED_ANSWER, f"the server offers {offered}: PLAIN or LOGIN is needed")


async def _said(
    wire: Wire, words: bytes, code: bytes, matter: str, reason: Reason = Reason.UNEXPECTED_ANSWER
) -> list[bytes]:
    """Sends a line, and returns the reply to it."""
    await wire.write(words)
    return await expect_reply(wire, code, matter, reason)


def _coded(text: str) -> bytes:
    """A line of a login."""
    return b64encode(text.encode()) + b"\r\n"
