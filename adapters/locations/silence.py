"""How locations answer: counters, and the problem of one whose agents do not."""

from collections import Counter
from typing import Protocol

import msgspec

from ...domain.limits import LOCATION_FORGOTTEN_NS, LOCATION_SILENT_SHARE, LOCATION_WINDOW_NS
from ...domain.observation.location import NO_ANSWER
from ...domain.time.moment import Moment
from ...domain.time.timers import CallAt, Timer
from ...domain.units import NS_PER_S
from ..clock import MomentClock

LATE = "an agent is frozen, overloaded or far away"
TELL_NS = NS_PER_S
"""How often counters are told: as seldom as a page is read, so that counting costs a check nothing."""


class LocationReceiver(Protocol):
    """Hears of locations: the health of a runtime."""

    def counted(self, counter: str, by: int) -> None: ...

    def problem(self, location: str, detail: str) -> None:
        """A location has a problem; an empty detail ends it."""
        ...


class AnswerWindow(msgspec.Struct):
    """The asks of one location whose end was seen since the window began."""

    answered: int = 0
    silent: int = 0
    why: str = ""
    """Why the last of them was silent."""
    problem: str = ""
    """As it was told last."""
    asked_ns: int = 0
    """When a window of this location last had asks (monotonic)."""

    def judged(self) -> str:
        """Returns the problem that the window shows; empty where its agents answer."""
        asked = self.answered + self.silent
        if not self.answered:
            return f"no agent answers: {self.why}" if self.why else "no agent answers"
        if self.silent / asked >= LOCATION_SILENT_SHARE:
            why = LATE if self.why == NO_ANSWER else self.why
            return f"{self.silent} of {asked} asks had no answer in time: {why}"
        return ""


class LocationWatch:
    """Counts answers and silence, and tells of a location that was silent for a whole window, until it answers or nothing asks it for an
    hour: of one whose targets were removed nothing more is known.
    """

    def __init__(self, clock: MomentClock, call_at: CallAt) -> None:
        self._clock, self._call_at = clock, call_at
        self._windows: dict[str, AnswerWindow] = {}
        self._began: Moment | None = None
        self._timer: Timer | None = None
        self._expiry: Timer | None = None
        """Set while nothing is asked and a problem is left to be ended."""
        self._counters: Counter[str] = Counter()
        self._receivers: tuple[LocationReceiver, ...] = ()
        """Replaced whole, as other threads add and remove some: the health of each engine that uses these drivers."""

    def add(self, receiver: LocationReceiver) -> None:
        """Tells one more of all problems; the first of all of them also hears the counters."""
        self._receivers = (*self._receivers, receiver)

    def remove(self, receiver: LocationReceiver) -> None:
        """Tells one no more."""
        self._receivers = tuple(each for each in self._receivers if each != receiver)

    def count(self, counter: str, by: int = 1) -> None:
        """Counts what concerns no location."""
        self._counters[counter] += by
        if self._timer is None:
            now = self._clock.read()
            self._began = self._began or now
            self._timer = self._call_at(now.monotonic_ns + TELL_NS, self._tell)

    def answered(self, location: str) -> None:
        """A location has answered one ask."""
        self._windows.setdefault(location, AnswerWindow()).answered += 1
        self.count("answers")

    def silent(self, location: str, why: str) -> None:
        """A location has left one ask without an answer."""
        window = self._windows.setdefault(location, AnswerWindow())
        window.silent, window.why = window.silent + 1, why
        self.count("silences")

    def _tell(self) -> None:
        self._timer, now = None, self._clock.read()
        counted, self._counters = self._counters, Counter()
        for counter, by in counted.items():
            for first in self._receivers[:1]:
                first.counted(counter, by)
        if self._began is not None and now.since(self._began) >= LOCATION_WINDOW_NS:
            self._began = now
            self._judge(now)
        if counted or any(window.answered or window.silent for window in self._windows.values()):
            self._timer = self._call_at(now.monotonic_ns + TELL_NS, self._tell)
        else:
            self._began = None
            if self._expiry is None:
                self._await_expiry()

    def _await_expiry(self) -> None:
        """Looks again when the first problem is old enough to end, as nothing else wakes this while nothing is asked."""
        due = [window.asked_ns + LOCATION_FORGOTTEN_NS for window in self._windows.values() if window.problem]
        if due:
            self._expiry = self._call_at(min(due), self._expire)

    def _expire(self) -> None:
        self._expiry = None
        if self._timer is None:
            self._judge(self._clock.read())
            self._await_expiry()

    def _judge(self, now: Moment) -> None:
        for location, window in self._windows.items():
            if window.answered or window.silent:
                problem, asked_ns = window.judged(), now.monotonic_ns
            elif window.problem and now.monotonic_ns - window.asked_ns >= LOCATION_FORGOTTEN_NS:
                problem, asked_ns = "", window.asked_ns
            else:
                continue
            # A problem that lasts is told again: its listener may have been restarted.
            if problem or window.problem:
                for receiver in self._receivers:
                    receiver.problem(location, problem)
            self._windows[location] = AnswerWindow(problem=problem, asked_ns=asked_ns)

    def close(self) -> None:
        """Tells nothing more."""
        self._receivers = ()
        for timer in (self._timer, self._expiry):
            if timer is not None:
                timer.cancel()
        self._timer = self._expiry = None
