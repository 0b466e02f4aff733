"""From a file to a Configuration, or to every problem that it has."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from os.path import abspath
from pathlib import Path as FilePath
from typing import Any

import msgspec
from msgspec.structs import replace

from ...domain import limits
from ...domain.errors import ConfigurationError
from ...domain.specification.configuration import Configuration
from ...domain.specification.construction.shape import UNREADABLE
from ...domain.specification.problem import Path, Problem, capped
from ...domain.validation.partial import PartialConfiguration, assembled
from ..extras import problems_of_environment
from .document import DocumentFault, parse
from .files import settle
from .places import give_types
from .reuse.consulted import ConsultedFiles, seen
from .reuse.expansion import Expansion
from .reuse.including import Gathered, gather
from .reuse.keys import KNOWN
from .reuse.located import first_of, located, partial_faults
from .reuse.reading import read_text
from .reuse.source import ConfigurationSource, ReuseFault
from .substitution import Substitution


def load(
    path: str | FilePath,
    environment: Mapping[str, str],
    *,
    name: str = "",
    learn: Callable[[Iterable[str]], object] = list,
    consulted: Callable[[ConsultedFiles], object] = id,
) -> Configuration:
    """The configuration in a YAML or JSON file. Raises ConfigurationError with every problem found.

    `${NAME}` in texts is replaced from `environment` and `${file:PATH}` from a file; relative file names are found from the
    file's own folder. Each problem begins with `name`, by default the path. `learn` is given the secrets among these values,
    and `consulted` the files that were read, of a configuration with problems, too; the newest call counts.
    """
    file, name = FilePath(path), name or str(path)
    root = ConsultedFiles((seen(file),))
    consulted(root)
    text = read_text(file, name)
    examined = examine(text, environment, folder=folder_of(file), name=name, file=file)
    files = (*root.files, *examined.consulted.files)
    consulted(examined.consulted._replace(files=files))
    return _required(examined, name, learn)


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
    return _required(examine(text, environment, folder=folder, name=name), name, learn)


def _required(examined: "Examined", name: str, learn: Callable[[Iterable[str]], object]) -> Configuration:
    if examined.configuration is not None:
        learn(examined.secrets)
        return examined.configuration
    raise ConfigurationError(*capped(lines_of(name, examined.faults), examined.left_out))


class Examined(msgspec.Struct, frozen=True):
    """The configuration in a text, or each fault that it has with its place."""

    configuration: Configuration | None
    expansion: Expansion
    gathered: Gathered
    data: Any
    """The whole as plain data, with the values from outside in it."""
    faults: tuple[DocumentFault, ...] = ()
    left_out: int = 0
    """How many faults more there are than are told at once."""
    readable: Configuration | None = None
    """The valid part of a configuration with problems, where it can be read at all."""
    secrets: frozenset[str] = frozenset()
    """The values from outside that no output may show."""
    problems: tuple[Problem, ...] = ()
    """The problems of the whole, by their paths in it."""
    of_sources: tuple[DocumentFault, ...] = ()
    """The faults of the files themselves, and of what they reuse."""
    consulted: ConsultedFiles = ConsultedFiles()

    def about(self, concerns: Callable[[Path], bool]) -> tuple[DocumentFault, ...]:
        """Returns the faults of the files themselves, and of the whole those whose paths concern."""
        concerning = [problem for problem in self.problems if concerns(problem.path)]
        return (*self.of_sources, *located(self.expansion, concerning))

    @property
    def fruitless_includes(self) -> tuple[DocumentFault, ...]:
        """The patterns and folders under `include` in which there is no file: valid, and perhaps a mistake."""
        text = "no file is found there, so nothing is included"
        faults = [ReuseFault(source, Problem(path, text)) for source, path in self.gathered.empty]
        return located(self.expansion, (), faults)

    def located(self, problems: Iterable[Problem]) -> tuple[DocumentFault, ...]:
        """Returns problems of the whole with their places."""
        return located(self.expansion, problems)


def examine(
    text: str,
    environment: Mapping[str, str] | None,
    *,
    folder: FilePath,
    name: str = "",
    file: FilePath | None = None,
    looks_at_files: bool = True,
) -> Examined:
    """Judges the text of a configuration file, whose relative file names are found from `folder`.

    Problems of files that it includes are told by names beside its own `name`. Without an environment, or without a look at
    the files that values name, what they would say is taken to be right.
    """
    gathered = gather(ConfigurationSource(name, folder, text, parse(text)), file)
    expansion = Expansion(gathered)
    substitution, data = _filled(expansion, environment, reads_files=looks_at_files)
    of_files = settle(data, expansion.folder, looks=looks_at_files)
    configuration, problems = _judge(data, is_whole=gathered.is_whole)
    found = [*expansion.problems, *substitution.problems, *of_files, *problems]
    of_reuse = [*expansion.faults, *partial_faults(expansion.parts)]
    of_text = (*_faults_of_texts(expansion.sources), *gathered.unread)
    secrets = frozenset(substitution.secrets)
    consulted = ConsultedFiles((*gathered.files, *substitution.files), gathered.searches)
    result = Examined(configuration, expansion, gathered, data, secrets=secrets, consulted=consulted)
    if not found and not of_reuse and not of_text and configuration is not None:
        return result
    first, left_out = first_of(expansion, found, limits.PROBLEMS_MAX)
    told = tuple(map(substitution.discreet, first))
    of_sources = (*of_text, *located(expansion, (), of_reuse[: limits.PROBLEMS_MAX]))
    left_out += sum(source.document.faults_left_out for source in expansion.sources)
    left_out += max(0, len(of_reuse) - limits.PROBLEMS_MAX)
    faults = _each_once((*of_sources, *located(expansion, told)))
    return replace(
        result,
        configuration=None,
        readable=None if of_text or of_reuse else configuration,
        faults=faults,
        left_out=left_out,
        problems=told,
        of_sources=of_sources,
    )


def _each_once(faults: Iterable[DocumentFault]) -> tuple[DocumentFault, ...]:
    """Returns each fault once; of one that is seen at its place and again through a use, the one that names the use."""
    found: dict[DocumentFault, DocumentFault] = {}
    for fault in faults:
        key = replace(fault, uses="")
        if fault.uses or key not in found:
            found[key] = fault
    return tuple(found.values())


def _filled(
    expansion: Expansion, environment: Mapping[str, str] | None, *, reads_files: bool
) -> tuple[Substitution, Any]:
    """Returns the whole with the values from outside in it, in the types of their places."""
    substitution = Substitution(environment, expansion.folder, reads_files=reads_files)
    has_references = any("${" in source.text for source in expansion.sources)
    data = substitution.fill(expansion.data) if has_references else expansion.data
    give_types(data, [*expansion.looped, *substitution.filled])
    return substitution, data


def _faults_of_texts(sources: Iterable[ConfigurationSource]) -> Iterator[DocumentFault]:
    for number, source in enumerate(sources):
        for fault in source.document.faults:
            yield replace(fault, file=source.name) if number else fault


def _judge(data: Any, *, is_whole: bool) -> tuple[Configuration | None, tuple[Problem, ...]]:
    """Returns the valid part, and its problems; of one that is not whole those alone that do not depend on the rest."""
    if data is UNREADABLE:
        return None, ()
    if data is None:
        return None, (Problem((), "the file is empty: it needs at least a list of targets"),)
    pieces = PartialConfiguration(data, KNOWN)
    try:
        configuration = assembled(data)
    except (msgspec.ValidationError, TypeError):
        configuration = pieces.read()
    if not is_whole:
        return configuration, pieces.with_these(())
    return configuration, pieces.problems(configuration, problems_of_environment(configuration))


def lines_of(name: str, *groups: Iterable[DocumentFault]) -> list[str]:
    """One line per fault, in the order of each file, the same line once."""
    faults = sorted(
        (fault for group in groups for fault in group),
        key=lambda fault: (fault.file, fault.line, fault.column),
    )
    told = (
        f"{fault.file or name}:{fault.line}:{fault.column}: {fault.problem}{fault.uses}" for fault in faults
    )
    return list(dict.fromkeys(told))
