"""Checks the readable part of an invalid configuration: no problem hides or merely follows from another."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ..specification.channel import TRANSPORTS, Channel
from ..specification.configuration import Configuration, Defaults, RuntimeOptions
from ..specification.probe import KINDS
from ..specification.problem import Path, Problem
from ..specification.shape import ShapeChecker, stand_in
from ..specification.target import Target
from .semantics import TIMEOUT_UNSTATED, meaning_problems, target_problems

_ONE_OF: dict[type[Any], tuple[str, ...]] = {Target: tuple(KINDS), Channel: TRANSPORTS}
_ANYTHING_GOES: dict[type[Any], dict[str, Any]] = {Target: {"call": {"name": "f"}}, Channel: {"log": {}}}
"""A stand-in for a probe or a transport that cannot be read; it passes every check."""


class PartialConfiguration:
    """Reads a configuration part by part, keeps the valid parts, and puts harmless stand-ins in place of the others."""

    def __init__(self, data: Any = None) -> None:
        self._data = data
        self._fitting = ShapeChecker()
        self._contradictory: list[Problem] = []

    def read(self) -> Configuration:
        """Returns the valid part of the plain data of a file, with the defaults filled in."""
        valid = self._fitting.fit(self._data, Configuration) or {}
        defaults = msgspec.convert(valid.get("defaults", {}), Defaults)
        filling = filling_of(defaults)
        channels, targets = valid.get("channels", ()), valid.get("targets", ())
        return Configuration(
            runtime=msgspec.convert(valid.get("runtime", {}), RuntimeOptions),
            defaults=defaults,
            channels=tuple(
                self._piece(plain, Channel, ("channels", at)) for at, plain in enumerate(channels)
            ),
            targets=tuple(
                self._piece(filling | plain, Target, ("targets", at)) for at, plain in enumerate(targets)
            ),
        )

    def made(self, value: Any, specification: type[Any], path: Path) -> Any:
        """Returns the valid part of a value made in Python, converted to its declared types."""
        if not isinstance(value, specification):
            self._fitting.tell(path, f"expected a {specification.__name__}, got a {type(value).__name__}")
            return self._piece({}, specification, path)
        plain = msgspec.to_builtins(value, builtin_types=(bytes,), str_keys=True, enc_hook=lambda _: b"")
        try:
            valid = msgspec.convert(plain, specification)
            msgspec.msgpack.encode(valid)
        except UnicodeEncodeError:
            self._fitting.tell(path, "holds half of a surrogate pair, which is no character: remove it")
        except msgspec.ValidationError:
            return self._piece(self._fitting.fit(plain, specification, path), specification, path)
        else:
            return valid
        return self._piece({}, specification, path)

    def problems(self, valid: Configuration, further: Iterable[Problem] = ()) -> tuple[Problem, ...]:
        """Returns every problem of the configuration whose valid part is `valid`."""
        judged = meaning_problems(
            valid, names_known=self._names_known(valid), timeouts_stated=self._timeouts_stated()
        )
        return self.with_these([*judged, *further])

    def with_these(self, judged: Iterable[Problem]) -> tuple[Problem, ...]:
        """Returns every shape problem, and the semantic problems that hold however the unreadable parts were meant."""
        own = (*self._fitting.problems, *self._contradictory)
        return tuple(dict.fromkeys((*own, *self._sure(tuple(judged)))))

    def _piece(self, plain: dict[str, Any], specification: type[Any], path: Path) -> Any:
        """Returns the valid part of one entry, with a stand-in where it has not exactly one probe or transport."""
        names = _ONE_OF.get(specification, ())
        if not names:
            return msgspec.convert(plain, specification)
        plain = {"id": stand_in((*path, "id"))} | plain
        given = [name for name in names if plain.get(name) is not None]
        if len(given) == 1:
            return msgspec.convert(plain, specification)
        if given or self._fitting.unread.isdisjoint((*path, name) for name in names):
            self._contradiction(plain, specification, path)
        rest = {name: value for name, value in plain.items() if name not in names}
        return msgspec.convert(rest | _ANYTHING_GOES[specification], specification)

    def _contradiction(self, plain: dict[str, Any], specification: type[Any], path: Path) -> None:
        if self._is_unread((*path, "id")):
            return
        try:
            msgspec.convert(plain, specification)
        except msgspec.ValidationError as error:
            self._contradictory.append(Problem(path, str(error).partition(" - at `$")[0]))

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
        unclear = self._fitting.unread | self._fitting.ambiguous
        return bool(unclear) and any(
            place[:length] in unclear
            for place in {path, self._origin(path)}
            for length in range(len(place) + 1)
        )

    def _origin(self, path: Path) -> Path:
        """Returns the path that states a value: a field that a target omits comes from the defaults."""
        match path:
            case ("targets", int(at), str(name), *_) if name in Defaults.__struct_fields__:
                stated = self._targets()[at : at + 1]
                inherited = bool(stated) and isinstance(stated[0], dict) and name not in stated[0]
                return ("defaults", *path[2:]) if inherited else path
            case _:
                return path

    def _targets(self) -> list[Any]:
        targets = self._data.get("targets") if isinstance(self._data, dict) else None
        return targets if isinstance(targets, list) else []

    def _names_known(self, valid: Configuration) -> bool:
        """Returns whether every channel id is readable, so that an unmatched name is certainly unknown."""
        places: list[Path] = [("channels",), *(("channels", at, "id") for at in range(len(valid.channels)))]
        return not any(self._is_unread(place) for place in places)

    def _timeouts_stated(self) -> frozenset[int]:
        """Returns the targets that state the default timeout explicitly."""
        return frozenset(
            at
            for at, target in enumerate(self._targets())
            if isinstance(target, dict) and target.get("timeout") == TIMEOUT_UNSTATED
        )


def filling_of(defaults: Defaults) -> dict[str, Any]:
    """Returns the defaults under the field names of a target."""
    stated = ((name, getattr(defaults, name)) for name in Defaults.__struct_fields__)
    return {name: value for name, value in stated if value is not None}


def judged(configuration: Configuration) -> tuple[Configuration, tuple[Problem, ...]]:
    """A configuration made in Python in its declared types, and everything that is wrong with it.

    The constructors have judged each part, but `msgspec.structs.replace` goes past them.
    """
    pieces = PartialConfiguration()
    channels, targets = configuration.channels, configuration.targets
    valid = Configuration(
        runtime=pieces.made(configuration.runtime, RuntimeOptions, ("runtime",)),
        defaults=pieces.made(configuration.defaults, Defaults, ("defaults",)),
        channels=tuple(
            pieces.made(channel, Channel, ("channels", at)) for at, channel in enumerate(channels)
        ),
        targets=tuple(pieces.made(target, Target, ("targets", at)) for at, target in enumerate(targets)),
    )
    return valid, pieces.problems(valid)


def judged_target(
    target: Target, *, channels: Iterable[str], allow_exec: bool = False
) -> tuple[Target, tuple[Problem, ...]]:
    """One target as `judged` gives it, judged by itself; paths begin at the target."""
    pieces = PartialConfiguration()
    valid = pieces.made(target, Target, ())
    return valid, pieces.with_these(target_problems(valid, channels, allow_exec=allow_exec))
