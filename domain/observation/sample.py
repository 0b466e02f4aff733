"""Samples: the judged results of attempts, small enough to keep for years."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET, UnsetType

from ..public_value import PublicValue, milliseconds
from ..time.moment import Moment
from .attempt import AttemptId
from .location import LocationResult
from .observation import Measurement, Phases
from .outcome import SILENCES, Outcome, Reason


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
    figures_dropped: int | UnsetType = UNSET
    """How many figures of a plugin could not be read, or were more than are kept; UNSET, and left out of the bytes, for none."""
    failed: tuple[str, ...] = ()
    """The failed conditions, each with the value that it found."""
    detail: str = ""
    body: str | UnsetType = UNSET
    """The beginning of the body that a bad sample saw: 512 bytes at most, as text with control characters escaped.

    UNSET, and left out of the bytes, where there is none.
    """
    reused_connection: bool = False
    shared_age_ns: int | UnsetType = UNSET
    """Where `max_age` let the result of an equal probe answer: how old it was, counted from when that probe began.

    Latency, phases and address are those of that probe. UNSET, and left out of the bytes, where the attempt probed itself.
    """

    slow_by_ns: int | UnsetType = UNSET
    """Where an answer failed by its response time alone: by how much it was too long. Else UNSET, left out of the bytes."""
    blocked_ns: int | UnsetType = UNSET
    """How long at most the runtime's own loop stood still during the attempt: its measured times may be too long by that."""
    ended_run: str | UnsetType = UNSET
    """The run of a job that this report ended, by its id; UNSET, and left out of the bytes, where it ended none."""
    locations: tuple[LocationResult, ...] | UnsetType = UNSET
    """The finding of each location, where the target is probed from several: the outcome is that of their quorum.

    UNSET, and left out of the bytes, where the runtime probed the target itself. The store keeps it with no sample, and of those that
    differ the explanation.
    """

    @property
    def latency_ms(self) -> float | None:
        return milliseconds(self.latency_ns)

    @property
    def certificate_expires_in_ms(self) -> float | None:
        return milliseconds(self.certificate_expires_in_ns)

    @property
    def is_sign_of_life(self) -> bool:
        """Whether it shows that its target can be heard: evidence, but not the absence of a heartbeat."""
        return self.outcome.is_evidence and self.reason not in SILENCES

    def turned(self) -> "Sample":
        """Returns the sample of a target that must fail: an answer is bad, a failure good.

        A sample that is no evidence stays as it is. The time to a failure is no response time, and what the failed answer held is no
        evidence of a fault. Where several locations probed the target, each has turned what it saw before the quorum judged it.
        """
        match self.outcome if self.locations is UNSET else None:
            case Outcome.UP | Outcome.DEGRADED:
                detail = f"it must fail, and it is {self.outcome.value}"
                said = f"{detail}: {self.detail}" if self.detail else detail
                return msgspec.structs.replace(
                    self, outcome=Outcome.DOWN, reason=Reason.UNEXPECTED_ANSWER, detail=said, failed=()
                )
            case Outcome.DOWN | Outcome.TIMED_OUT:
                return msgspec.structs.replace(
                    self,
                    outcome=Outcome.UP,
                    reason=Reason.OK,
                    detail=f"it fails as it must: {self.explanation()}",
                    failed=(),
                    latency_ns=None,
                    phases=None,
                    body=UNSET,
                    slow_by_ns=UNSET,
                )
            case _:
                return self

    def told(self, discreet: Callable[[str], str]) -> "Sample":
        """Returns the sample with its foreign texts as `discreet` gives them: from here on they are kept and sent."""
        if not (self.detail or self.failed or self.measurements or self.body or self.locations):
            return self
        return msgspec.structs.replace(
            self,
            failed=tuple([discreet(text) for text in self.failed]),
            detail=discreet(self.detail),
            measurements=tuple([each.told(discreet) for each in self.measurements]),
            body=discreet(self.body) if self.body else self.body,
            locations=tuple([each.told(discreet) for each in self.locations]) if self.locations else UNSET,
        )

    def seen_from(self, location: str) -> LocationResult:
        """Returns the sample as the result of one location."""
        is_well = self.outcome is Outcome.UP and not self.detail
        return LocationResult(
            location=location,
            outcome=self.outcome,
            reason=self.reason,
            latency_ns=self.latency_ns,
            explanation="" if is_well else self.explanation(),
        ).bounded()

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
