"""The `tls` probe: a handshake on any port, and what was agreed in it."""

import ssl
from datetime import datetime

import msgspec

from ....domain.limits import INTEGER_MAX
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.tls_handshake import TlsHandshake
from ....domain.units import NS_PER_S
from ...net.certificates import Certificate, chain_of, read_certificate
from ...net.secure_contexts import client_context
from ...net.wire import Wire
from ..course import AttemptCourse, down
from ..secured import secure
from .starttls import ask_for_tls


async def shake_hands(probe: TlsHandshake, course: AttemptCourse) -> Observation:
    """One attempt of a `tls` probe."""
    context = client_context(probe.tls, probe.minimum_version)
    wire = Wire(await course.connect(probe.host, probe.port, probe.address_family), course.ready)
    if probe.starttls is not None:
        course.stage = "while TLS was asked for"
        await ask_for_tls(wire, probe.starttls)
    tls = await secure(course, wire, probe.host, probe.tls, context)
    course.response_time_ns = course.spent_ns()
    return _observed(tls, course, verified=probe.tls.verify)


def _observed(tls: ssl.SSLObject, course: AttemptCourse, *, verified: bool) -> Observation:
    try:
        chain = [read_certificate(each) for each in chain_of(tls, verified=verified)]
    except ValueError as error:
        raise down(Reason.CERTIFICATE_INVALID, str(error)) from None
    if not chain:
        raise down(Reason.TLS_FAILED, "the server showed no certificate")
    now_ns = course.request.started.wall_ns
    first = min(chain, key=lambda each: each.expires)
    return course.observation(
        certificate_expires_in_ns=min(_wall_ns(chain[0].expires) - now_ns, INTEGER_MAX),
        certificate_chain_expires_in_ns=min(_wall_ns(first.expires) - now_ns, INTEGER_MAX),
        certificate_issuer=chain[0].issuer or None,
        certificate_names=chain[0].names or None,
        body=_agreed(tls, chain[0]),
    )


def _agreed(tls: ssl.SSLObject, own: Certificate) -> bytes:
    cipher = tls.cipher()
    agreed = {
        "version": (tls.version() or "").removeprefix("TLSv"),
        "cipher": cipher[0] if cipher else "",
        "subject": own.subject,
    }
    return msgspec.json.encode(agreed)


def _wall_ns(moment: datetime) -> int:
    return int(moment.timestamp()) * NS_PER_S
