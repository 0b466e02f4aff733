"""Name servers that a configuration chooses: asked alone, by UDP or TCP, without the file of hosts and search domains.

One that fails is a fault of what the configuration asks for, not of this machine.
"""

import asyncio
import errno
from urllib.parse import urlsplit

import pycares

from ...domain.specification.probe import AddressFamily
from ..clock import MomentClock
from .addresses import is_public
from .name_service import ANSWERS, FAILED, NOT_ASKED, CaresNameService, NameService, OnLookedUp
from .names import LookedUp, not_found, refused

SILENT = pycares.errno.ARES_ETIMEOUT
_ALONE = pycares.ARES_FLAG_EDNS | pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_NOALIASES


class ChosenNameService(CaresNameService):
    """Asks one server, such as `udp://192.0.2.53:53`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: MomentClock, server: str) -> None:
        scheme, _, place = server.partition("://")
        flags = _ALONE | (pycares.ARES_FLAG_USEVC if scheme == "tcp" else 0)
        super().__init__(loop, clock, servers=(place,), lookups="b", domains=(), flags=flags)
        self._server = server

    def answered_since(self, since_ns: int) -> bool:
        """Its silence says nothing about this machine."""
        return True

    def _without_address(self, host: str, family: AddressFamily, asked_ns: int, status: int) -> LookedUp:
        if status == SILENT:
            return not_found(host, f"{self._server} does not answer")
        if NOT_ASKED.get(status) == errno.ECONNREFUSED:
            return not_found(host, f"{self._server} takes no question")
        if status in FAILED:
            # Not blindness, though it may fail for every name.
            return not_found(host, ANSWERS[status])
        return super()._without_address(host, family, asked_ns, status)


class DeniedNameService:
    """Stands in the place of a server whose address is denied."""

    def __init__(self, server: str, address: str) -> None:
        outcome, reason, detail = refused(address)
        self._answer = LookedUp(verdict=(outcome, reason, f"the name server {detail}"))
        self._server = server

    def ask(self, host: str, family: AddressFamily, answered: OnLookedUp) -> None:
        answered(self._answer)

    def answered_since(self, since_ns: int) -> bool:
        return True

    def close(self) -> None:
        pass

    def __repr__(self) -> str:
        return f"DeniedNameService({self._server!r})"


def service_of(
    loop: asyncio.AbstractEventLoop, clock: MomentClock, server: str, *, deny_private: bool
) -> NameService:
    """The name service of one chosen server."""
    address = urlsplit(server).hostname or ""
    if deny_private and not is_public(address):
        return DeniedNameService(server, address)
    return ChosenNameService(loop, clock, server)
