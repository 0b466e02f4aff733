"""Flapping by counting: the openings of a rule on a target within a window, and the incidents that wait for it."""

import msgspec

from .. import limits
from ..incidents.delivery_plan import Hold, HoldKind
from ..incidents.incident import Incident, Transition, TransitionKind
from ..time.duration import format_duration
from ..time.moment import Moment


class OpeningsRule(msgspec.Struct, frozen=True):
    """From how many openings within which time a rule on a target flaps."""

    opened_max: int = 3
    window_ns: int = limits.FLAPPING_WINDOW_NS

    @property
    def patience_ns(self) -> int:
        """How long an incident that is held stays open until it is told: a real outage is told after that."""
        return self.window_ns // self.opened_max


class _Held(msgspec.Struct, frozen=True):
    """An incident that opened when its rule had opened too often."""

    openings: int
    window_ns: int
    until_ns: int
    """Monotonic."""


class FlappingBook:
    """Holds the notices of incidents that open again and again. The ends of told incidents are never held by it.

    An incident is held that is the `opened_max`-th opening, or a later one, of its rule on its target within the window,
    until it has stayed open for window / opened_max. Openings are counted on the monotonic clock, so that a step of the
    wall clock neither forgets nor multiplies them. A restart begins with the openings that the record names.
    """

    def __init__(self) -> None:
        self._openings: dict[tuple[str, str], tuple[int, ...]] = {}
        """The moments of the openings (monotonic) by target and rule; the one that opened last stands last. Most have a single one."""
        self._held: dict[str, _Held] = {}

    def note(self, transition: Transition, rule: OpeningsRule | None, now: Moment) -> None:
        """Takes a step of an incident, whose target flaps by `rule`; None: its openings are not counted."""
        if transition.change is TransitionKind.RESOLVED:
            self._held.pop(transition.id, None)
        elif transition.change is TransitionKind.OPENED and not transition.draft and rule is not None:
            openings = self._count((transition.target, transition.rule), now.monotonic_ns, rule)
            if openings >= rule.opened_max:
                self._hold(transition.id, now.monotonic_ns, openings, rule)

    def count(self, place: tuple[str, str], at_ns: int, rule: OpeningsRule, now: Moment) -> int:
        """Counts an opening of a rule on a target at a wall time. Returns how many there were within the window by then.

        One that is older than the window counts, too: it may lie within the window before a later opening. One in the
        future, as of a wall clock that was set back, is not counted.
        """
        ago_ns = now.wall_ns - at_ns
        return self._count(place, now.monotonic_ns - ago_ns, rule) if ago_ns >= 0 else 0

    def keep(self, incident_id: str, at_ns: int, openings: int, rule: OpeningsRule, now: Moment) -> None:
        """Holds an incident that opened at a wall time as the last of so many openings, where they are too many."""
        if openings >= rule.opened_max:
            self._hold(incident_id, now.monotonic_ns - (now.wall_ns - at_ns), openings, rule)

    def _count(self, place: tuple[str, str], at_ns: int, rule: OpeningsRule) -> int:
        # Taken out and put back, so that the places stand in the order of their last openings.
        former = self._openings.pop(place, ())
        kept = [opened_ns for opened_ns in former if opened_ns > at_ns - rule.window_ns]
        moments = self._openings[place] = (*kept[1 - limits.OPENINGS_COUNTED_MAX :], at_ns)
        self._forget_before(at_ns - limits.FLAPPING_WINDOW_NS_MAX)
        return len(moments)

    def _hold(self, incident_id: str, at_ns: int, openings: int, rule: OpeningsRule) -> None:
        self._held[incident_id] = _Held(openings, rule.window_ns, at_ns + rule.patience_ns)

    def _forget_before(self, monotonic_ns: int) -> None:
        while self._openings:
            place, moments = next(iter(self._openings.items()))
            if moments[-1] > monotonic_ns:
                return
            del self._openings[place]

    def hold(self, incident: Incident, now: Moment) -> Hold | None:
        """Returns why an open incident waits: its rule has opened too often, and it has not stayed open for long yet."""
        held = self._held.get(incident.id)
        if held is None or not incident.is_open or now.monotonic_ns >= held.until_ns:
            return None
        until_ns = now.wall_ns + held.until_ns - now.monotonic_ns
        return Hold(kind=HoldKind.FLAPPING, name=_said(held), until_ns=until_ns)

    def remark(self, incident: Incident) -> str:
        """Returns what the first notice of an incident says of its openings; empty where it was not held."""
        held = self._held.get(incident.id)
        return "" if held is None else _said(held)

    def __len__(self) -> int:
        """Returns the number of pairs of target and rule whose openings are kept."""
        return len(self._openings)


def _said(held: _Held) -> str:
    return f"opened {held.openings} times within {format_duration(held.window_ns)}"
