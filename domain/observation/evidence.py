"""Evidence of bad samples, and the choice of those whose evidence is kept."""

from datetime import datetime

import msgspec

from ..limits import EVIDENCE_BODY_BYTES_MAX, EVIDENCE_PER_HOUR_MAX
from ..line import escaped
from ..public_value import PublicValue
from ..time.moment import Moment, utc
from ..units import NS_PER_HOUR
from .observation import Phases
from .outcome import Outcome
from .sample import Sample


class Evidence(PublicValue, frozen=True, kw_only=True, gc=False):
    """The part of one bad sample that is kept besides what every sample keeps."""

    target: str
    at_ns: int
    """Wall time of the sample; a store keeps microseconds."""
    ip: str | None = None
    phases: Phases | None = None
    failed: tuple[str, ...] = ()
    """The failed conditions, each with the value that it found."""
    body: str = ""
    """The beginning of the answer's body: see `Sample.body`."""

    @property
    def at(self) -> datetime:
        """When its sample was taken, in UTC."""
        return utc(self.at_ns)


def kept_body(body: bytes) -> str:
    """Returns the beginning of a body as text: unreadable bytes replaced, control characters but line ends escaped."""
    text = body[:EVIDENCE_BODY_BYTES_MAX].decode("utf-8", "replace")
    return "\n".join(map(escaped, text.splitlines()))


def evidence_of(sample: Sample) -> Evidence | None:
    """Returns the evidence of a sample; None where it saw nothing, as without any answer."""
    body = "" if sample.body is msgspec.UNSET else sample.body
    if not (sample.ip or sample.phases or sample.failed or body):
        return None
    return Evidence(
        target=sample.target,
        at_ns=sample.at.wall_ns,
        ip=sample.ip,
        phases=sample.phases,
        failed=sample.failed,
        body=body,
    )


class EvidenceChoice:
    """Chooses the bad samples whose evidence is kept: those that say something else than the one before.

    An outage that goes on is kept once an hour, and a target that flaps EVIDENCE_PER_HOUR_MAX times: the record of a
    target is bounded, whatever it does.
    """

    def __init__(self) -> None:
        self._hour = 0
        self._said: dict[str, str] = {}
        """The explanation of each target's newest sample, where it was bad."""
        self._kept: dict[str, int] = {}
        """The number kept of each target in this hour."""

    def take(self, sample: Sample, now: Moment) -> Evidence | None:
        """Returns the evidence of a sample that is to be kept."""
        target = sample.target
        if sample.outcome is Outcome.UP:
            if self._said:
                self._said.pop(target, None)
            return None
        hour = now.wall_ns // NS_PER_HOUR
        if hour != self._hour:
            self._hour, self._said, self._kept = hour, {}, {}
        said, count = sample.explanation(), self._kept.get(target, 0)
        if said == self._said.get(target) or count >= EVIDENCE_PER_HOUR_MAX:
            return None
        self._said[target] = said
        evidence = evidence_of(sample)
        if evidence is not None:
            self._kept[target] = count + 1
        return evidence
