"""A violation, an invariant that a run has broken, and the marks of situations."""

from collections.abc import Callable

import msgspec


class Violation(msgspec.Struct, frozen=True):
    """The broken invariant, its description, and the monotonic time."""

    invariant: str
    """Its id, such as S5."""
    says: str
    at_ns: int

    def line(self) -> str:
        return f"{self.invariant} at {self.at_ns / 1e9:.6f} s: {self.says}"


Happened = Callable[[str], None]
"""Called with the name of a situation that some run should reach."""
