"""The check of each kind of network probe."""

from collections.abc import Callable, Iterator
from typing import Any

from ...specification.probes.networked import NetworkProbe
from ...specification.probes.tls_handshake import TlsHandshake
from ...specification.problem import Path, Problem
from ..network import place_problems, tls_problems


def network_probe_problems(probe: NetworkProbe, path: Path) -> Iterator[Problem]:
    """Yields the problems of a network probe of any kind."""
    yield from _PROBLEMS[type(probe)](probe, path)


def _of_tls(probe: TlsHandshake, path: Path) -> Iterator[Problem]:
    yield from place_problems(probe.host, probe.address_family, path)
    yield from tls_problems(probe.tls, (*path, "tls"))


_PROBLEMS: dict[type[NetworkProbe], Callable[[Any, Path], Iterator[Problem]]] = {
    TlsHandshake: _of_tls,
}
