"""The libraries of extras that a configuration needs and this environment lacks."""

from collections.abc import Iterator
from importlib.util import find_spec

from ..domain.specification.configuration import Configuration
from ..domain.specification.probes.networked import Library, NetworkProbe
from ..domain.specification.problem import Path, Problem
from ..domain.store_place import is_database
from .http.fast.tls_contexts import missing_library


def missing_libraries(
    configuration: Configuration, apprise: str = "apprise", psycopg: str = "psycopg"
) -> Iterator[Problem]:
    """Yields a problem for each place that needs a library which is not installed; the packages are those of their names."""
    yield from missing_library(configuration.runtime)
    if is_database(configuration.runtime.store or ""):
        yield from library_problem(Library(psycopg, "psycopg", "postgres"), ("runtime", "store"))
    for at, target in enumerate(configuration.targets):
        if isinstance(target.probe, NetworkProbe):
            yield from library_problem(target.probe.library, ("targets", at, target.kind))
    needing = [at for at, channel in enumerate(configuration.channels) if channel.apprise is not None]
    if needing and find_spec(apprise) is None:
        for at in needing:
            text = "Apprise is not installed: pip install 'watchkeeper[channels]'"
            yield Problem(("channels", at, "apprise"), text)


def library_problem(library: Library | None, path: Path) -> Iterator[Problem]:
    """Yields the problem of a probe whose library is not installed, if there is one."""
    if library is not None and find_spec(library.module) is None:
        text = f"{library.title} is not installed: pip install 'watchkeeper[{library.extra}]'"
        yield Problem(path, text)
