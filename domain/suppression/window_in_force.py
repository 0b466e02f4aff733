"""A calendar window with its present state, kept until it changes: asking the calendar costs far more than a comparison."""

from typing import Protocol


class Calendar(Protocol):
    """Says when a window is in force, in wall time."""

    def in_force(self, wall_ns: int) -> int | None:
        """Returns when the window that is in force ends; None where none is."""
        ...

    def next_start(self, wall_ns: int) -> int | None:
        """Returns when the next window begins; None where none will."""
        ...


class WindowInForce:
    """Remembers what a calendar said, between two of its changes. A wall clock that goes back asks the calendar anew."""

    __slots__ = ("_calendar", "_end_ns", "_from_ns", "_until_ns")

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._from_ns = 0
        self._until_ns: int | None = 0
        """Until when the answer holds; None for ever. At first it holds for no moment."""
        self._end_ns: int | None = None

    def end_ns(self, wall_ns: int) -> int | None:
        """Returns when the window that is in force ends; None where none is."""
        self._look(wall_ns)
        return self._end_ns

    def next_change_ns(self, wall_ns: int) -> int | None:
        """Returns when the window begins or ends next; None for never."""
        self._look(wall_ns)
        return self._until_ns

    def _look(self, wall_ns: int) -> None:
        if self._from_ns <= wall_ns and (self._until_ns is None or wall_ns < self._until_ns):
            return
        self._from_ns = wall_ns
        self._end_ns = self._calendar.in_force(wall_ns)
        self._until_ns = self._calendar.next_start(wall_ns) if self._end_ns is None else self._end_ns
