"""Folding: lines of one kind that come in a flood become one line with a count, and no kind holds back another."""

from typing import NamedTuple, TypeAlias

from ...domain.time.moment import Moment
from ...domain.units import NS_PER_S

WINDOW_NS = 10 * NS_PER_S
LINES_MAX = 5
"""The lines of one kind that are printed in a window; the others are counted and told at its end."""
KINDS_MAX = 1_000
"""The kinds that are told apart at once; beyond them every line is printed."""
SUBJECTS_MAX = 10
"""The subjects of folded lines that are named; of the others there is the count alone."""
Kind: TypeAlias = tuple[str, str]


class Folded(NamedTuple):
    """The lines of one kind that a window held back."""

    kind: Kind
    held: int
    subjects: tuple[str, ...]
    """The first SUBJECTS_MAX, each once, in the order in which they came."""
    has_others: bool
    last: str
    """The text of the newest line."""


class _Window:
    def __init__(self, until_ns: int, left: int) -> None:
        self.until_ns = until_ns
        self.left = left
        self.count = 0
        self.subjects: dict[str, None] = {}
        self.has_others = False
        self.last = ""


class Folding:
    """Decides of each line whether it is printed now. A flood that goes on costs one line a window."""

    def __init__(self) -> None:
        self._windows: dict[Kind, _Window] = {}

    @property
    def next_ns(self) -> int | None:
        """When the next window ends, on the monotonic clock; None without any."""
        return min((window.until_ns for window in self._windows.values()), default=None)

    def admit(self, kind: Kind, subject: str, text: str, now: Moment, lines: int = LINES_MAX) -> bool:
        """Returns whether a line is printed now, as one of so many in a window; else it is counted."""
        window = self._windows.get(kind)
        if window is None:
            if len(self._windows) >= KINDS_MAX:
                return True
            window = self._windows[kind] = _Window(now.monotonic_ns + WINDOW_NS, lines)
        if window.left:
            window.left -= 1
            return True
        window.count += 1
        window.last = text
        if subject in window.subjects or len(window.subjects) < SUBJECTS_MAX:
            window.subjects[subject] = None
        else:
            window.has_others = True
        return False

    def due(self, now: Moment) -> tuple[Folded, ...]:
        """Returns what the windows that have ended held back."""
        return self._ended(
            [kind for kind, window in self._windows.items() if window.until_ns <= now.monotonic_ns]
        )

    def rest(self) -> tuple[Folded, ...]:
        """Returns what every window holds back: the stream ends."""
        found = self._ended([*self._windows])
        self._windows.clear()
        return found

    def flushed(self, kind: Kind) -> tuple[Folded, ...]:
        """Returns what is held back of one kind so far, before a line that is its end."""
        window = self._windows.get(kind)
        if window is None or not window.count:
            return ()
        self._windows[kind] = _Window(window.until_ns, 0)
        return (_folded(kind, window),)

    def _ended(self, kinds: list[Kind]) -> tuple[Folded, ...]:
        folded = []
        for kind in kinds:
            window = self._windows.pop(kind)
            if window.count:
                folded.append(_folded(kind, window))
                self._windows[kind] = _Window(window.until_ns + WINDOW_NS, 0)
        return tuple(folded)


def _folded(kind: Kind, window: _Window) -> Folded:
    return Folded(kind, window.count, tuple(window.subjects), window.has_others, window.last)
