"""From a file to a Configuration, or to every problem that it has."""

from collections.abc import Callable, Iterable, Mapping
from os.path import abspath
from pathlib import Path as FilePath
from typing import Any

import msgspec

from ...domain import limits
from ...domain.errors import ConfigurationError
from ...domain.specification.configuration import Configuration
from ...domain.specification.construction.shape import UNREADABLE
from ...domain.specification.problem import Problem, capped
from ...domain.validation.partial import PartialConfiguration, assembled
from ..extras import missing_libraries
from .document import DocumentFault, end_of, parse
from .files import settle
from .places import give_types
from .positions import located
from .substitution import Substitution


def load(
    path: str | FilePath,
    environment: Mapping[str, str],
    *,
    name: str = "",
    learn: Callable[[Iterable[str]], object] = list,
) -> Configuration:
    """The configuration in a YAML or JSON file. Raises ConfigurationError with every problem found.

    `${NAME}` in texts is replaced from `environment` and `${file:PATH}` from a file; relative file names are found from the
    file's own folder. Each problem begins with `name`, by default the path. `learn` is given the secrets among these values.
    """
    file, name = FilePath(path), name or str(path)
    return parse_configuration(
        read_text(file, name), environment, name=name, folder=folder_of(file), learn=learn
    )


def folder_of(file: FilePath) -> FilePath:
    """Returns the absolute folder from which a configuration's file names are found."""
    return FilePath(abspath(file)).parent  # noqa: PTH100  # resolve() would follow a link out of the folder


def parse_configuration(
    text: str,
    environment: Mapping[str, str],
    *,
    name: str,
    folder: FilePath,
    learn: Callable[[Iterable[str]], object] = list,
) -> Configuration:
    """Returns the configuration in a text.

    Raises: ConfigurationError with every problem, each of which begins with `name`.
    """
    examined = examine(text, environment, folder=folder)
    if examined.configuration is not None:
        learn(examined.secrets)
        return examined.configuration
    raise ConfigurationError(*capped(lines_of(name, examined.faults), examined.left_out))


class Examined(msgspec.Struct, frozen=True):
    """The configuration in a text, or each fault that it has with its place."""

    configuration: Configuration | None
    faults: tuple[DocumentFault, ...] = ()
    left_out: int = 0
    """How many faults more there are than are told at once."""
    readable: Configuration | None = None
    """The valid part of a configuration with problems, where it can be read at all."""
    problems: tuple[Problem, ...] = ()
    """All that is wrong with it."""
    secrets: frozenset[str] = frozenset()
    """The values from outside that no output may show."""


def examine(
    text: str, environment: Mapping[str, str] | None, *, folder: FilePath, looks_at_files: bool = True
) -> Examined:
    """Judges the text of a configuration file, whose relative file names are found from `folder`.

    Without an environment, or without a look at files, what they would say is taken to be right.
    """
    document = parse(text)
    substitution = Substitution(environment, folder, reads_files=looks_at_files)
    data = substitution.fill(document.data) if "${" in text else document.data
    give_types(data, substitution.filled)
    of_files = settle(data, folder, looks=looks_at_files)
    configuration, problems = _judge(data)
    found = [*substitution.problems, *of_files, *problems]
    if not found and not document.faults and configuration is not None:
        return Examined(configuration, secrets=frozenset(substitution.secrets))
    told = [substitution.discreet(problem) for problem in found[: limits.PROBLEMS_MAX]]
    faults = (*document.faults, *located(text, told))
    left_out = document.faults_left_out + len(found) - len(told)
    readable = None if document.faults else configuration
    return Examined(None, faults, left_out, readable, tuple(found), frozenset(substitution.secrets))


def read_text(file: FilePath, name: str) -> str:
    """Returns the text of a file. Raises: ConfigurationError where it cannot be read."""
    try:
        with file.open("rb") as stream:
            content = stream.read(limits.CONFIGURATION_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigurationError(f"{name}:1:1: the file cannot be read: {reason}") from None
    return decoded(content, name)


def decoded(content: bytes, name: str) -> str:
    """Returns the text of a file's content. Raises: ConfigurationError where it is too long, or no UTF-8."""
    if len(content) > limits.CONFIGURATION_BYTES_MAX:
        most = limits.CONFIGURATION_BYTES_MAX // (1024 * 1024)
        raise ConfigurationError(f"{name}:1:1: the file has more than the {most} MiB that are read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = end_of(content[: error.start].decode(errors="replace"))
        raise ConfigurationError(
            f"{name}:{line}:{column}: this is not UTF-8: save the file as UTF-8"
        ) from None


def _judge(data: Any) -> tuple[Configuration | None, tuple[Problem, ...]]:
    if data is UNREADABLE:
        return None, ()
    if data is None:
        return None, (Problem((), "the file is empty: it needs at least a list of targets"),)
    pieces = PartialConfiguration(data)
    try:
        configuration = assembled(data)
    except (msgspec.ValidationError, TypeError):
        configuration = pieces.read()
    return configuration, pieces.problems(configuration, missing_libraries(configuration))


def lines_of(name: str, *groups: Iterable[DocumentFault]) -> list[str]:
    """One line per fault, in the order of the file, the same line once."""
    faults = sorted(
        (fault for group in groups for fault in group), key=lambda fault: (fault.line, fault.column)
    )
    return list(dict.fromkeys(f"{name}:{fault.line}:{fault.column}: {fault.problem}" for fault in faults))
