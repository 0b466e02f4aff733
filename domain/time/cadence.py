"""Cadence: a fixed grid of due times, `phase + k * every`, that nothing shifts."""

from hashlib import blake2b

import msgspec

from ..limits import FIRST_LOOK_WITHIN_NS, FIRST_LOOKS_PER_S, SHARED_TICK_NS
from ..units import NS_PER_S


class Cadence(msgspec.Struct, frozen=True, gc=False):
    """One target's grid on the monotonic hand. The phase spreads targets and is the same in every run."""

    every_ns: int
    phase_ns: int

    @classmethod
    def of(cls, name: str, every_ns: int) -> "Cadence":
        """The grid of the target called `name`; the phase comes from a stable hash of the name.

        The shard of a target is a remainder of the same hash as its tick within a second: where the number of shards divides that of
        these ticks, the targets of a shard share them, and its engine sleeps at those of the other shards.
        """
        number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
        phase_ns = number % every_ns
        if every_ns <= SHARED_TICK_NS:
            return cls(every_ns, phase_ns)
        if every_ns < NS_PER_S:
            return cls(every_ns, number % (every_ns // SHARED_TICK_NS) * SHARED_TICK_NS)
        shared_ns = phase_ns - phase_ns % NS_PER_S + number * SHARED_TICK_NS % NS_PER_S
        return cls(every_ns, shared_ns if shared_ns < every_ns else shared_ns - NS_PER_S)

    def first_after(self, now_ns: int, among: int = 1) -> int:
        """The first due time for one of so many targets tracked now: a tick of the grid, or one early look where that is slow."""
        within_ns = max(FIRST_LOOK_WITHIN_NS, among * NS_PER_S // FIRST_LOOKS_PER_S)
        tick_ns = self.next_after(now_ns - 1)
        return tick_ns if self.every_ns <= within_ns else min(now_ns + self.phase_ns % within_ns, tick_ns)

    def next_after(self, now_ns: int) -> int:
        """The first due time later than `now_ns`."""
        return now_ns + self.every_ns - (now_ns - self.phase_ns) % self.every_ns

    def missed_between(self, due_ns: int, now_ns: int) -> int:
        """How many ticks after `due_ns` have passed by `now_ns`: they are counted and skipped, never replayed."""
        return max(0, 1 + (now_ns - self.next_after(due_ns)) // self.every_ns)
