"""Samples: the judged results of attempts, small enough to keep for years."""

from msgspec import UNSET, UnsetType

from ..public_value import PublicValue, milliseconds
from ..time.moment import Moment
from .attempt import AttemptId
from .observation import Measurement, Phases
from .outcome import Outcome, Reason


class Sample(PublicValue, frozen=True, kw_only=True, gc=False):
    """One judged observation of one target."""

    target: str
    epoch: int
    attempt: int
    """Grows by one per attempt within an epoch; a sample that is not newer than the last applied one is refused."""
    at: Moment
    """The start of the attempt; for a missed heartbeat, its due time."""
    outcome: Outcome
    reason: Reason = Reason.OK
    latency_ns: int | None = None
    phases: Phases | None = None
    status: int | None = None
    ip: str | None = None
    certificate_expires_in_ns: int | None = None
    measurements: tuple[Measurement, ...] = ()
    failed: tuple[str, ...] = ()
    """The failed conditions, each with the value that it found."""
    detail: str = ""
    reused_connection: bool = False
    shared_age_ns: int | UnsetType = UNSET
    """Where `max_age` let the result of an equal probe answer: how old it was, counted from when that probe began.

    Latency, phases and address are those of that probe. UNSET, and left out of the bytes, where the attempt probed itself.
    """

    @property
    def latency_ms(self) -> float | None:
        return milliseconds(self.latency_ns)

    @property
    def is_sign_of_life(self) -> bool:
        """Whether it shows that its target can be heard: evidence, but not the absence of a heartbeat."""
        return self.outcome.is_evidence and self.reason is not Reason.HEARTBEAT_MISSED

    def explanation(self) -> str:
        """Returns the reason in one line for people."""
        parts = [*self.failed] or ([self.detail] if self.detail else [])
        return f"{self.reason.value}: {'; '.join(parts)}" if parts else self.reason.value


def sample_without_answer(
    attempt: AttemptId, at: Moment, outcome: Outcome, reason: Reason, detail: str = ""
) -> Sample:
    """Returns the sample of an attempt whose probe gave no answer that counts."""
    return Sample(
        target=attempt.target,
        epoch=attempt.epoch,
        attempt=attempt.number,
        at=at,
        outcome=outcome,
        reason=reason,
        detail=detail,
    )
