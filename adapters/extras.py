"""The libraries of extras that a configuration needs and this environment lacks."""

from collections.abc import Iterator
from importlib.util import find_spec

import pycurl
from msgspec import UNSET

from ..domain.specification.configuration import Configuration
from ..domain.specification.probe import Http
from ..domain.specification.probes.networked import Library, NetworkProbe
from ..domain.specification.probes.web.http_steps import HttpSteps
from ..domain.specification.problem import Path, Problem
from ..domain.specification.remote.agents import Agents
from ..domain.specification.remote.logins import login_of
from ..domain.specification.target import Target
from ..domain.store_place import is_database, store_problem
from .http.fast.tls_contexts import missing_library
from .plugins.installed import plugin_problems
from .stores.place import database_place, has_postgres


def problems_of_environment(configuration: Configuration) -> Iterator[Problem]:
    """Yields a problem for each place that needs what is not installed, or that an installed package refuses."""
    yield from missing_libraries(configuration)
    yield from url_problems(configuration.runtime.store or "")
    for at, problem in plugin_problems(configuration.targets):
        yield problem.below(("targets", at))


def problems_beside(target: Target) -> Iterator[Problem]:
    """Yields the same problems of one target; paths begin at the target."""
    yield from missing_of(target)
    for _, problem in plugin_problems([target]):
        yield problem


def missing_libraries(
    configuration: Configuration,
    apprise: str = "apprise",
    psycopg: str = "psycopg",
    nats: str = "nats",
    nkeys: str = "nkeys",
) -> Iterator[Problem]:
    """Yields a problem for each place that needs a library which is not installed; the packages are those of their names."""
    yield from missing_library(configuration.runtime)
    if is_database(configuration.runtime.store or ""):
        yield from library_problem(Library(psycopg, "psycopg", "postgres"), ("runtime", "store"))
    if configuration.agents is not None:
        yield from missing_for_agents(configuration.agents, nats, nkeys)
    for at, target in enumerate(configuration.targets):
        for problem in missing_of(target):
            yield problem.below(("targets", at))
    needing = [at for at, channel in enumerate(configuration.channels) if channel.apprise is not None]
    if needing and find_spec(apprise) is None:
        for at in needing:
            text = "Apprise is not installed: pip install 'watchkeeper[channels]'"
            yield Problem(("channels", at, "apprise"), text)


def url_problems(store: str) -> Iterator[Problem]:
    """Yields the problem of the URL of a database that the installed library does not read, in the words of a start."""
    if not is_database(store) or store_problem(store) or not has_postgres():
        return
    from .stores.postgres.connection import url_problem  # it loads the library

    if text := url_problem(database_place(store)):
        yield Problem(("runtime", "store"), text)


def missing_for_agents(agents: Agents, nats: str = "nats", nkeys: str = "nkeys") -> Iterator[Problem]:
    """Yields the problems of the libraries that speak to NATS; a login that signs needs one more."""
    yield from library_problem(Library(nats, "nats-py", "nats"), ("agents",))
    if login_of(agents.credentials or "").signs:
        yield from library_problem(Library(nkeys, "nkeys", "nats"), ("agents", "credentials"))


def missing_of(target: Target, features: int | None = None) -> Iterator[Problem]:
    """Yields the problems of the libraries of one target; paths begin at the target, and `features` is what libcurl can."""
    probe, path = target.probe, (target.kind,)
    if isinstance(probe, Http):
        yield from version_problem(probe, (*path, "versions"), features)
    elif isinstance(probe, NetworkProbe):
        yield from library_problem(probe.library, path)
    if isinstance(probe, HttpSteps):
        for at, step in enumerate(probe.steps):
            yield from version_problem(step, (*path, "steps", at, "versions"), features)


def version_problem(probe: Http, path: Path, features: int | None = None) -> Iterator[Problem]:
    """Yields the problem of a version of HTTP that the installed libcurl does not speak; `features` is what it can."""
    known = int(pycurl.version_info()[4]) if features is None else features
    for version, bit in {"2": pycurl.VERSION_HTTP2, "3": pycurl.VERSION_HTTP3}.items():
        if probe.versions is not UNSET and version in probe.versions and not known & bit:
            text = f"the installed libcurl does not speak HTTP/{version}: leave {version} out, or install the wheel of pycurl, which does"
            yield Problem(path, text)


def library_problem(library: Library | None, path: Path) -> Iterator[Problem]:
    """Yields the problem of a probe whose library is not installed, if there is one."""
    if library is not None and find_spec(library.module) is None:
        text = f"{library.title} is not installed: pip install 'watchkeeper[{library.extra}]'"
        yield Problem(path, text)
