"""Waits: for what a notice may wait besides silences, as a naive reader of the configuration would say."""

from collections.abc import Iterable

from ..incidents.incident import Transition
from ..specification.matcher import Selection
from ..specification.routing import DEFAULT_FLAPPING
from ..specification.target import Target
from ..suppression.silence_book import subject_of

OPENINGS_KEPT = 100


class PossibleWaits:
    """Says whether a step may have no notice yet. It errs on that side: clocks may step, and parents are not followed."""

    def __init__(self) -> None:
        self.delayed: frozenset[str] = frozenset()
        """The channels that are told some time after an opening."""
        self.maintenance: tuple[Selection, ...] = ()
        """The selections of all planned maintenance, whenever it is."""
        self._targets: dict[str, Target] = {}
        self._openings: dict[tuple[str, str], list[int]] = {}
        """The wall times of the newest openings of each rule on each target."""

    def described(self, targets: Iterable[Target]) -> None:
        """Notes the specifications of watched targets."""
        self._targets |= {target.id: target for target in targets}

    def opened(self, step: Transition) -> None:
        """Notes the opening of an incident."""
        times = self._openings.setdefault((step.target, step.rule), [])
        times.append(step.at_ns)
        del times[:-OPENINGS_KEPT]

    def allow(self, step: Transition, channel: str) -> bool:
        """Whether the notice of a step may wait: that of an end for maintenance alone."""
        subject = subject_of(step.incident)
        if any(selection.needs_metadata or selection.accepts(subject) for selection in self.maintenance):
            return True
        if not step.is_open:
            return False
        target = self._targets.get(step.target)
        return (
            channel in self.delayed
            or (target is not None and target.dependency is not None)
            or self._may_flap(step, target)
        )

    def _may_flap(self, step: Transition, target: Target | None) -> bool:
        flapping = DEFAULT_FLAPPING if target is None else target.judged_flapping
        if flapping is None or flapping.method != "transitions":
            return flapping is not None
        names = (step.target,) if target is None else (step.target, *target.former_names)
        times = [at_ns for name in names for at_ns in self._openings.get((name, step.rule), ())]
        near = [at_ns for at_ns in times if abs(step.at_ns - at_ns) <= 2 * flapping.window_ns]
        return len(near) >= flapping.opened_max
