"""The kinds of probes that installed packages bring, looked for and imported when a configuration names them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points
from inspect import isclass, iscoroutine
from typing import Any, TypeAlias

import msgspec

from ...domain import limits
from ...domain.line import first_line
from ...domain.specification.probes.plugin import Plugin
from ...domain.specification.problem import Path, Problem, quoted, suggestion
from ...domain.specification.target import Target
from ...domain.units import NS_PER_S

GROUP = "watchkeeper.probes"
ProbeFunction: TypeAlias = Callable[[dict[str, Any], float], Any]
"""Makes one attempt: it is given settings and a deadline."""


class LoadedPlugin(msgspec.Struct, frozen=True):
    """A kind that was imported."""

    probe: ProbeFunction
    validate: Callable[[dict[str, Any]], Any] | None
    source: str
    """The entry point that it came from, such as `shop_probes:Gauge`."""


class UnusablePluginError(Exception):
    """No kind of this name can be used; the message says why and what to do."""


def found_plugin(name: str) -> EntryPoint:
    """Returns the entry point of a kind, without importing it. Raises: UnusablePluginError where there is not exactly one."""
    found: list[EntryPoint] = [*entry_points(group=GROUP, name=name)]
    match found:
        case [one]:
            return one
        case []:
            names = sorted({point.name for point in entry_points(group=GROUP)})
            installed = f"installed: {', '.join(names)}" if names else "none is installed"
            text = f"no installed package has a probe of the name {quoted(name)}{suggestion(name, names)} ({installed})"
            raise UnusablePluginError(text)
        case _:
            packages = " and ".join(
                sorted({point.dist.name if point.dist else point.value for point in found})
            )
            raise UnusablePluginError(
                f"{quoted(name)} stands {len(found)} times, in {packages}: uninstall all but one"
            )


def load_plugin(name: str) -> LoadedPlugin:
    """Imports a kind. Blocks for as long as its package likes. Raises: UnusablePluginError."""
    point = found_plugin(name)
    try:
        offered = point.load()
        offered = offered() if isclass(offered) else offered
        probe = getattr(offered, "probe", offered)
        validate = getattr(offered, "validate", None)
    except BaseException as error:  # noqa: BLE001  # a foreign package may raise anything, SystemExit included: it fails one kind
        raise UnusablePluginError(f"{point.value} cannot be loaded: {_said(error)}") from None
    if not callable(probe) or not (validate is None or callable(validate)):
        text = f"{point.value} is no probe: it needs `async def probe(settings, deadline)`, or to be such a function"
        raise UnusablePluginError(text)
    return LoadedPlugin(probe, validate, point.value)


def plugin_problems(targets: Sequence[Target]) -> Iterator[tuple[int, Problem]]:
    """Yields the problems of the kinds and settings of targets, each with the position of its target.

    A kind is imported, and its settings are judged, on a thread that is waited for no longer than PLUGIN_CHECK_NS.
    """
    by_name: dict[str, list[tuple[int, Plugin]]] = {}
    for at, target in enumerate(targets):
        if isinstance(plugin := target.probe, Plugin):
            by_name.setdefault(plugin.name, []).append((at, plugin))
    for name, uses in by_name.items():
        yield from _problems_of_kind(name, uses)


def _problems_of_kind(name: str, uses: list[tuple[int, Plugin]]) -> list[tuple[int, Problem]]:
    found: list[tuple[int, Problem]] = []
    loaded: list[LoadedPlugin] = []
    judged: list[int] = []

    def judge() -> None:
        try:
            plugin = load_plugin(name)
        except UnusablePluginError as error:
            problem = Problem(("plugin", "name"), str(error))
            found.extend((at, problem) for at, _ in uses[: limits.PROBLEMS_MAX])
            return
        loaded.append(plugin)
        for at, use in uses:
            found.extend((at, problem) for problem in _problems_of_settings(plugin, use))
            judged.append(at)

    # A daemon: one that never returns must not keep the process from its end.
    thread = threading.Thread(target=judge, name=f"watchkeeper-check-{name}", daemon=True)
    thread.start()
    thread.join(limits.PLUGIN_CHECK_NS / NS_PER_S)
    if not thread.is_alive():
        return found
    seconds = limits.PLUGIN_CHECK_NS / NS_PER_S
    what = "its settings are not judged" if loaded else "it is not imported"
    at, _ = uses[min(len(judged), len(uses) - 1)]
    return [*found, (at, Problem(("plugin", "name"), f"{what} within {seconds:g} s: the package hangs"))]


def _problems_of_settings(plugin: LoadedPlugin, use: Plugin) -> Iterator[Problem]:
    where: Path = ("plugin", "settings")
    if plugin.validate is None:
        return
    try:
        said = plugin.validate(use.as_mapping())
        told = [] if said is None else [_problem(each, where) for each in _several(said)]
    except BaseException as error:  # noqa: BLE001  # as of its import
        told = [Problem(where, f"cannot be judged: validate of {plugin.source} raised {_said(error)}")]
    yield from told[: limits.PROBLEMS_MAX]


def _several(said: Any) -> Any:
    """The problems that `validate` returned. Raises: TypeError where it is no list of problems."""
    if iscoroutine(said):
        said.close()
        raise TypeError("validate is async: declare it with `def`")
    if isinstance(said, str | bytes):
        raise TypeError("it returned a text: return a list of problems")
    return said


def _problem(said: Any, where: Path) -> Problem:
    match said:
        case str():
            return Problem(where, first_line(said))
        case (str() as key, str() as text):
            return Problem((*where, key), first_line(text))
        case _:
            raise TypeError(
                f"it returned a {type(said).__name__} as a problem: return texts, or pairs of texts"
            )


def _said(error: BaseException) -> str:
    try:
        return first_line(f"{type(error).__name__}: {error}")
    except BaseException:  # noqa: BLE001  # a message that cannot be made
        return type(error).__name__
