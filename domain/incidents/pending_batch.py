"""The records of the next commit. Samples are bounded and dropped oldest first; transitions are never dropped."""

from ..limits import BATCH_RECORDS_MAX, EVIDENCE_GATHERED_MAX, UNWRITTEN_STEPS_SAID
from ..observation.evidence import Evidence
from ..observation.sample import Sample
from .announcement import Announcement
from .delivery_try import DeliveryTry
from .incident import Transition
from .notice import Delivery, Notice
from .record import Batch, BlindInterval, Checkpoint, HeardMark, LatestFinding, PauseMark, Renamed, Silence


class Gathering:
    """Owns the records between two commits, by the names that a batch has for them.

    Of several checkpoints or marks of a target, and of several findings of an incident, only the newest is kept.
    """

    def __init__(self) -> None:
        self.transitions: list[Transition] = []
        self.notices: list[Notice] = []
        self.deliveries: list[Delivery] = []
        self.blind: list[BlindInterval] = []
        self.silences: list[Silence] = []
        self.announcements: list[Announcement] = []
        self.checkpoints: dict[str, Checkpoint] = {}
        self.samples: list[Sample] = []
        self.heard: dict[str, HeardMark] = {}
        self.latest: dict[str, LatestFinding] = {}
        self.evidence: list[Evidence] = []
        self.pauses: dict[str, PauseMark] = {}
        self.renamed: list[Renamed] = []
        self.tries: list[DeliveryTry] = []

    @property
    def full(self) -> bool:
        """Whether the number of samples alone makes a commit due."""
        return len(self.samples) >= BATCH_RECORDS_MAX

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not any(vars(self).values())

    def add_samples(self, samples: tuple[Sample, ...]) -> int:
        """Adds samples. Returns the number of older ones that were dropped to make room."""
        self.samples.extend(samples)
        # Samples outgrow a batch only while the store cannot be written; the newest are the most useful then.
        excess = max(0, len(self.samples) - 2 * BATCH_RECORDS_MAX)
        del self.samples[:excess]
        return excess

    def add_evidence(self, evidence: tuple[Evidence, ...]) -> int:
        """Adds evidence. Returns the number of older pieces that were dropped to make room."""
        self.evidence.extend(evidence)
        excess = max(0, len(self.evidence) - EVIDENCE_GATHERED_MAX)
        del self.evidence[:excess]
        return excess

    def add_heard(self, marks: list[HeardMark]) -> None:
        """Adds marks of when targets were last heard."""
        self.heard |= {mark.target: mark for mark in marks}

    def add_transition(self, transition: Transition) -> None:
        """Adds a step, which carries what was found last."""
        self.transitions.append(transition)
        self.latest.pop(transition.incident_id, None)

    def add_independent(self, batch: Batch) -> int:
        """Adds those records of an unwritten batch that a store takes whatever else it has.

        Returns the number of older samples that were dropped to make room.
        """
        self.blind.extend(batch.blind)
        self.silences.extend(batch.silences)
        self.announcements.extend(batch.announcements)
        self.renamed.extend(batch.renamed)
        self.pauses |= {mark.target: mark for mark in batch.pauses}
        return self.add_samples(batch.samples)

    def take(self) -> Batch:
        """Returns all records as one batch and clears them."""
        gathered = {
            **vars(self),
            "checkpoints": self.checkpoints.values(),
            "heard": self.heard.values(),
            "latest": self.latest.values(),
            "pauses": self.pauses.values(),
        }
        batch = Batch(**{name: tuple(records) for name, records in gathered.items()})
        self.__init__()  # type: ignore[misc]  # the same empty state as at the start
        return batch


def unwritten(*batches: Batch) -> tuple[str, ...]:
    """Returns a description of the unwritten records: their number, and each step of an incident; empty for none."""
    count = sum(len(batch) for batch in batches)
    if not count:
        return ()
    steps = [
        f"{step.change.value} {step.target}/{step.rule}" for batch in batches for step in batch.transitions
    ]
    more = len(steps) - UNWRITTEN_STEPS_SAID
    named = steps[:UNWRITTEN_STEPS_SAID] + ([f"{more} steps more"] if more > 0 else [])
    return (f"{count} records", *named)
