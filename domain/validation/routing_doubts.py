"""Doubts about routes, windows and maintenance: those that change nothing, because nothing meets them or others do before."""

from collections.abc import Iterable, Iterator, Sequence

from ..specification.configuration import Configuration
from ..specification.matcher import OF_INCIDENTS, Selection, Subject, parsed
from ..specification.metadata import NO_METADATA
from ..specification.problem import Path, Problem, quoted
from ..specification.routing import Maintenance, Route
from ..specification.rule import RuleState
from ..specification.target import OWN_NAME, Target
from ..time.calendar import wall_ns_in
from ..time.moment import wall_text

UNMET_ROUTE = "no target has an incident that it matches: change its matchers or remove it"
UNMET_MAINTENANCE = "selects no target: change its matchers or remove it"
SELECTED_BY = frozenset({"id", "group", "labels", "rules", "default_rules"})
"""The fields of a target by which matchers choose its incidents."""


def routed_doubts(configuration: Configuration, now_ns: int) -> Iterator[Problem]:
    """The doubts about a configuration that has no problems; `now_ns` is the wall time."""
    fates = RouteFates(configuration)
    labels = {label for target in configuration.targets for label, _ in target.metadata.labels}
    for at, route in enumerate(configuration.routes):
        if said := fates.doubt(at):
            yield Problem(("routes", at, "match") if route.match else ("routes", at), said)
        for doubt in _of_groups(route, labels):
            yield doubt.below(("routes", at))
    named = {window for route in configuration.routes for window in route.quiet}
    for at, window in enumerate(configuration.windows):
        if window.id not in named:
            said = f"no route names the window {quoted(window.id)} under quiet: name it there or remove it"
            yield Problem(("windows", at), said)
    subjects: list[Subject] = []
    if configuration.maintenance:
        subjects += (subject for target in configuration.targets for subject in subjects_of(target))
    for at, maintenance in enumerate(configuration.maintenance):
        for doubt in _of_maintenance(maintenance, subjects, now_ns):
            yield doubt.below(("maintenance", at))


class RouteFates:
    """Finds out which routes have incidents: each rule of each target is led through all of them."""

    def __init__(self, configuration: Configuration) -> None:
        """Takes a microsecond for each rule and route."""
        self._routes = [(Selection(parsed(route.match)), route.continue_) for route in configuration.routes]
        self._reached: set[int] = set()
        self._behind: set[int] = set()
        """The routes behind another one that matches and ends there."""
        self._replaced: set[int] = set()
        """The routes in whose place a target names channels itself."""
        self.untold: list[str] = []
        """The ids of the targets of whose incidents nobody is told."""
        if not self._routes:
            self.untold += [target.id for target in configuration.targets if not target.notify]
            return
        for target in configuration.targets:
            routed = [self._lead(subject, is_replaced=bool(target.notify)) for subject in subjects_of(target)]
            if not target.notify and not any(routed):
                self.untold.append(target.id)
        if configuration.runtime.notify == ():
            self._lead(Subject(OWN_NAME, NO_METADATA), is_replaced=False)

    def _lead(self, subject: Subject, *, is_replaced: bool) -> bool:
        """Leads an incident through the routes. Returns whether one of them has it."""
        is_taken = is_reached = False
        for at, (selection, continues) in enumerate(self._routes):
            if not selection.accepts(subject):
                continue
            if is_replaced:
                self._replaced.add(at)
            elif is_taken:
                self._behind.add(at)
            else:
                self._reached.add(at)
                is_reached, is_taken = True, not continues
        return is_reached

    def doubt(self, at: int) -> str:
        """Returns why a route never has an incident; empty where it has some."""
        if at in self._reached:
            return ""
        if at in self._behind:
            return "earlier routes have every incident that it matches: move it before them, or write continue: true there"
        if at in self._replaced:
            return (
                "is met only by targets with channels of their own under notify, which take its place:"
                " remove notify there, or this route"
            )
        return UNMET_ROUTE


def unmet(readable: Configuration, problems: Iterable[Problem]) -> Iterator[Problem]:
    """The routes and maintenance of a configuration with problems that meet nothing, however those are mended."""
    wrong = [problem.path for problem in problems]
    if any(map(_bears_on_subjects, wrong)):
        return
    unread = {path if len(path) < 3 else path[:3] for path in wrong}
    subjects = [subject for target in readable.targets for subject in subjects_of(target)]
    entries: tuple[tuple[str, Sequence[Route | Maintenance], str], ...] = (
        ("routes", readable.routes, UNMET_ROUTE),
        ("maintenance", readable.maintenance, UNMET_MAINTENANCE),
    )
    for key, stated, said in entries:
        for at, entry in enumerate(stated):
            place: Path = (key, at)
            if not entry.match or not unread.isdisjoint(((), (key,), place, (*place, "match"))):
                continue
            if not any(map(Selection(parsed(entry.match)).accepts, subjects)):
                yield Problem((*place, "match"), said)


def _bears_on_subjects(path: Path) -> bool:
    """Whether what is wrong at a path may change which incidents there are."""
    match path:
        case () | ("defaults", *_) | ("targets",) | ("targets", _):
            return True
        case ("targets", _, name, *_):
            return name in SELECTED_BY or name not in Target.__struct_fields__
        case _:
            return False


def subjects_of(target: Target) -> list[Subject]:
    """The incidents that the active rules of a target open."""
    metadata = target.metadata
    active = (rule for rule in target.judged_rules if rule.state is RuleState.ACTIVE)
    return [Subject(target.id, metadata, rule.id, rule.severity) for rule in active]


def _of_groups(route: Route, labels: set[str]) -> Iterator[Problem]:
    for at, name in enumerate(route.group_by):
        if name not in {"target", "group", *OF_INCIDENTS, *labels}:
            yield Problem(
                ("group_by", at), f"no target has the label {quoted(name)}, by which this route groups"
            )
    if route.group_by:
        return
    usual = Route(to=route.to)
    for key in ("group_wait", "group_interval"):
        if getattr(route, key) != getattr(usual, key):
            yield Problem((key,), "has no effect without group_by: name there what incidents are grouped by")


def _of_maintenance(maintenance: Maintenance, subjects: Sequence[Subject], now_ns: int) -> Iterator[Problem]:
    selection = Selection(parsed(maintenance.match))
    if not any(map(selection.accepts, subjects)):
        yield Problem(("match",), UNMET_MAINTENANCE)
    if maintenance.until is not None:
        until_ns = wall_ns_in(maintenance.until, maintenance.zone)
        if until_ns <= now_ns:
            yield Problem(
                ("until",), f"is over since {wall_text(until_ns)}: remove it or write a later moment"
            )
