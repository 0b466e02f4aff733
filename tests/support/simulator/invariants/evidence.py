"""Invariants of evidence: the samples on which an incident opens and resolves, checked when the sink receives it."""

from collections import deque

from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.incidents.incident import Transition, TransitionKind
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.limits import GENERATIONS_PER_RUN
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.rules.evaluator import BAD_FROM
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.protocol.sink import RecordSamples

from .violation import Happened

KEPT = 64
"""Samples per target: more than any drawn rule needs in a row (at most 4)."""
Place = tuple[str, int, int, int]
BY_DECREE = frozenset({"removed", "retired", "no_data"})
"""The reasons of ends that need no evidence."""

Order = tuple[int, int, int]
"""The number of the process, the monotonic time, and the attempt. A miss that a process counts of the time before it has the
monotonic time that its own wall clock gives, which compares with that of no other process."""
Seen = tuple[Order, Outcome]


class EvidenceRules:
    """S3: opened after enough bad samples in a row, resolved after enough good ones, none of them doubtful.

    Samples that a crash of the sink or of the process has removed from the record do not count: the record goes on from
    its durable part, and so does this rule.
    """

    def __init__(self, targets: list[Target], complain: Complain, happened: Happened) -> None:
        self._complain = complain
        self._happened = happened
        self._specifications: dict[str, list[Target]] = {target.id: [target] for target in targets}
        self._generation = 0
        self._recorded: dict[str, deque[Seen]] = {}
        self._durable: dict[str, deque[Seen]] = {}
        self._steps: dict[tuple[str, int], None] = {}
        self._stale: dict[Place, None] = {}
        """The samples of refused messages. They are recorded, and the judgement goes on without them."""
        self._starts = 0
        self._orders: dict[Place, Order] = {}

    def process_began(self) -> None:
        """Every later sample is sorted behind all earlier ones."""
        self._starts += 1

    def tracked(self, target: Target) -> None:
        known = self._specifications.setdefault(target.id, [])
        if target not in known[-1:]:
            known.append(target)

    def resuming(self, generation: int) -> bool:
        """True for a new incarnation of the sink, which counts from another opening of the store.

        Samples that are not durable by then are lost.
        """
        began = generation // GENERATIONS_PER_RUN != self._generation // GENERATIONS_PER_RUN
        self._generation = generation
        if began:
            self._roll_back()
        return began

    def _roll_back(self) -> None:
        self._recorded = {target: deque(seen, KEPT) for target, seen in self._durable.items()}
        self._steps = {}

    def is_stale(self, message: RecordSamples) -> bool:
        """Whether the sink refuses the judgements of a message, as they are of a state before its last start."""
        return message.generation != self._generation

    def recording(self, message: RecordSamples) -> None:
        stale = self.is_stale(message)
        for sample in message.samples:
            if stale:
                self._stale[_place(sample)] = None
            elif sample.outcome.is_evidence:
                # A later process counts a missed heartbeat again, at the same time, where the former did not commit it.
                self._stale.pop(_place(sample), None)
                self._note(self._recorded, sample)
        if stale:
            self._happened("stale record refused")
            return
        for step in message.transitions:
            if (step.incident_id, step.sequence) not in self._steps:
                self._steps[step.incident_id, step.sequence] = None
                self._founded(step)

    def committed(self, batch: Batch) -> None:
        for sample in batch.samples:
            if sample.outcome.is_evidence and _place(sample) not in self._stale:
                self._note(self._durable, sample)

    def _note(self, where: dict[str, deque[Seen]], sample: Sample) -> None:
        seen = where.setdefault(sample.target, deque(maxlen=KEPT))
        order = self._orders.setdefault(
            _place(sample), (self._starts, sample.at.monotonic_ns, sample.attempt)
        )
        entry = (order, sample.outcome)
        if not seen or seen[-1][0] < entry[0]:
            seen.append(entry)

    def _founded(self, step: Transition) -> None:
        rules = [
            rule
            for target in self._specifications.get(step.target, ())
            for rule in target.judged_rules
            # Those on warnings look past any number of outages; the recount of the whole past has them.
            if rule.id == step.rule and isinstance(rule, Consecutive) and rule.on != "warning"
        ]
        if not rules or step.reason in BY_DECREE:
            return
        bad = BAD_FROM["degraded" if any(rule.on == "degraded" for rule in rules) else "down"]
        seen = self._recorded.get(step.target, deque())
        if step.change is TransitionKind.OPENED:
            wanted = min(rule.after for rule in rules)
            if len(_tail(seen, wanted, bad, good=False)) < wanted:
                self._complain("S3", f"{step.target} opened without {wanted} bad samples: {list(seen)[-8:]}")
        elif step.change is TransitionKind.RESOLVED:
            wanted = min(rule.recover for rule in rules)
            if len(_tail(seen, wanted, bad, good=True)) < wanted:
                self._complain(
                    "S3", f"{step.target} resolved without {wanted} good samples: {list(seen)[-8:]}"
                )


def _place(sample: Sample) -> Place:
    return sample.target, sample.at.monotonic_ns, sample.at.wall_ns, sample.attempt


def _tail(seen: deque[Seen], count: int, bad: frozenset[Outcome], *, good: bool) -> list[Seen]:
    """Returns the newest entries, at most `count`, up to the first of the other kind."""
    tail = []
    for entry in list(seen)[-count:][::-1]:
        if (entry[1] in bad) is good:
            break
        tail.append(entry)
    return tail
