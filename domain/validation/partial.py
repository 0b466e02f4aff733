"""Checks the readable part of an invalid configuration: no problem hides or merely follows from another."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from ..specification.channel import Channel
from ..specification.configuration import Configuration, Defaults, RuntimeOptions
from ..specification.construction.shape import ShapeChecker, stand_in
from ..specification.problem import Path, Problem
from ..specification.remote.agents import Agents
from ..specification.routing import Maintenance, Route, Window
from ..specification.target import Target
from ..specification.web import Web
from .conditions import defaults_for, facts_of, means_to_warn
from .probes.locations import KnownLocations
from .semantics import CADENCES, EVERY_UNSTATED, TIMEOUT_UNSTATED, meaning_problems, target_problems

_Conditions: TypeAlias = dict[str, tuple[str, ...]]
"""Default conditions by their key, `expect` and `warn`."""


class PartialConfiguration:
    """Reads a configuration part by part, keeps the valid parts, and puts harmless stand-ins in place of the others."""

    def __init__(
        self, data: Any = None, further: Mapping[Any, tuple[str, ...]] = MappingProxyType({})
    ) -> None:
        """`further` has the keys that a file has beside those of a specification, for what a problem suggests."""
        self._data = data
        self._fitting = ShapeChecker(further=further)
        targets = data.get("targets") if isinstance(data, dict) else None
        given = targets if isinstance(targets, list) else []
        self._targets = [target if isinstance(target, dict) else {} for target in given]

    def read(self) -> Configuration:
        """Returns the valid part of the plain data of a file, with the defaults filled in."""
        return assembled(self._fitting.fit(self._data, Configuration) or {})

    @property
    def is_misshapen(self) -> bool:
        """Whether a value was found that does not fit its type."""
        return bool(self._fitting.problems)

    def fitted(self, data: Any, specification: type[Any]) -> Any:
        """Returns the valid part of plain data, converted to its declared types."""
        try:
            return msgspec.convert(data, specification)
        except (ValueError, TypeError, OverflowError):
            return msgspec.convert(self._fitting.fit(data, specification), specification)

    def made(self, value: Any, specification: type[Any], path: Path) -> Any:
        """Returns the valid part of a value made in Python, converted to its declared types."""
        if not isinstance(value, specification):
            self._fitting.tell(path, f"expected a {specification.__name__}, got a {type(value).__name__}")
            return msgspec.convert(stand_in(specification, path), specification)
        plain = msgspec.to_builtins(value, builtin_types=(bytes,), enc_hook=lambda _: b"")
        try:
            valid = msgspec.convert(plain, specification)
            msgspec.msgpack.encode(valid)
        except UnicodeEncodeError:
            self._fitting.tell(path, "holds half of a surrogate pair, which is no character: remove it")
            sound = stand_in(specification, path)
        except msgspec.ValidationError:
            sound = self._fitting.fit(plain, specification, path)
        else:
            return valid
        return msgspec.convert(sound, specification)

    def made_each(self, values: Iterable[Any], specification: type[Any], key: str) -> Any:
        """Returns the valid parts of the values of a list, as `made` does of each."""
        return tuple(self.made(value, specification, (key, at)) for at, value in enumerate(values))

    def problems(self, valid: Configuration, further: Iterable[Problem] = ()) -> tuple[Problem, ...]:
        """Returns every problem of the configuration whose valid part is `valid`."""
        places: list[Path] = [("channels",), *(("channels", at, "id") for at in range(len(valid.channels)))]
        usual = {"timeout": TIMEOUT_UNSTATED, "every": EVERY_UNSTATED}
        stated = {
            name: frozenset(at for at, target in enumerate(self._targets) if target.get(name) == value)
            for name, value in usual.items()
        }
        judged = meaning_problems(
            valid,
            names_known=not any(self._is_unread(place) for place in places),
            timeouts_stated=stated["timeout"],
            everies_stated=stated["every"],
        )
        return self.with_these([*judged, *further])

    def with_these(self, judged: Iterable[Problem]) -> tuple[Problem, ...]:
        """Returns every shape problem, and the semantic problems that hold however the unreadable parts were meant."""
        return tuple(dict.fromkeys((*self._fitting.problems, *self._sure(tuple(judged)))))

    def _sure(self, problems: tuple[Problem, ...]) -> Iterator[Problem]:
        of_defaults = {
            (problem.path, problem.text) for problem in problems if problem.path[:1] == ("defaults",)
        }
        for problem in problems:
            if any(self._is_unread(path) for path in (problem.path, *problem.depends_on)):
                continue
            origin = self._origin(problem.path)
            if origin == problem.path or (origin, problem.text) not in of_defaults:
                yield Problem(problem.path, problem.text, problem.at_key)

    def _is_unread(self, path: Path) -> bool:
        """Returns whether the value is unreadable or ambiguous, at the path itself or in the default that filled it."""
        unread, ambiguous = self._fitting.unread, self._fitting.ambiguous
        around = (part for place in {path, self._origin(path)} for part in _with_parents(place))
        return any(part in unread or part in ambiguous for part in around)

    def _origin(self, path: Path) -> Path:
        """Returns the path that states a value: a field that a target omits comes from the defaults."""
        match path:
            case ("targets", int(at), str(name), *_) if name in Defaults.__struct_fields__:
                inherited = at < len(self._targets) and name not in self._targets[at]
                return self._default_of(self._targets[at], path[2:]) if inherited else path
            case _:
                return path

    def _default_of(self, target: dict[str, Any], path: Path) -> Path:
        match path:
            case ("expect" | "warn" as key, int(at)):
                defaults = self._data.get("defaults")
                stated = defaults.get(key) if isinstance(defaults, dict) else None
                return ("defaults", key, default_position(stated, target, key, at))
            case _:
                return ("defaults", *path)


def default_position(stated: Any, target: Mapping[str, Any], key: str, at: int) -> int:
    """Returns which default condition is the one at a position of a target that states none under this key."""
    if not isinstance(stated, list) or not all(isinstance(text, str) for text in stated):
        return at
    taken = defaults_for(facts_of(target), stated)
    if key == "warn":
        taken = tuple(each for each in taken if means_to_warn(target, stated[each]))
    return taken[at] if at < len(taken) else at


def _with_parents(path: Path) -> Iterator[Path]:
    """Yields a path and everything that holds it, up to the whole."""
    yield path
    while path:
        path = path[:-1]
        yield path


def assembled(data: Any) -> Configuration:
    """The configuration that plain data is, with the defaults filled in: converted once and shared by all targets.

    Raises: ValidationError or TypeError, of msgspec, where the data does not fit.
    """
    if not isinstance(data, dict) or not isinstance(data.get("targets"), list):
        return msgspec.convert(data, Configuration)
    defaults = msgspec.convert(data.get("defaults", {}), Defaults)
    stated = ((name, getattr(defaults, name)) for name in Defaults.__struct_fields__)
    filling = {name: value for name, value in stated if value is not None}
    conditions: _Conditions = {key: filling.pop(key) for key in ("expect", "warn") if key in filling}
    fitting: dict[frozenset[str] | None, _Conditions] = {}
    if conditions:
        targets = [
            {**filling_of(target, filling), **_conditions_of(target, conditions, fitting), **target}
            for target in data["targets"]
        ]
    else:
        targets = [filling_of(target, filling) | target for target in data["targets"]]
    return msgspec.convert({**data, "targets": targets}, Configuration)


def _conditions_of(
    target: Any, stated: _Conditions, fitting: dict[frozenset[str] | None, _Conditions]
) -> _Conditions:
    """Returns the default conditions by which a target can be judged; no key where there is none."""
    if not isinstance(target, dict):
        return {}
    given = facts_of(target)
    if given not in fitting:
        found = {key: tuple(texts[at] for at in defaults_for(given, texts)) for key, texts in stated.items()}
        fitting[given] = {key: texts for key, texts in found.items() if texts}
    meant = fitting[given]
    if "warn" in meant and not all(means_to_warn(target, text) for text in meant["warn"]):
        warned = tuple(text for text in meant["warn"] if means_to_warn(target, text))
        meant = {key: texts for key, texts in (meant | {"warn": warned}).items() if texts}
    return meant


def filling_of(target: Mapping[str, Any], filling: dict[str, Any]) -> dict[str, Any]:
    """Returns the defaults that a target can have: one with a schedule has no cadence."""
    heartbeat = target.get("heartbeat") if isinstance(target, dict) else None
    if isinstance(heartbeat, dict) and heartbeat.get("schedule") is not None:
        return {name: value for name, value in filling.items() if name not in CADENCES}
    return filling


def judged(configuration: Configuration) -> tuple[Configuration, tuple[Problem, ...]]:
    """A configuration made in Python in its declared types, and everything that is wrong with it.

    The constructors have judged each part, but `msgspec.structs.replace` goes past them.
    """
    pieces = PartialConfiguration()
    web, agents = configuration.web, configuration.agents
    valid = Configuration(
        runtime=pieces.made(configuration.runtime, RuntimeOptions, ("runtime",)),
        web=None if web is None else pieces.made(web, Web, ("web",)),
        agents=None if agents is None else pieces.made(agents, Agents, ("agents",)),
        defaults=pieces.made(configuration.defaults, Defaults, ("defaults",)),
        channels=pieces.made_each(configuration.channels, Channel, "channels"),
        routes=pieces.made_each(configuration.routes, Route, "routes"),
        windows=pieces.made_each(configuration.windows, Window, "windows"),
        maintenance=pieces.made_each(configuration.maintenance, Maintenance, "maintenance"),
        targets=pieces.made_each(configuration.targets, Target, "targets"),
    )
    return valid, pieces.problems(valid)


def read_target(
    data: Any, *, channels: Iterable[str], allow_exec: bool = False, places: KnownLocations | None = None
) -> tuple[Target, tuple[Problem, ...], bool]:
    """The target that plain data is, everything that is wrong with it, and whether its shape is; paths begin at the target.

    A part that is wrong has a harmless one in its place.
    """
    pieces = PartialConfiguration()
    valid = pieces.fitted(data, Target)
    judged = target_problems(valid, channels, allow_exec=allow_exec, places=places)
    problems = pieces.with_these(judged)
    return valid, problems, pieces.is_misshapen


def judged_target(
    target: Target, *, channels: Iterable[str], allow_exec: bool = False, places: KnownLocations | None = None
) -> tuple[Target, tuple[Problem, ...]]:
    """One target as `judged` gives it, judged by itself; paths begin at the target."""
    pieces = PartialConfiguration()
    valid = pieces.made(target, Target, ())
    return valid, pieces.with_these(target_problems(valid, channels, allow_exec=allow_exec, places=places))
