"""Drills as hosts ask for them: checked, and made into the command that begins one."""

from collections.abc import Sequence

from ...domain import limits
from ...domain.errors import UnknownName, UsageError
from ...domain.incidents.trials.drill import Drill
from ...domain.incidents.trials.drills import drill_id
from ...domain.line import first_line, listed, one_line
from ...domain.specification.problem import suggestion
from ...domain.specification.routing import Route
from ...domain.specification.rule import Severity, SeverityLike
from ...domain.suppression.router import name_of
from ...domain.time.duration import Duration, duration_ns
from ...domain.time.moment import Moment
from ...protocol.owner import BeginDrill


def route_of(name: str, routes: Sequence[Route]) -> Route:
    """Returns the route of a name, which is its id or its place such as `routes[0]`. Raises: UnknownName; TypeError."""
    if not isinstance(name, str):
        raise TypeError(f"a route is named by its id, which is a text, not by {one_line(repr(name))}")
    known = {name_of(route, at): route for at, route in enumerate(routes)}
    if name not in known:
        there_are = f": there are {listed(list(known))}" if known else ": the configuration has no routes"
        hint = suggestion(name, known) or there_are
        raise UnknownName(f"no route is named {one_line(name)}{hint}")
    return known[name]


def make_drill(
    route: str,
    by: str,
    length: Duration,
    severity: SeverityLike,
    *,
    despite_holds: bool,
    routes: Sequence[Route],
    now: Moment,
) -> BeginDrill:
    """Returns the command of a drill.

    Raises: UnknownName for a route that is not there; UsageError for a length out of its bounds; ValueError for a text that is no
    length or no severity.
    """
    route_of(route, routes)
    length_ns = limits.DRILL_NS if length == "" else duration_ns(length)
    if not 0 < length_ns <= limits.DRILL_NS_MAX:
        raise UsageError("a drill lasts more than no time and at most a day")
    until_ns = now.wall_ns + length_ns
    drill = Drill(route=route, by=first_line(by), until_ns=until_ns, despite_holds=despite_holds)
    return BeginDrill(drill_id(drill, now.wall_ns), Severity(severity), drill)
