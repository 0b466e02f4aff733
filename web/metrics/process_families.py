"""The families of the process itself: its version, its role, its shards, its store and its doors."""

import platform
from collections.abc import Callable, Iterable, Iterator
from typing import get_args

from ... import __version__
from ...domain.read_model.node_status import ShardCounts
from ...host.sharing.standby import RuntimeRole
from .family import Family, Scrape, Series


def _build(_: Scrape) -> Iterator[Series]:
    yield "", (__version__, platform.python_version()), 1


def _roles(scrape: Scrape) -> Iterator[Series]:
    for role in get_args(RuntimeRole):
        yield "", (role,), int(role == scrape.figures.role)


def _requests(scrape: Scrape) -> Iterator[Series]:
    for (route, hundred), count in scrape.figures.requests.items():
        yield "_total", (route, f"{hundred}xx"), count


def _nodes(scrape: Scrape) -> Iterator[Series]:
    counts = scrape.figures.counts
    if counts is not None:
        yield "", ("alive",), counts.alive
        yield "", ("silent",), counts.silent


def _of_shards(read: Callable[[ShardCounts], int]) -> Callable[[Scrape], Iterable[Series]]:
    """Returns what `read` finds in the figures of shards; nothing where this process shares none."""
    return lambda scrape: () if scrape.figures.counts is None else [("", (), read(scrape.figures.counts))]


PROCESS: tuple[Family, ...] = (
    Family(
        "watchkeeper_build_info",
        "gauge",
        "The version of watchkeeper, and of the Python that runs it.",
        ("version", "python"),
        _build,
    ),
    Family(
        "watchkeeper_role",
        "gauge",
        "The role of this process for its store: active, standby or stopped. The figures of targets are those of the active one.",
        ("role",),
        _roles,
    ),
    Family(
        "watchkeeper_nodes",
        "gauge",
        "The processes that share the shards of the store, as this one sees them; absent where one process has all of it.",
        ("state",),
        _nodes,
    ),
    Family(
        "watchkeeper_nodes_older",
        "gauge",
        "Living processes whose version is older than the schema of the store, as this one sees them: no shard starts on them.",
        (),
        _of_shards(lambda counts: counts.older),
    ),
    Family(
        "watchkeeper_shards",
        "gauge",
        "Shards of the store that this process runs.",
        (),
        _of_shards(lambda counts: counts.owned),
    ),
    Family(
        "watchkeeper_shards_unserved",
        "gauge",
        "Shards of the store that no living process runs, as this one sees them.",
        (),
        _of_shards(lambda counts: counts.unserved),
    ),
    Family(
        "watchkeeper_store_bytes",
        "gauge",
        "The size of a file of the store.",
        ("file",),
        lambda scrape: (("", (name,), size) for name, size in scrape.figures.file_bytes.items()),
    ),
    Family(
        "watchkeeper_http_requests",
        "counter",
        "Requests that the web doors have answered.",
        ("route", "status_class"),
        _requests,
    ),
    Family(
        "watchkeeper_sse_clients",
        "gauge",
        "Open event streams.",
        (),
        lambda scrape: [("", (), scrape.figures.streams)],
    ),
)
