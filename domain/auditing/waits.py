"""Waits: for what a notice may wait besides silences, as a naive reader of the configuration would say."""

from collections.abc import Iterable

from ..incidents.incident import Transition
from ..specification.matcher import Selection
from ..specification.routing import DEFAULT_FLAPPING
from ..specification.target import Target
from ..suppression.silence_book import subject_of
from ..time.moment import Moment

OPENINGS_KEPT = 100


class PossibleWaits:
    """Says whether a step may have no notice yet. It errs on that side: clocks may step, and parents are not followed."""

    def __init__(self) -> None:
        self.delayed: frozenset[str] = frozenset()
        """The channels that are told some time after an opening."""
        self.maintenance: tuple[Selection, ...] = ()
        """The selections of all planned maintenance, whenever it is."""
        self._targets: dict[str, Target] = {}
        self._openings: dict[tuple[str, str], list[tuple[int, int]]] = {}
        """The times of the newest openings of each rule on each target: by the wall clock, and without its steps."""
        self._ahead_ns: int | None = None
        """How far the wall clock is ahead of the monotonic one."""
        self._stepped_ns = 0
        """By how much the wall clock has been set so far."""

    def described(self, targets: Iterable[Target]) -> None:
        """Notes the specifications of watched targets."""
        self._targets |= {target.id: target for target in targets}

    def time_passed(self, now: Moment) -> None:
        """Notes a step of the wall clock since the last call."""
        ahead_ns = now.wall_ns - now.monotonic_ns
        self._stepped_ns += 0 if self._ahead_ns is None else ahead_ns - self._ahead_ns
        self._ahead_ns = ahead_ns

    def opened(self, step: Transition) -> None:
        """Notes the opening of an incident."""
        times = self._openings.setdefault((step.target, step.rule), [])
        times.append((step.at_ns, step.at_ns - self._stepped_ns))
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
        times = [times for name in names for times in self._openings.get((name, step.rule), ())]
        now_ns = step.at_ns, step.at_ns - self._stepped_ns
        near = [
            each
            for each in times
            if min(abs(at_ns - by_ns) for at_ns, by_ns in zip(now_ns, each, strict=True))
            <= 2 * flapping.window_ns
        ]
        return len(near) >= flapping.opened_max
