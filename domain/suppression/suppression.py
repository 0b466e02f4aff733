"""The delivery policy of a runtime: its routes choose the recipients, and the books of suppression hold notices back."""

from collections.abc import Iterable

from msgspec import UNSET

from ..incidents.delivery_plan import Hold, HoldKind, Recipient
from ..incidents.incident import Incident, Transition
from ..incidents.record import Restored
from ..observation.sample import Sample
from ..specification.configuration import Configuration
from ..specification.matcher import Selection, parsed
from ..specification.metadata import TargetMetadata
from ..specification.target import OWN_NAME, Target
from ..time.moment import Moment
from .dependency_book import DependencyBook, Needs
from .flapping_book import FlappingBook, OpeningsRule
from .maintenance_book import MaintenanceBook, PlannedWork
from .quiet_book import QuietBook
from .router import Router
from .silence_book import SilenceBook
from .weighted_changes import WeightedChanges, WeightedRule

NO_CONFIGURATION = Configuration()
ALL_TOLD = OpeningsRule()
"""The rule of flapping of a target that is not watched (any more), or states none."""


class Suppression:
    """Holds notices back: they wait for the end of a silence or of maintenance, for parents, or because a target flaps.

    It decides about notices alone: probing, judging and the record go on as ever, and the ledger compares what each channel
    knows with what is true once nothing holds a notice any more. Of several holds the first of that order is named.

    A restart takes silences and the openings of the last day from the record. It forgets the samples: an open incident of a
    child waits for a sample of its parents again, and `nagios` and `icinga` begin without states.
    """

    def __init__(
        self, configuration: Configuration = NO_CONFIGURATION, targets: Iterable[Target] | None = None
    ) -> None:
        """`targets` are those that are watched now; by default those of the configuration.

        Raises: ValueError for a matcher, a schedule or a zone that means nothing; the validation has refused it before.
        """
        self.silences = SilenceBook()
        self._router = Router(configuration)
        self._maintenance = MaintenanceBook(
            PlannedWork(each.id, Selection(parsed(each.match)), each.calendar())
            for each in configuration.maintenance
        )
        self._quiet = QuietBook({window.id: window.calendar() for window in configuration.windows})
        self._texts_matter = bool(configuration.routes) or self._maintenance.needs_metadata
        self._dependencies = DependencyBook()
        self._flapping = FlappingBook()
        self._openings: dict[str, OpeningsRule | None] = {}
        """The rules of flapping of targets that differ from the default; None: their openings are not counted."""
        self._weighted: dict[str, WeightedChanges] = {}
        """The states of the targets that flap by weights."""
        self._calendar: tuple[int, int | None] = (0, 0)
        """The span of wall time in which no window begins or ends; None: for ever."""
        self._begin_with(tuple(configuration.targets if targets is None else targets))

    def _begin_with(self, targets: tuple[Target, ...]) -> None:
        for target in targets:
            self._watch(target)
            for name in (target.id, *target.former_names):
                self.silences.describe(name, target.metadata)
        for target in targets:  # again: how long a parent may be silent is kept where a child has named it
            self._depend(target)

    # Watched targets.

    def describe(
        self, target: str, metadata: TargetMetadata | None, specification: Target | None = None
    ) -> bool:
        """Takes over the texts of a watched target, which is watched no longer without any, and its specification, if given.

        Returns whether the notices of any incident are to be reviewed.
        """
        is_chosen = self._take_texts(target, metadata)
        if metadata is None:
            self._openings.pop(target, None)
            self._weighted.pop(target, None)
            return bool(self._dependencies.leave(target)) or is_chosen
        return (specification is not None and self._watch(specification)) or is_chosen

    def _watch(self, target: Target) -> bool:
        self._flap(target)
        return self._depend(target)

    def _take_texts(self, target: str, metadata: TargetMetadata | None) -> bool:
        """Returns whether the texts of a target have changed by which something chooses."""
        is_other = self.silences.metadata_of(target) != metadata
        return self.silences.describe(target, metadata) or (is_other and self._texts_matter)

    def _flap(self, target: Target) -> None:
        """Keeps the rule of flapping of a target; the states of one whose rule stays are kept."""
        flapping = target.judged_flapping
        self._openings.pop(target.id, None)
        if flapping is not None and flapping.method != "transitions":
            self._openings[target.id] = None
            known, rule = self._weighted.get(target.id), _weights_of(flapping.method, *flapping.levels)
            if known is None or known.rule != rule:
                self._weighted[target.id] = WeightedChanges(rule)
            return
        self._weighted.pop(target.id, None)
        if flapping is None:
            self._openings[target.id] = None
        elif (rule_ := OpeningsRule(flapping.opened_max, flapping.window_ns)) != ALL_TOLD:
            self._openings[target.id] = rule_

    def _depend(self, target: Target) -> bool:
        silence_ns = 2 * target.every_ns + target.timeout_ns
        said = target.dependency
        needs = None if said is None else Needs(said.targets, said.needed, silence_ns)
        is_other = self._dependencies.watch(target.id, needs, silence_ns)
        return bool(self._dependencies.pause(target.id, paused=target.paused)) or is_other

    def pause(self, target: str, *, paused: bool) -> bool:
        """Notes that a target is paused or resumed. Returns whether the notices of others are to be reviewed."""
        return bool(self._dependencies.pause(target, paused=paused))

    # The delivery policy.

    def restore(self, restored: Restored, now: Moment) -> None:
        """Takes over the open incidents, silences and openings of a record; what it knew of an earlier one is over."""
        self.silences.restore(restored.silences)
        self._dependencies.begin(now)
        self._flapping = FlappingBook()
        for target, states in self._weighted.items():
            self._weighted[target] = WeightedChanges(states.rule)
        opened = {incident.id for incident in restored.incidents if incident.is_open and not incident.draft}
        for incident in restored.incidents:
            if incident.id in opened:
                self._dependencies.note(incident, now)
        for opening in restored.openings:
            rule = self._openings.get(opening.target, ALL_TOLD)
            if rule is None:
                continue
            count = self._flapping.count((opening.target, opening.rule), opening.at_ns, rule, now)
            if opening.incident_id in opened:
                self._flapping.keep(opening.incident_id, opening.at_ns, count, rule, now)

    def recipients(self, incident: Incident) -> tuple[Recipient, ...]:
        """Returns who is told of an incident, each channel once."""
        metadata = self.silences.metadata_of(incident.target)
        return self._router.recipients(incident, incident.metadata if metadata is None else metadata)

    def hold(self, incident: Incident, now: Moment) -> Hold | None:
        """Returns what holds back every notice of an incident now."""
        if incident.drill is not UNSET:
            return None if incident.drill.despite_holds else self.silences.hold(incident, now)
        return (
            self.silences.hold(incident, now)
            or self._planned(incident, now)
            or self._dependencies.hold(incident, now)
            or self._flapping.hold(incident, now)
            or self._held_by_weight(incident)
        )

    def _planned(self, incident: Incident, now: Moment) -> Hold | None:
        # Work on targets is no reason for the runtime itself to be blind.
        if incident.target == OWN_NAME:
            return None
        return self._maintenance.hold(self.silences.subject(incident), now)

    def _held_by_weight(self, incident: Incident) -> Hold | None:
        states = self._weighted.get(incident.target)
        if states is None or not states.is_flapping or not incident.is_open:
            return None
        return Hold(kind=HoldKind.FLAPPING, name=f"its state has changed by {states.share:.0f} %")

    def remark(self, incident: Incident) -> str:
        """Returns how often an incident has opened that was held for it: its first notice says so."""
        return self._flapping.remark(incident)

    def quiet(self, recipient: Recipient, now: Moment) -> Hold | None:
        """Returns the quiet window in force of a recipient."""
        return self._quiet.hold(recipient.quiet, now) if recipient.quiet else None

    def note(self, transition: Transition, now: Moment) -> tuple[str, ...]:
        """Takes a step of an incident. Returns the targets whose incidents are to be reviewed besides."""
        if transition.drill is not UNSET:
            return ()  # it says nothing about a target
        self._flapping.note(transition, self._openings.get(transition.target, ALL_TOLD), now)
        return self._dependencies.note(transition, now)

    def take(self, samples: Iterable[Sample], now: Moment) -> set[str]:
        """Takes samples. Returns the targets whose incidents are to be reviewed."""
        del now
        known = tuple(samples)
        found = self._dependencies.take(known)
        if self._weighted:
            for sample in known:
                states = self._weighted.get(sample.target)
                if states is not None and states.take(sample.outcome):
                    found.add(sample.target)
        return found

    def next_change_ns(self, now: Moment) -> int | None:
        """Returns the wall time after now at which a hold begins or ends by itself; None where none will.

        That of a dependency or of flapping is the end of each hold, for which the ledger looks itself.
        """
        from_ns, until_ns = self._calendar
        if not (from_ns <= now.wall_ns and (until_ns is None or now.wall_ns < until_ns)):
            changes = (self._maintenance.next_change_ns(now), self._quiet.next_change_ns(now))
            until_ns = min((change for change in changes if change is not None), default=None)
            self._calendar = now.wall_ns, until_ns
        ends = [silence.until_ns for silence in self.silences.in_force(now)]
        return min(ends if until_ns is None else (*ends, until_ns), default=None)


def _weights_of(method: str, low: float, high: float) -> WeightedRule:
    return WeightedRule.nagios(low, high) if method == "nagios" else WeightedRule.icinga(low, high)
