"""Reads a configuration with problems as far as possible, for programs that only read its store.

A reader needs the place of the store, and of a target its id, kind and cadence. It needs no secret, and a file that is
being edited does not stop it.
"""

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from msgspec.structs import replace

from ...domain.errors import ConfigurationError
from ...domain.specification.configuration import Configuration
from ...domain.specification.construction.shape import UNREADABLE
from ...domain.specification.problem import capped
from ...domain.store_place import is_url
from ...domain.validation.partial import PartialConfiguration
from .document import Document, parse
from .loading import folder_of, lines_of
from .places import give_types
from .reuse.expansion import Expansion
from .reuse.including import gather
from .reuse.located import located
from .reuse.reading import read_text
from .reuse.source import ConfigurationSource
from .substitution import Substitution

_STORE = ("runtime", "store")


def load_leniently(
    path: str | FilePath, environment: Mapping[str, str], *, needs_store: bool = True
) -> Configuration:
    """Returns the readable part of a configuration file, with the absolute path of its store.

    Raises: ConfigurationError for a file that cannot be opened, and where a problem hides the place of a needed store.
    """
    file, name = FilePath(path), str(path)
    text = read_text(file, name)
    root = ConfigurationSource(name, folder_of(file), text, parse(text))
    gathered = gather(_begun(root), file)
    expansion = Expansion(gathered._replace(sources=tuple(map(_begun, gathered.sources))))
    substitution = Substitution(environment, expansion.folder)
    data = substitution.fill(expansion.data)
    give_types(data, [*expansion.looped, *substitution.filled])
    configuration = _readable(data)
    store = configuration.runtime.store
    if store:
        if is_url(store):
            return configuration
        runtime = replace(configuration.runtime, store=str(expansion.folder(_STORE) / store))
        return replace(configuration, runtime=runtime)
    if not needs_store:
        return configuration
    hiding = [problem for problem in substitution.problems if problem.path == _STORE]
    if hiding or _is_cut_before_store(root.document):
        faults = (*root.document.faults, *located(expansion, hiding))
        raise ConfigurationError(*capped(lines_of(name, faults)))
    return configuration


def _begun(source: ConfigurationSource) -> ConfigurationSource:
    """Returns the source with what was read of it before the fault that ended reading."""
    document = source.document
    if document.data is not UNREADABLE:
        return source
    return source._replace(document=replace(document, data=document.beginning))


def _readable(data: Any) -> Configuration:
    """Returns the valid part; a target without a readable id is left out."""
    configuration = PartialConfiguration(data).read()
    given = data.get("targets") if isinstance(data, dict) else None
    entries = given if isinstance(given, list) else []
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    texts = {name for name in ids if isinstance(name, str)}
    known = tuple(target for target in configuration.targets if target.id in texts)
    return replace(configuration, targets=known)


def _is_cut_before_store(document: Document) -> bool:
    """Whether reading ended before the settings of the runtime were read."""
    return document.data is UNREADABLE and "runtime" not in document.beginning
