"""Checks of dependencies and of flapping: parents that exist, no circles, and settings that their method knows."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import UNSET

from .. import limits
from ..specification.probe import Composite
from ..specification.problem import Path, Problem, quoted, suggestion
from ..specification.routing import DEFAULT_FLAPPING, Dependency, Flapping
from ..specification.target import Target
from .durations import span_problems


def dependency_problems(targets: Mapping[str, Target], at: Mapping[str, Path]) -> Iterator[Problem]:
    """Dependencies on nothing, on the target itself, and in a circle; `at` has the paths of the targets to be judged."""
    stated = {name: target.dependency for name, target in targets.items() if target.depends_on is not UNSET}
    needs = {name: dependency for name, dependency in stated.items() if dependency is not None}
    if not needs:
        return
    ids = (("targets",), *((*path, "id") for path in at.values()))
    for name, dependency in needs.items():
        if name in at:
            is_list = isinstance(targets[name].depends_on, tuple)
            yield from _of_one(name, dependency, targets, ids, (*at[name], "depends_on"), is_list=is_list)
    parents = {
        name: [parent for parent in dict.fromkeys(dependency.targets) if parent in needs and parent != name]
        for name, dependency in needs.items()
    }
    yield from dict.fromkeys(
        _circle(names, at, "depends_on", "depends on itself in a circle", "dependencies")
        for names in _circles(parents)
        if any(one in at for one in names)
    )


def _of_one(
    name: str,
    dependency: Dependency,
    targets: Mapping[str, Target],
    ids: tuple[Path, ...],
    path: Path,
    *,
    is_list: bool,
) -> Iterator[Problem]:
    for number, parent in enumerate(dependency.targets):
        where = (*path, number) if is_list else (*path, "targets", number)
        if parent == name:
            yield Problem(where, "a target cannot depend on itself: remove it")
        elif parent not in targets:
            text = f"there is no target {quoted(parent)}{suggestion(parent, targets)}"
            yield Problem(where, text, depends_on=ids)
        elif parent in dependency.targets[:number]:
            yield Problem(where, f"the target {quoted(parent)} stands twice: keep one")
    if dependency.needed > len(dependency.targets):
        most = len(dependency.targets)
        text = f"{dependency.needed} of {most} can never be well: write {most} or less"
        yield Problem((*path, "at_least"), text, depends_on=((*path, "targets"),))


def composite_problems(composite: Composite, path: Path) -> Iterator[Problem]:
    """Members that are stated twice or not at all, and a number of them that can never be well."""
    if (composite.worst_of is None) is (composite.targets is None):
        both = "has worst_of and targets: name the members under one of them"
        none = "has no members: write worst_of, or targets and at_least"
        depends_on = ((*path, "worst_of"), (*path, "targets"))
        yield Problem(path, both if composite.targets else none, depends_on=depends_on)
        return
    key = "worst_of" if composite.targets is None else "targets"
    for at, name in enumerate(composite.members):
        if name in composite.members[:at]:
            yield Problem((*path, key, at), f"the target {quoted(name)} stands twice: keep one")
    if key == "worst_of" and composite.at_least is not None:
        text = "has no effect with worst_of, which needs all of its members: write targets in its place"
        yield Problem((*path, "at_least"), text)
    elif composite.needed > len(composite.members):
        most = len(composite.members)
        text = f"{composite.needed} of {most} can never be well: write {most} or less"
        yield Problem((*path, "at_least"), text, depends_on=((*path, key),))


def member_problems(targets: Mapping[str, Target], at: Mapping[str, Path]) -> Iterator[Problem]:
    """Members that are no targets, the composite target itself, and circles; `at` has the paths of those to be judged."""
    composites = {name: each.composite for name, each in targets.items() if each.composite is not UNSET}
    if not composites:
        return
    ids = (("targets",), *((*path, "id") for path in at.values()))
    for name, composite in composites.items():
        if name in at:
            yield from _of_members(name, composite, targets, ids, (*at[name], "composite"))
    parents = {
        name: [each for each in dict.fromkeys(composite.members) if each in composites and each != name]
        for name, composite in composites.items()
    }
    yield from dict.fromkeys(
        _circle(names, at, "composite", "is made from itself in a circle", "members")
        for names in _circles(parents)
        if any(one in at for one in names)
    )


def _of_members(
    name: str, composite: Composite, targets: Mapping[str, Target], ids: tuple[Path, ...], path: Path
) -> Iterator[Problem]:
    key = "worst_of" if composite.targets is None else "targets"
    for number, member in enumerate(composite.members):
        if member == name:
            yield Problem((*path, key, number), "a target cannot be a member of itself: remove it")
        elif member not in targets:
            text = f"there is no target {quoted(member)}{suggestion(member, targets)}"
            yield Problem((*path, key, number), text, depends_on=ids)


def _circles(parents: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """The targets of each circle; without recursion, as a chain may be as long as the configuration."""
    done: set[str] = set()
    for start in parents:
        path: dict[str, None] = {}
        waiting = [(start, False)]
        while waiting:
            name, is_left = waiting.pop()
            if is_left:
                done.add(name)
                del path[name]
            elif name in path:
                names = list(path)
                yield names[names.index(name) :]
            elif name not in done:
                path[name] = None
                waiting.append((name, True))
                waiting.extend((parent, False) for parent in parents[name])


def _circle(names: list[str], at: Mapping[str, Path], key: str, is_one: str, links: str) -> Problem:
    """The problem of a circle, at the first of its targets."""
    judged = {name for name in names if name in at}
    first = next(name for name in at if name in judged)
    turned = names[names.index(first) :] + names[: names.index(first)]
    text = f"{is_one}, {' -> '.join([*turned, first])}: remove one of these {links}"
    others = tuple((*at[name], key) for name in turned if name in judged and name != first)
    return Problem((*at[first], key), text, depends_on=others)


def flapping_problems(flapping: Flapping | bool | msgspec.UnsetType | None, path: Path) -> Iterator[Problem]:
    """Settings that are out of range, or that the method does not know."""
    if flapping is UNSET or not isinstance(flapping, Flapping):
        return
    yield from span_problems(
        flapping.window, (*path, "window"), limits.FLAPPING_WINDOW_NS_MIN, limits.FLAPPING_WINDOW_NS_MAX
    )
    is_counting = flapping.method == "transitions"
    for key in ("low", "high") if is_counting else ("opened_max", "window"):
        if getattr(flapping, key) != getattr(DEFAULT_FLAPPING, key):
            ways = "nagios and icinga have" if is_counting else "only transitions has"
            text = f"has no effect with the method {flapping.method}: {ways} it; remove it"
            yield Problem((*path, key), text, depends_on=((*path, "method"),))
    levels = {"low": flapping.low, "high": flapping.high}
    outside = [key for key, level in levels.items() if level is not None and not 0 <= level <= 100]
    for key in outside:
        yield Problem((*path, key), f"{levels[key]:g} is no share in percent: write 0 to 100")
    low, high = flapping.levels
    if not is_counting and not outside and low >= high:
        text = f"flapping would end at {low:g} and begin at {high:g}: write a low that is below high"
        yield Problem((*path, "low" if flapping.low is not None else "high"), text)
