"""Shrinking: makes a failing case shorter while it violates the same invariant."""

from collections.abc import Callable, Iterator

import msgspec
from watchkeeper.adapters.clock import SystemClock

from .cases.case import Case, Watched
from .run import run_case

Fails = Callable[[Case], bool]


class Shrinker:
    """Removes parts of a case, one kind after the other, and keeps each shorter case that still fails."""

    def __init__(self, case: Case, invariant: str, *, budget_ns: int) -> None:
        self.case = msgspec.structs.replace(case, expects=invariant)
        self._invariant = invariant
        self._clock = SystemClock()
        self._ends_ns = self._clock.read().monotonic_ns + budget_ns
        self.tries = 0

    def shrink(self) -> Case:
        """Returns the shortest case found within the budget."""
        self._freeze_tape()
        before = None
        while before != self.case and not self._spent():
            before = self.case
            self._offer_all(_fewer_acts)
            self._offer_all(_fewer_faults)
            self._offer_all(_less_tape)
            self._offer_all(_fewer_targets)
            self._offer_all(_shorter)
        return self.case

    def _spent(self) -> bool:
        return self._clock.read().monotonic_ns > self._ends_ns

    def _freeze_tape(self) -> None:
        """Replaces the seed by its recorded draws, which may then be changed one by one."""
        if self.case.tape is None:
            tape = run_case(self.case).tape
            self._offer(msgspec.structs.replace(self.case, tape=tape))

    def _offer_all(self, shorter: Callable[[Case], Iterator[Case]]) -> None:
        """Try every shorter case of a kind; after a success begin again from the shorter case."""
        again = True
        while again and not self._spent():
            again = any(self._offer(case) for case in shorter(self.case) if not self._spent())

    def _offer(self, case: Case) -> bool:
        self.tries += 1
        violations = run_case(case).violations
        if not violations or violations[0].invariant != self._invariant:
            return False
        self.case = case
        return True


def _fewer_acts(case: Case) -> Iterator[Case]:
    for kept in _without_chunks(list(case.acts)):
        yield msgspec.structs.replace(case, acts=tuple(kept))


def _fewer_faults(case: Case) -> Iterator[Case]:
    for fault in case.options.faults:
        faults = tuple(other for other in case.options.faults if other is not fault)
        options = msgspec.structs.replace(case.options, faults=faults)
        yield msgspec.structs.replace(case, options=options)
    if case.options.schedule != "fifo:0":
        yield msgspec.structs.replace(case, options=msgspec.structs.replace(case.options, schedule="fifo:0"))


def _less_tape(case: Case) -> Iterator[Case]:
    """Whole streams, then halves, then single draws become zeros, which mean that nothing unusual happens."""
    for label, draws in (case.tape or {}).items():
        if label == "dice" or not any(draws):
            continue
        yield _with_stream(case, label, [])
        yield _with_stream(case, label, draws[: len(draws) // 2])
        for index in [index for index, draw in enumerate(draws) if draw][:40]:
            yield _with_stream(case, label, [*draws[:index], 0, *draws[index + 1 :]])


def _with_stream(case: Case, label: str, draws: list[int]) -> Case:
    return msgspec.structs.replace(case, tape={**(case.tape or {}), label: draws})


def _fewer_targets(case: Case) -> Iterator[Case]:
    for watched in case.targets if len(case.targets) > 1 else ():
        yield msgspec.structs.replace(case, targets=_without(case.targets, watched))


def _without(targets: tuple[Watched, ...], gone: Watched) -> tuple[Watched, ...]:
    return tuple(watched for watched in targets if watched is not gone)


def _shorter(case: Case) -> Iterator[Case]:
    for minutes in (1, case.options.minutes // 2, case.options.minutes - 1):
        if 0 < minutes < case.options.minutes:
            options = msgspec.structs.replace(case.options, minutes=minutes)
            yield msgspec.structs.replace(case, options=options)


def _without_chunks(items: list) -> Iterator[list]:  # type: ignore[type-arg]  # of whatever kind
    """The list without ever smaller pieces of it."""
    size = len(items)
    while size:
        for start in range(0, len(items), size):
            yield items[:start] + items[start + size :]
        size //= 2
