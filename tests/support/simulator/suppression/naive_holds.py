"""The naive judgement of what holds the notices of an incident back, from the events of a run and the case alone."""

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec
from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.incidents.incident import Incident, Transition, TransitionKind
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.routing import Flapping
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.specification.target import OWN_NAME, Target
from watchkeeper.domain.time.duration import parse_duration
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.testing.clock import ManualClock

from .naive_routes import NaiveRoutes, Told
from .policy import Policy, lasts, selects

BAD = (Outcome.DOWN, Outcome.TIMED_OUT)
STATES = {Outcome.UP: 0, Outcome.DEGRADED: 1, Outcome.DOWN: 2, Outcome.TIMED_OUT: 2}
MARGIN_NS = 2 * NS_PER_S
"""Between a decision of the sink and its commit, which is seen here."""
STEPPED_MARGIN_NS = 60 * NS_PER_S
"""More than all drawn small steps of the wall clock together may move the end of a hold."""
PARENT_MARGIN_NS = 180 * NS_PER_S
"""After a parent is well: until it and its child were checked again, with every drawn cadence, and a recovery was judged."""
WEIGHTS = {"nagios": (0.75, 1.25, 20.0, 30.0), "icinga": (0.8, 1.18, 25.0, 30.0)}
"""The weights of the oldest and of the newest change, and the levels at which flapping ends and begins."""


class Opening(msgspec.Struct, frozen=True):
    """An opening of an incident: by the world's own clock, and by the wall clock."""

    incident: str
    lived_ns: int
    wall_ns: int


