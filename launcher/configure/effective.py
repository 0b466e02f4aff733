"""`config`: the configuration in force, written out, each value with the file and the line that state it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from ...adapters.configuration.loading import Examined, examine, folder_of, lines_of
from ...adapters.configuration.reuse.located import Location, locations
from ...adapters.configuration.reuse.reading import read_text
from ...adapters.configuration.scalars import as_written
from ...domain.errors import ConfigurationError, UnknownName
from ...domain.specification.configuration import Configuration
from ...domain.specification.problem import Path as KeyPath
from ...domain.specification.problem import capped, path_text, quoted, suggestion
from ...domain.specification.rule import Rule
from ...domain.validation.partial import filling_of
from ..place import config_named
from .redacting import Redaction

_COMMENT_COLUMN = 48


class EffectiveValue(NamedTuple):
    """One value, or the beginning of a list or a mapping (`value` is then None and `holds` says which)."""

    path: KeyPath
    value: Any
    holds: str = ""
    is_stated: bool = True


def show_effective(target: str | None, config: Path | None, *, as_json: bool) -> None:
    """Prints the whole configuration, or one target with what it has by default, too.

    Raises: ConfigurationError with every problem; UnknownName for a target that is not there.
    """
    file = config_named(config, "-c FILE")
    examined, configuration = examined_file(file)
    mask = Redaction.of(examined)
    whole = _Whole(examined.data, configuration)
    values = [*whole.stated()] if target is None else [*whole.of_target(target, str(file))]
    places = locations(examined.expansion, (each.path for each in values))
    if as_json:
        click.echo(json.dumps(_document(values, places, mask, str(file)), indent=2, ensure_ascii=False))
        return
    base = values[0].path if target is not None and values else ()
    for line in _lines(values, places, mask, str(file), len(base)):
        click.echo(line)


def examined_file(file: Path) -> tuple[Examined, Configuration]:
    """Returns a configuration without a problem, and what its places are found by. Raises: ConfigurationError with every problem."""
    name = str(file)
    examined = examine(read_text(file, name), os.environ, folder=folder_of(file), name=name, file=file)
    if examined.configuration is None:
        raise ConfigurationError(*capped(lines_of(name, examined.faults), examined.left_out))
    return examined, examined.configuration


# Values.


class _Unstated(NamedTuple):
    """A value that a target has by default."""

    value: Any


class _Whole:
    """The plain data of a configuration beside what it means."""

    def __init__(self, data: dict[str, Any], configuration: Configuration) -> None:
        """The configuration is valid, and the data have the keys of files."""
        self._data = data
        self._targets = configuration.targets
        self._defaults: dict[str, Any] = data.get("defaults", {})

    def stated(self) -> Iterator[EffectiveValue]:
        """Yields everything that is stated; a target has what it takes from `defaults`."""
        for key, value in self._data.items():
            if key == "targets":
                yield EffectiveValue((key,), None, "list")
                for number in range(len(value)):
                    yield from _walked(self._target(number), (key, number))
            elif key != "defaults":
                yield from _walked(value, (key,))

    def of_target(self, name: str, file: str) -> Iterator[EffectiveValue]:
        """Yields all of one target, also what nothing states. Raises: UnknownName."""
        ids = [target.id for target in self._targets]
        if name not in ids:
            raise UnknownName(f"no target of {file} is named {quoted(name)}{suggestion(name, ids)}")
        number = ids.index(name)
        target, stated = self._targets[number], self._target(number)
        whole = stated | filling_of(stated, _unstated(target, stated))
        # In a file the key of the target says which probe it is.
        probe: dict[str, Any] = stated[target.kind]
        whole[target.kind] = probe | _unstated(target.probe, {"kind": target.kind, **probe})
        own = {rule.id for rule in target.rules}
        # The rules of an objective can be written as that objective alone.
        by_default = [rule for rule in target.judged_rules if rule.id not in own and isinstance(rule, Rule)]
        rules = [_unstated(rule, {}) for rule in by_default]
        yield from _walked(whole | {"rules": [*stated.get("rules", ()), *rules]}, ("targets", number))

    def _target(self, number: int) -> dict[str, Any]:
        """Returns a target with the keys that `defaults` give it."""
        stated: dict[str, Any] = self._data["targets"][number]
        filling = filling_of(stated, self._defaults)
        given = {key: value for key, value in filling.items() if key not in stated}
        # Of the default conditions a target has those by which it can be judged.
        target = self._targets[number]
        taken = {"expect": list(target.expect), "warn": list(target.warnings)}
        given |= {key: texts for key, texts in taken.items() if key in given}
        return stated | {key: value for key, value in given.items() if key not in taken or value}


def _unstated(part: Any, stated: dict[str, Any]) -> dict[str, Any]:
    """Returns the scalars that a part has by default; nothing stands for what it lacks."""
    plain: dict[str, Any] = msgspec.to_builtins(part)
    return {
        key: _Unstated(value)
        for key, value in plain.items()
        if key not in stated and isinstance(value, bool | int | float | str)
    }


def _walked(value: Any, path: KeyPath) -> Iterator[EffectiveValue]:
    match value:
        case _Unstated():
            yield EffectiveValue(path, value.value, is_stated=False)
        case dict() if value:
            yield EffectiveValue(path, None, "mapping")
            for key, below in value.items():
                yield from _walked(below, (*path, key))
        case list() if value:
            yield EffectiveValue(path, None, "list")
            for at, below in enumerate(value):
                yield from _walked(below, (*path, at))
        case _:
            yield EffectiveValue(path, value)


# For people and for programs.


def _document(
    values: list[EffectiveValue], places: dict[KeyPath, Location], mask: Redaction, name: str
) -> list[dict[str, Any]]:
    rows = []
    for each in values:
        if each.holds:
            continue
        row = {"path": path_text(each.path), "value": mask(each.path, each.value)}
        if each.is_stated:
            at = places[each.path]
            row |= {"file": at.file or name, "line": at.line, "column": at.column}
        rows.append(row)
    return rows


def _lines(
    values: list[EffectiveValue], places: dict[KeyPath, Location], mask: Redaction, name: str, depth: int
) -> Iterator[str]:
    """Yields lines of YAML with a comment each."""
    lead = ""
    for each in values:
        level = len(each.path) - depth
        if level < 1 and each.holds:
            continue
        step = each.path[-1]
        begin = "- " if isinstance(step, int) else f"{_text(step)}: "
        indent = "  " * (level - 1) if not lead else ""
        text = f"{lead}{indent}{begin}"
        if each.holds:
            # The first key of an entry of a list stands beside its dash.
            lead = text if isinstance(step, int) else ""
            if not lead:
                yield text.rstrip()
            continue
        lead = ""
        at = places[each.path]
        said = (
            f"{at.file or name}:{at.line}{f' ({at.uses})' if at.uses else ''}"
            if each.is_stated
            else "default"
        )
        yield f"{text}{_text(mask(each.path, each.value))}".ljust(_COMMENT_COLUMN) + f"  # {said}"


def _text(value: Any) -> str:
    return as_written(value.replace("${", "$${") if isinstance(value, str) else value)
