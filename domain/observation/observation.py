"""Observations: the facts that a probe found, before any judgement."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from ..limits import (
    ADDRESS_CHARACTERS_MAX,
    CAPTURE_CHARACTERS_MAX,
    CAPTURED_MAX,
    CERTIFICATE_NAME_CHARACTERS_MAX,
    CERTIFICATE_NAMES_MAX,
    HEADER_BYTES_MAX,
    INTEGER_MAX,
    JSON_DEPTH_MAX,
)
from ..line import one_line
from .location import LocationResult
from .outcome import Outcome, Reason

# A host's report is checked against these types where it enters (domain/observation/returned.py): a record that the
# store cannot write would block all records after it.
LengthNs = Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)]
DistanceNs = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
StatusCode = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
ShortText = Annotated[str, msgspec.Meta(max_length=ADDRESS_CHARACTERS_MAX)]
HeaderBytes = Annotated[bytes, msgspec.Meta(max_length=HEADER_BYTES_MAX)]
CertificateText = Annotated[str, msgspec.Meta(max_length=CERTIFICATE_NAME_CHARACTERS_MAX)]
CapturedText = Annotated[str, msgspec.Meta(max_length=CAPTURE_CHARACTERS_MAX)]
NamesOfCertificate = Annotated[tuple[CertificateText, ...], msgspec.Meta(max_length=CERTIFICATE_NAMES_MAX)]


class Phases(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The phases of one attempt, each by itself in nanoseconds; None where it did not happen."""

    dns_ns: LengthNs | None = None
    connect_ns: LengthNs | None = None
    tls_ns: LengthNs | None = None
    first_byte_ns: LengthNs | None = None
    transfer_ns: LengthNs | None = None


class Measurement(msgspec.Struct, frozen=True, gc=False):
    """One named figure that a probe or a host's callable reported; finite, with the unit of the reporter."""

    name: str
    value: float
    unit: str = ""

    def told(self, discreet: Callable[[str], str]) -> "Measurement":
        """Returns the figure with its texts as `discreet` gives them."""
        name, unit = discreet(self.name), discreet(self.unit)
        return self if (name, unit) == (self.name, self.unit) else Measurement(name, self.value, unit)


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one attempt. None means that the probe gives no such fact, never zero.

    It stays in the poller: conditions turn it into a sample, and its body goes no further.
    """

    connected: bool | None = None
    status: StatusCode | None = None
    body: bytes | None = None
    body_cut: bool = False
    """The body was longer than what was read of it: no condition on it holds."""
    body_coding: ShortText | None = None
    """The compression of the body that could not be undone: no condition on it holds."""
    header: HeaderBytes | None = None
    """The header of a whole answer as it came, interim ones before it: only conditions that name a header read it."""
    response_time_ns: LengthNs | None = None
    ip: ShortText | None = None
    dns_rcode: ShortText | None = None
    certificate_expires_in_ns: DistanceNs | None = None
    certificate_chain_expires_in_ns: DistanceNs | None = None
    """The same of the certificate that ends first, of all that the peer sent."""
    certificate_issuer: CertificateText | None = None
    """The name of the authority, as in `C=US, O=Let's Encrypt, CN=R11`."""
    certificate_names: NamesOfCertificate | None = None
    """The host names and addresses that the certificate is for."""
    domain_expires_in_ns: DistanceNs | None = None
    run_time_ns: LengthNs | None = None
    """How long a run of a job took, from its start to its end."""
    context: Mapping[str, Any] | None = None
    """Facts that the host adds for its conditions; stored as an immutable copy."""

    outcome: Outcome = Outcome.UP
    """The probe's own outcome; conditions can only make it worse."""
    reason: Reason = Reason.OK
    detail: str = ""
    """One bounded line for people, free of secrets and control characters."""
    phases: Phases | None = None
    measurements: tuple[Measurement, ...] = ()
    figures_dropped: int | UnsetType = UNSET
    """Set by the runtime: how many figures of a plugin could not be read, or were more than are kept."""
    reused_connection: bool = False
    is_judged: bool = False
    """The probe has judged the answer by conditions of its own: a status alone makes it no failure."""
    slow_by_ns: LengthNs | UnsetType = UNSET
    """Set by the runtime: by how much the answer was too slow, where the probe's own conditions fail by that alone."""
    secrets: Annotated[tuple[CapturedText, ...], msgspec.Meta(max_length=CAPTURED_MAX)] = ()
    """Texts that the probe took from answers, and that no sample shows."""
    shared_age_ns: LengthNs | UnsetType = UNSET
    """Set by the runtime: how long before this answer the probe of another target began, whose result it is."""
    locations: tuple[LocationResult, ...] | UnsetType = UNSET
    """The finding of each location where the target is probed from several: the outcome is their quorum's, and no condition is asked again."""

    def __post_init__(self) -> None:
        if self.context is not None:
            msgspec.structs.force_setattr(self, "context", _unchangeable(self.context, JSON_DEPTH_MAX))


def crashed(error: Exception) -> Observation:
    """Returns the observation of a probe that met a defect: an internal fault, which says nothing of the target."""
    detail = one_line(f"{type(error).__name__}: {error}")
    return Observation(outcome=Outcome.UNKNOWN, reason=Reason.PROBE_CRASHED, detail=detail)


def _unchangeable(value: Any, depth_left: int) -> Any:
    """Returns an immutable copy of plain data. Raises: ValueError where it is nested too deeply or contains itself."""
    match value:
        case Mapping() | list() | tuple() if depth_left == 0:
            raise ValueError(f"the context is nested deeper than {JSON_DEPTH_MAX}")
        case Mapping():
            return MappingProxyType(
                {key: _unchangeable(inner, depth_left - 1) for key, inner in value.items()}
            )
        case list() | tuple():
            return tuple(_unchangeable(inner, depth_left - 1) for inner in value)
        case set():
            return frozenset(value)
        case bytearray():
            return bytes(value)
        case _:
            return value


OnObserved: TypeAlias = Callable[[Observation], None]
"""Receives the observation of one attempt, once."""
