"""Reading files of rule tests: every problem at once, each with its file, line and column."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

import msgspec
import yaml

from ...adapters.configuration.document import DocumentFault, Parser, parse
from ...adapters.configuration.loading import examine, folder_of, lines_of, load
from ...adapters.configuration.positions import Places
from ...adapters.configuration.reuse.reading import read_text
from ...domain.errors import ConfigurationError
from ...domain.specification.configuration import Configuration
from ...domain.specification.construction.shape import ShapeChecker
from ...domain.specification.problem import Problem, capped, quoted
from .cases import PlannedExpectation, PlannedTest
from .planning import Planner
from .specification import START, RuleTest, RuleTestFile

CONFIG = "config"
_UNSET = re.compile(r"environment variable ([A-Za-z0-9_]+) is not set")
_NEEDED = "has no config: name the configuration, such as watchkeeper.yaml, or write its keys here"


def read_tests(file: str | FilePath, environment: Mapping[str, str] | None = None) -> tuple[PlannedTest, ...]:
    """Returns the tests of a file, checked as a whole; nothing of them has run.

    The configuration takes its variables from the file's `environment`, else from `environment` (default: that of the process).

    Raises: ConfigurationError with every problem, each with file, line and column.
    """
    return _Reading(FilePath(file), os.environ if environment is None else environment).tests()


class _Reading:
    """Reads one file, and gathers what is wrong with it."""

    def __init__(self, file: FilePath, environment: Mapping[str, str]) -> None:
        self._file, self._name = file, str(file)
        self._folder = folder_of(file)
        self._environment = dict(environment)
        self._text = read_text(file, self._name)
        self._problems: list[Problem] = []
        self._faults: list[DocumentFault] = []
        self._elsewhere: list[str] = []
        """Problems of other files, with their places."""
        self._loaded: dict[str, Configuration | None] = {}

    def tests(self) -> tuple[PlannedTest, ...]:
        document = parse(self._text)
        self._faults += document.faults
        data = document.data
        if not isinstance(data, dict):
            if not self._faults:
                self._problems.append(Problem((), "a file of rule tests has the keys config and tests"))
            self._refuse()
        _restore_texts(self._text, data)
        written = data.pop(CONFIG, None)
        given = data.get("environment")
        if isinstance(given, dict):
            self._environment |= {name: text for name, text in given.items() if isinstance(text, str)}
        checked = ShapeChecker(further={RuleTestFile: (CONFIG,)})
        checked.fit(data, RuleTestFile)
        self._problems += checked.problems
        configuration = self._configuration(written)
        planned = [] if configuration is None else [*self._planned(self._fitting(data), configuration)]
        self._refuse()
        return tuple(planned)

    def _fitting(self, data: Mapping[str, Any]) -> Iterator[tuple[int, RuleTest, str]]:
        """Yields the tests of the right shape, each with its number and its beginning: a misshapen one hides no problem of others."""
        misshapen = {problem.path[:2] for problem in self._problems}
        start = START if ("start",) in misshapen else data.get("start", START)
        tests = data.get("tests")
        for at, test in enumerate(tests if isinstance(tests, list) else ()):
            if ("tests", at) not in misshapen and ("tests",) not in misshapen:
                fitting = msgspec.convert(test, RuleTest)
                yield at, fitting, fitting.start or start

    def _planned(
        self, tests: Iterable[tuple[int, RuleTest, str]], configuration: Configuration
    ) -> Iterator[PlannedTest]:
        names: set[str] = set()
        for at, test, start in tests:
            path = ("tests", at)
            if test.name in names:
                text = f"another test has the name {quoted(test.name)}: give each its own"
                self._problems.append(Problem((*path, "name"), text))
            names.add(test.name)
            planner = Planner(test, configuration, self._reloads(test, path), start)
            planned = planner.planned(self._name)
            self._problems += [problem.below(path) for problem in planner.problems]
            if planned is not None and not self._problems:
                yield self._placed(planned, test, path)

    def _placed(self, planned: PlannedTest, test: RuleTest, path: tuple[str | int, ...]) -> PlannedTest:
        """Returns a test whose expectations know their lines."""
        marks = [(*path, "expect", at) for at in range(len(test.expect))]
        found = Places(self._text, marks)
        places = {id(each): found.of(mark) for each, mark in zip(test.expect, marks, strict=True)}
        expectations = tuple(
            PlannedExpectation(at_ns, expected, *places[id(expected)])
            for at_ns, expected, _, _ in planned.expectations
        )
        return planned._replace(expectations=expectations)

    # Configurations.

    def _configuration(self, written: Any) -> Configuration | None:
        match written:
            case str() if written:
                return self._load(written, (CONFIG,))
            case dict():
                return self._inline() if not self._faults else None
            case _:
                self._problems.append(Problem(() if written is None else (CONFIG,), _NEEDED))
                return None

    def _reloads(self, test: RuleTest, path: tuple[str | int, ...]) -> dict[str, Configuration | None]:
        found = {}
        for at, act in enumerate(test.acts):
            if act.reload is not None:
                found[act.reload] = self._load(act.reload, (*path, "acts", at, "reload"))
        return found

    def _load(self, name: str, path: tuple[str | int, ...]) -> Configuration | None:
        """Returns the configuration in a file; None where it is not valid, which is told once."""
        if name in self._loaded:
            return self._loaded[name]
        self._loaded[name] = None
        file = self._folder / name
        if not file.is_file():
            self._problems.append(Problem(path, f"there is no file {quoted(str(file))}"))
            return None
        try:
            self._loaded[name] = load(file, self._environment, name=str(self._file.parent / name))
        except ConfigurationError as error:
            self._elsewhere += error.problems
            if unset := _UNSET.search("\n".join(error.problems)):
                text = f"give its variables values for the tests, in this file: environment: {{{unset[1]}: none}}"
                self._problems.append(Problem(path, text))
        return self._loaded[name]

    def _inline(self) -> Configuration | None:
        """Returns the configuration that stands in the file itself. Its lines and columns are those of the file."""
        alone = _alone(self._text, CONFIG)
        examined = examine(alone, self._environment, folder=self._folder, name=self._name)
        self._faults += examined.faults
        return examined.configuration

    def _refuse(self) -> None:
        """Raises: ConfigurationError where anything is wrong."""
        places = Places(self._text, [problem.path for problem in self._problems])
        found = [
            DocumentFault(*places.of(problem.path, at_key=problem.at_key), problem)
            for problem in self._problems
        ]
        faults = (*self._faults, *found)
        lines = [*lines_of(self._name, faults), *self._elsewhere]
        if lines:
            raise ConfigurationError(*capped(lines))


def _restore_texts(text: str, data: dict[str, Any]) -> None:
    """Puts the texts of series where YAML has read a number: `0x10` is eleven values to promtool, and sixteen to YAML."""
    try:
        tests = _below(yaml.compose(text, Loader=Parser), "tests")
    except yaml.YAMLError:
        tests = None  # its fault is told already
    if not isinstance(tests, yaml.SequenceNode) or not isinstance(data.get("tests"), list):
        return
    for node, test in zip(tests.value, data["tests"], strict=False):
        if isinstance(test, dict) and isinstance(test.get("series"), dict):
            _restore(_below(node, "series"), test["series"], levels=2)


def _restore(node: Any, series: dict[str, Any], levels: int) -> None:
    for name, value in node.value:
        known = series.get(name.value)
        if isinstance(known, dict) and isinstance(value, yaml.MappingNode) and levels > 1:
            _restore(value, known, levels - 1)
        elif type(known) in {int, float}:
            series[name.value] = value.value


def _below(node: Any, key: str) -> Any:
    """Returns the value under a key of a mapping; None where there is none."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _alone(text: str, key: str) -> str:
    """Returns a text in which blanks stand for everything but the value under a key of the whole.

    The text was read before under the caps of a configuration, and has this key in its outermost mapping.
    """
    value = _below(yaml.compose(text, Loader=Parser), key)
    begin, end = _index(text, value.start_mark), _index(text, value.end_mark)
    return _blank(text[:begin]) + text[begin:end] + _blank(text[end:])


def _index(text: str, mark: Any) -> int:
    """Returns where a mark stands in the text. The marks of libyaml count lines and columns alike, and places in bytes."""
    line, column = int(mark.line), int(mark.column)
    return sum(len(before) + 1 for before in text.split("\n")[:line]) + column


def _blank(text: str) -> str:
    return "".join(sign if sign in "\r\n" else " " for sign in text)
