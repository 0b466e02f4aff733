"""The check of a registration, and of how often its registry is asked."""

from collections.abc import Iterator

from ...specification.probes.networked import NetworkProbe
from ...specification.probes.web.registration import DomainRegistration
from ...specification.problem import Path, Problem
from ...specification.target import Target
from ...time.duration import format_duration
from ..durations import length_ns
from ..network import name_fault, tls_problems, url_problems


def registration_problems(probe: DomainRegistration, path: Path) -> Iterator[Problem]:
    """Yields the problems of the registration of a name."""
    name = probe.name.removesuffix(".")
    if "://" in name or "/" in name:
        yield Problem((*path, "name"), "is a URL: write the domain alone, like example.org")
    elif fault := name_fault(name):
        yield Problem((*path, "name"), fault)
    elif ":" in name or "." not in name or name.replace(".", "").isdigit():
        yield Problem((*path, "name"), "is no domain of a registry: write it like example.org")
    if probe.rdap_server is not None:
        faults = [*url_problems(probe.rdap_server, (*path, "rdap_server"))]
        yield from faults
        if not faults and any(mark in probe.rdap_server for mark in "?#"):
            text = (
                "holds a query or a fragment: write the URL before /domain/, like https://rdap.example.org/v1"
            )
            yield Problem((*path, "rdap_server"), text)
    yield from tls_problems(probe.tls, (*path, "tls"))


def pace_problems(target: Target) -> Iterator[Problem]:
    """Yields the problems of a cadence that others would be asked too often by; paths begin at the target."""
    probe = target.probe
    least_ns = probe.every_ns_min if isinstance(probe, NetworkProbe) else 0
    for key, text in (("every", target.every), ("retry_every", target.retry_every)):
        length = length_ns(text) if least_ns and text is not None else None
        if length is not None and length < least_ns:
            least = format_duration(least_ns)
            said = f"{text} is too often for the servers of registries, which refuse such clients: write {key}: {least} or more, such as 24h"
            yield Problem((key,), said)