class NaiveHolds:
    """Says of an incident what may hold its notices, and what surely does; between the two lie the margins above."""

    def __init__(
        self,
        policy: Policy,
        routes: NaiveRoutes,
        roster: Mapping[str, Target],
        clock: ManualClock,
        durable: Durable,
    ) -> None:
        self._policy, self._routes, self._roster = policy, routes, roster
        self._clock, self._durable = clock, durable
        self.windows = {window.id: window for window in policy.windows}
        self.is_clock_set = False
        """Whether the wall clock has ever moved otherwise than the time of the world."""
        self.moving: frozenset[str] = frozenset()
        """The targets with a step in the batch that is committed now: they may be well again before its notices."""
        self._openings: dict[tuple[str, str], list[Opening]] = {}
        self._rules: dict[str, list[Flapping | None]] = {}
        """The rules of flapping that a target has had in this run."""
        self._weighted: dict[str, tuple[deque[int], bool]] = {}
        self._bad_ns: dict[str, int] = {}
        """When each target was last seen to be not well."""
        self._settled_ns = 0
        """Since when the sink and the configuration are as they are."""

    # Events.

    def began(self) -> None:
        """A process or a sink has begun: it knows no sample."""
        self._weighted = {}
        self.reconfigured()

    def reconfigured(self) -> None:
        self._settled_ns = self._clock.lived_ns

    def described(self, targets: Iterable[Target]) -> None:
        """Notes the specifications of watched targets."""
        for target in targets:
            rules = self._rules.setdefault(target.id, [])
            if target.judged_flapping not in rules[-1:]:
                rules.append(target.judged_flapping)
                self._weighted.pop(target.id, None)

    def taken(self, samples: Iterable[Sample]) -> None:
        """The sink takes samples."""
        for sample in samples:
            rules = self._rules.get(sample.target, ())
            if sample.outcome in BAD:
                self._bad_ns[sample.target] = self._clock.lived_ns
            if rules and rules[-1] is not None and rules[-1].method in WEIGHTS and sample.outcome in STATES:
                self._weigh(sample, rules[-1])

    def _weigh(self, sample: Sample, rule: Flapping) -> None:
        states, is_flapping = self._weighted.get(sample.target, (deque(maxlen=21), False))
        states.append(STATES[sample.outcome])
        oldest, newest, low, high = WEIGHTS[rule.method]
        low, high = low if rule.low is None else rule.low, high if rule.high is None else rule.high
        share, kept = 0.0, list(states)
        for age in range(len(kept) - 1):  # 0: the newest change
            if kept[-1 - age] != kept[-2 - age]:
                share += 5 * (newest - age * (newest - oldest) / 19)
        if share <= low:
            is_flapping = False
        elif share > high or (share == high and rule.method == "nagios"):
            is_flapping = True
        self._weighted[sample.target] = states, is_flapping

    def committed(self, transitions: Iterable[Transition]) -> None:
        """Steps of incidents are durable and in the book."""
        for step in transitions:
            if step.change is TransitionKind.OPENED and not step.draft:
                known = self._openings.setdefault((step.target, step.rule), [])
                if all(opening.incident != step.incident_id for opening in known):
                    known.append(Opening(step.incident_id, self._clock.lived_ns, step.at_ns))
            for incident in self._durable.lives.get(step.incident_id, ())[-2:]:
                self._mark(incident)

    def _mark(self, incident: Incident) -> None:
        if incident.severity is Severity.CRITICAL and not incident.draft:
            self._bad_ns[incident.target] = self._clock.lived_ns

    # The reasons that may hold a notice, with every margin in favour of the hold.

    def may_hold(self, incident: Incident, told: Told) -> str:
        """Returns why an incident may be untold now; empty where nothing can hold it."""
        wall_ns = self._clock.read().wall_ns
        if not (incident.drill and incident.drill.despite_holds) and self._is_silenced(incident):
            return "silence"
        if any(lasts(self.windows[name], wall_ns) for name in told.quiet):
            return "quiet"
        if self._is_worked_on(incident, wall_ns):
            return "maintenance"
        if not incident.is_open:
            return ""
        opened_ns = self._opened_ns(incident)
        if told.after_ns and self._clock.lived_ns < opened_ns + told.after_ns + self.margin_ns:
            return "delay"
        if self._lacks_parents(incident, surely=False):
            return "dependency"
        return "flapping" if self._may_flap(incident, opened_ns) else ""

    @property
    def margin_ns(self) -> int:
        """How far the moments of the sink may be from those of this judge."""
        return STEPPED_MARGIN_NS if self.is_clock_set else MARGIN_NS

    def opened_wall_ns(self, incident: Incident) -> int:
        """Returns when an incident opened, by the wall clock."""
        known = self._openings.get((incident.target, incident.rule), ())
        return next((each.wall_ns for each in known if each.incident == incident.id), 0)

    def _is_silenced(self, incident: Incident) -> bool:
        wall_ns = self._clock.read().wall_ns
        return any(
            silence.until_ns > wall_ns
            and (silence.target in {None, incident.target} or f"target={incident.target}" in silence.match)
            for silence in self._durable.silences.values()
        )

    def _is_worked_on(self, incident: Incident, wall_ns: int) -> bool:
        texts = self._routes.texts(incident)
        return incident.target != OWN_NAME and any(
            selects(work.match, texts) and lasts(work, wall_ns) for work in self._policy.maintenance
        )

    def _opened_ns(self, incident: Incident) -> int:
        known = self._openings.get((incident.target, incident.rule), ())
        return next((each.lived_ns for each in known if each.incident == incident.id), 0)

    def _lacks_parents(self, incident: Incident, *, surely: bool) -> bool:
        target = self._roster.get(incident.target)
        said = None if target is None else target.dependency
        if said is None:
            return False
        if not surely and self._clock.lived_ns < self._known_ns(incident) + PARENT_MARGIN_NS:
            return True
        is_down = self._is_surely_down if surely else self._may_be_down
        return sum(not is_down(parent) for parent in said.targets) < said.needed

    def _known_ns(self, incident: Incident) -> int:
        return max(self._settled_ns, self._opened_ns(incident))

    def _may_be_down(self, parent: str) -> bool:
        target = self._roster.get(parent)
        if target is None or target.paused:
            return False
        seen_ns = self._bad_ns.get(parent)
        is_bad = seen_ns is not None and self._clock.lived_ns < seen_ns + PARENT_MARGIN_NS
        return is_bad or self._has_critical(parent)

    def _has_critical(self, parent: str) -> bool:
        return any(
            incident.target == parent and incident.severity is Severity.CRITICAL and not incident.draft
            for incident in self._durable.open_incidents()
        )

    def _may_flap(self, incident: Incident, opened_ns: int) -> bool:
        if self._weighted.get(incident.target, (None, False))[1]:
            return True
        return any(
            rule is not None
            and rule.method not in WEIGHTS
            and self._clock.lived_ns
            < opened_ns + parse_duration(rule.window) // rule.opened_max + self.margin_ns
            and self._count(incident, rule, self.margin_ns) >= rule.opened_max
            for rule in self._rules.get(incident.target, ())
        )

    def _count(self, incident: Incident, rule: Flapping, margin_ns: int) -> int:
        """Returns how many incidents of its rule opened within the window before an incident, itself included."""
        window_ns = parse_duration(rule.window) + margin_ns
        known = self._openings.get((incident.target, incident.rule), ())
        own = next((each for each in known if each.incident == incident.id), None)
        if own is None:
            return 0
        by_life = sum(own.lived_ns - window_ns < each.lived_ns <= own.lived_ns for each in known)
        by_wall = sum(abs(own.wall_ns - each.wall_ns) < window_ns for each in known)
        return max(by_life, by_wall) if self.is_clock_set else by_life

    # The reasons that surely hold a notice, with every margin against the hold.

    def surely_holds(self, incident: Incident, told: Told | None, made_ns: int) -> str:
        """Returns why a notice that was made at a wall time must not have been made; empty where it may have been."""
        if told is not None and any(lasts(self.windows[name], made_ns) for name in told.quiet):
            return "quiet"
        if self._is_worked_on(incident, made_ns):
            return "maintenance"
        if not incident.is_open:
            return ""
        if self._is_settled and self._lacks_parents(incident, surely=True):
            return "dependency"
        return "flapping" if self._surely_flaps(incident) else ""

    @property
    def _is_settled(self) -> bool:
        return self._clock.lived_ns > self._settled_ns + MARGIN_NS

    def _is_surely_down(self, parent: str) -> bool:
        target = self._roster.get(parent)
        is_watched = target is not None and not target.paused
        return is_watched and parent not in self.moving and self._has_critical(parent)

    def _surely_flaps(self, incident: Incident) -> bool:
        patience_ns = self._patience_ns(incident) - MARGIN_NS
        # The opening counts from its decision; its commit, seen here, waits while the store is full.
        is_early = self._clock.read().wall_ns < self.opened_wall_ns(incident) + patience_ns
        return is_early and self._clock.lived_ns < self._opened_ns(incident) + patience_ns

    def has_flapped(self, incident: Incident) -> bool:
        """Whether flapping has surely held an incident, which is told all the same once it has lasted for long enough."""
        return self._patience_ns(incident) > 0

    def _patience_ns(self, incident: Incident) -> int:
        """Returns for how long flapping surely holds an incident; 0 where it may not."""
        rules = self._rules.get(incident.target, ())
        rule = rules[0] if len(rules) == 1 else None
        if rule is None or rule.method in WEIGHTS or self.is_clock_set:
            return 0
        is_held = self._count(incident, rule, -MARGIN_NS) >= rule.opened_max
        return parse_duration(rule.window) // rule.opened_max if is_held else 0
