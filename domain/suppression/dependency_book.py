"""Dependencies: a target that fails because its parents are down tells nobody until they are well and it is not."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from .. import limits
from ..incidents.delivery_plan import Hold, HoldKind
from ..incidents.incident import Incident
from ..observation.sample import Sample
from ..specification.rule import Severity
from ..time.moment import Moment


class Needs(msgspec.Struct, frozen=True):
    """The parents of a target, and how long its own next sample may take."""

    parents: tuple[str, ...]
    at_least: int
    """How many of the parents must be well."""
    silence_ns: int
    """Two periods and a timeout: without a sample for so long after its parents' recovery it is told of anyway."""


class _Open(NamedTuple):
    """An open incident."""

    is_critical: bool
    first_bad_ns: int
    """When its first bad sample was taken (monotonic)."""


class _Seen(msgspec.Struct):
    """The evidence of a target that is a parent or has parents. Monotonic times."""

    at_ns: int | None = None
    """Of the newest sample."""
    is_bad: bool = False
    bad_at_ns: int | None = None
    """Of the newest bad sample."""
    well_since_ns: int | None = None
    """When it was last well again after it had not been."""


class DependencyBook:
    """Knows who depends on whom, the newest sample of each of them, and which incidents are open.

    A parent is well when its newest sample is good and no incident of severity critical is open on it. An incident of a
    child is held while fewer of its parents than needed vouch for the network behind them:

    - a parent that is well vouches once it has a sample that is not older than the first bad sample of the incident;
    - a parent that has become well since then vouches once the child has a bad sample that is not older than that;
    - a parent that is paused, not watched, or silent for too long vouches, so that nothing waits for ever.

    It looks at the direct parents alone. A parent whose own notices are held is not well, so that it reaches further by
    itself, and a circle, which the validation refuses, would hold its notices without hanging.
    """

    def __init__(self) -> None:
        self._needs: dict[str, Needs] = {}
        self._children: dict[str, dict[str, None]] = {}
        """The children of each parent, in the order in which they were named."""
        self._silence: dict[str, int] = {}
        """Of parents: two periods and a timeout."""
        self._absent: set[str] = set()
        """Parents that are not watched or are paused."""
        self._seen: dict[str, _Seen] = {}
        self._open: dict[str, dict[str, _Open]] = {}
        """The open incidents of every target, drafts left out: any of them may become a parent or a child by a reload."""
        self._target_of: dict[str, str] = {}
        self._asked: dict[str, int] = {}
        """Of parents: the newest first bad sample of an incident of their children."""
        self._began_ns: int | None = None
        """When the watch began (monotonic): before, no parent could have a sample."""

    def begin(self, now: Moment) -> None:
        """Begins anew with the open incidents of a record, which `note` tells one by one; who depends on whom stays."""
        self._open, self._target_of, self._asked, self._seen = {}, {}, {}, {}
        self._began_ns = now.monotonic_ns

    def watch(self, target: str, needs: Needs | None, silence_ns: int) -> bool:
        """Notes what a watched target depends on now (None: nothing), and for how long it may be silent.

        Returns whether it has open incidents that may wait otherwise than before.
        """
        is_other = self._needs.get(target) != needs
        for parent in self._parents_of(target):
            self._part(parent, target)
        if needs is None:
            self._needs.pop(target, None)
        else:
            self._needs[target] = needs
            for parent in needs.parents:
                self._children.setdefault(parent, {})[target] = None
        self._absent.discard(target)
        if target in self._children:
            self._silence[target] = silence_ns
        for open_ in self._open.get(target, {}).values():
            self._ask(target, open_.first_bad_ns)
        return is_other and target in self._open

    def _part(self, parent: str, child: str) -> None:
        children = self._children[parent]
        children.pop(child, None)
        if not children:
            del self._children[parent]
            for kept in (self._silence, self._asked):
                kept.pop(parent, None)
            if parent not in self._needs:
                self._seen.pop(parent, None)

    def leave(self, target: str) -> tuple[str, ...]:
        """Notes that a target is not watched any more. Returns the children whose incidents are to be reviewed."""
        for parent in self._parents_of(target):
            self._part(parent, target)
        self._needs.pop(target, None)
        self._seen.pop(target, None)
        return self.pause(target, paused=True)

    def pause(self, target: str, *, paused: bool) -> tuple[str, ...]:
        """Notes that a target is paused or resumed. Returns the children whose incidents are to be reviewed."""
        if target not in self._children:
            return ()
        (self._absent.add if paused else self._absent.discard)(target)
        return self._waiting(target)

    def note(self, incident: Incident, now: Moment) -> tuple[str, ...]:
        """Takes the present state of an incident. Returns the children whose incidents are to be reviewed."""
        target = incident.target
        former = self._target_of.get(incident.id, target)
        was_down, was_silent = self._is_down(target), self._is_silent(target, now)
        if former != target:
            self._forget(incident.id, former)
        if not incident.is_open or incident.draft:
            self._forget(incident.id, target)
        else:
            self._keep(incident, now)
        if was_silent and self._has_critical(target):
            # It vouched until now, as nothing was heard of it: what its children are about to tell waits again.
            return self._waiting(target)
        return self._compared(target, was_down, now.monotonic_ns)

    def _keep(self, incident: Incident, now: Moment) -> None:
        target = incident.target
        incidents = self._open.setdefault(target, {})
        known = incidents.get(incident.id)
        # A wall clock that was set back since then must not put the first bad sample into the future.
        ago_ns = max(0, now.wall_ns - incident.opened_at_ns)
        first_bad_ns = now.monotonic_ns - ago_ns if known is None else known.first_bad_ns
        incidents[incident.id] = _Open(incident.severity is Severity.CRITICAL, first_bad_ns)
        self._target_of[incident.id] = target
        if known is None and target in self._needs:
            self._ask(target, first_bad_ns)

    def _ask(self, child: str, first_bad_ns: int) -> None:
        """Notes that the parents of a child are to have a sample since its first bad one."""
        for parent in self._parents_of(child):
            self._asked[parent] = max(first_bad_ns, self._asked.get(parent, first_bad_ns))

    def _parents_of(self, target: str) -> tuple[str, ...]:
        return self._needs[target].parents if target in self._needs else ()

    def _forget(self, incident_id: str, target: str) -> None:
        incidents = self._open.get(target, {})
        incidents.pop(incident_id, None)
        self._target_of.pop(incident_id, None)
        if not incidents:
            self._open.pop(target, None)

    def take(self, samples: Iterable[Sample]) -> set[str]:
        """Takes samples. Returns the targets whose incidents are to be reviewed."""
        found: set[str] = set()
        for sample in samples:
            name = sample.target
            if (name in self._children or name in self._needs) and sample.outcome.is_evidence:
                found.update(self._see(name, sample))
        return found

    def _see(self, name: str, sample: Sample) -> tuple[str, ...]:
        seen = self._seen.setdefault(name, _Seen())
        # A degraded parent can be reached, and so can what lies behind it.
        at_ns, is_bad = sample.at.monotonic_ns, sample.outcome.is_bad
        if seen.at_ns is not None and at_ns < seen.at_ns:
            return ()
        was_down, before_ns, bad_before_ns = self._is_down(name), seen.at_ns, seen.bad_at_ns
        seen.at_ns, seen.is_bad = at_ns, is_bad
        if is_bad:
            seen.bad_at_ns = at_ns
        mine = (name,) if is_bad and self._is_rechecked(name, bad_before_ns) else ()
        if name not in self._children:
            return mine
        self._absent.discard(name)
        changed = self._compared(name, was_down, at_ns)
        asked_ns = self._asked.get(name)
        if not changed and asked_ns is not None and (before_ns is None or before_ns < asked_ns):
            changed = self._waiting(name)
        return (*mine, *changed)

    def _is_rechecked(self, child: str, bad_before_ns: int | None) -> bool:
        """Whether a bad sample of a child is its first one since a parent became well again."""
        if child not in self._open:
            return False
        seen = (self._seen.get(parent) for parent in self._parents_of(child))
        since = [each.well_since_ns for each in seen if each is not None and each.well_since_ns is not None]
        return any(bad_before_ns is None or bad_before_ns < well_ns for well_ns in since)

    def _compared(self, target: str, was_down: bool, at_ns: int) -> tuple[str, ...]:
        """Returns the waiting children of a target that is down now and was not, or the other way round."""
        if target not in self._children or self._is_down(target) is was_down:
            return ()
        if was_down:
            self._seen.setdefault(target, _Seen()).well_since_ns = at_ns
        return self._waiting(target)

    def _is_down(self, target: str) -> bool:
        seen = self._seen.get(target)
        return (seen is not None and seen.is_bad) or self._has_critical(target)

    def _has_critical(self, target: str) -> bool:
        return any(open_.is_critical for open_ in self._open.get(target, {}).values())

    def _waiting(self, parent: str) -> tuple[str, ...]:
        return tuple(child for child in self._children.get(parent, ()) if child in self._open)

    def hold(self, incident: Incident, now: Moment) -> Hold | None:
        """Returns why an incident waits: too few parents of its target vouch for the network. An end never waits."""
        needs = self._needs.get(incident.target)
        open_ = self._open.get(incident.target, {}).get(incident.id)
        if needs is None or open_ is None or not incident.is_open:
            return None
        ends: list[int | None] = []
        missing = []
        for parent in needs.parents:
            vouches, end_ns = self._view(parent, incident.target, open_.first_bad_ns, now.monotonic_ns)
            if not vouches:
                missing.append(parent)
                ends.append(end_ns)
        lacking = needs.at_least - (len(needs.parents) - len(missing))
        if lacking <= 0:
            return None
        return Hold(kind=HoldKind.DEPENDENCY, name=", ".join(missing), until_ns=_wall_of(ends, lacking, now))

    def _view(self, parent: str, child: str, first_bad_ns: int, now_ns: int) -> tuple[bool, int | None]:
        """Returns whether a parent vouches, and else when it does so by itself; None where an event decides."""
        if parent in self._absent:
            return True, None
        if self._has_critical(parent):
            return False, None
        seen = self._seen.get(parent)
        if seen is None or seen.at_ns is None:
            end_ns = self._doubted_until_ns(parent, first_bad_ns)
        elif seen.is_bad:
            end_ns = seen.at_ns + self._silence_of(parent)
        elif seen.at_ns < first_bad_ns:
            end_ns = self._doubted_until_ns(parent, first_bad_ns)
        elif (
            seen.well_since_ns is not None
            and seen.well_since_ns > first_bad_ns
            and not self._has_failed_since(child, seen.well_since_ns)
        ):
            end_ns = seen.well_since_ns + self._recheck_ns(child)
        else:
            return True, None
        return now_ns >= end_ns, end_ns

    def _has_failed_since(self, child: str, monotonic_ns: int) -> bool:
        seen = self._seen.get(child)
        return seen is not None and seen.bad_at_ns is not None and seen.bad_at_ns >= monotonic_ns

    def _doubted_until_ns(self, parent: str, first_bad_ns: int) -> int:
        """Returns until when a parent's sample is waited for after the first bad one of a child, or after the start."""
        began_ns = first_bad_ns if self._began_ns is None else max(first_bad_ns, self._began_ns)
        return began_ns + min(self._silence_of(parent), limits.PARENT_DOUBT_NS_MAX)

    def _silence_of(self, parent: str) -> int:
        return self._silence.get(parent, limits.PARENT_DOUBT_NS_MAX)

    def _recheck_ns(self, child: str) -> int:
        return min(self._needs[child].silence_ns, limits.CHILD_RECHECK_NS_MAX)

    def __len__(self) -> int:
        """Returns the number of targets of which anything is kept."""
        kept = (self._needs, self._children, self._silence, self._absent, self._seen, self._open, self._asked)
        return len(set().union(*kept))

    def parents_down(self, target: str, now: Moment) -> tuple[str, ...]:
        """Returns the parents of a target that are down, where they are so many that too few are left; for pages."""
        needs = self._needs.get(target)
        if needs is None:
            return ()
        down = tuple(
            parent
            for parent in needs.parents
            if parent not in self._absent and self._is_down(parent) and not self._is_silent(parent, now)
        )
        return down if len(needs.parents) - len(down) < needs.at_least else ()

    def _is_silent(self, parent: str, now: Moment) -> bool:
        seen = self._seen.get(parent)
        if seen is None or seen.at_ns is None or self._has_critical(parent):
            return False
        return now.monotonic_ns >= seen.at_ns + self._silence_of(parent)


def _wall_of(ends: Iterable[int | None], count: int, now: Moment) -> int | None:
    """Returns the wall time at which the first `count` of these monotonic times have come; None where some never come."""
    known = sorted(end_ns for end_ns in ends if end_ns is not None)
    return None if len(known) < count else now.wall_ns + known[count - 1] - now.monotonic_ns
