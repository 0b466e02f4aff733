"""The check of each kind of network probe."""

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

from ...specification.matcher import compiled_pattern
from ...specification.probe import Tls
from ...specification.probes.dns import Dns, DnsRecords
from ...specification.probes.icmp import Icmp
from ...specification.probes.networked import NetworkProbe
from ...specification.probes.redis import Redis
from ...specification.probes.smtp import Smtp
from ...specification.probes.ssh import Ssh
from ...specification.probes.tls_handshake import TlsHandshake
from ...specification.probes.udp import Udp
from ...specification.problem import Path, Problem
from ..network import name_fault, place_problems, tls_problems
from .servers import SERVER_PROBLEMS, mail_problems


def network_probe_problems(probe: NetworkProbe, path: Path) -> Iterator[Problem]:
    """Yields the problems of a network probe of any kind."""
    yield from _PROBLEMS[type(probe)](probe, path)


def _of_tls(probe: TlsHandshake, path: Path) -> Iterator[Problem]:
    yield from place_problems(probe.host, probe.address_family, path)
    yield from tls_problems(probe.tls, (*path, "tls"))


def _of_dns(probe: Dns, path: Path) -> Iterator[Problem]:
    if probe.server is not None:
        yield from place_problems(probe.server, probe.address_family, path, "server")
    if probe.name != "." and not _is_address(probe.name) and (fault := name_fault(probe.name)):
        yield Problem((*path, "name"), fault)
    elif probe.type != "PTR" and _is_address(probe.name):
        yield Problem((*path, "name"), "is an address, which only a PTR question may have: write type: PTR")
    for part in ("answer", "authority", "additional"):
        yield from _pattern_problems(getattr(probe, part), (*path, part))
    if probe.tls != Tls() and probe.transport != "tls":
        text = "has no effect without transport: tls: leave it out"
        yield Problem((*path, "tls"), text, depends_on=((*path, "transport"),))
    yield from tls_problems(probe.tls, (*path, "tls"))


def _pattern_problems(records: DnsRecords, path: Path) -> Iterator[Problem]:
    for key in records.__struct_fields__:
        for at, pattern in enumerate(getattr(records, key)):
            try:
                compiled_pattern(pattern)
            except ValueError as error:
                yield Problem((*path, key, at), str(error))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _of_icmp(probe: Icmp, path: Path) -> Iterator[Problem]:
    yield from place_problems(probe.host, probe.address_family, path)


def _of_udp(probe: Udp, path: Path) -> Iterator[Problem]:
    yield from place_problems(probe.host, probe.address_family, path)
    if probe.expect == "":
        text = "an empty text is in every answer: write what to look for or leave it out"
        yield Problem((*path, "expect"), text)


def _of_redis(probe: Redis, path: Path) -> Iterator[Problem]:
    yield from place_problems(probe.host, probe.address_family, path)
    if probe.tls is not None:
        yield from tls_problems(probe.tls, (*path, "tls"))
    if probe.user is not None and probe.password is None:
        text = "has no effect without a password: give both or none"
        yield Problem((*path, "user"), text, depends_on=((*path, "password"),))
    if probe.command[:1] == ("",):
        yield Problem((*path, "command", 0), "is empty: write the name of a command, such as LLEN")
    elif probe.command and probe.command[0].upper() in _LOGINS:
        yield Problem((*path, "command", 0), "is a login: write user and password under their own keys")


def _of_ssh(probe: Ssh, path: Path) -> Iterator[Problem]:
    yield from place_problems(probe.host, probe.address_family, path)
    for at, fingerprint in enumerate(probe.fingerprints):
        if not _FINGERPRINT.fullmatch(fingerprint):
            text = "is no fingerprint: write it as ssh-keygen -lf prints it, SHA256: and 43 characters"
            yield Problem((*path, "fingerprints", at), text)


_FINGERPRINT = re.compile("SHA256:[A-Za-z0-9+/]{43}")
_LOGINS = frozenset({"AUTH", "HELLO"})
_PROBLEMS: dict[type[NetworkProbe], Callable[[Any, Path], Iterator[Problem]]] = {
    TlsHandshake: _of_tls,
    Dns: _of_dns,
    Icmp: _of_icmp,
    Udp: _of_udp,
    Redis: _of_redis,
    Ssh: _of_ssh,
    Smtp: mail_problems,
    **SERVER_PROBLEMS,
}
