"""The registries of top level domains: which server speaks for one, and which has asked to be left alone for a while."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ....domain.conditions.json_document import parse_json
from ....domain.limits import (
    REGISTRIES_AGAIN_NS,
    REGISTRIES_BYTES_MAX,
    REGISTRIES_FRESH_NS,
    REGISTRIES_READ_NS,
    REGISTRY_WAIT_NS,
    REGISTRY_WAIT_NS_MAX,
    REGISTRY_WAITS_KEPT,
)
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Outcome, Reason
from ....domain.policy import CachePolicy
from ....domain.specification.probe import Http
from ....domain.time.duration import format_duration
from ....domain.time.moment import Deadline
from ....domain.units import NS_PER_S
from ....domain.validation.network import url_fault
from ...channels.retry_after import retry_after_ns
from ..course import AttemptCourse, ProbeFailed
from .http import HttpProber

POLICY = CachePolicy(
    name="registries",
    key="nothing: it is one list",
    owner="the runtime",
    fresh_for_ns=REGISTRIES_FRESH_NS,
    entries_max=1,
    invalidation="by age; where it cannot be read anew the old one is used",
)
LIST = Http(url="https://data.iana.org/rdap/dns.json", body_bytes_max=REGISTRIES_BYTES_MAX)
"""The list that IANA keeps (RFC 9224)."""
OK = 200


class Registries:
    """Reads the list of registries once a day, whoever asks first, and keeps it. Used on the loop's thread."""

    policy = POLICY

    def __init__(self, http: HttpProber, listed: Http = LIST) -> None:
        self._http = http
        self._listed = listed
        self._servers: Mapping[str, str] = {}
        self._read_ns: int | None = None
        """When the list was read; None before."""
        self._tried_ns: int | None = None
        """When it could not be read last."""
        self._fault = ""
        self._asking: list[Any] | None = None
        """The futures of the attempts that wait for the list; None while it is not asked for."""
        self._waits: dict[str, int] = {}
        """Until when each host is left alone, the oldest wish first."""

    async def server_of(self, name: str, course: AttemptCourse) -> str:
        """The URL of the server that speaks for a name in ASCII. Raises: ProbeFailed."""
        if self._is_due(course.now_ns()):
            course.stage = "while the list of registries was read"
            await self._read(course)
        labels = name.split(".")
        for at in range(len(labels)):
            if server := self._servers.get(".".join(labels[at:])):
                return server
        if not self._servers:
            raise _unknown(f"the list of registries cannot be read: {self._fault}")
        raise _unknown(
            f"the registry of .{labels[-1]} has no server of RDAP in IANA's list: name one as rdap_server"
        )

    def _is_due(self, now_ns: int) -> bool:
        if self._asking is not None:
            return not self._servers
        if self._tried_ns is not None and now_ns - self._tried_ns < REGISTRIES_AGAIN_NS:
            return False
        return self._read_ns is None or now_ns - self._read_ns > self.policy.fresh_for_ns

    async def _read(self, course: AttemptCourse) -> None:
        read = course.future()
        if self._asking is None:
            self._asking = []
            # It has a time of its own: the attempt that asks first may end before others that wait for the same list.
            deadline = Deadline(course.now_ns() + REGISTRIES_READ_NS)
            request = msgspec.structs.replace(course.request, probe=self._listed, deadline=deadline)
            try:
                self._http.start(request, lambda seen: self._told(seen, course.around.clock.monotonic_ns()))
            except BaseException:
                self._asking = None
                raise
        self._asking.append(read)
        await read

    def _told(self, seen: Observation, now_ns: int) -> None:
        """The list has come, or cannot be had."""
        try:
            self._servers = _servers_in(seen)
        except ValueError as fault:
            self._fault, self._tried_ns = str(fault), now_ns
        else:
            self._read_ns, self._tried_ns = now_ns, None
        asking, self._asking = self._asking, None
        for each in asking or ():
            if not each.done():
                each.set_result(None)

    # Servers that ask to be left alone.

    def refuse_early(self, host: str, now_ns: int) -> None:
        """Raises: ProbeFailed while a server has asked to be left alone."""
        left_ns = self._waits.get(host, 0) - now_ns
        if left_ns > 0:
            raise _limited(host, left_ns)

    def leave_alone(self, host: str, seen: Observation, now_ns: int, now_wall_ns: int) -> ProbeFailed:
        """Notes that a server refuses further questions for a while, and returns what its attempt amounts to."""
        asked_ns = retry_after_ns(seen.header or b"", now_wall_ns)
        wait_ns = REGISTRY_WAIT_NS if asked_ns is None else min(asked_ns, REGISTRY_WAIT_NS_MAX)
        self._waits.pop(host, None)
        self._waits[host] = now_ns + wait_ns
        if len(self._waits) > REGISTRY_WAITS_KEPT:
            del self._waits[next(iter(self._waits))]
        return _limited(host, wait_ns)


def _limited(host: str, wait_ns: int) -> ProbeFailed:
    """The attempt that a server has no time for."""
    detail = f"{host} answers no further questions (HTTP 429) for {_whole(wait_ns)}: ask less often"
    return ProbeFailed(Outcome.UNKNOWN, Reason.RATE_LIMITED, detail)


def _unknown(detail: str) -> ProbeFailed:
    return ProbeFailed(Outcome.UNKNOWN, Reason.REGISTRY_UNKNOWN, detail)


def _servers_in(seen: Observation) -> dict[str, str]:
    """The server of each top level domain. Raises: ValueError with what is wrong."""
    if seen.outcome is not Outcome.UP:
        raise ValueError(seen.detail or seen.reason.value)
    if seen.status != OK:
        raise ValueError(f"HTTP {seen.status}")
    if seen.body_cut:
        raise ValueError(f"it has more than {REGISTRIES_BYTES_MAX:,} bytes")
    document = parse_json(seen.body or b"")
    services = document.get("services") if isinstance(document, dict) else None
    found: dict[str, str] = {}
    for service in services if isinstance(services, list) else ():
        match service:
            case [list() as names, list() as urls, *_]:
                server = next((url for url in urls if _is_secure(url)), None)
                if server is not None:
                    found |= {name.lower(): server for name in names if isinstance(name, str)}
            case _:
                pass
    if not found:
        raise ValueError("it names no server")
    return found


def _is_secure(url: object) -> bool:
    return isinstance(url, str) and url.lower().startswith("https://") and not url_fault(url)


def _whole(length_ns: int) -> str:
    """A length for people, in whole seconds at least."""
    return format_duration(max(1, -(-length_ns // NS_PER_S)) * NS_PER_S)
