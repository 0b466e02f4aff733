"""Checks of routes, windows and maintenance beyond their types: receivers that exist, an end of each step, times that come."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from .. import limits
from ..specification.configuration import Configuration
from ..specification.matcher import Matcher
from ..specification.problem import Path, Problem, quoted, suggestion
from ..specification.routing import Escalation, Maintenance, Route, Window
from ..time.calendar import RecurringWindow, names_offset, shortest_period_s, wall_ns_in, zone_of
from ..time.duration import format_duration, parse_duration
from ..units import NS_PER_S
from .durations import length_ns, span_problems

_WINDOW = (limits.WINDOW_NS_MIN, limits.WINDOW_NS_MAX)


def routing_problems(configuration: Configuration, channels: Collection[str] | None) -> Iterator[Problem]:
    """Everything wrong with the routes, the windows and the maintenance; without `channels` any channel may be there."""
    yield from _repeated([route.id for route in configuration.routes], "routes")
    for at, route in enumerate(configuration.routes):
        yield from _of_route(route, ("routes", at), channels, configuration.windows)
    yield from _never_reached(configuration.routes)
    yield from _repeated([window.id for window in configuration.windows], "windows")
    for at, window in enumerate(configuration.windows):
        for problem in _of_window(window):
            yield problem.below(("windows", at))
    yield from _repeated([each.id for each in configuration.maintenance], "maintenance")
    for at, maintenance in enumerate(configuration.maintenance):
        for problem in _of_maintenance(maintenance):
            yield problem.below(("maintenance", at))


def named_channel_problems(
    names: Sequence[str], channels: Collection[str] | None, path: Path
) -> Iterator[Problem]:
    """Names of channels that there are none of, or that stand twice."""
    for at, name in enumerate(names):
        if channels is not None and name not in channels:
            known = ", ".join(sorted(channels)[:8]) or "none"
            text = f"there is no channel {quoted(name)}{suggestion(name, channels)} (known: {known})"
            yield Problem((*path, at), text)
        elif name in names[:at]:
            yield Problem((*path, at), f"the channel {quoted(name)} stands twice: keep one")


def matcher_problems(texts: Sequence[str], path: Path) -> Iterator[Problem]:
    """Texts that are no matchers."""
    for at, text in enumerate(texts):
        try:
            Matcher.parse(text)
        except ValueError as error:
            yield Problem((*path, at), str(error))


# Routes.


def _of_route(
    route: Route, path: Path, channels: Collection[str] | None, windows: Sequence[Window]
) -> Iterator[Problem]:
    yield from matcher_problems(route.match, (*path, "match"))
    yield from named_channel_problems(route.to, channels, (*path, "to"))
    for problem in _of_times(route):
        yield problem.below(path)
    for at, name in enumerate(route.group_by):
        if name in route.group_by[:at]:
            yield Problem((*path, "group_by", at), f"{quoted(name)} stands twice: keep one")
    yield from _of_quiet(route, (*path, "quiet"), windows)
    told = set(route.to)
    for at, step in enumerate(route.escalate):
        place: Path = (*path, "escalate", at)
        yield from span_problems(step.after, (*place, "after"), NS_PER_S, limits.DELAY_NS_MAX)
        yield from named_channel_problems(step.to, channels, (*place, "to"))
        for number, name in enumerate(step.to):
            if name in told:
                text = f"this route has told {quoted(name)} by then: name another channel or remove it"
                yield Problem((*place, "to", number), text)
        told.update(step.to)
    yield from _of_order(route.escalate, (*path, "escalate"))


def _of_quiet(route: Route, path: Path, windows: Sequence[Window]) -> Iterator[Problem]:
    known = [window.id for window in windows]
    ids = (("windows",), *(("windows", at, "id") for at in range(len(windows))))
    for at, name in enumerate(route.quiet):
        if name not in known:
            text = f"there is no window {quoted(name)}{suggestion(name, known)} (known: {', '.join(known[:8]) or 'none'})"
            yield Problem((*path, at), text, depends_on=ids)
        elif name in route.quiet[:at]:
            yield Problem((*path, at), f"the window {quoted(name)} stands twice: keep one")


def _of_order(steps: Sequence[Escalation], path: Path) -> Iterator[Problem]:
    for at, (before, step) in enumerate(pairwise(steps), 1):
        own_ns, before_ns = length_ns(step.after), length_ns(before.after)
        if own_ns is not None and before_ns is not None and own_ns <= before_ns:
            text = (
                f"{step.after} is not later than the step before it, {before.after}: write the steps in order"
            )
            yield Problem((*path, at, "after"), text, depends_on=((*path, at - 1, "after"),))


def _of_times(route: Route) -> Iterator[Problem]:
    yield from span_problems(route.group_wait, ("group_wait",), 0, limits.GROUP_WAIT_NS_MAX)
    interval = (limits.GROUP_INTERVAL_NS_MIN, limits.GROUP_INTERVAL_NS_MAX)
    yield from span_problems(route.group_interval, ("group_interval",), *interval)
    if route.remind_every is None:
        return
    out_of_range = tuple(
        span_problems(route.remind_every, ("remind_every",), limits.REMIND_NS_MIN, limits.REMIND_NS_MAX)
    )
    yield from out_of_range
    least_ns, every_ns = length_ns(route.group_interval), length_ns(route.remind_every)
    if route.group_by and not out_of_range and least_ns and every_ns and every_ns < least_ns:
        least = format_duration(least_ns)
        text = f"{route.remind_every} is shorter than group_interval, {least}: write {least} or more"
        yield Problem(("remind_every",), text, depends_on=(("group_interval",),))


def _never_reached(routes: Sequence[Route]) -> Iterator[Problem]:
    """Routes that stand behind one which has every incident that they match, and does not continue."""
    for at, route in enumerate(routes):
        own = _meanings(route.match)
        for earlier, other in enumerate(routes[:at]):
            if other.continue_ or not _meanings(other.match) <= own:
                continue
            what = "everything" if not other.match else "all that this one does"
            text = (
                f"is never reached: routes[{earlier}] matches {what} and ends there:"
                " move this one before it, or write continue: true there"
            )
            before = (("routes", earlier, "match"), ("routes", earlier, "continue"))
            yield Problem(("routes", at), text, depends_on=before)
            break


def _meanings(texts: Sequence[str]) -> frozenset[str]:
    """The matchers in the one form of each that can be compared; a text that is none stands for itself."""
    return frozenset(map(_meaning, texts))


def _meaning(text: str) -> str:
    try:
        return str(Matcher.parse(text))
    except ValueError:
        return text


# Windows and maintenance.


def _of_window(window: Window) -> Iterator[Problem]:
    yield from _of_zone(window.zone)
    yield from _of_cron(window.cron)
    yield from _of_length(window.length, window.cron)


def _of_zone(zone: str) -> Iterator[Problem]:
    try:
        zone_of(zone)
    except ValueError as error:
        yield Problem(("zone",), str(error))


def _of_cron(cron: str) -> Iterator[Problem]:
    try:
        RecurringWindow(cron, NS_PER_S)
    except ValueError as error:
        yield Problem(("cron",), str(error))


def _of_length(length: str, cron: str) -> Iterator[Problem]:
    if faults := tuple(span_problems(length, ("length",), *_WINDOW)):
        yield from faults
        return
    period_s = shortest_period_s(cron)
    if period_s is not None and parse_duration(length) > period_s * NS_PER_S:
        period = format_duration(period_s * NS_PER_S)
        text = f"{length} is longer than the time between two starts, {period}: write {period} or less"
        yield Problem(("length",), text, depends_on=(("cron",),))


def _of_maintenance(maintenance: Maintenance) -> Iterator[Problem]:
    yield from matcher_problems(maintenance.match, ("match",))
    if maintenance.zone is not None:
        yield from _of_zone(maintenance.zone)
    recurring = {"cron": maintenance.cron, "length": maintenance.length}
    single = {"from": maintenance.from_, "until": maintenance.until}
    given = [key for key, value in (recurring | single).items() if value is not None]
    ways = "write cron and length for one that comes again, from and until for one that happens once"
    if not given:
        yield Problem((), f"has no time: {ways}", depends_on=tuple((key,) for key in (*recurring, *single)))
    elif not recurring.keys().isdisjoint(given) and not single.keys().isdisjoint(given):
        yield Problem((), f"has {' and '.join(given)}: {ways}")
    else:
        keys = recurring if given[0] in recurring else single
        missing = [key for key in keys if key not in given]
        if missing:
            yield Problem((), f"has {given[0]} but no {missing[0]}: {ways}", depends_on=((missing[0],),))
        elif keys is recurring:
            yield from _of_cron(maintenance.cron or "")
            yield from _of_length(maintenance.length or "", maintenance.cron or "")
        else:
            yield from _of_ends(maintenance.from_ or "", maintenance.until or "", maintenance.zone)


def _of_ends(begin: str, end: str, zone: str | None) -> Iterator[Problem]:
    ends: list[int] = []
    for key, text in (("from", begin), ("until", end)):
        try:
            ends.append(wall_ns_in(text, _known(zone)))
        except ValueError as error:
            hint = (
                ", or name the zone of this local time under zone" if zone is None and _is_local(text) else ""
            )
            yield Problem((key,), f"{error}{hint}", depends_on=(("zone",),))
    if len(ends) == 2 and ends[1] <= ends[0]:
        yield Problem(
            ("until",), f"{end} is not after {begin}: write a later moment", depends_on=(("from",),)
        )
    if zone is not None and names_offset(begin) and names_offset(end):
        text = f"{zone} has no effect: from and until say their offset from UTC; remove it, or write them without one"
        yield Problem(("zone",), text, depends_on=(("from",), ("until",)))


def _is_local(text: str) -> bool:
    """Whether a text is a moment that only lacks an offset."""
    try:
        wall_ns_in(text, "UTC")
    except ValueError:
        return False
    return not names_offset(text)


def _known(zone: str | None) -> str | None:
    """The zone, or UTC in the place of one that has been refused."""
    try:
        return zone and zone_of(zone).key
    except ValueError:
        return "UTC"


def _repeated(ids: Sequence[str | None], key: str) -> Iterator[Problem]:
    """Ids that stand twice."""
    for at, name in enumerate(ids):
        if name is not None and name in ids[:at]:
            text = f"the id {quoted(name)} stands twice, first at {key}[{ids.index(name)}]: rename one"
            yield Problem((key, at, "id"), text)
