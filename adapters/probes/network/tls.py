"""The `tls` probe: a handshake on any port, and what was agreed in it."""

import ssl

import msgspec

from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.tls_handshake import TlsHandshake
from ...net.certificates import UNREADABLE, Certificate, peer_certificate, sent_chain
from ...net.secure_contexts import client_context
from ...net.wire import Wire
from ..course import AttemptCourse, down
from ..secured import secure
from .starttls import ask_for_tls


async def shake_hands(probe: TlsHandshake, course: AttemptCourse) -> Observation:
    """One attempt of a `tls` probe."""
    context = client_context(probe.tls, probe.oldest_version)
    wire = Wire(await course.connect(probe.host, probe.port, probe.address_family), course.ready)
    if probe.starttls is not None:
        course.stage = "while TLS was asked for"
        await ask_for_tls(wire, probe.starttls)
    tls = await secure(course, wire, probe.host, probe.tls, context)
    course.response_time_ns = course.spent_ns()
    return _observed(tls, course)


def _observed(tls: ssl.SSLObject, course: AttemptCourse) -> Observation:
    shown = peer_certificate(sent_chain(tls))
    if shown is None:
        raise down(Reason.TLS_FAILED, "the server showed no certificate")
    if shown.own is UNREADABLE:
        raise down(Reason.CERTIFICATE_INVALID, "the certificate cannot be read")
    return course.observation(body=_agreed(tls, shown.own), **shown.facts(course.request.started.wall_ns))


def _agreed(tls: ssl.SSLObject, own: Certificate) -> bytes:
    cipher = tls.cipher()
    agreed = {
        "version": (tls.version() or "").removeprefix("TLSv"),
        "cipher": cipher[0] if cipher else "",
        "subject": own.subject,
    }
    return msgspec.json.encode(agreed)
