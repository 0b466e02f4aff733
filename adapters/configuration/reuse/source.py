"""Sources: the texts of which a configuration is made, and where in them a value stands."""

from pathlib import Path as FilePath
from typing import Any, NamedTuple

from ....domain.specification.problem import Path, Problem
from ..document import Document


class ConfigurationSource(NamedTuple):
    """One file of a configuration, or the text in its place."""

    name: str
    """As problems name it."""
    folder: FilePath
    """The absolute folder from which its file names are found."""
    text: str
    document: Document

    @property
    def entries(self) -> dict[str, Any]:
        """The top level; empty where it is no mapping or cannot be read."""
        data = self.document.data
        return data if isinstance(data, dict) else {}


class ValueOrigin(NamedTuple):
    """Where a value of the whole stands, and the places that use it there."""

    source: int
    """The number of its source."""
    path: Path
    """Its path in the source."""
    uses: tuple[tuple[int, Path], ...] = ()
    """The `use` of a template, and the entry of a loop, each by source and path."""


class ReuseFault(NamedTuple):
    """A problem of reuse itself; its path is one in the source."""

    source: int
    problem: Problem
