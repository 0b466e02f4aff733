"""What a probe saw of a target, before anything is judged."""

from collections.abc import Mapping
from typing import Any

import msgspec

from .outcome import Outcome, Reason


class Phases(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where the time of one attempt went, each phase by itself in nanoseconds; None where it did not happen."""

    dns_ns: int | None = None
    connect_ns: int | None = None
    tls_ns: int | None = None
    first_byte_ns: int | None = None
    transfer_ns: int | None = None


class Measurement(msgspec.Struct, frozen=True, gc=False):
    """One named figure that a probe or a host's callable reported; finite, unit as the reporter says."""

    name: str
    value: float
    unit: str = ""


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one attempt. None means that the probe gives no such fact, never zero.

    It stays at the edge: conditions turn it into a sample, and its body goes no further.
    """

    connected: bool | None = None
    status: int | None = None
    body: bytes | None = None
    response_time_ns: int | None = None
    ip: str | None = None
    dns_rcode: str | None = None
    certificate_expires_in_ns: int | None = None
    domain_expires_in_ns: int | None = None
    context: Mapping[str, Any] | None = None

    outcome: Outcome = Outcome.UP
    """What the probe itself says; conditions can only make it worse."""
    reason: Reason = Reason.OK
    detail: str = ""
    """One bounded line for people, free of secrets and control characters."""
    phases: Phases | None = None
    measurements: tuple[Measurement, ...] = ()
    lag_ns: int = 0
    """How long our own loop stood still while this attempt ran."""
    reused_connection: bool = False
